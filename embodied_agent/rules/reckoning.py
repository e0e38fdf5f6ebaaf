"""Where things are by now: places that agree with the notes' words, carried along with each action.

A direction word leaves a sector, a distance word a range, and a move the length of a move. So
places are drawn from all that the words allow, and every later action moves them. Where nearly all
agree, the notes tell where the thing is; where they scatter, they don't.

Lengths are in units of the distance at which "near" ends, whatever that is in metres: a room's
"far" is a street's "near".

Out of scope: sentences about it (`about_places`), true poses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
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

_PLACES = 300
#: Middle and half width of each direction, in degrees to the left. Not eight equal sectors: within
#: a camera's view "front" would swallow nearly all.
_SECTORS: dict[Direction, tuple[float, float]] = {
    "front": (0.0, 15.0), "front-left": (37.5, 22.5), "left": (90.0, 30.0),
    "back-left": (142.5, 22.5), "back": (180.0, 15.0), "back-right": (-142.5, 22.5),
    "right": (-90.0, 30.0), "front-right": (-37.5, 22.5),
}  # fmt: skip
#: Where a camera that names a direction may have seen the thing: hardly beyond half its view.
_SEEN: dict[Direction, tuple[float, float]] = {
    **{d: (middle - half, middle + half) for d, (middle, half) in _SECTORS.items()},
    "front-left": (15.0, 45.0), "front-right": (-45.0, -15.0),
    "left": (40.0, 110.0), "right": (-110.0, -40.0),
}  # fmt: skip
_RANGES: dict[Distance | None, tuple[float, float]] = {
    "near": (0.3, 1.0), "mid": (1.0, 1.9), "far": (1.9, 4.1), None: (0.3, 3.5),
}  # fmt: skip
#: Length of a move between two keyframes, least and greatest.
_MOVE = (0.2, 0.7)
#: Errors of a noted angle: relative, and in degrees; a motion that nobody could measure turns by
#: the last, and moves by the length beside it.
_ANGLE_ERROR, _ANGLE_NOISE_DEG, _UNKNOWN_DEG, _UNKNOWN_MOVE = 0.06, 3.0, 25.0, 0.4
#: A rotation without its angle.
_SOME_TURN_DEG = (15.0, 90.0)
#: After more keyframes than this, anything may be anywhere.
_MOST_LATER = 200
#: A direction counts as right this far beyond its sector.
_TOLERANCE_DEG = 10.0
_WAYS: dict[Action, tuple[float, float]] = {
    Action.MOVE_FORWARD: (1.0, 0.0), Action.MOVE_BACKWARD: (-1.0, 0.0),
    Action.MOVE_LEFT: (0.0, 1.0), Action.MOVE_RIGHT: (0.0, -1.0),
}  # fmt: skip
#: What counts as being on a side: from the first to the second, in degrees to the left.
SIDES: dict[str, tuple[float, float]] = {
    "front": (-70.0, 70.0), "left": (20.0, 160.0), "back": (110.0, 250.0), "right": (-160.0, -20.0),
}  # fmt: skip


@dataclass(frozen=True)
class Places:
    """Where something may be: ahead of the camera and to its left, all equally likely."""

    ahead: Floats
    left: Floats

    @property
    def azimuths_deg(self) -> Floats:
        """Degrees to the left, in (−180, 180]."""
        return np.degrees(np.arctan2(self.left, self.ahead))

    @property
    def lengths(self) -> Floats:
        """Distances, in units of the near limit."""
        return np.hypot(self.ahead, self.left)

    def direction(self) -> tuple[Direction, float]:
        """The direction that is right for most places, and the share of them."""
        azimuths = self.azimuths_deg
        best: tuple[float, float, Direction] | None = None
        for direction in DIRECTIONS:
            middle, half = _SECTORS[direction]
            away = np.abs((azimuths - middle + 180.0) % 360.0 - 180.0)
            share = float(np.mean(away <= half + _TOLERANCE_DEG))
            rank = (round(share, 2), float(np.mean(away <= half)), direction)
            if best is None or rank[:2] > best[:2]:
                best = rank
        assert best is not None
        return best[2], best[0]

    def distance(self) -> tuple[Distance, float]:
        """The distance word that is right for most places, and the share of them."""
        lengths = self.lengths
        shares = {
            word: float(np.mean((lengths >= low / 1.2) & (lengths < high * 1.2)))
            for word, (low, high) in _limits().items()
        }
        word = max(DISTANCES, key=lambda d: shares[d])
        return word, shares[word]

    def share_on(self, side: str) -> float:
        """Of the places, those on a side of `SIDES`."""
        low, high = SIDES[side]
        return float(np.mean((self.azimuths_deg - low) % 360.0 <= high - low))


def _limits() -> dict[Distance, tuple[float, float]]:
    return {"near": (0.0, 1.0), "mid": (1.0, 1.9), "far": (1.9, math.inf)}


def carry(mention: Mention, later: Sequence[Delta]) -> Places:
    """Where a mention's thing is after the actions of the deltas that followed."""
    rng = np.random.default_rng([len(later), *map(ord, mention.direction[:8])])
    azimuths = np.radians(rng.uniform(*_SEEN[mention.direction], _PLACES))
    lengths = rng.uniform(*_RANGES[mention.distance], _PLACES)
    return _moved(lengths * np.cos(azimuths), lengths * np.sin(azimuths), later, rng)


def way_back(later: Sequence[Delta]) -> Places:
    """Where the camera was before the actions of these deltas."""
    rng = np.random.default_rng([len(later)])
    return _moved(np.zeros(_PLACES), np.zeros(_PLACES), later, rng)


def _moved(ahead: Floats, left: Floats, later: Sequence[Delta], rng: np.random.Generator) -> Places:
    if len(later) > _MOST_LATER:
        angles = rng.uniform(0.0, 2.0 * math.pi, _PLACES)
        lengths = rng.uniform(0.0, 10.0, _PLACES)
        return Places(lengths * np.cos(angles), lengths * np.sin(angles))
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
        elif delta.action is None:
            turn = rng.normal(0.0, _UNKNOWN_DEG, _PLACES)
            ahead = ahead - rng.normal(0.0, _UNKNOWN_MOVE, _PLACES)
            left = left - rng.normal(0.0, _UNKNOWN_MOVE, _PLACES)
        if turn is not None:
            cos, sin = np.cos(np.radians(turn)), np.sin(np.radians(turn))
            ahead, left = ahead * cos + left * sin, left * cos - ahead * sin
    return Places(ahead, left)
