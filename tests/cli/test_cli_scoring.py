"""Question files and scores."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.codec import to_values
from embodied_agent.errors import QuestionError
from embodied_agent.records import Answer, Question
from embodied_agent.report.scoring import Case, Score, Scored, TypeScore, read_cases, score


def write(folder: Path, content: object) -> Path:
    path = folder / "questions.json"
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def test_a_question_file_gives_questions_as_of_their_stamp(tmp_path: Path) -> None:
    entry = {
        "id": "q1",
        "type": "route_planning",
        "text": "Which way back?",
        "choices": ["left", "right"],
        "answer": "B",
        "stamp_ns": 5,
        "about": "ignored",
    }
    (case,) = read_cases(write(tmp_path, [entry]))
    assert case == Case(
        Question("Which way back?", ("left", "right"), at_ns=5, id="q1"), "route_planning", "B"
    )


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("not json", "can't read"),
        ({"questions": []}, "JSON list"),
        (["where?"], "question 1"),
        ([{"text": "a?"}, {"text": ""}], "question 2"),
        ([{"text": "a?", "choices": "x|y"}], "choices"),
        ([{"text": "a?", "choices": ["x", "y"], "answer": "C"}], "'C'"),
        ([{"text": "a?", "choices": ["x", "y"], "answer": 1}], "letter"),
        ([{"text": "a?", "stamp_ns": 1.5}], "nanoseconds"),
    ],
)
def test_an_unusable_question_is_named(tmp_path: Path, content: object, said: str) -> None:
    with pytest.raises(QuestionError, match=said):
        read_cases(write(tmp_path, content))


def result(kind: str, truth: str | None, choice: str | None) -> Scored:
    return Scored(Case(Question("?", ("x", "y")), kind, truth), Answer("", choice))


def test_scores_are_shares_with_counts() -> None:
    results = [
        result("a", "A", "A"),
        result("a", "A", "B"),
        result("b", "B", None),
        result("b", None, "A"),
    ]
    assert score(results) == Score(
        overall=1 / 3,
        right=1,
        count=3,
        types={"a": TypeScore(0.5, 1, 2), "b": TypeScore(0.0, 0, 1)},
    )


def test_without_a_known_truth_there_is_no_score() -> None:
    assert score([result("a", None, "A")]) is None


letters = st.sampled_from([None, "A", "B"])


@given(st.lists(st.builds(result, st.sampled_from(["a", "b"]), letters, letters)))
def test_counts_of_types_add_up(results: list[Scored]) -> None:
    found = score(results)
    known = [r for r in results if r.right is not None]
    if found is None:
        assert not known
        return
    assert found.count == len(known) == sum(t.count for t in found.types.values())
    assert found.right == sum(t.right for t in found.types.values())
    assert 0 <= found.overall <= 1


def test_a_scored_answer_is_json_ready() -> None:
    values = to_values(result("a", "A", "B").record())
    assert json.loads(json.dumps(values)) == values
    assert values["right"] is False


def test_an_answer_in_free_words_is_right_by_its_status_and_what_it_contains(
    tmp_path: Path,
) -> None:
    path = tmp_path / "questions.json"
    entries = [
        {"text": "a couch?", "status": "answered", "contain": "sofa"},
        {"text": "a fridge?", "status": "not_seen"},
        {"text": "and?"},
    ]
    path.write_text(json.dumps(entries))
    seen, absent, open_ended = read_cases(path)
    assert Scored(seen, Answer("Yes, the red Sofa in #2.")).right
    assert not Scored(seen, Answer("Yes, the red door in #2.")).right
    assert not Scored(seen, Answer("I have not seen a sofa.", status="not_seen")).right
    assert Scored(absent, Answer("I have not seen a fridge.", status="not_seen")).right
    assert not Scored(absent, Answer("by the door")).right
    assert Scored(open_ended, Answer("so")).right is None
    path.write_text('[{"text": "?", "status": "sure"}]')
    with pytest.raises(QuestionError, match="status"):
        read_cases(path)
