"""Where the robot was at an image's stamp, according to the odometry or TF received so far.

Out of scope: waiting for a pose that is still on its way (`pairing`), interpolation between
odometry messages (`embodied_agent.sources.poses`).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import yaml

from embodied_agent.records import Pose
from embodied_agent.ros.images import stamp_ns
from embodied_agent.ros.pairing import Fit, Lookup
from embodied_agent.sources.base import CLOCK_RESTART_NS
from embodied_agent.sources.poses import EDGE_NS, PoseTrack

#: Odometry older than this is forgotten, in nanoseconds of its own clock.
_KEEP_NS = 10_000_000_000
#: As a fixed frame: found in the tree.
AUTO = "auto"
#: Most transforms that are taken from ROS's queue at once; the listener's queue is as long.
_MOST_QUEUED = 100
#: Most frames of TF that a message names.
_MOST_FRAMES = 20


class OdometryPoses:
    """Poses of nav_msgs/Odometry, interpolated.

    Args:
        warn: told (kind, message) of poses that can't be used.
    """

    def __init__(self, warn: Callable[[str, str], object]) -> None:
        self._warn = warn
        self._track = PoseTrack()
        self._newest_ns = 0
        self._oldest_ns = 0
        self.body = ""

    def add(self, message: Any) -> None:
        """Take in a nav_msgs/Odometry."""
        at_ns = stamp_ns(message.header.stamp)
        if at_ns < self._newest_ns - CLOCK_RESTART_NS:
            self.clear()
        position, turn = message.pose.pose.position, message.pose.pose.orientation
        pose = Pose(
            (float(position.x), float(position.y), float(position.z)),
            (float(turn.x), float(turn.y), float(turn.z), float(turn.w)),
            str(message.header.frame_id) or "odom",
        )
        if at_ns <= 0 or not self._track.add(at_ns, pose):
            self._warn(
                "invalid_pose",
                "odometry without a stamp, with NaN or without an orientation is left out",
            )
            return
        self.body = str(message.child_frame_id)
        self._newest_ns = max(self._newest_ns, at_ns)
        self._oldest_ns = self._oldest_ns or at_ns
        self._track.forget_before(self._newest_ns - _KEEP_NS)

    def newest_ns(self) -> int:
        return self._newest_ns

    def knows(self, at_ns: int) -> bool:
        return self._newest_ns >= at_ns

    def at(self, at_ns: int) -> Lookup:
        pose = self._track.at(at_ns)
        inside = self._oldest_ns <= at_ns <= self._newest_ns
        if pose is not None:
            return Lookup(pose, "found" if inside else "extrapolated")
        return Lookup(None, _without(at_ns, self._newest_ns))

    def describe(self, at_ns: int) -> str:
        if not self._newest_ns:
            return "no odometry has come"
        if at_ns <= self._newest_ns:
            return "there is a gap in the odometry at its stamp"
        return _behind("the odometry", at_ns - self._newest_ns)

    def clear(self) -> None:
        self._track.clear()
        self._newest_ns = self._oldest_ns = 0


class TfPoses:
    """Poses from the transform tree.

    Args:
        node: listens to /tf and /tf_static.
        fixed_frame: the poses' frame; "auto": `map` once TF has it, else `odom`.
        base_frame: the frame whose pose it is.

    Raises:
        ImportError: tf2_ros is not installed.
    """

    def __init__(self, node: Any, fixed_frame: str, base_frame: str) -> None:
        import tf2_ros
        from rclpy.exceptions import InvalidHandle
        from rclpy.time import Time

        self._time = Time
        self._gone: type[Exception] = InvalidHandle
        self._error: type[Exception] = tf2_ros.TransformException
        self._auto = fixed_frame == AUTO
        self.body = base_frame
        self._fixed, self._base = ("odom" if self._auto else fixed_frame), base_frame
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(RestartingBuffer(self._buffer), node)

    def newest_ns(self) -> int:
        self._take_queued()
        if self._auto and self._buffer.can_transform("map", self._base, self._time()):
            # From now on: a localisation that pauses must not make the poses' frame change back.
            self._fixed, self._auto = "map", False
        try:
            newest = self._buffer.get_latest_common_time(self._fixed, self._base)
        except self._error:
            return 0
        return int(newest.nanoseconds)

    def _take_queued(self) -> None:
        """Take in the transforms that have arrived. The executor takes one at a time, between
        images: after a pause of this process, such as at its start, it would take seconds to reach
        those of the images that come now, which would go without a pose in the meantime."""
        subscription = self._listener.tf_sub
        with suppress(self._gone), subscription.handle:
            for _ in range(_MOST_QUEUED):
                queued = subscription.handle.take_message(subscription.msg_type, False)
                if queued is None:
                    return
                self._listener.callback(queued[0])

    def knows(self, at_ns: int) -> bool:
        at = self._time(nanoseconds=at_ns)
        return bool(self._buffer.can_transform(self._fixed, self._base, at))

    def at(self, at_ns: int) -> Lookup:
        newest_ns = self.newest_ns()
        pose = self._pose(at_ns)
        if pose is not None:
            return Lookup(pose, "found")
        if abs(newest_ns - at_ns) <= EDGE_NS:
            pose = self._pose(newest_ns)
        if pose is not None:
            return Lookup(pose, "extrapolated")
        return Lookup(None, _without(at_ns, newest_ns))

    def _pose(self, at_ns: int) -> Pose | None:
        try:
            transform = self._buffer.lookup_transform(
                self._fixed, self._base, self._time(nanoseconds=at_ns)
            ).transform
        except self._error:
            return None
        position, turn = transform.translation, transform.rotation
        values = (position.x, position.y, position.z, turn.x, turn.y, turn.z, turn.w)
        if not all(map(math.isfinite, values)):
            return None
        x, y, z, *rest = values
        return Pose((x, y, z), (rest[0], rest[1], rest[2], rest[3]), self._fixed)

    def describe(self, at_ns: int) -> str:
        what = f"the transform from {self._base} to {self._fixed}"
        newest_ns = self.newest_ns()
        if newest_ns and at_ns > newest_ns:
            return _behind(what, at_ns - newest_ns)
        try:
            self._buffer.lookup_transform(self._fixed, self._base, self._time(nanoseconds=at_ns))
        except self._error as error:
            return f"TF does not know {what} ({error}); TF has the frames {self._frames()}"
        return f"{what} holds NaN"

    def _frames(self) -> str:
        frames = yaml.safe_load(self._buffer.all_frames_as_yaml()) or {}
        parents = {str(frame.get("parent", "")) for frame in frames.values()}
        return ", ".join(sorted({*frames, *parents} - {""})[:_MOST_FRAMES]) or "none"

    def clear(self) -> None:
        self._buffer.clear()

    def close(self) -> None:
        """Stop listening."""
        self._listener.unregister()


class RestartingBuffer:
    """Takes transforms for a tf2 buffer, which refuses those older than it keeps: for ever, where
    a clock went back. Once one comes that is older than a restart allows, the buffer is cleared.

    Args:
        buffer: a tf2_ros.Buffer.
    """

    def __init__(self, buffer: Any) -> None:
        self._buffer = buffer
        self._newest_ns: dict[str, int] = {}  # by the transform's child

    def set_transform(self, transform: Any, authority: str) -> None:
        """Take in a geometry_msgs/TransformStamped of /tf."""
        at_ns, child = stamp_ns(transform.header.stamp), str(transform.child_frame_id)
        if at_ns < self._newest_ns.get(child, 0) - CLOCK_RESTART_NS:
            self._buffer.clear()
            self._newest_ns.clear()
        self._newest_ns[child] = max(at_ns, self._newest_ns.get(child, 0))
        self._buffer.set_transform(transform, authority)

    def set_transform_static(self, transform: Any, authority: str) -> None:
        """Take in one of /tf_static, which has no age."""
        self._buffer.set_transform_static(transform, authority)


def _without(at_ns: int, newest_ns: int) -> Fit:
    """Why there is no pose, by the stamp of the newest one (0: there is none)."""
    return "late" if 0 < newest_ns < at_ns else "missing"


def _behind(what: str, lag_ns: int) -> str:
    return (
        f"{what} is {lag_ns / 1e6:.0f} ms behind the images; set ros.pose_wait_s to more than it "
        "takes to arrive, or correct the clocks"
    )
