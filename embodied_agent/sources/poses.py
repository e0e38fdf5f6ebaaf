"""Where the camera was at a stamp: odometry, interpolated between its neighbours.

This is not a TF tree: poses are those of the odometry message, for the body that it describes.
"""

from __future__ import annotations

import bisect
import math
from typing import NamedTuple

from embodied_agent.records import Pose

#: Odometry further away than this says nothing about a picture.
MAX_GAP_NS = 500_000_000
#: At the ends of the odometry, where there is a neighbour on one side only, it may be this far.
EDGE_NS = 50_000_000
Quaternion = tuple[float, float, float, float]


class _Sample(NamedTuple):
    stamp_ns: int
    pose: Pose


class PoseTrack:
    """Recent poses by stamp; bounded by `forget_before`."""

    def __init__(self) -> None:
        self._stamps: list[int] = []
        self._poses: list[Pose] = []

    def add(self, stamp_ns: int, pose: Pose) -> bool:
        """Add a pose; False, and nothing added, where it is not finite or has no orientation."""
        length = math.hypot(*pose.orientation_xyzw)
        if not (
            math.isfinite(length) and length > 1e-6 and all(map(math.isfinite, pose.position_m))
        ):
            return False
        x, y, z, w = pose.orientation_xyzw
        unit = (x / length, y / length, z / length, w / length)
        at = bisect.bisect_left(self._stamps, stamp_ns)
        clean = Pose(pose.position_m, unit, pose.frame_id)
        if at < len(self._stamps) and self._stamps[at] == stamp_ns:
            self._poses[at] = clean
        else:
            self._stamps.insert(at, stamp_ns)
            self._poses.insert(at, clean)
        return True

    def forget_before(self, stamp_ns: int) -> None:
        """Drop what no picture from ``stamp_ns`` on can need."""
        cut = bisect.bisect_left(self._stamps, stamp_ns - MAX_GAP_NS)
        del self._stamps[:cut], self._poses[:cut]

    def clear(self) -> None:
        """Drop everything: the clock restarted."""
        self._stamps.clear()
        self._poses.clear()

    def at(self, stamp_ns: int) -> Pose | None:
        """The pose at ``stamp_ns``; ``None`` where no neighbours are within `MAX_GAP_NS`."""
        after = bisect.bisect_left(self._stamps, stamp_ns)
        later = self._sample(after, stamp_ns)
        if later is not None and later.stamp_ns == stamp_ns:
            return later.pose
        earlier = self._sample(after - 1, stamp_ns)
        if earlier is not None and later is not None:
            part = (stamp_ns - earlier.stamp_ns) / (later.stamp_ns - earlier.stamp_ns)
            return interpolate(earlier.pose, later.pose, part)
        # A gap is a gap on both its sides; only the track's own ends may be stretched a little.
        only = earlier if after == len(self._stamps) else later if after == 0 else None
        return only.pose if only and abs(only.stamp_ns - stamp_ns) <= EDGE_NS else None

    def _sample(self, index: int, stamp_ns: int) -> _Sample | None:
        if not 0 <= index < len(self._stamps):
            return None
        if abs(self._stamps[index] - stamp_ns) > MAX_GAP_NS:
            return None
        return _Sample(self._stamps[index], self._poses[index])


def interpolate(start: Pose, end: Pose, part: float) -> Pose:
    """The pose at ``part`` in [0, 1] of the way: positions linearly, orientations by slerp."""
    (ax, ay, az), (bx, by, bz) = start.position_m, end.position_m
    position = (ax + (bx - ax) * part, ay + (by - ay) * part, az + (bz - az) * part)
    orientation = slerp(start.orientation_xyzw, end.orientation_xyzw, part)
    return Pose(position, orientation, start.frame_id)


def slerp(start: Quaternion, end: Quaternion, part: float) -> Quaternion:
    """Spherical interpolation of unit quaternions along the shorter arc (Shoemake, 1985)."""
    cosine = sum(a * b for a, b in zip(start, end, strict=True))
    sign = -1.0 if cosine < 0 else 1.0
    angle = math.acos(min(abs(cosine), 1.0))
    if angle < 1e-6:
        weights = (1 - part, part)
    else:
        weights = (
            math.sin((1 - part) * angle) / math.sin(angle),
            math.sin(part * angle) / math.sin(angle),
        )
    x, y, z, w = (weights[0] * a + sign * weights[1] * b for a, b in zip(start, end, strict=True))
    length = math.hypot(x, y, z, w)
    return (x / length, y / length, z / length, w / length)
