"""The robot's pose and the camera's mount, from recorded transforms (TF).

As in the live node (`embodied_agent.ros.poses`), the pose is that of a base frame in a fixed frame.
Both frames are found in the tree by following the camera's chain of parents to its root.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodied_agent.records import Pose
from embodied_agent.sources.poses import PoseTrack, Quaternion

#: Names by convention (REP-105), the better first.
_FIXED_FRAMES = ("odom", "map", "world", "earth")
_BASE_FRAMES = ("base_link", "base_footprint", "base", "body", "imu_link")
_DEEPEST = 64
#: A camera within this of upright, or of a quarter turn, is mounted so.
_MOUNT_DEG = 25.0
#: Of a camera's optical frame (x right, y down, z ahead) in a body's (x ahead, y left, z up).
OPTICAL: Quaternion = (-0.5, 0.5, -0.5, 0.5)
_NOWHERE = Pose((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), "")


@dataclass(frozen=True, slots=True)
class Transform:
    """Where ``child`` is in ``pose.frame_id``."""

    stamp_ns: int
    child: str
    pose: Pose


class TransformTree:
    """Transforms by stamp. Static ones hold for ever; the others are kept while pictures need them.

    Args:
        fixed_frame: the poses' frame; empty: found.
        base_frame: the frame whose pose it is; empty: found.
    """

    def __init__(self, fixed_frame: str = "", base_frame: str = "") -> None:
        self._fixed, self._base = fixed_frame, base_frame
        self._static: dict[str, Pose] = {}
        self._moving: dict[str, PoseTrack] = {}
        self._parents: dict[str, str] = {}
        self.newest_ns = 0

    def __bool__(self) -> bool:
        return bool(self._parents)

    def statics(self) -> TransformTree:
        """A tree of its own with the static transforms of this one."""
        tree = TransformTree(self._fixed, self._base)
        tree._static = dict(self._static)
        tree._parents = {child: self._parents[child] for child in self._static}
        return tree

    @property
    def frames(self) -> list[str]:
        """All frames that are named, by name."""
        return sorted({*self._parents, *self._parents.values()})

    @property
    def moves(self) -> bool:
        """Whether anything but static transforms came."""
        return bool(self._moving)

    def add(self, transforms: Iterable[Transform], *, static: bool, receive_ns: int = 0) -> bool:
        """Take in a message; False where a transform in it is not finite."""
        usable = True
        for item in transforms:
            parent = item.pose.frame_id
            if not parent or not item.child or parent == item.child:
                usable = False
                continue
            track = PoseTrack() if static else self._moving.setdefault(item.child, PoseTrack())
            stamp_ns = item.stamp_ns or receive_ns
            if not track.add(stamp_ns, item.pose):
                usable = False
                continue
            self._parents[item.child] = parent
            if static:
                pose = track.at(stamp_ns)
                if pose is not None:
                    self._static[item.child] = pose
            else:
                self._static.pop(item.child, None)
                self.newest_ns = max(self.newest_ns, stamp_ns)
        return usable

    def forget_before(self, stamp_ns: int) -> None:
        """Drop what no picture from ``stamp_ns`` on can need."""
        for track in self._moving.values():
            track.forget_before(stamp_ns)

    def clear(self) -> None:
        """The clock restarted: static transforms stay."""
        for track in self._moving.values():
            track.clear()
        self.newest_ns = 0

    def frames_of(self, camera: str) -> tuple[str, str]:
        """The fixed and the base frame for a camera's frame."""
        chain = self._chain(camera.lstrip("/"))
        if len(chain) < 2:
            moving = [child for child in _BASE_FRAMES if child in self._parents]
            chain = self._chain(moving[0]) if moving else chain
        fixed = self._fixed or next((f for f in _FIXED_FRAMES if f in chain), chain[-1])
        base = self._base or next((f for f in _BASE_FRAMES if f in chain), "")
        if not base:
            # Without a name to go by, the body is what moves: the last frame below a moving one.
            moving = [frame for frame in chain if frame in self._moving]
            base = moving[0] if moving else chain[0]
        return fixed, base

    def pose_at(self, stamp_ns: int, camera: str) -> Pose | None:
        """Of the base frame in the fixed frame; ``None`` where it is not known at that stamp."""
        fixed, base = self.frames_of(camera)
        if fixed == base:
            return None
        pose = self.lookup(fixed, base, stamp_ns)
        if pose is not None and "optical" in base:
            # A pose is that of a body: x ahead. An optical frame has z ahead.
            x, y, z, w = OPTICAL
            turn = multiply(pose.orientation_xyzw, (-x, -y, -z, w))
            pose = Pose(pose.position_m, turn, pose.frame_id)
        return pose

    def lookup(self, target: str, source: str, stamp_ns: int) -> Pose | None:
        """Where frame ``source`` is in ``target``."""
        up, down = self._chain(source), self._chain(target)
        common = next((frame for frame in up if frame in down), None)
        if common is None:
            return None
        one = self._to_ancestor(up[: up.index(common)], stamp_ns)
        other = self._to_ancestor(down[: down.index(common)], stamp_ns)
        if one is None or other is None:
            return None
        pose = compose(inverse(other), one)
        return Pose(pose.position_m, pose.orientation_xyzw, target)

    def mount(self, camera: str) -> Pose | None:
        """Where a camera's frame is in its base frame, where only static transforms lie between."""
        return self.mount_at(self.newest_ns, camera)

    def mount_at(self, stamp_ns: int, camera: str, body: str = "") -> Pose | None:
        """Where a camera's frame is at that stamp in the frame ``body``, or in its base frame where
        the tree has no such frame. ``None`` where that is not known, or both are one."""
        camera, body = camera.lstrip("/"), body.lstrip("/")
        if camera not in self._parents:
            return None
        known = body in self._parents or body in self._parents.values()
        base = body if known else self.frames_of(camera)[1]
        return None if base == camera else self.lookup(base, camera, stamp_ns)

    def _chain(self, frame: str) -> list[str]:
        chain = [frame]
        while chain[-1] in self._parents and len(chain) < _DEEPEST:
            parent = self._parents[chain[-1]]
            if parent in chain:
                break  # a loop: two publishers disagree
            chain.append(parent)
        return chain

    def _to_ancestor(self, frames: list[str], stamp_ns: int) -> Pose | None:
        pose = _NOWHERE
        for frame in frames:
            step = self._static.get(frame)
            if step is None:
                track = self._moving.get(frame)
                step = track.at(stamp_ns) if track else None
            if step is None:
                return None
            pose = compose(step, pose)
        return pose


def heading_deg(mount: Pose, *, optical: bool) -> float:
    """Where a camera looks, in degrees to the left of ahead.

    Args:
        mount: of the camera's frame in its base frame.
        optical: whether the frame's z axis is ahead; else x is.
    """
    ahead = rotation_matrix(mount.orientation_xyzw)[:, 2 if optical else 0]
    return math.degrees(math.atan2(float(ahead[1]), float(ahead[0])))


def quarter_turns(mount: Pose) -> int | None:
    """By how many quarter turns clockwise a picture must be turned to be upright, 0 to 3.

    Args:
        mount: of a camera's optical frame in its base frame (z up).

    ``None``: the camera looks up or down, or is mounted askew.
    """
    turn = rotation_matrix(mount.orientation_xyzw)
    ahead_up, right_up, down_up = float(turn[2, 2]), float(turn[2, 0]), float(turn[2, 1])
    if abs(ahead_up) > math.sin(math.radians(60)):
        return None
    # Where "up" points in the picture, clockwise from its upper edge.
    angle = math.degrees(math.atan2(right_up, -down_up))
    turns = round(angle / 90)
    if abs(angle - 90 * turns) > _MOUNT_DEG:
        return None
    # Up that points to the right in the picture needs a quarter turn to the left, which is three.
    return -turns % 4


def multiply(one: Quaternion, other: Quaternion) -> Quaternion:
    """The turn ``other``, then ``one``."""
    ax, ay, az, aw = one
    bx, by, bz, bw = other
    return (
        aw * bx + ax * bw + ay * bz - az * by,
        aw * by - ax * bz + ay * bw + az * bx,
        aw * bz + ax * by - ay * bx + az * bw,
        aw * bw - ax * bx - ay * by - az * bz,
    )


def rotation_matrix(turn: Quaternion) -> npt.NDArray[np.float64]:
    """The 3×3 matrix of a unit quaternion."""
    x, y, z, w = turn
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def compose(outer: Pose, inner: Pose) -> Pose:
    """``inner``, given in the frame that ``outer`` places."""
    moved = rotation_matrix(outer.orientation_xyzw) @ np.array(inner.position_m)
    x, y, z = (float(a + b) for a, b in zip(outer.position_m, moved, strict=True))
    turn = multiply(outer.orientation_xyzw, inner.orientation_xyzw)
    return Pose((x, y, z), turn, outer.frame_id)


def inverse(pose: Pose) -> Pose:
    """The frame that ``pose`` is given in, seen from the frame that it places."""
    x, y, z, w = pose.orientation_xyzw
    back = rotation_matrix((-x, -y, -z, w)) @ np.array(pose.position_m)
    return Pose((-float(back[0]), -float(back[1]), -float(back[2])), (-x, -y, -z, w), "")
