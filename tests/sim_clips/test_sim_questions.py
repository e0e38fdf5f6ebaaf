"""The shipped questions: right by a recomputation of their own, balanced, with even options."""

from __future__ import annotations

import json
import math
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim_clips.journey import journey_of_truth
from sim_clips.questions import (
    MAKERS,
    NOT_TOLD,
    Notes,
    Past,
    make_questions,
    past_of,
    possible,
    question_of,
    true_notes,
)
from sim_clips.questions.common import draw
from sim_clips.questions.corners import MIDDLE, share_taken
from sim_clips.scene import CITY_KINDS, HOUSE_KINDS

CLIPS = sorted(path.parent for path in Path("sim_clips/clips").glob("*/truth.json"))
TYPES = set(MAKERS)


def _load(clip: Path) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    truth = json.loads((clip / "truth.json").read_text())
    return truth, json.loads((clip / "questions.json").read_text())


ALL = [(clip.name, question) for clip in CLIPS for question in _load(clip)[1]]
TRUTHS = {clip.name: _load(clip)[0] for clip in CLIPS}


# ---- A recomputation that shares no code with the makers: complex numbers on the floor plan.

_SECTORS = {
    "front": (-15, 15), "front-left": (15, 60), "left": (60, 120), "back-left": (120, 165),
    "front-right": (-60, -15), "right": (-120, -60), "back-right": (-165, -120),
}  # fmt: skip
_OPPOSITE = {
    "forward": "backward", "backward": "forward", "left": "right", "right": "left",
    "upward": "downward", "downward": "upward",
}  # fmt: skip


def _word(angle: float) -> str:
    angle = (angle + 180) % 360 - 180
    return next((w for w, (low, high) in _SECTORS.items() if low <= angle <= high), "back")


class _World:
    def __init__(self, truth: dict[str, Any], stamp_ns: int) -> None:
        self.truth = truth
        self.frames = [f for f in truth["frames"] if f["stamp_ns"] <= stamp_ns]
        self.pose = self.frames[-1]["pose"]
        self.here = complex(self.pose["x"], self.pose["y"])
        self.place = {o["name"]: complex(*o["position"][:2]) for o in truth["objects"]}
        self.done = max(f["step"] for f in self.frames) + 1
        self.steps = truth["steps"]

    def angle(self, name: str, here: complex | None = None, yaw: float | None = None) -> float:
        here = self.here if here is None else here
        yaw = self.pose["yaw_deg"] if yaw is None else yaw
        return math.degrees(np.angle(self.place[name] - here)) - yaw

    def first_seen(self, name: str) -> int:
        seen = (f["stamp_ns"] for f in self.frames if f["visible"].get(name, 0) >= 150)
        return next(seen)

    def before(self, step: int) -> dict[str, float]:
        """The pose of the last frame before a step began, of all frames where none did."""
        frames = self.truth["frames"]
        first = next((i for i, f in enumerate(frames) if f["step"] == step), len(frames))
        return frames[max(0, first - 1)]["pose"]


def _answer(world: _World, question: dict[str, Any]) -> str:
    about, kind = question["about"], question["type"]
    if kind == "landmark_position":
        return _word(world.angle(about["name"]))
    if kind == "counterfactual" and "skipped" in about:
        actions = [step["action"] for step in world.steps[: world.done]]
        skipped = max(i for i, action in enumerate(actions) if action.startswith("rotate"))
        assert actions[skipped] == about["skipped"]
        old, end = world.before(skipped), world.before(skipped + 1)
        turn = old["yaw_deg"] - end["yaw_deg"]
        moved = world.here - complex(end["x"], end["y"])
        here = complex(old["x"], old["y"]) + moved * np.exp(1j * math.radians(turn))
        return _word(world.angle(about["name"], here, world.pose["yaw_deg"] + turn))
    if kind == "counterfactual":
        turn = about["angle"] if about["left"] else -about["angle"]
        return _word(world.angle(about["name"]) - turn)
    if kind == "progress_evaluation":
        return f"step {world.done}"
    if kind == "action_generation" and about.get("undo"):
        verb, way = world.steps[world.done - 1]["action"].split()
        return f"{verb} {_OPPOSITE[way]}"
    if kind == "action_generation":
        angle = (world.angle(about["name"]) + 180) % 360 - 180
        return "move forward" if abs(angle) < 15 else f"rotate {'left' if angle > 0 else 'right'}"
    if kind == "relative_distance":
        return min(about["names"], key=lambda n: abs(world.place[n] - world.here))
    if kind == "relative_direction":
        at, facing, asked = (world.place[about[k]] for k in ("at", "facing", "asked"))
        seen = (asked - at) / (facing - at)
        return f"{'front' if seen.real > 0 else 'back'}-{'left' if seen.imag > 0 else 'right'}"
    if kind == "route_planning" and "back" in about:
        last = [s["action"].split() for s in world.steps[world.done - about["back"] : world.done]]
        return ", ".join(f"{verb} {_OPPOSITE[way]}" for verb, way in reversed(last))
    if kind == "route_planning":
        word = _word(world.angle(about["name"]))
        if word == "front":
            return "move forward"
        side = "left" if word in ("back", "left") or "left" in word else "right"
        size = {"front": 45, "back": 135}.get(word.split("-")[0], 90) if "-" in word else 90
        return f"rotate {side} {180 if word == 'back' else size}, move forward"
    assert kind == "appearance_order"
    return ", ".join(sorted(about["names"], key=world.first_seen))


def _told(question: dict[str, Any]) -> bool:
    return question["choices"]["ABCDE".index(question["answer"])] != NOT_TOLD


TOLD = [(clip, question) for clip, question in ALL if _told(question)]
OPEN = [(clip, question) for clip, question in ALL if not _told(question)]


@pytest.mark.parametrize(("clip", "question"), TOLD, ids=[q["id"] for _, q in TOLD])
def test_the_answer_follows_from_the_truth(clip: str, question: dict[str, Any]) -> None:
    world = _World(TRUTHS[clip], question["stamp_ns"])
    given = question["choices"]["ABCDE".index(question["answer"])]
    assert _answer(world, question) == given


@pytest.mark.parametrize(("clip", "question"), OPEN, ids=[q["id"] for _, q in OPEN])
def test_where_the_memory_does_not_tell_there_was_nothing_to_be_noted(
    clip: str, question: dict[str, Any]
) -> None:
    world, about = _World(TRUTHS[clip], question["stamp_ns"]), question["about"]
    done = [step["action"] for step in world.steps[: world.done]]
    names = [about[k] for k in ("name", "at", "facing", "asked") if k in about]
    names += about.get("names", [])
    assert not question["derivable"]
    if about["open"] == "not noted":
        seen = {n for frame in world.frames for n, p in frame["visible"].items() if p >= 75}
        assert set(names) - seen
    elif about["open"] == "nothing done":
        assert len(done) < about.get("back", 1) or not any("rotate" in a for a in done)
    elif about["open"] == "another plan":
        assert done != about["plan"][: len(done)]
    else:
        assert about["open"] == "unclear"
        in_view = [world.frames[-1]["visible"].get(name, 0) >= 150 for name in names]
        assert not all(in_view) or len(names) > 1  # near, mid and far order many pairs, not all


def test_there_are_enough_questions_of_every_type() -> None:
    assert len(CLIPS) == 8
    assert len(ALL) >= 160
    counts = Counter(question["type"] for _, question in ALL)
    assert set(counts) == TYPES
    assert min(counts.values()) >= 10


def test_choices_are_two_to_five_and_differ() -> None:
    for _, question in ALL:
        assert 2 <= len(question["choices"]) <= 5
        assert len(question["choices"]) > 2 or question["type"] == "relative_distance"
        assert len(set(question["choices"])) == len(question["choices"])


@pytest.mark.parametrize("count", [2, 3, 4, 5])
def test_answer_letters_are_balanced(count: int) -> None:
    letters = Counter(
        question["answer"] for _, question in ALL if len(question["choices"]) == count
    )
    assert len(letters) == count
    assert max(letters.values()) - min(letters.values()) <= 8


def test_about_half_of_the_questions_offer_that_the_memory_does_not_tell() -> None:
    offered = Counter((question["type"], NOT_TOLD in question["choices"]) for _, question in ALL)
    for kind in TYPES:
        assert offered[kind, True] >= 8
        assert offered[kind, False] >= 8


def test_it_is_right_as_often_as_any_other_option_where_it_is_offered() -> None:
    offered = [question for _, question in ALL if NOT_TOLD in question["choices"]]
    expected = sum(1 / len(question["choices"]) for question in offered)
    right = sum(not _told(question) for question in offered)
    assert abs(right - expected) <= 3 * math.sqrt(expected)


def test_actions_are_offered_with_all_of_their_inverses_or_without_any() -> None:
    for _, question in ALL:
        if question["about"].get("undo"):
            verbs = [c.split() for c in question["choices"] if c != NOT_TOLD]
            paired = {[verb, _OPPOSITE[way]] in verbs for verb, way in verbs}
            assert len(paired) == 1, question["id"]


def test_a_plan_is_no_longer_for_being_further_done() -> None:
    """What is done lies evenly between the numbers offered, whatever the plan's length."""
    ranks: Counter[int] = Counter()
    for _, question in TOLD:
        if question["type"] == "progress_evaluation":
            options = sorted(c for c in question["choices"] if c != NOT_TOLD)
            ranks[options.index(question["choices"]["ABCDE".index(question["answer"])])] += 1
            assert 5 <= len(question["about"]["plan"]) <= 9
    assert set(ranks) == {0, 1, 2, 3}


def test_what_is_asked_about_was_seen_before() -> None:
    for clip, question in TOLD:
        frames = TRUTHS[clip]["frames"]
        about = question["about"]
        names = [about[k] for k in ("name", "at", "facing", "asked") if k in about]
        for name in [*names, *about.get("names", ())]:
            most = max(
                f["visible"].get(name, 0) for f in frames if f["stamp_ns"] <= question["stamp_ns"]
            )
            assert most >= 150, (question["id"], name)


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_the_shipped_questions_are_those_that_their_truth_and_seed_give(clip: Path) -> None:
    truth, questions = _load(clip)
    assert make_questions(truth, truth["seed"]) == questions


@pytest.mark.parametrize("offered", [False, True])
@pytest.mark.parametrize("kind", sorted(TYPES))
def test_each_maker_finds_questions_in_most_of_the_shipped_clips(kind: str, offered: bool) -> None:
    rng = np.random.default_rng(3)
    found = 0
    for clip in CLIPS:
        journey = journey_of_truth(TRUTHS[clip.name])
        past = past_of(journey, Notes(true_notes(journey), journey.world))
        drawn = question_of(kind, past, rng, tries=16, offered=offered)
        if drawn is not None:
            now, question = drawn
            assert now in past.moments
            assert (NOT_TOLD in question.choices) == offered
            assert question.derivable == question.told
            found += 1
    assert found >= 6


def test_every_option_of_a_fixed_question_is_right_equally_often() -> None:
    """The words and options are drawn first; which option is right, evenly among them."""
    journey = journey_of_truth(TRUTHS["house_8"])
    past = past_of(journey, Notes(true_notes(journey), journey.world))
    rng = np.random.default_rng(5)
    subject = None
    while subject is None or not all(subject.right.values()) or not any(subject.open.values()):
        subject = MAKERS["landmark_position"](past, rng, True)
    right: Counter[str] = Counter()
    for _ in range(2000):
        drawn = draw(subject, rng, offered=True)
        assert drawn is not None
        right[drawn[1].choices[drawn[1].answer]] += 1
    assert set(right) == {*subject.options, NOT_TOLD}
    share = 1 / len(right)
    deviation = math.sqrt(2000 * share * (1 - share))
    for count in right.values():
        assert abs(count - 2000 * share) <= 4 * deviation


def _past(clip: str, deltas: int | None = None) -> Past:
    journey = journey_of_truth(TRUTHS[clip])
    return past_of(journey, Notes(true_notes(journey)[:deltas], journey.world))


@pytest.mark.parametrize("clip", ["house_8", "city_26", "warehouse_48"])
def test_what_is_possible_at_an_entry_does_not_depend_on_later_ones(clip: str) -> None:
    every, fewer = _past(clip), _past(clip, 12)
    asked = 0
    for _, question in (entry for entry in ALL if entry[0] == clip):
        options = [choice for choice in question["choices"] if choice != NOT_TOLD]
        for now in (4, 8, 11):
            shares = [
                possible(past.notes, now, question["type"], question["about"], options)
                for past in (every, fewer)
            ]
            assert shares[0] == shares[1]
            asked += not isinstance(shares[0], str)
    assert asked > 10


def test_each_thing_of_which_the_nearest_is_asked_for_is_it_at_some_moment() -> None:
    for clip in ("house_8", "city_26", "warehouse_48"):
        past, rng = _past(clip), np.random.default_rng(6)
        for offered in (False, True):
            subject = MAKERS["relative_distance"](past, rng, offered)
            assert subject is not None
            assert all(subject.right.values())
            assert len(subject.options) >= 2


def test_the_middle_of_three_things_is_each_kind_as_often_as_its_share_says() -> None:
    assert {*MIDDLE} == {"house", "city", "warehouse"}
    assert {*MIDDLE["house"]} == {*MIDDLE["warehouse"]} == {*HOUSE_KINDS}
    assert {*MIDDLE["city"]} == {*CITY_KINDS}
    journey = journey_of_truth(TRUTHS["warehouse_40"])
    three = ("red table", "blue sofa", "green door")
    weights = MIDDLE["warehouse"]
    chances = {name: weights[name.split()[1]] * share_taken(journey, three, name) for name in three}
    assert np.ptp(list(chances.values())) < 1e-9
    assert share_taken(replace(journey, renamed=True), three, "red table") == 1.0
