"""Generated memories of any size: what a robot might have noted over days.

Everything is drawn from one seed, so the same size gives the same memory. All rows are written in
one transaction by the functions that write an agent's. Objects are derived from the first keyframes
only; `bench/objects.py` measures these.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import apsw
import cv2
import numpy as np

from embodied_agent.memory.objects import ObjectTable
from embodied_agent.memory.store import Store
from embodied_agent.memory.writing import insert_delta, insert_keyframe
from embodied_agent.objects.tracker import Tracker
from embodied_agent.records import DIRECTIONS, DISTANCES, Action, Delta, Keyframe, Mention, Pose
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.settings import MemorySettings
from embodied_agent.settings.objects import ObjectSettings

KINDS = (
    "chair", "table", "lamp", "door", "window", "cabinet", "plant", "box", "desk", "bed", "mirror",
    "clock", "painting", "rug", "bench", "bottle", "cup", "book", "monitor", "keyboard", "printer",
    "phone", "bag", "bicycle", "car", "truck", "tree", "fence", "barrel", "pallet", "ladder",
    "bucket", "fan", "radiator", "sink", "fridge", "oven", "kettle", "toaster", "vase",
)  # fmt: skip
COLOURS = ("red", "blue", "green", "yellow", "white", "black", "brown", "grey", "orange", "purple")
ADJECTIVES = (
    "wooden", "metal", "plastic", "round", "tall", "low", "broken", "striped", "dusty", "shiny",
    "folding", "office", "garden", "leather", "glass", "empty", "rusty", "painted", "curved",
    "narrow", "wide", "square", "antique", "modern", "heavy", "light-weight", "patterned", "woven",
    "padded", "portable", "stacked", "covered", "worn", "polished", "hanging", "corner", "spare",
    "double", "foldable", "slim", "kitchen", "bathroom", "hallway", "children's", "marble", "steel",
    "bamboo", "rattan", "velvet", "concrete",
)  # fmt: skip
REMARKS = (
    "A bright corridor with a tiled floor.",
    "The room is dim. There is no window here.",
    "A person walks past the counter.",
    "Through the doorway a staircase is visible.",
    "Boxes stand along the wall of the hall.",
)
#: One keyframe a second, and a restart in so many keyframes.
_PERIOD_NS, _RESTART = 1_000_000_000, 9_000
#: The first part comes from a recording, the rest is live.
RECORDING = "walk.mcap"
_RECORDED = 0.05
#: Objects are derived from so many keyframes.
_WITH_OBJECTS = 50
#: Hidden things, and where: from this keyframe on, a hundred keyframes apart.
_HIDDEN, _FIRST_HIDDEN, _APART = 100, 100, 90


@dataclass(frozen=True)
class Hidden:
    """A thing that is seen once."""

    kind: str
    synonym: str
    colour: str
    keyframe_id: int


@cache
def hidden_things() -> tuple[Hidden, ...]:
    """Things of kinds that are seen nowhere else, each with another word for it."""
    table = lexicon()
    common = {word for name in KINDS for word in name.split()}
    rng = random.Random(77)
    things: list[Hidden] = []
    for kind in sorted(set(table.kinds.values())):
        others = [word for word in table.words(kind)[1:] if not set(word.split()) & common]
        if len(others) and not set(kind.split()) & common and kind not in table.uncounted:
            number = _FIRST_HIDDEN + _APART * len(things)
            colour = rng.choice(COLOURS)
            things.append(Hidden(kind, rng.choice(others), colour, number))
    return tuple(things[:_HIDDEN])


def generate(path: Path, count: int, seed: int = 5) -> None:
    """Write a memory of ``count`` keyframes to the new file ``path``."""
    Store.open(str(path), MemorySettings()).close()
    with closing(apsw.Connection(str(path))) as db:
        db.pragma("synchronous", "OFF")
        db.execute("BEGIN")
        tracker = Tracker(ObjectSettings())
        for keyframe, delta, source in keyframes(count, seed):
            insert_keyframe(db, keyframe, source=source, ordinal=keyframe.id, stored_at_s=0.0)
            insert_delta(db, delta)
            db.execute("UPDATE keyframes SET state = 'done' WHERE id = ?", (keyframe.id,))
            changes = tracker.fold(keyframe, delta) if keyframe.id < _WITH_OBJECTS else None
            if changes is not None or keyframe.id == count - 1:
                ObjectTable.apply(db, changes or tracker.skip(keyframe.id))
        db.execute("COMMIT")


def keyframes(count: int, seed: int) -> Iterator[tuple[Keyframe, Delta, str]]:
    """Keyframes with their deltas and sources, in order."""
    rng = random.Random(seed)
    hidden = {thing.keyframe_id: thing for thing in hidden_things()}
    pictures = _pictures()
    segment, restarted, heading, x, y = 0, True, 0.0, 0.0, 0.0
    for number in range(count):
        source = RECORDING if number < max(20, _RECORDED * count) and count >= 100 else ""
        if number and (number % _RESTART == 0 or number == max(20, int(_RECORDED * count))):
            segment, restarted = segment + 1, True
        action, angle = _motion(rng, restarted)
        if action is not None and action.is_rotation:
            heading += math.radians(angle or 0.0) * (1 if action is Action.ROTATE_LEFT else -1)
        x = max(-40.0, min(40.0, x + 0.5 * math.cos(heading)))
        y = max(-40.0, min(40.0, y + 0.5 * math.sin(heading)))
        pose = Pose((x, y, 0.0), (0.0, 0.0, math.sin(heading / 2), math.cos(heading / 2)), "map")
        keyframe = Keyframe(
            number,
            number * _PERIOD_NS,
            pictures[number % len(pictures)],
            "first" if restarted else "overlap",
            160,
            120,
            segment,
            overlap_ratio=None if restarted else 0.5,
            pose=pose,
        )
        yield keyframe, _delta(rng, number, action, angle, hidden.get(number)), source
        restarted = False


def _motion(rng: random.Random, restarted: bool) -> tuple[Action | None, float | None]:
    if restarted:
        return None, None
    action = rng.choices(
        (Action.MOVE_FORWARD, Action.ROTATE_LEFT, Action.ROTATE_RIGHT, Action.MOVE_LEFT),
        (6, 2, 2, 1),
    )[0]
    return action, rng.uniform(10.0, 90.0) if action.is_rotation else 0.0


def _delta(
    rng: random.Random,
    number: int,
    action: Action | None,
    angle: float | None,
    hidden: Hidden | None,
) -> Delta:
    names = [
        f"{rng.choice(COLOURS)} {rng.choice(ADJECTIVES)} {rng.choice(KINDS)}"
        for _ in range(rng.randint(1, 3))
    ]
    if hidden is not None:
        names.append(f"{hidden.colour} {hidden.kind}")
    return Delta(
        number,
        action,
        angle,
        tuple(Mention(name, rng.choice(DIRECTIONS), rng.choice(DISTANCES)) for name in names),
        rng.choice(REMARKS) if rng.random() < 0.3 else "",
        usable=True,
        model="scripted",
        latency_s=0.1,
    )


def _pictures() -> list[bytes]:
    """A few small pictures as JPEG."""
    rng = np.random.default_rng(5)
    pictures = []
    for _ in range(32):
        coarse = rng.integers(0, 255, (12, 16, 3), np.uint8)
        image = cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_LINEAR)
        pictures.append(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])[1].tobytes())
    return pictures
