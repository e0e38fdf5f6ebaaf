"""How far the mentioned things are, by the keyframe's depth picture.

The middle of a mention's box may show the thing, what stands before it or behind it, and gaps. Its
distances are sorted into surfaces, and the thing is the nearest surface that fills enough of it:
what is behind a thing is seen around it. A surface that fills more of another mention's box is the
other's. Depth is measured along the camera's axis; a mention's range is from the camera along the
line of sight to the middle of the thing, which lies behind its surface.

Out of scope: the depth pictures themselves (`embodied_agent.images`), what positions follow from
ranges (`embodied_agent.objects`).
"""

from __future__ import annotations

import math
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from embodied_agent.images import ranges_in, read_depth
from embodied_agent.perception.measuring import camera_of, usable_box
from embodied_agent.records import Box, Delta, Depth, Distance, Intrinsics, Keyframe, Mention

#: Distances between these are believed, in metres.
NEAREST_M, FARTHEST_M = 0.2, 20.0
#: The part of each side of a box in which distances are read: around it are other things.
_MIDDLE = 0.5
#: So many pixels, and such a part of those that are read, must be known.
_FEWEST, _KNOWN = 6, 0.2
#: Distances of one surface are this close to each other, relative to the distance.
_STEP = 0.05
#: What fills less than this part of the known pixels is the edge of something, or noise; a thing
#: fills at least the second part.
_NOISE, _SHARE = 0.02, 0.2
#: Standard deviation of a depth camera: metres, and relative to the distance.
_SENSOR_M, _SENSOR = 0.02, 0.01
#: A thing's middle lies behind its surface by this part of the lesser of its width and height, as
#: simulated things do in the median, and the second is the standard deviation of that part, with
#: what is alike in all keyframes of a thing.
_BEHIND, _EXTENT = 0.25, 0.4
#: A surface is another mention's where it fills so much more of that one's box, and they are this
#: close to each other, relative to the distance.
_MORE, _ALIKE = 0.15, 0.1
#: A perceiver's own range is replaced by depth's if one is at most this many times the other.
_AGREEING = 1.6
#: Up to these distances things are near and at mid range, in metres: as rooms go.
_NEAR_M, _MID_M = 2.5, 4.5


class Ranged(NamedTuple):
    """The distance of a thing from the camera and its standard deviation, in metres."""

    range_m: float
    std_m: float


class Surface(NamedTuple):
    """What fills the middle of a box at about one distance: the median of its distances and half of
    what lies between the tenth and the ninetieth percentile, in metres, and which part it fills."""

    range_m: float
    half_m: float
    share: float


def with_ranges(delta: Delta, keyframe: Keyframe, hfov_deg: float) -> Delta:
    """The delta with the ranges that the keyframe's depth picture tells.

    A mention keeps a range whose standard deviation its perceiver states, and one that depth
    contradicts: what the box shows may stand before the thing.

    Args:
        delta: of the keyframe.
        keyframe: with its depth picture.
        hfov_deg: the horizontal field of view without a calibration, in degrees.
    """
    boxes = [None if one.box is None else usable_box(one.box) for one in delta.mentions]
    depth = read_depth(keyframe.depth) if any(boxes) else None
    if depth is None:
        return delta
    camera = camera_of(keyframe, hfov_deg)
    shown = [() if box is None else surfaces_in(depth, box, camera) for box in boxes]
    things = [(box, one[0]) for box, one in zip(boxes, shown, strict=True) if box and one]
    mentions = list(delta.mentions)
    for rank, (box, surfaces) in enumerate(zip(boxes, shown, strict=True)):
        if box is None:
            continue
        others = [thing for other, thing in things if other != box and _overlap(box, other)]
        own = (one for one in surfaces if not any(_belongs(one, other) for other in others))
        if (surface := next(own, None)) is not None:
            mentions[rank] = _with_range(mentions[rank], _ranged(surface, box, camera))
    return replace(delta, mentions=tuple(mentions))


def surfaces_in(depth: Depth, box: Box, camera: Intrinsics) -> tuple[Surface, ...]:
    """The surfaces that fill enough of the middle of a box, nearest first; the largest, if none
    does; none where too little is known.

    Args:
        depth: (height, width), of the whole upright picture.
        box: in parts of the picture.
        camera: of the upright picture, at any size.
    """
    ranges = _ranges_in(depth, box, camera)
    if ranges is None:
        return ()
    steps = (np.log(ranges / NEAREST_M) / _STEP).astype(np.intp)
    filled = np.bincount(steps) > _NOISE * ranges.size
    # Surfaces are runs of filled steps.
    numbers = np.where(filled, np.cumsum(np.diff(filled, prepend=False) & filled), 0)[steps]
    surfaces = []
    for number in range(1, int(numbers.max()) + 1):
        values = ranges[numbers == number]
        low, middle, high = (float(one) for one in np.percentile(values, (10, 50, 90)))
        surfaces.append(Surface(middle, (high - low) / 2, values.size / ranges.size))
    large = tuple(one for one in surfaces if one.share >= _SHARE)
    return large or tuple(sorted(surfaces, key=lambda one: -one.share)[:1])


def _overlap(one: Box, other: Box) -> bool:
    return (
        one.left < other.right
        and other.left < one.right
        and one.top < other.bottom
        and other.top < one.bottom
    )


def _belongs(surface: Surface, other: Surface) -> bool:
    """Whether a surface in one box is the thing of another, which ``other`` is the nearest of."""
    alike = abs(math.log(surface.range_m / other.range_m)) < _ALIKE
    return alike and other.share > surface.share + _MORE


def _ranged(surface: Surface, box: Box, camera: Intrinsics) -> Ranged:
    """Where the middle of a thing is whose surface was seen in a box."""
    wide = surface.range_m * (box.right - box.left) * camera.width / camera.fx
    tall = surface.range_m * (box.bottom - box.top) * camera.height / camera.fy
    extent_m = min(wide, tall)
    sensor_m = _SENSOR_M + _SENSOR * surface.range_m
    std_m = math.hypot(sensor_m, surface.half_m, _EXTENT * extent_m)
    return Ranged(surface.range_m + _BEHIND * extent_m, std_m)


def _with_range(mention: Mention, found: Ranged) -> Mention:
    own = mention.range_m
    if mention.range_std_m is not None:
        return mention
    if own is not None and not 1 / _AGREEING <= own / found.range_m <= _AGREEING:
        return mention
    return replace(
        mention,
        range_m=found.range_m,
        range_std_m=found.std_m,
        distance=mention.distance or _word(found.range_m),
    )


def _word(range_m: float) -> Distance:
    return "near" if range_m < _NEAR_M else "mid" if range_m < _MID_M else "far"


def _ranges_in(depth: Depth, box: Box, camera: Intrinsics) -> npt.NDArray[np.float64] | None:
    """The known distances (n,) in the middle of a box, in metres; ``None`` if they are too few."""
    height, width = depth.shape
    across, up = (box.right - box.left) * _MIDDLE / 2, (box.bottom - box.top) * _MIDDLE / 2
    if 4 * across * width * up * height >= _FEWEST:
        x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
        box = Box(x - across, y - up, x + across, y + up)
    ranges = ranges_in(depth, box, camera)
    known = ranges[(ranges >= NEAREST_M) & (ranges <= FARTHEST_M)]
    return None if known.size < max(_FEWEST, _KNOWN * ranges.size) else known
