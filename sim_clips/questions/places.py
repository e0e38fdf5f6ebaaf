"""Where something is, now or if the camera had moved differently."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from embodied_agent.records import Action
from embodied_agent.rules.derivation import TURNS
from sim_clips.journey import after
from sim_clips.questions.common import (
    Past,
    Rng,
    Subject,
    clear_direction,
    pick,
    some,
    subject_of,
)
from sim_clips.scene import CameraPose

#: Nearer things have no direction, metres.
NEAREST_M = 0.7
#: Narrow directions are offered more often than they occur, so that each is right about as often.
OFTEN: dict[str, float] = {
    "front": 1.8, "front-left": 1.0, "left": 1.0, "back-left": 1.2, "back": 10.0,
    "back-right": 1.2, "right": 1.0, "front-right": 1.0,
}  # fmt: skip

#: So often another thing is drawn instead of one that is never behind.
BEHIND_TRIES = 1


def landmark_position(past: Past, rng: Rng, offered: bool) -> Subject | None:
    """Where is X, relative to you, now?"""
    name = thing_behind(past, rng)
    if name is None:
        return None
    truths = directions_of(past, name)
    return _subject(
        past,
        rng,
        offered,
        "landmark_position",
        (
            "Where is the {name} now?",
            "Which way is the {name} from here?",
            "In which direction does the {name} lie from where you are?",
            "Relative to your current heading, where is the {name}?",
            "You want to look at the {name} again. In which direction is it?",
            "Where would I find the {name}, seen from you right now?",
        ),
        truths,
        {"name": name},
    )


def counterfactual(past: Past, rng: Rng, offered: bool) -> Subject | None:
    """Where would X be, had you turned, or had you left out your last turn?"""
    name = _name(past, rng)
    if name is None:
        return None
    if rng.random() < 0.35:
        skipped = pick(rng, TURNS)
        return _subject(
            past,
            rng,
            offered,
            "counterfactual",
            (
                "If you had left out your last turn ({turn}), where would the {name} be?",
                "Suppose you had not done your last {turn}. Where would the {name} be now?",
                "Had you skipped the last {turn}, in which direction would the {name} be?",
            ),
            {m: _had_not_turned(past, name, skipped, m) for m in past.moments},
            {"name": name, "skipped": skipped.value},
            turn=skipped.value,
        )
    left = bool(rng.random() < 0.5)
    angle = int(pick(rng, (45, 90, 90, 135, 180)))
    turn = float(angle if left else -angle)
    return _subject(
        past,
        rng,
        offered,
        "counterfactual",
        (
            "If you were to {turn} now, where would the {name} be?",
            "Suppose you {turn}. Where is the {name} then?",
            "Where would the {name} be after you {turn} on the spot?",
            "Imagine that you {turn} from here: in which direction would the {name} lie?",
        ),
        {m: _direction(past, name, past.pose(m), turn) for m in past.moments},
        {"name": name, "left": left, "angle": angle},
        turn=f"{'rotate left' if left else 'rotate right'} {angle} degrees",
    )


def directions_of(past: Past, name: str) -> dict[int, str | None]:
    """By moment the thing's direction, ``None`` where it lies too near another one."""
    return {m: _direction(past, name, past.pose(m)) for m in past.moments}


def thing_behind(past: Past, rng: Rng) -> str | None:
    """Any thing, more often one that is behind at some moment: that direction is the rarest."""
    name = _name(past, rng)
    for _ in range(BEHIND_TRIES):
        if name is None or "back" in directions_of(past, name).values():
            break
        name = _name(past, rng)
    return name


def _name(past: Past, rng: Rng) -> str | None:
    names = sorted(past.clear_since)
    return pick(rng, names) if names else None


def _direction(past: Past, name: str, pose: CameraPose, turn_deg: float = 0.0) -> str | None:
    azimuth, metres = past.journey.placed(name, pose)
    return clear_direction(azimuth - turn_deg) if metres >= NEAREST_M else None


def _had_not_turned(past: Past, name: str, turn: Action, now: int) -> str | None:
    """The direction had the last turn, one of the last three steps, been left out; ``None`` where
    that is another turn, or the object was not seen before it."""
    journey, done = past.journey, past.steps_done(now)
    turns = [k for k in range(max(0, done - 3), done) if journey.steps[k].action in TURNS]
    if not turns or journey.steps[turns[-1]].action is not turn:
        return None
    before = view_before(past, turns[-1])
    if past.clear_since[name] > before:
        return None
    pose = past.pose(before)
    for step in journey.steps[turns[-1] + 1 : done]:
        pose = after(pose, step)
    return _direction(past, name, pose)


def view_before(past: Past, step: int) -> int:
    """Index of the view from which a step began."""
    views = past.journey.views
    return max(i for i, view in enumerate(views) if view.step < step and view.at_end)


def direction_subject(
    past: Past,
    rng: Rng,
    offered: bool,
    kind: str,
    wordings: tuple[str, ...],
    truths: dict[int, str | None],
    about: dict[str, Any],
    weights: Mapping[str, float] = OFTEN,
    **words: str,
) -> Subject | None:
    """What is asked about one object's direction, options out of what is true at some moment."""
    name = str(about["name"])
    since = past.clear_since[name]
    reached = {t for m, t in truths.items() if t is not None and m >= since}
    for _ in range(4):
        options = some(rng, reached, weights=weights)
        if len(options) < 3:
            return None
        subject = subject_of(
            past, kind, wordings, options, truths, about,
            offered=offered, known_since=since, name=name, **words,
        )  # fmt: skip
        if all(subject.right.values()):
            return subject
    return None


_subject = direction_subject
