"""What is before an object in the picture: by the boxes of others, and by the depth picture of the
place where it should be.

Out of scope: which objects are expected there (`absence`), how far mentions are
(`embodied_agent.perception.ranging`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from embodied_agent.images import ranges_in
from embodied_agent.records import Box, Depth, Intrinsics

#: ``free``: the camera sees past the place. ``hidden``: something stands before it. ``filled``:
#: something stands there. ``unknown``: depth does not tell.
Sight = Literal["free", "hidden", "filled", "unknown"]
#: So many pixels, and such a part of those that are read, must be known.
_FEWEST, _KNOWN = 4, 0.5
#: Such a part of the known pixels shows that the place is free, hidden or filled.
_FREE, _HIDDEN, _FILLED = 0.9, 0.3, 0.6
#: Distances that differ by less, relative to the distance, are alike.
_ALIKE = 0.05
#: By how many points across and upward it is told how much of a box others hide.
_POINTS = 8


def sight_to(
    depth: Depth, lens: Intrinsics, box: Box, distance_m: float, half_m: float, std_m: float
) -> Sight:
    """What is seen where an object should be.

    Args:
        depth: (height, width), of the whole upright picture.
        lens: the camera of that picture, at any size.
        box: where the object should be, in parts of the picture.
        distance_m: of the object's middle.
        half_m: half of the object's extent along the line of sight.
        std_m: standard deviation of the distance.
    """
    ranges = ranges_in(depth, box, lens)
    known = ranges[ranges > 0]
    if known.size < max(_FEWEST, _KNOWN * ranges.size):
        return "unknown"
    slack_m = 2 * std_m + _ALIKE * distance_m
    if float((known > distance_m + slack_m).mean()) >= _FREE:
        return "free"
    before = known < distance_m - half_m - slack_m
    if float(before.mean()) >= _HIDDEN:
        return "hidden"
    if float((~before & (known <= distance_m)).mean()) >= _FILLED:
        return "filled"
    return "unknown"


def overlaps(one: Box, other: Box) -> bool:
    """Whether two boxes have a part of the picture in common."""
    return (
        one.left < other.right
        and other.left < one.right
        and one.top < other.bottom
        and other.top < one.bottom
    )


def hidden_part(box: Box, others: Sequence[Box]) -> float:
    """The part of a box that others cover."""
    steps = (np.arange(_POINTS) + 0.5) / _POINTS
    across = box.left + steps * (box.right - box.left)
    down = box.top + steps * (box.bottom - box.top)
    covered = np.zeros((_POINTS, _POINTS), bool)
    for one in others:
        inside_across = (one.left <= across) & (across <= one.right)
        inside_down = (one.top <= down) & (down <= one.bottom)
        covered |= inside_down[:, None] & inside_across[None]
    return float(covered.mean())
