"""The shipped questions: right by a recomputation of their own, balanced, and not guessable."""

from __future__ import annotations

import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sim_clips.journey import journey_of_truth
from sim_clips.questions import MAKERS, make_questions, question_of

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
        """The pose of the last frame before a step began."""
        frames = self.truth["frames"]
        first = next(i for i, f in enumerate(frames) if f["step"] == step)
        return frames[max(0, first - 1)]["pose"]


def _answer(world: _World, question: dict[str, Any]) -> str:
    about, kind = question["about"], question["type"]
    if kind == "landmark_position":
        return _word(world.angle(about["name"]))
    if kind == "counterfactual" and "skipped" in about:
        old = world.before(about["skipped"])
        end = world.before(about["skipped"] + 1)
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
        return min(question["choices"], key=lambda n: abs(world.place[n] - world.here))
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


@pytest.mark.parametrize(("clip", "question"), ALL, ids=[q["id"] for _, q in ALL])
def test_the_answer_follows_from_the_truth(clip: str, question: dict[str, Any]) -> None:
    world = _World(TRUTHS[clip], question["stamp_ns"])
    given = question["choices"]["ABCDE".index(question["answer"])]
    assert _answer(world, question) == given


def test_there_are_enough_questions_of_every_type() -> None:
    assert len(CLIPS) == 8
    assert len(ALL) >= 160
    counts = Counter(question["type"] for _, question in ALL)
    assert set(counts) == TYPES
    assert min(counts.values()) >= 10


def test_choices_are_three_to_five_and_differ() -> None:
    for _, question in ALL:
        assert 3 <= len(question["choices"]) <= 5
        assert len(set(question["choices"])) == len(question["choices"])


def test_answer_letters_are_balanced() -> None:
    letters = Counter(question["answer"] for _, question in ALL if len(question["choices"]) >= 4)
    assert max(letters.values()) - min(letters.values()) <= 0.08 * sum(letters.values())


def test_what_is_asked_about_was_seen_before() -> None:
    for clip, question in ALL:
        frames = TRUTHS[clip]["frames"]
        about = question["about"]
        names = [about[k] for k in ("name", "at", "facing", "asked") if k in about]
        for name in [*names, *about.get("names", ())]:
            most = max(
                f["visible"].get(name, 0) for f in frames if f["stamp_ns"] <= question["stamp_ns"]
            )
            assert most >= 150, (question["id"], name)


def test_a_blind_guesser_stays_near_chance() -> None:
    """Naive Bayes over answer texts and letters, trained on all other clips, sees no memory."""
    right, chance = 0, 0.0
    for held in CLIPS:
        texts: Counter[tuple[str, str]] = Counter()
        for clip, q in ALL:
            if clip != held.name:
                for i, choice in enumerate(q["choices"]):
                    texts[q["type"], choice] += 2 if i == "ABCDE".index(q["answer"]) else -1
        for clip, q in ALL:
            if clip == held.name:
                guess = max(
                    range(len(q["choices"])), key=lambda i: texts[q["type"], q["choices"][i]]
                )
                right += "ABCDE"[guess] == q["answer"]
                chance += 1 / len(q["choices"])
    assert right / len(ALL) <= chance / len(ALL) + 0.10


@pytest.mark.parametrize("clip", CLIPS, ids=lambda clip: clip.name)
def test_the_shipped_questions_are_those_that_their_truth_and_seed_give(clip: Path) -> None:
    truth, questions = _load(clip)
    assert make_questions(truth, truth["seed"]) == questions


@pytest.mark.parametrize("kind", sorted(TYPES))
def test_each_maker_finds_questions_in_the_shipped_clips(kind: str) -> None:
    rng = np.random.default_rng(3)
    found = 0
    for clip in CLIPS:
        journey = journey_of_truth(TRUTHS[clip.name])
        for now, view in enumerate(journey.views):
            if view.at_end and view.step >= 2:
                question = question_of(kind, journey, now, rng)
                found += question is not None
    assert found >= 8
