"""Nothing but the memory answers the questions, and what could is found where it is."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from embodied_agent.records import DIRECTIONS, Action
from sim_clips.journey import INVERSE
from sim_clips.questions import MAKERS, NOT_TOLD
from sim_clips.splits import FIRST_PROBE_SEED, FIRST_TRAINING_SEED
from training.episodes.rows import DatasetError
from training.shortcuts.__main__ import app
from training.shortcuts.classifier import guesses
from training.shortcuts.features import relations
from training.shortcuts.measure import Measured, measured, rows_of, together
from training.shortcuts.sample import Shown, about_scene, part_of, read_sample, sample, write_sample

#: Of each type. Guessing among four options then differs from chance by more than three points in
#: fewer than one of thirty types; the seeds are fixed, so that a type passes always or never.
COUNT = 1100
TOLERANCE = 0.03


@pytest.fixture(scope="module")
def asked() -> dict[str, list[Shown]]:
    return sample(COUNT)


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.mark.timeout(900)
@pytest.mark.parametrize("kind", MAKERS)
def test_no_classifier_answers_without_the_memory(kind: str, asked: dict[str, list[Shown]]) -> None:
    found = measured(kind, asked[kind], guesses(asked[kind]))
    assert found.count == COUNT
    assert found.margin < TOLERANCE  # otherwise nothing could be said at this size
    assert found.excess <= TOLERANCE


def test_every_place_and_the_untold_option_are_right_as_often_as_they_are_offered(
    asked: dict[str, list[Shown]],
) -> None:
    for some in asked.values():
        for count in range(2, 6):
            part = [q for q in some if len(q.choices) == count]
            deviation = math.sqrt(len(part) * (1 / count) * (1 - 1 / count))
            for place in range(count):
                right = sum(q.answer == place for q in part)
                assert abs(right - len(part) / count) <= 4 * deviation
        offered = [q for q in some if NOT_TOLD in q.choices]
        assert 0.4 <= len(offered) / len(some) <= 0.6
        expected = sum(1 / len(q.choices) for q in offered)
        right = sum(q.choices[q.answer] == NOT_TOLD for q in offered)
        assert abs(right - expected) <= 4 * math.sqrt(expected)


def test_directions_are_right_about_equally_often(asked: dict[str, list[Shown]]) -> None:
    some = asked["landmark_position"]
    for word in DIRECTIONS:
        right = sum(q.choices[q.answer] == word for q in some)
        assert 0.6 / 8 <= right / sum(q.choices[q.answer] != NOT_TOLD for q in some) <= 1.6 / 8


# ---- The classifier finds what former questions gave away, each put in by hand.


def _changed(questions: list[Shown], seed: int, betray: object) -> list[Shown]:
    rng = np.random.default_rng(seed)
    return [betray(q, rng) for q in questions if q.choices[q.answer] != NOT_TOLD]  # type: ignore[operator]


def _among(question: Shown, wrong: list[str], rng: np.random.Generator) -> Shown:
    truth = question.choices[question.answer]
    choices = [str(c) for c in rng.permutation([truth, *wrong])]
    return replace(question, choices=tuple(choices), answer=choices.index(truth))


def _central(question: Shown, rng: np.random.Generator) -> Shown:
    place = DIRECTIONS.index(question.choices[question.answer])  # type: ignore[arg-type]
    return _among(question, [DIRECTIONS[(place + step) % 8] for step in (-1, 1, 2)], rng)


def _only_inverse(question: Shown, rng: np.random.Generator) -> Shown:
    truth = Action(question.choices[question.answer])
    others = [a.value for a in Action if a not in (truth, INVERSE[truth])]
    wrong = [INVERSE[truth].value, *rng.permutation(others)[:2]]
    return _among(question, [str(w) for w in wrong], rng)


def _near_the_end_of_the_plan(question: Shown, rng: np.random.Generator) -> Shown:
    done = int(question.choices[question.answer].removeprefix("step "))
    plan = ", ".join(f"{i} move forward" for i in range(1, done + 1 + int(rng.integers(3))))
    return replace(question, text=f"Route: {plan}. Which step have you just finished?")


def _all_resemble(question: Shown, rng: np.random.Generator) -> Shown:
    """Wrong routes are changed from the right one at one place each."""
    route = question.choices[question.answer].split(", ")
    wrong = []
    for place in range(3):
        changed = list(route)
        old = changed[place % len(route)].rsplit(" ", 1)[0]
        changed[place % len(route)] = f"{old} {('left', 'right', 'upward')[place]}"
        wrong.append(", ".join(changed))
    return _among(question, [w for w in dict.fromkeys(wrong) if w != ", ".join(route)], rng)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("kind", "betray"),
    [
        ("landmark_position", _central),
        ("progress_evaluation", _near_the_end_of_the_plan),
        ("route_planning", _all_resemble),
    ],
)
def test_the_classifier_finds_what_betrays_an_answer(
    kind: str, betray: object, asked: dict[str, list[Shown]]
) -> None:
    changed = _changed(asked[kind], 3, betray)
    assert measured(kind, changed, guesses(changed)).excess > 0.15


@pytest.mark.timeout(900)
def test_the_classifier_finds_the_only_pair_of_inverse_actions(
    asked: dict[str, list[Shown]],
) -> None:
    undone = [q for q in asked["action_generation"] if "last" in q.text]
    changed = _changed(undone, 4, _only_inverse)
    assert measured("action_generation", changed, guesses(changed)).excess > 0.12


@pytest.mark.timeout(900)
def test_the_classifier_finds_an_option_that_is_never_right(asked: dict[str, list[Shown]]) -> None:
    def never(question: Shown, rng: np.random.Generator) -> Shown:
        wrong = [c for i, c in enumerate(question.choices) if i != question.answer][:2]
        return _among(question, [*wrong, str(rng.choice(["move upward", "tilt upward"]))], rng)

    some = [q for q in asked["action_generation"] if "last" not in q.text]
    changed = _changed(some, 5, never)
    assert measured("action_generation", changed, guesses(changed)).excess > 0.05


# ---- The parts.


def test_a_part_of_the_questions_has_late_ones_of_every_scene_too(
    asked: dict[str, list[Shown]],
) -> None:
    for kind, some in asked.items():
        scenes = [q.scene for q in some]
        first = {scenes.index(scene) for scene in set(scenes)}
        part = part_of(some, COUNT // 4)
        share = sum(some.index(q) in first for q in part) / len(part)
        assert share <= 0.4, kind  # a quarter of all are the first of their scene


def test_what_is_seen_of_an_option_does_not_depend_on_its_place(
    asked: dict[str, list[Shown]],
) -> None:
    for some in asked.values():
        for question in some[:20]:
            order = list(np.random.default_rng(1).permutation(len(question.choices)))
            table = relations(question.text, question.choices)
            other = relations(question.text, [question.choices[i] for i in order])
            np.testing.assert_allclose(table[order][:, 1:], other[:, 1:])


def test_the_same_seed_asks_the_same_and_never_of_a_training_scene() -> None:
    assert about_scene(FIRST_PROBE_SEED) == about_scene(FIRST_PROBE_SEED)
    assert FIRST_PROBE_SEED >= FIRST_TRAINING_SEED + (1 << 30)


def test_questions_are_read_back_as_they_were_written(
    asked: dict[str, list[Shown]], tmp_path: Path
) -> None:
    some = {kind: questions[:3] for kind, questions in asked.items()}
    write_sample(tmp_path / "some.jsonl", some)
    assert read_sample(tmp_path / "some.jsonl") == some
    (tmp_path / "odd.jsonl").write_text('{"scene": "a", "type": "b"}\n')
    with pytest.raises(DatasetError, match=r"odd\.jsonl"):
        read_sample(tmp_path / "odd.jsonl")


def test_a_table_marks_what_is_above_chance() -> None:
    parts = [
        Measured("landmark_position", 100, 20, 0.25, 0.31, 0.2, 0.4),
        Measured("route_planning", 100, 20, 0.25, 0.26, 0.2, 0.4),
    ]
    rows = rows_of({"classifier": parts}, 3.0)
    assert rows[0]["classifier"].endswith("+6.0 !")
    assert rows[1]["classifier"].endswith("+1.0")
    assert rows[2]["type"] == "all"


@pytest.mark.timeout(900)
def test_the_command_fails_where_a_type_is_above_the_tolerance(
    asked: dict[str, list[Shown]], tmp_path: Path
) -> None:
    honest = {kind: some[:120] for kind, some in asked.items()}
    betrayed = {"landmark_position": _changed(asked["landmark_position"], 3, _central)}
    write_sample(tmp_path / "honest.jsonl", honest)
    write_sample(tmp_path / "betrayed.jsonl", betrayed)
    arguments = ["--made", str(tmp_path / "honest.jsonl"), "--tolerance", "100"]
    fine = CliRunner().invoke(app, [*arguments, "--results", str(tmp_path / "results")])
    assert fine.exit_code == 0, fine.output
    assert (tmp_path / "results" / "shortcuts.json").exists()
    found = CliRunner().invoke(app, ["--made", str(tmp_path / "betrayed.jsonl")])
    assert found.exit_code == 1
    assert "landmark_position" in found.output


@pytest.mark.models
@pytest.mark.timeout(1800)
def test_the_shipped_reasoner_does_not_answer_without_a_memory(
    asked: dict[str, list[Shown]],
) -> None:
    """It is slower than the classifier, so each type is allowed what guessing may give at this size
    besides, and all together are held to the tolerance alone."""
    from training.shortcuts.blind import blind_guesses

    some = {kind: part_of(questions, COUNT // 4) for kind, questions in asked.items()}
    answers = iter(blind_guesses("builtin", [q for part in some.values() for q in part]))
    found = [measured(kind, part, [next(answers) for _ in part]) for kind, part in some.items()]
    for part in found:
        assert part.excess <= TOLERANCE + part.margin, part
    accuracy, chance = together(found)
    assert accuracy - chance <= TOLERANCE
