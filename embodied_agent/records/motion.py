"""What the camera did between two keyframes: one action of ten, and its size.

Out of scope: measuring it (`embodied_agent.keyframes.egomotion`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum


class Action(str, Enum):
    """What the camera did between two keyframes: exactly one of ten (Embodied-R, §3.2)."""

    MOVE_FORWARD = "move forward"
    MOVE_BACKWARD = "move backward"
    MOVE_LEFT = "move left"
    MOVE_RIGHT = "move right"
    MOVE_UPWARD = "move upward"
    MOVE_DOWNWARD = "move downward"
    ROTATE_LEFT = "rotate left"
    ROTATE_RIGHT = "rotate right"
    TILT_DOWNWARD = "tilt downward"
    TILT_UPWARD = "tilt upward"

    def __str__(self) -> str:
        return self.value

    @property
    def is_rotation(self) -> bool:
        """True for rotations and tilts, whose size is an angle."""
        return self.value.startswith(("rotate", "tilt"))

    @property
    def inverse(self) -> Action:
        """The action that undoes it."""
        return _INVERSE[self]


_OPPOSITES = (
    (Action.MOVE_FORWARD, Action.MOVE_BACKWARD),
    (Action.MOVE_LEFT, Action.MOVE_RIGHT),
    (Action.MOVE_UPWARD, Action.MOVE_DOWNWARD),
    (Action.ROTATE_LEFT, Action.ROTATE_RIGHT),
    (Action.TILT_DOWNWARD, Action.TILT_UPWARD),
)
_INVERSE = {one: other for a, b in _OPPOSITES for one, other in ((a, b), (b, a))}


@dataclass(frozen=True, slots=True)
class Egomotion:
    """What the camera did from one keyframe to the next, measured from the two pictures.

    Angles are in degrees: ``yaw_deg`` is positive to the left, ``pitch_deg`` upward, ``roll_deg``
    clockwise. ``translation`` is the travel in the earlier camera's frame (x right, y down, z
    ahead) in units of the scene's depth: 0.3 along z means 30 % of the way to what is ahead.
    ``action`` is the one of the ten that explains most of the motion, ``None`` if the camera did
    not move measurably. ``confidence`` is in [0, 1].
    """

    action: Action | None
    yaw_deg: float = 0.0
    pitch_deg: float = 0.0
    roll_deg: float = 0.0
    translation: tuple[float, float, float] = (0.0, 0.0, 0.0)
    confidence: float = 0.0

    @property
    def angle_deg(self) -> float | None:
        """The size of a rotation or tilt in degrees, never negative; ``None`` for other actions."""
        if self.action is None or not self.action.is_rotation:
            return None
        return abs(self.yaw_deg if self.action.value.startswith("rotate") else self.pitch_deg)
