"""Which of two things is to the left of the other, in the view that both were noted in.

Out of scope: which things and views are meant (`about_relations`).
"""

from __future__ import annotations

from embodied_agent.records import Box, Direction, Mention

#: The middle of each direction, in degrees to the left. The sectors don't overlap.
_MIDDLES: dict[Direction, float] = {
    "front": 0.0, "front-left": 37.5, "left": 90.0, "back-left": 142.5, "back": 180.0,
    "back-right": -142.5, "right": -90.0, "front-right": -37.5,
}  # fmt: skip
#: Things that are farther apart than this, in degrees, have one on either side.
_MOST_APART_DEG = 140.0
#: A difference smaller than this tells nothing: in degrees, and in widths of a picture.
_LEAST_DEG, _LEAST_WIDTH = 3.0, 0.03


def is_left_of(one: Mention, other: Mention) -> bool | None:
    """Whether a thing is to the left of another, as the camera sees them; ``None`` if the notes on
    that view don't tell.

    Args:
        one: where it was noted,
        other: and the other thing, in the same delta.
    """
    if one.bearing_deg is not None and other.bearing_deg is not None:
        return _is_left(one.bearing_deg, other.bearing_deg, _LEAST_DEG)
    if one.box is not None and other.box is not None:
        offset = _middle(other.box) - _middle(one.box)
        return None if abs(offset) < _LEAST_WIDTH else offset > 0
    if one.direction == other.direction:
        return None
    return _is_left(_MIDDLES[one.direction], _MIDDLES[other.direction], 0.0)


def _is_left(one_deg: float, other_deg: float, least_deg: float) -> bool | None:
    offset = (one_deg - other_deg + 180.0) % 360.0 - 180.0
    return None if abs(offset) < least_deg or abs(offset) > _MOST_APART_DEG else offset > 0


def _middle(box: Box) -> float:
    return (box.left + box.right) / 2
