"""Marks of answers to free questions, compared with samples marked by hand."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim_clips.questions.free import READERS
from tests.support.free_answers import QUESTIONS
from training.free_questions import forms
from training.free_questions.directions import directions_in
from training.free_questions.marking import MARKS, as_expected, mark_answer
from training.free_questions.numbers import actions_in, keyframes_in, numbers_in

SAMPLES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "data" / "free_answers.json").read_text("utf-8")
)


@pytest.mark.parametrize(
    "sample", SAMPLES, ids=[f"{s['question']}-{s['answer'][:40]}" for s in SAMPLES]
)
def test_an_answer_is_marked_as_a_person_marked_it(sample: dict[str, Any]) -> None:
    question = QUESTIONS[sample["question"]]
    assert mark_answer(question, sample["answer"], sample.get("status", "")) == sample["mark"]


def test_samples_cover_every_mark_and_every_form() -> None:
    assert len(SAMPLES) >= 120
    counts = Counter(s["mark"] for s in SAMPLES)
    assert set(counts) == set(MARKS)
    assert min(counts.values()) >= 20
    asked = {QUESTIONS[s["question"]].form for s in SAMPLES}
    assert set(READERS) - asked <= {"count_colour", "unknowable_way"}
    assert set(forms.REQUIRED) == set(READERS)


@pytest.mark.parametrize(
    ("question", "mark", "expected"),
    [
        ("was_sofa", "right", True),
        ("was_sofa", "not seen", False),
        ("was_sofa", "can't tell", False),
        ("was_piano", "not seen", True),
        ("was_piano", "invented", False),
        ("way_start", "can't tell", True),
        ("way_start", "right", False),
        ("left_open", "not seen", True),
        ("weather", "out of scope", True),
        ("weather", "can't tell", False),
    ],
)
def test_expected_marks_depend_on_what_the_notes_settle(
    question: str, mark: Any, expected: bool
) -> None:
    """A lucky guess at a question that the notes leave open is not an honest answer."""
    assert as_expected(QUESTIONS[question], mark) is expected


def test_things_outside_the_memory_are_invented_for_every_form_of_question() -> None:
    for key, question in QUESTIONS.items():
        if question.form != "out_of_scope":
            assert mark_answer(question, "There is a purple giraffe here.") == "invented", key


def test_things_in_the_memory_are_not_invented() -> None:
    question = QUESTIONS["in_view"]
    richer = replace(question.truth, memory=question.truth.memory | {"teal kettle"})
    assert mark_answer(question, "A teal kettle.") == "invented"
    assert mark_answer(replace(question, truth=richer), "A teal kettle.") == "wrong"


@pytest.mark.parametrize(
    ("text", "directions"),
    [
        ("ahead", {"front"}),
        ("behind you", {"back"}),
        ("to your left", {"left"}),
        ("front left", {"front-left"}),
        ("on the left, a bit ahead", {"front-left"}),
        ("ahead of you on the right", {"front-right"}),
        ("over your left shoulder", {"back-left"}),
        ("right behind you", {"back"}),
        ("at 3 o'clock", {"right"}),
        ("rotate right 135, move forward", {"back-right"}),
        ("half left", {"front-left"}),
        ("after turning left it's on your right", {"right"}),
    ],
)
def test_directions_in_everyday_words(text: str, directions: set[str]) -> None:
    assert set().union(*directions_in(text)) == directions


def test_turning_without_an_angle_may_mean_three_directions() -> None:
    assert directions_in("turn left and go straight") == [
        frozenset({"front-left", "left", "back-left"})
    ]


@given(st.sampled_from(sorted(QUESTIONS)), st.text(max_size=200))
def test_any_text_gets_a_mark(key: str, text: str) -> None:
    assert mark_answer(QUESTIONS[key], text) in MARKS


@given(st.integers(0, 400))
def test_keyframes_and_numbers_are_kept_apart(number: int) -> None:
    assert keyframes_in(f"in keyframe {number}", 0, 9, bare=False) == [(number, number)]
    assert numbers_in(f"in keyframe {number}") == []
    assert numbers_in(f"{number} times") == [number]


def test_movements_that_only_state_a_time_are_not_actions() -> None:
    assert {a.value for a in actions_in("after turning left i moved forward")} == {"move forward"}
