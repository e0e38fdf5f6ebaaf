"""From a box in the picture to bearing and elevation, and which boxes can be trusted.

The angles come from the camera's calibration, where the keyframe has one, else from an assumed
field of view (``perception.field_of_view_deg``). They are in the camera's own frame;
`embodied_agent.agent.cameras` turns those of a robot with several cameras.

Out of scope: how models write boxes (`boxes`), the pinhole camera (`embodied_agent.optics`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from embodied_agent import optics
from embodied_agent.records import (
    DIRECTION_LIMITS_DEG,
    Box,
    Direction,
    Intrinsics,
    Keyframe,
    Mention,
    direction_at,
    wrapped_deg,
)

#: A box may reach beyond the picture by this share of its size; it is cut off there.
_OVERHANG = 0.02
#: The least side of a box, as a share of the picture's.
_LEAST_SIDE = 0.002
#: A box that covers more than this share of the picture says nothing of where an object is.
_WHOLE = 0.9
#: A box may lie this far outside the direction that the same model gave, in degrees: models are
#: loose about where "front" ends.
_DIRECTION_SLACK_DEG = 25.0


def camera_of(keyframe: Keyframe, hfov_deg: float) -> Intrinsics:
    """The keyframe's calibration, or a camera with a horizontal field of view of ``hfov_deg``."""
    if keyframe.intrinsics is not None:
        return keyframe.intrinsics
    return optics.assumed(max(1, keyframe.width), max(1, keyframe.height), hfov_deg)


def usable_box(box: Box) -> Box | None:
    """The box within the picture; ``None`` if it is empty or lies outside."""
    edges = (box.left, box.top, box.right, box.bottom)
    if not all(map(math.isfinite, edges)):
        return None
    if min(edges) < -_OVERHANG or max(edges) > 1 + _OVERHANG:
        return None
    left, top, right, bottom = (min(1.0, max(0.0, edge)) for edge in edges)
    if right - left < _LEAST_SIDE or bottom - top < _LEAST_SIDE:
        return None
    return Box(left, top, right, bottom)


def covers_all(box: Box) -> bool:
    """Whether a box is nearly the whole picture."""
    return (box.right - box.left) * (box.bottom - box.top) > _WHOLE


def measured(
    mention: Mention,
    box: Box,
    keyframe: Keyframe,
    hfov_deg: float,
    *,
    confidence: float | None = None,
    range_m: float | None = None,
) -> Mention:
    """The mention with its box, and bearing and elevation of the box's middle.

    Args:
        mention: of an object in the keyframe's picture.
        box: a usable one.
        keyframe: with its size and calibration.
        hfov_deg: the horizontal field of view without a calibration, in degrees.
        confidence: in [0, 1].
        range_m: the object's distance, in metres.
    """
    camera = camera_of(keyframe, hfov_deg)
    middle = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    bearing_deg, elevation_deg = optics.angles_at(camera, *middle)
    return replace(
        mention,
        box=box,
        bearing_deg=bearing_deg,
        elevation_deg=elevation_deg,
        range_m=range_m,
        confidence=confidence,
    )


def mention_at(
    name: str, box: Box, keyframe: Keyframe, hfov_deg: float, *, confidence: float | None = None
) -> Mention:
    """A mention whose direction is that of its box; see `measured`."""
    mention = measured(Mention(name, "front"), box, keyframe, hfov_deg, confidence=confidence)
    assert mention.bearing_deg is not None
    return replace(mention, direction=direction_at(mention.bearing_deg))


def contradicts(direction: Direction, bearing_deg: float) -> bool:
    """Whether a bearing lies well outside the direction that a model gave."""
    return gap_deg(direction, bearing_deg) > _DIRECTION_SLACK_DEG


def gap_deg(direction: Direction, bearing_deg: float) -> float:
    """Degrees from a bearing to the nearest edge of a direction's sector; 0 inside it."""
    if direction_at(bearing_deg) == direction:
        return 0.0
    edges = [sign * limit for limit in DIRECTION_LIMITS_DEG for sign in (1, -1)]
    # An edge belongs to a direction if the sector begins on one of its sides.
    own = [e for e in edges if direction in (direction_at(e - 0.01), direction_at(e + 0.01))]
    return min(abs(wrapped_deg(bearing_deg - edge)) for edge in own)


def overlap(one: Box, other: Box) -> float:
    """Intersection over union of two boxes."""
    width = min(one.right, other.right) - max(one.left, other.left)
    height = min(one.bottom, other.bottom) - max(one.top, other.top)
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    areas = ((b.right - b.left) * (b.bottom - b.top) for b in (one, other))
    return both / (sum(areas) - both)


def repeated(boxes: Sequence[Box | None]) -> set[Box]:
    """The boxes that can't be measurements of different objects: one that more than two of them
    share, and nearly the whole picture for more than one."""
    given = [box for box in boxes if box is not None]
    wide = {box for box in given if covers_all(box)}
    many = {box for box in given if given.count(box) > 2}
    return many | (wide if sum(box in wide for box in given) > 1 else set())
