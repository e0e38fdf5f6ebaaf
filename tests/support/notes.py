"""Memories to ask: what a perfect perceiver notes of the shipped clips, and what a general model
might note of a home and a street."""

from __future__ import annotations

import json
from functools import lru_cache
from pathlib import Path

from embodied_agent.records import Action, Delta, Keyframe, Mention
from embodied_agent.rules import Notes
from training.true_perception import true_delta

CLIPS = tuple(sorted(path.parent for path in Path("sim_clips/clips").glob("*/truth.json")))
#: Frames from one keyframe to the next.
_EVERY = 9


@lru_cache(maxsize=16)
def clip_deltas(clip: Path) -> tuple[Delta, ...]:
    """The deltas of a clip, a keyframe every 0.9 s."""
    truth = json.loads((clip / "truth.json").read_text("utf-8"))
    deltas: list[Delta] = []
    before: Keyframe | None = None
    for number, frame in enumerate(truth["frames"][::_EVERY]):
        keyframe = Keyframe(number, frame["stamp_ns"], b"", "overlap", 320, 240)
        deltas.append(true_delta(truth, before, keyframe))
        before = keyframe
    return tuple(deltas)


def clip_notes(clip: Path) -> Notes:
    """The same as notes."""
    return Notes(clip_deltas(clip))


HOME: tuple[Delta, ...] = (
    Delta(
        0,
        None,
        None,
        (
            Mention("white cabinet", "front", "near"),
            Mention("wooden dining table", "front-left", "mid"),
            Mention("potted plant", "right", "mid"),
        ),
        "A bright kitchen with a tiled floor and a window above the sink. There is no oven.",
        model="vlm",
    ),
    Delta(
        1,
        Action.ROTATE_LEFT,
        45.0,
        (
            Mention("wooden dining table", "front", "mid"),
            Mention("dark blue armchair", "front-left", "near"),
            Mention("table lamp", "left", "mid"),
        ),
        model="vlm",
    ),
    Delta(
        2,
        Action.MOVE_FORWARD,
        None,
        (
            Mention("man in a red shirt", "front", "far"),
            Mention("red sofa", "front-right", "mid"),
            Mention("chair", "left", "near"),
            Mention("chair", "front-left", "mid"),
            Mention("chair", "front", "mid"),
        ),
        "A living room; a television hangs on the wall.",
        model="vlm",
    ),
    Delta(
        3,
        Action.ROTATE_RIGHT,
        90.0,
        (
            Mention("stop sign", "front", "far"),
            Mention("grey SUV", "front-left", "mid"),
            Mention("trash can", "right", "near"),
        ),
        "Through the door a street is visible.",
        model="vlm",
    ),
    Delta(
        4,
        Action.MOVE_FORWARD,
        None,
        (Mention("fire hydrant", "front", "near"), Mention("bicycle", "left", "mid")),
        model="vlm",
    ),
)
