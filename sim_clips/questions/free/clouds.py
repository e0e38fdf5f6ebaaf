"""Where an object may be now according to the notes: a cloud of places that agree with their words.

A direction word allows a sector, a distance word a range, a move an unknown length. So places are
drawn from everything that the words allow and moved with each later action. If nearly all of them
agree, the notes settle where the object is; if they scatter, an honest answer is "can't tell".

Out of scope: the truth (`standpoint`), the reasoning of a teacher (`training.free_questions`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodied_agent.records import DIRECTIONS, Action, Delta, Direction
from sim_clips.journey import SECTOR_LIMITS_DEG
from sim_clips.questions.free.standpoint import DIRECTION_TOLERANCE_DEG, Standpoint
from sim_clips.scene import DISTANCE_LIMITS_M, WorldName

Floats = npt.NDArray[np.float64]

_PLACES = 240
#: Half of the widest camera's view: what is noted lies within it.
_HALF_VIEW_DEG = 43.0
#: Length of a move between two keyframes, metres: least and greatest.
_MOVE_M: dict[WorldName, tuple[float, float]] = {
    "house": (0.5, 1.3),
    "warehouse": (0.5, 1.3),
    "city": (5.0, 16.0),
}
#: Relative error of a noted angle.
_ANGLE_ERROR = 0.06
#: Nearer than this part of the near limit nothing is noted, and beyond this part of the far limit.
_NEAREST, _FARTHEST = 0.3, 2.2
_SIDES = {
    Action.MOVE_FORWARD: (1.0, 0.0), Action.MOVE_BACKWARD: (-1.0, 0.0),
    Action.MOVE_LEFT: (0.0, 1.0), Action.MOVE_RIGHT: (0.0, -1.0),
}  # fmt: skip


@dataclass(frozen=True)
class Cloud:
    """Places ahead and to the left of the camera, metres, all equally likely."""

    ahead: Floats
    left: Floats
    #: The view at which the thing was last noted.
    since: int

    @property
    def azimuths_deg(self) -> Floats:
        """Degrees to the left, in (−180, 180]."""
        return np.degrees(np.arctan2(self.left, self.ahead))

    @property
    def metres(self) -> Floats:
        """Distances."""
        return np.hypot(self.ahead, self.left)

    def share(self, direction: Direction) -> float:
        """Of the places, those for which this direction is right."""
        gaps = _sector_gaps(self.azimuths_deg, direction)
        return float(np.mean(gaps <= DIRECTION_TOLERANCE_DEG))

    def best(self) -> tuple[Direction, float]:
        """The direction that is right for most places, and its share."""
        shares = {d: self.share(d) for d in DIRECTIONS}
        # Of equally good ones, that in whose sector most places lie.
        exact = {d: float(np.mean(_sector_gaps(self.azimuths_deg, d) <= 0)) for d in DIRECTIONS}
        direction = max(DIRECTIONS, key=lambda d: (round(shares[d], 2), exact[d]))
        return direction, shares[direction]

    def share_between(self, low_deg: float, high_deg: float) -> float:
        """Of the places, those whose azimuth lies between two, counted to the left."""
        turned = (self.azimuths_deg - low_deg) % 360.0
        return float(np.mean(turned <= (high_deg - low_deg) % 360.0))


def cloud_of(standpoint: Standpoint, name: str) -> Cloud | None:
    """Where the notes leave a thing by now; ``None`` where they do not name it."""
    noted = standpoint.noted_at(name)
    if not noted:
        return None
    mention = standpoint.mention(name, noted[-1])
    assert mention is not None
    rng = np.random.default_rng([len(noted), noted[-1], standpoint.now])
    low, high = _sector(mention.direction)
    azimuths = np.radians(rng.uniform(low, high, _PLACES))
    world = standpoint.journey.world
    near, far = DISTANCE_LIMITS_M[world]
    least, most = {
        "near": (_NEAREST * near, near),
        "mid": (near, far),
        "far": (far, _FARTHEST * far),
        None: (_NEAREST * near, _FARTHEST * far),
    }[mention.distance]
    metres = rng.uniform(least, most, _PLACES)
    places = metres * np.cos(azimuths), metres * np.sin(azimuths)
    return _carried(*places, noted[-1], standpoint.notes[noted[-1] + 1 :], world, rng)


def cloud_of_start(standpoint: Standpoint) -> Cloud:
    """Where the notes leave the place of the first keyframe by now."""
    rng = np.random.default_rng([0, 0, standpoint.now])
    zeros = np.zeros(_PLACES)
    return _carried(zeros, zeros, 0, standpoint.notes[1:], standpoint.journey.world, rng)


def _carried(
    ahead: Floats,
    left: Floats,
    since: int,
    later: Sequence[Delta],
    world: WorldName,
    rng: np.random.Generator,
) -> Cloud:
    for delta in later:
        if delta.action in (Action.ROTATE_LEFT, Action.ROTATE_RIGHT):
            noted = 30.0 if delta.angle_deg is None else delta.angle_deg
            turn = np.radians(noted * rng.normal(1.0, _ANGLE_ERROR, _PLACES))
            turn = -turn if delta.action is Action.ROTATE_LEFT else turn
            cos, sin = np.cos(turn), np.sin(turn)
            ahead, left = ahead * cos - left * sin, ahead * sin + left * cos
        elif delta.action in _SIDES:
            forward, aside = _SIDES[delta.action]
            length = rng.uniform(*_MOVE_M[world], _PLACES)
            ahead, left = ahead - forward * length, left - aside * length
    return Cloud(ahead, left, since)


def _sector(direction: Direction) -> tuple[float, float]:
    """Azimuths of a noted direction, within the camera's view where some of it is."""
    front, ahead, beside, behind = SECTOR_LIMITS_DEG
    low, high = {
        "front": (-front, front),
        "front-left": (front, min(ahead, _HALF_VIEW_DEG)),
        "left": (ahead, beside),
        "back-left": (beside, behind),
        "back": (behind, 360.0 - behind),
        "back-right": (-behind, -beside),
        "right": (-beside, -ahead),
        "front-right": (-min(ahead, _HALF_VIEW_DEG), -front),
    }[direction]
    return low, high


def _sector_gaps(azimuths_deg: Floats, direction: Direction) -> Floats:
    """`sector_gap` of many azimuths."""
    front, ahead, beside, behind = SECTOR_LIMITS_DEG
    middle, half = {
        "front": (0.0, front),
        "front-left": ((front + ahead) / 2, (ahead - front) / 2),
        "left": ((ahead + beside) / 2, (beside - ahead) / 2),
        "back-left": ((beside + behind) / 2, (behind - beside) / 2),
        "back": (180.0, 180.0 - behind),
        "back-right": (-(beside + behind) / 2, (behind - beside) / 2),
        "right": (-(ahead + beside) / 2, (beside - ahead) / 2),
        "front-right": (-(front + ahead) / 2, (ahead - front) / 2),
    }[direction]
    away = np.abs((azimuths_deg - middle + 180.0) % 360.0 - 180.0)
    return np.maximum(0.0, away - half)


#: Shares of places from which on a question counts as settled, and up to which as open.
SETTLED, OPEN = 0.8, 0.65


def agreement(share: float) -> bool | None:
    """Whether a share of places settles a question (True), leaves it open (False), or lies so
    near the line between that the question is better not asked (``None``)."""
    if share >= SETTLED:
        return True
    return False if share <= OPEN else None
