"""Where to stand and look from, to see an object again: a place where the robot has been.

A place that showed the object has a free line of sight to it, and so have places between it and the
object. Of those where the robot has been, the one closest to the preferred distance is chosen, and
among equals the latest. The pose is level, and the camera faces the object.

Out of scope: planning and driving; whether the way is still free.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from embodied_agent.object_records import Vector
from embodied_agent.objects.rays import quaternion, rotation
from embodied_agent.records import Mount, Pose

#: A place is on the line of sight if it is this close to it, in metres and in parts of its length.
_BESIDE_M, _BESIDE = 0.3, 0.05
#: Nearer than this part of the preferred distance, the robot might touch the object.
_TOO_NEAR = 0.4
#: Looking level, an object further up or down than this may be out of the picture, in radians; and
#: what each further radian costs, as a logarithm of distances.
_LEVEL_RAD, _PER_RAD = math.radians(12.0), 6.0
#: What it costs that a place did not show the object itself, as a logarithm of distances.
_BETWEEN = 0.5
#: Of equals the latest is preferred, by so much per keyframe.
_PER_LATER = 1e-6


@dataclass(frozen=True, slots=True)
class Stand:
    """Where the robot was at a keyframe: the pose of its body, when, and where its camera is on
    the body."""

    keyframe_id: int
    stamp_ns: int
    pose: Pose
    mount: Mount

    @property
    def eye_m(self) -> Vector:
        """Where the camera was, in metres."""
        if not any(self.mount.position_m):
            return self.pose.position_m
        turn = rotation(self.pose.orientation_xyzw)
        x, y, z = np.array(self.pose.position_m) + turn @ np.array(self.mount.position_m)
        return float(x), float(y), float(z)

    @property
    def gaze_rad(self) -> tuple[float, float]:
        """Where the camera looks on a level body: to the left of ahead, and up, in radians."""
        return _gaze_rad(self.mount.orientation_xyzw)


@lru_cache(maxsize=64)  # a robot has few cameras
def _gaze_rad(orientation_xyzw: tuple[float, float, float, float]) -> tuple[float, float]:
    ahead, left, up = rotation(orientation_xyzw)[:, 0]
    return math.atan2(left, ahead), math.atan2(up, math.hypot(ahead, left))


def choose(
    position: Vector,
    clear: Sequence[Stand],
    others: Callable[[], Sequence[Stand]],
    preferred_m: float,
    *,
    last_id: int,
) -> tuple[Stand, Pose] | None:
    """The best place to see an object from, and the pose to take there; ``None`` if there is none.

    Args:
        position: of the object, in metres.
        clear: where the robot saw the object, in its session.
        others: gives places where the robot has been in that session; those that are ``clear`` may
            be among them. Called only if one of the rest may be better than all that are.
        preferred_m: distance from the object, on the floor plan.
        last_id: no place has a keyframe after this one.
    """
    best = min(_priced(position, clear, preferred_m), key=_price, default=None)
    if clear and (best is None or best[0] > _BETWEEN - _PER_LATER * last_id):
        shown = {stand.keyframe_id for stand in clear}
        rest = (stand for stand in others() if stand.keyframe_id not in shown)
        eyes = [stand.eye_m for stand in clear]
        for price, stand in sorted(_priced(position, rest, preferred_m), key=_price):
            # Less is sure of a place that only lies between.
            if best is not None and price + _BETWEEN >= best[0]:
                break
            eye = stand.eye_m
            if any(_is_between(eye, seer, position) for seer in eyes):
                best = price + _BETWEEN, stand
                break
    return None if best is None else (best[1], facing(best[1], position))


def _priced(
    position: Vector, stands: Iterable[Stand], preferred_m: float
) -> Iterator[tuple[float, Stand]]:
    """What speaks against each place that is not too near, as a logarithm of distances."""
    for stand in stands:
        eye = stand.eye_m
        distance = math.dist(eye[:2], position[:2])
        if distance < _TOO_NEAR * preferred_m:
            continue
        rise = abs(math.atan2(position[2] - eye[2], distance) - stand.gaze_rad[1])
        price = abs(math.log(distance / preferred_m)) - _PER_LATER * stand.keyframe_id
        yield price + _PER_RAD * max(0.0, rise - _LEVEL_RAD), stand


def _price(priced: tuple[float, Stand]) -> float:
    return priced[0]


def facing(stand: Stand, position: Vector) -> Pose:
    """A level pose at the same place, turned so that the camera looks towards ``position``."""
    x, y, _ = stand.pose.position_m
    yaw = math.atan2(position[1] - y, position[0] - x) - stand.gaze_rad[0]
    return Pose(stand.pose.position_m, quaternion(math.degrees(yaw)), stand.pose.frame_id)


def area_of(position: Vector, seers: Sequence[Stand]) -> tuple[float, float, float, float]:
    """The least and greatest x and y, in metres, of all places that `choose` may choose.

    Args:
        position: of the object.
        seers: where the robot was when it saw it.
    """
    eyes = [stand.eye_m for stand in seers]
    beside = _BESIDE_M + _BESIDE * max(
        (math.dist(eye[:2], position[:2]) for eye in eyes), default=0.0
    )
    # The camera may be anywhere on the body.
    beside += 2 * max((math.hypot(*stand.mount.position_m) for stand in seers), default=0.0)
    xs = [position[0], *(eye[0] for eye in eyes)]
    ys = [position[1], *(eye[1] for eye in eyes)]
    return min(xs) - beside, max(xs) + beside, min(ys) - beside, max(ys) + beside


def _is_between(eye: Vector, seer: Vector, position: Vector) -> bool:
    """Whether a place is on the line of sight from ``seer`` to ``position``, on the floor plan."""
    (px, py, _), (sx, sy, _) = eye, seer
    dx, dy = position[0] - sx, position[1] - sy
    length = math.hypot(dx, dy)
    if length < 1e-6:
        return False
    along = ((px - sx) * dx + (py - sy) * dy) / length
    aside = abs((px - sx) * dy - (py - sy) * dx) / length
    return 0.0 < along < length and aside <= _BESIDE_M + _BESIDE * length
