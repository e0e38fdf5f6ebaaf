"""What is usual in a session: how far "near" and "far" are, how tall a kind of object is, where the
floor is. It is learned from the objects that were seen from enough places to be located by
directions alone, and used for the others.

The values are functions of the current objects, so that none of them has to be stored.

Out of scope: how they are used (`geometry.estimate`).
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from itertools import islice
from typing import TypeVar

from embodied_agent.objects.geometry import CLASS_M, NEAREST_M, Usual
from embodied_agent.objects.track import Track

T = TypeVar("T")

#: Objects that are asked, at most: those that were first seen first.
_MOST = 100
#: Objects whose distance directions alone tell this well say something about the scale.
_SOMEWHAT = 0.4
#: Standard deviation of what one object says about the scale, and the least that remains.
_ONE_SCALE_STD, _SCALE_STD = 0.3, 0.1
#: Least standard deviation of the logarithm of a height; that of one kind where few tell.
_HEIGHT_STD, _KIND_STD = 0.15, 0.35
#: Votes for a floor, and the share of all, and how far apart they may be in a house (metres).
_ENOUGH, _STANDING, _FLAT_M = 3, 0.5, 0.2


class Customs:
    """The usual values of one session. Not thread-safe."""

    def __init__(self) -> None:
        self._scales: dict[int, tuple[float, float]] = {}  # with the standard deviation
        self._floors: dict[int, float] = {}
        self._heights: dict[str, dict[int, float]] = {}

    def update(self, track: Track) -> None:
        """A track has changed."""
        self.drop(track)
        found = track.estimate
        if found is None or found.by_directions > _SOMEWHAT or found.misfit > 4.0:
            return
        scales, floors = [], []
        for ray in track.rays:
            x, y, z = found.position - ray.origin
            level = max(math.hypot(x, y), NEAREST_M)
            if math.isfinite(ray.distance):
                far = math.hypot(level, z)
                scales.append(math.log(far / CLASS_M[int(ray.distance)]))
            if math.isfinite(ray.low_rad):
                floors.append(ray.origin[2] + level * math.tan(ray.low_rad))
        if scales:
            std = math.hypot(_ONE_SCALE_STD, found.by_directions)
            self._scales[track.id] = statistics.fmean(scales), std
        if not track.triangulated:
            return
        if floors:
            self._floors[track.id] = statistics.median(floors)
        if math.isfinite(found.log_height):
            self._heights.setdefault(track.name.kind, {})[track.id] = found.log_height

    def drop(self, track: Track) -> None:
        """A track is no more."""
        self._scales.pop(track.id, None)
        self._floors.pop(track.id, None)
        self._heights.get(track.name.kind, {}).pop(track.id, None)

    def usual(self, track: Track) -> Usual:
        """What is usual for a track, as far as others tell."""
        scale, scale_std = self._scale(track.id)
        height, height_std = Usual().log_height + scale, Usual().log_height_std
        heights = _others(self._heights.get(track.name.kind, {}), track.id)
        if heights:
            height = statistics.median(heights)
            few = _KIND_STD / math.sqrt(len(heights))
            height_std = math.hypot(_HEIGHT_STD, statistics.pstdev(heights), few)
        return Usual(scale, scale_std, height, height_std, self._floor(track.id, math.exp(scale)))

    def _scale(self, number: int) -> tuple[float, float]:
        """The logarithm of the scale, as far as others than ``number`` tell, and its deviation."""
        prior_std = Usual().log_scale_std
        weights, total = 1 / prior_std**2, 0.0
        for value, std in _others(self._scales, number):
            weights += 1 / std**2
            total += value / std**2
        return total / weights, math.hypot(_SCALE_STD, 1 / math.sqrt(weights))

    @property
    def basis(self) -> tuple[float, float]:
        """The logarithm of the scale, and the floor's height or NaN."""
        scale, _ = self._scale(-1)
        return scale, self._floor(-1, math.exp(scale))

    def _floor(self, number: int, scale: float) -> float:
        """The height that most objects stand on; NaN where they don't agree."""
        floors = _others(self._floors, number)
        if not floors:
            return math.nan
        floors = sorted([*floors, 0.0])  # by convention (REP-105), until others outvote it
        best = math.nan
        most = max(_ENOUGH, math.ceil(_STANDING * len(floors)))
        for low in floors:
            standing = [one for one in floors if low <= one <= low + _FLAT_M * scale]
            if len(standing) >= most:
                best, most = statistics.median(standing), len(standing) + 1
        return best


def _others(values: Mapping[int, T], number: int) -> list[T]:
    ids: Iterable[int] = sorted(values)
    return [values[one] for one in islice((one for one in ids if one != number), _MOST)]
