"""Dead reckoning: where things are now, from random places that agree with the notes.

A direction word only names a sector, a distance word a range, and a move has an uncertain length.
So places are sampled from everything that the words allow, and each later action moves them. If
nearly all of them agree in the end, the notes determine where the thing is; if they scatter, the
notes don't.

Lengths are in units of the distance at which "near" ends, whatever that is in metres: a room's
"far" is a street's "near".

Out of scope: sentences about the result (`about_places`), true poses.
"""

from __future__ import annotations

import math
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodied_agent.records import (
    DIRECTIONS,
    DISTANCES,
    Action,
    Delta,
    Direction,
    Distance,
    Mention,
)

Floats = npt.NDArray[np.float64]

#: The number of places that are sampled.
_PLACES = 300
#: Centre and half width of each direction, in degrees to the left. The sectors are not equal, since
#: an eighth of a turn in "front" would take up nearly all of a camera's view.
_SECTORS: dict[Direction, tuple[float, float]] = {
    "front": (0.0, 15.0), "front-left": (37.5, 22.5), "left": (90.0, 30.0),
    "back-left": (142.5, 22.5), "back": (180.0, 15.0), "back-right": (-142.5, 22.5),
    "right": (-90.0, 30.0), "front-right": (-37.5, 22.5),
}  # fmt: skip
#: Where a thing noted in a direction may have been, in degrees to the left: hardly outside the
#: camera's view.
_SEEN: dict[Direction, tuple[float, float]] = {
    **{d: (centre - half, centre + half) for d, (centre, half) in _SECTORS.items()},
    "front-left": (15.0, 45.0), "front-right": (-45.0, -15.0),
    "left": (40.0, 110.0), "right": (-110.0, -40.0),
}  # fmt: skip
_RANGES: dict[Distance | None, tuple[float, float]] = {
    "near": (0.3, 1.0), "mid": (1.0, 1.9), "far": (1.9, 4.1), None: (0.3, 3.5),
}  # fmt: skip
#: The shortest and longest move between two keyframes.
_MOVE = (0.2, 0.7)
#: Standard deviations of a noted angle's relative and absolute errors.
_ANGLE_ERROR, _ANGLE_NOISE_DEG = 0.06, 3.0
#: Standard deviations of the turn and the move in a motion that could not be measured.
_UNKNOWN_DEG, _UNKNOWN_MOVE = 25.0, 0.4
#: The smallest and largest angle of a rotation whose angle is unknown.
_SOME_TURN_DEG = (15.0, 90.0)
#: After more keyframes than this, a thing may be anywhere.
MOST_LATER = 200
#: A place counts as being in a direction up to this far outside its sector.
_TOLERANCE_DEG = 10.0
_WAYS: dict[Action, tuple[float, float]] = {
    Action.MOVE_FORWARD: (1.0, 0.0), Action.MOVE_BACKWARD: (-1.0, 0.0),
    Action.MOVE_LEFT: (0.0, 1.0), Action.MOVE_RIGHT: (0.0, -1.0),
}  # fmt: skip
#: The first and last angle of each side, in degrees to the left.
SIDES: dict[str, tuple[float, float]] = {
    "front": (-70.0, 70.0), "left": (20.0, 160.0), "back": (110.0, 250.0), "right": (-160.0, -20.0),
}  # fmt: skip


@dataclass(frozen=True)
class Places:
    """Equally likely places of a thing: distances ahead of the camera and to its left, (n,) each."""

    ahead: Floats
    left: Floats

    @property
    def azimuths_deg(self) -> Floats:
        """The directions of the places, in degrees to the left, in (−180, 180]."""
        return np.degrees(np.arctan2(self.left, self.ahead))

    @property
    def lengths(self) -> Floats:
        """The distances of the places, in units of the near limit."""
        return np.hypot(self.ahead, self.left)

    def direction(self) -> tuple[Direction, float]:
        """The direction that most places are in, and their share."""
        azimuths = self.azimuths_deg
        best: tuple[float, float, Direction] | None = None
        for direction in DIRECTIONS:
            centre, half = _SECTORS[direction]
            offsets = np.abs((azimuths - centre + 180.0) % 360.0 - 180.0)
            share = float(np.mean(offsets <= half + _TOLERANCE_DEG))
            rank = (round(share, 2), float(np.mean(offsets <= half)), direction)
            if best is None or rank[:2] > best[:2]:
                best = rank
        assert best is not None
        return best[2], best[0]

    def distance(self) -> tuple[Distance, float]:
        """The distance word that fits most places, and their share."""
        lengths = self.lengths
        shares = {
            word: float(np.mean((lengths >= low / 1.2) & (lengths < high * 1.2)))
            for word, (low, high) in _limits().items()
        }
        word = max(DISTANCES, key=lambda d: shares[d])
        return word, shares[word]

    def share_on(self, side: str) -> float:
        """The share of the places on a side of `SIDES`."""
        low, high = SIDES[side]
        return float(np.mean((self.azimuths_deg - low) % 360.0 <= high - low))

    def turned(self, degrees: float) -> Places:
        """The places as they are once the camera has turned to the left by so much."""
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
        return Places(self.ahead * cos + self.left * sin, self.left * cos - self.ahead * sin)


def _limits() -> dict[Distance, tuple[float, float]]:
    return {"near": (0.0, 1.0), "mid": (1.0, 1.9), "far": (1.9, math.inf)}


def carry(mention: Mention, later: Sequence[Delta]) -> Places:
    """Where the thing in a mention may be after the actions of the deltas that followed."""
    rng = np.random.default_rng([len(later), *map(ord, mention.direction[:8])])
    azimuths = np.radians(rng.uniform(*_SEEN[mention.direction], _PLACES))
    lengths = rng.uniform(*_RANGES[mention.distance], _PLACES)
    return _moved(lengths * np.cos(azimuths), lengths * np.sin(azimuths), later, rng)


def carry_along(name: str, mention: Mention, later: Sequence[tuple[int, Delta]]) -> Places:
    """`carry` for things that are compared with each other: the end of their `trail`."""
    steps = list(trail(name, mention, later))
    return steps[-1][1] if steps else _noted(name, mention)


def trail(
    name: str, mention: Mention, later: Iterable[tuple[int, Delta]]
) -> Iterator[tuple[int, Places]]:
    """Where the thing in a mention may be after each of the deltas that followed, with their
    indexes; it ends where the thing may be anywhere.

    The samples of a delta's motion depend on its index alone, so that the n-th place of one thing and
    the n-th place of another assume the same motion.

    Args:
        name: of the thing; things in the same direction are not in the same places.
        mention: the latest one of it.
        later: the deltas that followed, with their indexes.
    """
    places = _noted(name, mention)
    for count, (index, delta) in enumerate(later):
        if count == MOST_LATER:
            return
        rng = np.random.default_rng([index])
        places = _moved(places.ahead, places.left, (delta,), rng)
        yield index, places


def _noted(name: str, mention: Mention) -> Places:
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    azimuths = np.radians(rng.uniform(*_SEEN[mention.direction], _PLACES))
    lengths = rng.uniform(*_RANGES[mention.distance], _PLACES)
    return Places(lengths * np.cos(azimuths), lengths * np.sin(azimuths))


def anywhere(rng: np.random.Generator | None = None) -> Places:
    """Places all around the camera, for a thing that may be anywhere."""
    rng = np.random.default_rng(0) if rng is None else rng
    angles = rng.uniform(0.0, 2.0 * math.pi, _PLACES)
    lengths = rng.uniform(0.0, 10.0, _PLACES)
    return Places(lengths * np.cos(angles), lengths * np.sin(angles))


def way_back(later: Sequence[Delta]) -> Places:
    """Where the camera may have been before the actions of these deltas, seen from its place
    now."""
    rng = np.random.default_rng([len(later)])
    return _moved(np.zeros(_PLACES), np.zeros(_PLACES), later, rng)


def _moved(ahead: Floats, left: Floats, later: Sequence[Delta], rng: np.random.Generator) -> Places:
    if len(later) > MOST_LATER:
        return anywhere(rng)
    uniform: Callable[..., Floats] = rng.uniform
    for delta in later:
        turn: Floats | None = None
        if delta.action in (Action.ROTATE_LEFT, Action.ROTATE_RIGHT):
            if delta.angle_deg is None:
                turn = uniform(*_SOME_TURN_DEG, _PLACES)
            else:
                turn = abs(delta.angle_deg) * rng.normal(1.0, _ANGLE_ERROR, _PLACES)
                turn = turn + rng.normal(0.0, _ANGLE_NOISE_DEG, _PLACES)
            turn = -turn if delta.action is Action.ROTATE_RIGHT else turn
        elif delta.action in _WAYS:
            forward, aside = _WAYS[delta.action]
            length = uniform(*_MOVE, _PLACES)
            ahead, left = ahead - forward * length, left - aside * length
        elif delta.action is None and not delta.at_rest:
            turn = rng.normal(0.0, _UNKNOWN_DEG, _PLACES)
            ahead = ahead - rng.normal(0.0, _UNKNOWN_MOVE, _PLACES)
            left = left - rng.normal(0.0, _UNKNOWN_MOVE, _PLACES)
        if turn is not None:
            cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
            ahead, left = ahead * cos + left * sin, left * cos - ahead * sin
    return Places(ahead, left)
