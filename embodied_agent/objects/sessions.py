"""Map sessions: within which positions can be compared, and where the camera was in each.

A session ends with its segment (a restart, a jump of the clock), when the poses arrive in
another frame, and when a pose jumps and stays there (a relocalisation). A single pose that jumps
and comes back is an error: it is left out, and counted.

Without poses the camera's position is estimated from its egomotion, starting at the session's
beginning. Rotations are measured in degrees, translations only in units of the scene's depth, so
positions are rough and their scale is a guess.

Out of scope: what is seen from there (`rays`, `tracker`).
"""

from __future__ import annotations

import math
import statistics
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from embodied_agent.object_records import MapSession, Measured, SessionReason
from embodied_agent.objects.rays import (
    Camera,
    camera_of,
    heading_of,
    is_usable,
    lens_of,
    quaternion,
    rotation,
)
from embodied_agent.records import CameraMount, Egomotion, Keyframe, Pose
from embodied_agent.settings.objects import ObjectSettings

Floats = npt.NDArray[np.float64]

#: The scene's depth where nobody measured it, in metres.
DEPTH_M = 3.0
#: Steps by which the scene's depth is known, at least, and how many are kept.
_FEWEST, _RECENT = 3, 9
#: Egomotion is compared with poses from this confidence on; it may be wrong by this factor, and by
#: this angle in degrees.
_SURE, _FACTOR, _OFF_DEG = 0.5, 5.0, 40.0
#: A smaller translation can't be told from none, in units of the scene's depth.
_LEAST = 0.08
#: Two poses of different frames, or without one, can't be compared.
_NO_FRAME = ""


@dataclass(frozen=True, eq=False, slots=True)
class Located:
    """A keyframe in its session. ``camera`` is ``None`` where its place is not known; ``began``
    says that the session begins with it."""

    session: MapSession
    camera: Camera | None
    began: bool


class _Fix(NamedTuple):
    stamp_ns: int
    pose: Pose


class _Travel(NamedTuple):
    """How far the camera turned to the left (degrees), and moved in units of the scene's depth."""

    yaw_deg: float = 0.0
    share: float = 0.0


_NOWHERE = _Travel()


class Sessions:
    """Follows the keyframes' poses, in order. Not thread-safe.

    Attributes:
        current: the session of the last keyframe; ``None`` before the first.
        bad_poses: how many poses were not finite or out of line.
    """

    def __init__(self, settings: ObjectSettings) -> None:
        self._settings = settings
        self.current: MapSession | None = None
        self.bad_poses = 0
        self._count = 0
        self._last: _Fix | None = None  # the last pose that was in line
        self._suspect: _Fix | None = None  # one that was not, and may be the new line
        self._travel: _Travel | None = _NOWHERE  # since the last pose, by the pictures
        self._depths: list[float] = []  # of the scene, by poses and egomotion, lately
        self._position = np.zeros(3)  # dead reckoning
        self._turn = np.eye(3)

    def locate(self, keyframe: Keyframe) -> Located:
        """The session of the next keyframe, and where the camera was in it."""
        pose = keyframe.pose if is_usable(keyframe.pose) else None
        if keyframe.pose is not None and pose is None:
            self.bad_poses += 1
        current = self.current
        if current is None or keyframe.segment != current.segment:
            return self._begin(keyframe, pose, "first" if current is None else "restart")
        if current.measured == "egomotion":
            if pose is not None:
                return self._begin(keyframe, pose, "frame")
            return Located(current, self._reckoned(keyframe), False)
        if pose is None:
            self._travel = _sum(self._travel, _motion(keyframe))
            return Located(current, None, False)
        if pose.frame_id != current.frame_id:
            return self._begin(keyframe, pose, "frame")
        fix = _Fix(keyframe.stamp_ns, pose)
        motion = _motion(keyframe)
        travel = self._travel = _sum(self._travel, motion)
        if self._last is not None and self._jumps(self._last, fix, travel):
            suspect, self._suspect = self._suspect, fix
            if suspect is not None and not self._jumps(suspect, fix, motion):
                return self._begin(keyframe, pose, "relocalisation")
            self.bad_poses += 1
            return Located(current, None, False)
        self._pass(fix, travel)
        return Located(current, camera_of(pose, keyframe, self._settings), False)

    def _begin(self, keyframe: Keyframe, pose: Pose | None, reason: SessionReason) -> Located:
        measured: Measured = "egomotion" if pose is None else "poses"
        self.current = MapSession(
            self._count,
            _NO_FRAME if pose is None else pose.frame_id,
            keyframe.stamp_ns,
            keyframe.id,
            keyframe.segment,
            measured,
            reason,
        )
        self._count += 1
        self._last = self._suspect = None
        self._travel = _NOWHERE
        self._depths = []
        self._position, self._turn = np.zeros(3), np.eye(3)
        if pose is None:
            return Located(self.current, self._here(keyframe), True)
        self._last = _Fix(keyframe.stamp_ns, pose)
        return Located(self.current, camera_of(pose, keyframe, self._settings), True)

    def _pass(self, fix: _Fix, travel: _Travel | None) -> None:
        if self._last is not None and travel is not None and travel.share > _LEAST:
            step_m = math.dist(fix.pose.position_m, self._last.pose.position_m)
            if step_m > 0.02:
                self._depths = [*self._depths, step_m / travel.share][-_RECENT:]
        self._last, self._suspect, self._travel = fix, None, _NOWHERE

    def _jumps(self, before: _Fix, fix: _Fix, travel: _Travel | None) -> bool:
        """Whether nothing can have moved like this, or the pictures say otherwise."""
        step_m = math.dist(fix.pose.position_m, before.pose.position_m)
        seconds = max((fix.stamp_ns - before.stamp_ns) / 1e9, 1e-3)
        if step_m > self._settings.jump_m + self._settings.max_speed_mps * seconds:
            return True
        if travel is None:
            return False
        off_deg = _yaw_deg(fix.pose) - _yaw_deg(before.pose) - travel.yaw_deg
        if abs((off_deg + 180) % 360 - 180) > _OFF_DEG + 0.5 * abs(travel.yaw_deg):
            return True
        if step_m <= self._settings.jump_m or len(self._depths) < _FEWEST:
            return False
        share = max(travel.share, _LEAST)
        return step_m > self._settings.jump_m + _FACTOR * share * statistics.median(self._depths)

    def _reckoned(self, keyframe: Keyframe) -> Camera | None:
        mount = CameraMount.of(keyframe.frame_id)
        if mount is not None and mount.order:
            return self._here(keyframe)  # the first camera tells the motion
        if keyframe.egomotion is not None:
            self._move(keyframe.egomotion, 0.0 if mount is None else math.radians(mount.yaw_deg))
        return self._here(keyframe)

    def _here(self, keyframe: Keyframe) -> Camera:
        heading_deg = heading_of(keyframe)
        turn = self._turn @ rotation(quaternion(heading_deg))
        return Camera(self._position, turn, lens_of(keyframe), heading_deg)

    def _move(self, motion: Egomotion, mount_rad: float) -> None:
        right, down, ahead = motion.translation
        values = (right, down, ahead, motion.yaw_deg, motion.pitch_deg)
        if not all(map(math.isfinite, values)):
            return
        # A camera that looks to the side moves ahead where the robot moves sideways.
        c, s = math.cos(mount_rad), math.sin(mount_rad)
        step = np.array([c * ahead + s * right, s * ahead - c * right, -down])
        size = float(np.linalg.norm(step))
        if size > 2.0:  # nothing moves beyond what is in view
            step *= 2.0 / size
        self._position = self._position + self._turn @ step * DEPTH_M
        self._turn = self._turn @ rotation(quaternion(motion.yaw_deg, motion.pitch_deg))

    def state(self) -> dict[str, Any]:
        """What the next keyframe needs, as JSON values."""
        return {
            "current": None if self.current is None else asdict(self.current),
            "bad_poses": self.bad_poses,
            "count": self._count,
            "last": _fix_values(self._last),
            "suspect": _fix_values(self._suspect),
            "travel": self._travel,
            "depths": self._depths,
            "position": self._position.tolist(),
            "turn": self._turn.tolist(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`.

        Raises:
            KeyError, TypeError, ValueError: it is not one.
        """
        current = state["current"]
        self.current = None if current is None else MapSession(**current)
        self.bad_poses, self._count = int(state["bad_poses"]), int(state["count"])
        self._last, self._suspect = _fix_of(state["last"]), _fix_of(state["suspect"])
        self._travel = None if state["travel"] is None else _Travel(*map(float, state["travel"]))
        self._depths = [float(depth) for depth in state["depths"]]
        self._position = np.array(state["position"], np.float64)
        self._turn = np.array(state["turn"], np.float64)


def _motion(keyframe: Keyframe) -> _Travel | None:
    """What the pictures say about the way since the keyframe before; ``None`` where they don't."""
    motion = keyframe.egomotion
    if motion is None or CameraMount.of(keyframe.frame_id) is not None:
        return None
    share = math.hypot(*motion.translation)
    if not math.isfinite(share + motion.yaw_deg) or not motion.confidence >= _SURE:
        return None
    return _Travel(motion.yaw_deg, share)


def _sum(one: _Travel | None, other: _Travel | None) -> _Travel | None:
    if one is None or other is None:
        return None
    return _Travel(one.yaw_deg + other.yaw_deg, one.share + other.share)


def _yaw_deg(pose: Pose) -> float:
    turn = rotation(pose.orientation_xyzw)
    return math.degrees(math.atan2(turn[1, 0], turn[0, 0]))


def _fix_values(fix: _Fix | None) -> list[Any] | None:
    if fix is None:
        return None
    pose = fix.pose
    position, orientation = list(pose.position_m), list(pose.orientation_xyzw)
    return [fix.stamp_ns, position, orientation, pose.frame_id]


def _fix_of(values: list[Any] | None) -> _Fix | None:
    if values is None:
        return None
    stamp_ns, (x, y, z), (qx, qy, qz, qw), frame_id = values
    return _Fix(int(stamp_ns), Pose((x, y, z), (qx, qy, qz, qw), frame_id))
