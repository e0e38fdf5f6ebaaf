"""Where the camera was at an image's stamp: from odometry or TF, waiting a moment where needed.

Odometry often arrives a little later than the image that it belongs to. While poses come at all, an
image waits for the one at its stamp, but never long and never out of order; without poses nothing
waits.

Out of scope: interpolation between odometry messages (`embodied_agent.sources.poses`).
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, Protocol

from embodied_agent.records import Frame, Pose
from embodied_agent.ros.images import stamp_ns
from embodied_agent.sources.base import CLOCK_RESTART_NS
from embodied_agent.sources.poses import PoseTrack

#: Images wait for poses only while the last pose is no older than this, in seconds.
_ALIVE_S = 1.0
#: Most images that wait; the oldest then goes without waiting on.
_MOST_HELD = 8
#: Odometry older than this is forgotten, in nanoseconds of its own clock.
_KEEP_NS = 10_000_000_000


class PoseSource(Protocol):
    """Says where the camera was."""

    def knows(self, at_ns: int) -> bool:
        """Whether waiting longer would not give a better pose for this stamp."""
        ...

    def at(self, at_ns: int) -> Pose | None:
        """The pose at this stamp, as good as it is known now."""
        ...

    def clear(self) -> None:
        """The clock jumped: forget what was."""
        ...


class OdometryPoses:
    """Poses of nav_msgs/Odometry, interpolated.

    Args:
        warn: told (kind, message) of poses that can't be used.
    """

    def __init__(self, warn: Callable[[str, str], object]) -> None:
        self._warn = warn
        self._track = PoseTrack()
        self._newest_ns = 0

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
        self._newest_ns = max(self._newest_ns, at_ns)
        self._track.forget_before(self._newest_ns - _KEEP_NS)

    def knows(self, at_ns: int) -> bool:
        return self._newest_ns >= at_ns

    def at(self, at_ns: int) -> Pose | None:
        return self._track.at(at_ns)

    def clear(self) -> None:
        self._track.clear()
        self._newest_ns = 0


class TfPoses:
    """Poses from the transform tree.

    Args:
        node: listens to /tf and /tf_static.
        fixed_frame: the poses' frame.
        base_frame: the frame whose pose it is.

    Raises:
        ImportError: tf2_ros is not installed.
    """

    def __init__(self, node: Any, fixed_frame: str, base_frame: str) -> None:
        import tf2_ros
        from rclpy.time import Time

        self._time = Time
        self._error: type[Exception] = tf2_ros.TransformException
        self._fixed, self._base = fixed_frame, base_frame
        self._buffer = tf2_ros.Buffer()
        self._listener = tf2_ros.TransformListener(self._buffer, node)

    def knows(self, at_ns: int) -> bool:
        at = self._time(nanoseconds=at_ns)
        return bool(self._buffer.can_transform(self._fixed, self._base, at))

    def at(self, at_ns: int) -> Pose | None:
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

    def clear(self) -> None:
        self._buffer.clear()

    def close(self) -> None:
        """Stop listening."""
        self._listener.unregister()


class _Held(NamedTuple):
    frame: Frame
    deadline_s: float


class Pairing:
    """Gives images their poses and passes them on, in the order in which they came.

    Args:
        source: of poses; ``None``: images pass as they are.
        wait_s: called for the longest wait, in seconds.
        pass_on: takes the frames.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        source: PoseSource | None,
        wait_s: Callable[[], float],
        pass_on: Callable[[Frame], object],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._wait_s = wait_s
        self._pass_on = pass_on
        self._clock = clock
        self._held: deque[_Held] = deque()
        self._last_pose_s = -math.inf

    @property
    def waiting(self) -> bool:
        """Whether images wait; `release` must then be called again soon."""
        return bool(self._held)

    def offer(self, frame: Frame) -> None:
        """The next image."""
        if self._source is None:
            self._pass_on(frame)
            return
        now = self._clock()
        alive = now - self._last_pose_s < _ALIVE_S
        self._held.append(_Held(frame, now + self._wait_s() if alive else now))
        self.release()

    def release(self) -> None:
        """Pass on those that have their pose and those that have waited long enough."""
        source = self._source
        while self._held and source is not None:
            frame, deadline_s = self._held[0]
            now = self._clock()
            if (
                not source.knows(frame.stamp_ns)
                and now < deadline_s
                and len(self._held) <= _MOST_HELD
            ):
                return
            self._held.popleft()
            pose = source.at(frame.stamp_ns)
            if pose is not None:
                self._last_pose_s = now
            self._pass_on(replace(frame, pose=pose))

    def flush(self) -> None:
        """Pass on all that wait, with the poses that are known."""
        while self._held and self._source is not None:
            frame = self._held.popleft().frame
            self._pass_on(replace(frame, pose=self._source.at(frame.stamp_ns)))

    def clear(self) -> None:
        """The clock jumped: what waits goes on without a pose, and old poses are forgotten."""
        while self._held:
            self._pass_on(self._held.popleft().frame)
        if self._source is not None:
            self._source.clear()
