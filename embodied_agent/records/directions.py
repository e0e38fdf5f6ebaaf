"""Where something is, in words: one of eight directions and three distances.

Out of scope: positions in metres (`embodied_agent.object_records`).
"""

from __future__ import annotations

from typing import Literal

#: Clockwise from straight ahead, 45 degrees apart.
Direction = Literal[
    "front", "front-right", "right", "back-right", "back", "back-left", "left", "front-left"
]
DIRECTIONS: tuple[Direction, ...] = (
    "front",
    "front-right",
    "right",
    "back-right",
    "back",
    "back-left",
    "left",
    "front-left",
)


def wrapped_deg(angle_deg: float) -> float:
    """The same angle in (-180, 180] degrees."""
    return 180.0 - (180.0 - angle_deg) % 360.0


#: Where one direction ends and the next begins, in degrees from straight ahead, to either side.
#: With eight equal ones, nearly everything in a camera's view would be "front".
DIRECTION_LIMITS_DEG = (15.0, 60.0, 120.0, 165.0)


def direction_at(bearing_deg: float) -> Direction:
    """The direction that a bearing lies in, in degrees, positive to the left."""
    eighths = sum(abs(wrapped_deg(bearing_deg)) > limit for limit in DIRECTION_LIMITS_DEG)
    return DIRECTIONS[-eighths if wrapped_deg(bearing_deg) > 0 else eighths]


#: Coarse range; its limits depend on the world (a room's "far" is a street's "near").
Distance = Literal["near", "mid", "far"]
DISTANCES: tuple[Distance, ...] = ("near", "mid", "far")
