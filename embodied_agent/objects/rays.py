"""From a mention to a ray: where the camera was, and where it saw the object.

A mention with a bearing gives a narrow ray. One with only one of eight directions gives the
sector's middle, as wide as the sector. The noise grows if the perceiver is less confident, if
the box is large (its middle is not the object's), and if the picture's border cuts it off.

Out of scope: where the camera is believed to be (`sessions`), what rays meet in (`geometry`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from embodied_agent.object_records import Vector
from embodied_agent.objects.geometry import NEAREST_M, Ray
from embodied_agent.optics import angles_at, assumed
from embodied_agent.records import (
    DISTANCES,
    Box,
    CameraMount,
    Direction,
    Intrinsics,
    Keyframe,
    Mention,
    Mount,
    Pose,
)
from embodied_agent.settings.objects import ObjectSettings

Floats = npt.NDArray[np.float64]

#: Middle and standard deviation of each direction, in degrees, positive to the left. Straight ahead
#: is said of a narrower sector, and what a camera sees lies in the near half of those beside it.
_SECTORS: dict[Direction, tuple[float, float]] = {
    "front": (0.0, 10.0),
    "front-left": (32.0, 14.0),
    "left": (90.0, 20.0),
    "back-left": (140.0, 16.0),
    "back": (180.0, 14.0),
    "back-right": (-140.0, 16.0),
    "right": (-90.0, 20.0),
    "front-right": (-32.0, 14.0),
}
#: Standard deviation of an elevation that nobody measured, in radians: objects are about level.
_LEVEL_RAD = 0.35
#: Share of a box's half width by which its middle may miss the object's.
_MIDDLE = 0.1
#: The same where the picture's border cuts the box off, and what is added to it.
_CUT_MIDDLE, _CUT_RAD = 0.6, math.radians(3.0)
#: What stands before an object mostly hides its lower part: vertically its middle misses by more.
_UPRIGHT = 2.0
#: A box that is closer to the border than this, in parts of the picture, is cut off.
_BORDER = 0.008
#: No distance is known better than this, relative to it.
_RANGE_STD = 0.02
#: Mentions are not believed more or less than this.
_CONFIDENCE = (0.1, 1.0)


@dataclass(frozen=True, eq=False, slots=True)
class Camera:
    """Where the camera was: ``origin`` (3,) in metres and ``turn`` (3, 3), its axes (ahead, left,
    up) as columns, in the session's frame. ``lens`` says which angles its pictures show.
    Bearings of mentions are relative to a heading that is ``from_heading_deg`` to its right."""

    origin: Floats
    turn: Floats
    lens: Intrinsics
    from_heading_deg: float = 0.0

    @property
    def heading_rad(self) -> float:
        """Where it looked on the floor plan, from the x axis to the left."""
        return math.atan2(self.turn[1, 0], self.turn[0, 0])


def camera_place(
    settings: ObjectSettings,
) -> tuple[float, float, float, float, float, float]:
    """Where the settings say that the camera is on the body: ahead, left, up (metres), yaw, pitch,
    roll (degrees)."""
    return (
        settings.camera_ahead_m,
        settings.camera_left_m,
        settings.camera_up_m,
        settings.camera_yaw_deg,
        settings.camera_pitch_deg,
        settings.camera_roll_deg,
    )


def rotation(orientation_xyzw: tuple[float, float, float, float]) -> Floats:
    """The rotation matrix (3, 3) of a quaternion, which need not be of length 1."""
    x, y, z, w = np.array(orientation_xyzw) / math.hypot(*orientation_xyzw)
    return np.array(
        [
            [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
            [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
            [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
        ]
    )


def camera_of(pose: Pose, keyframe: Keyframe, settings: ObjectSettings) -> Camera:
    """Where the camera was, from the pose of the body that carries it."""
    turn = rotation(pose.orientation_xyzw)
    mount = mount_on_body(keyframe, settings)
    origin = np.array(pose.position_m) + turn @ np.array(mount.position_m)
    turn = turn @ rotation(mount.orientation_xyzw)
    return Camera(origin, turn, lens_of(keyframe), heading_of(keyframe))


def mount_on_body(keyframe: Keyframe, settings: ObjectSettings) -> Mount:
    """Where the keyframe's camera is on the body: as the settings have it, else as it was noted
    with the keyframe, else at the body's own place."""
    heading_deg = heading_of(keyframe)
    own = CameraMount.of(keyframe.frame_id) is None
    if own and any(camera_place(settings)):
        *place, yaw_deg, pitch_deg, roll_deg = camera_place(settings)
        ahead, left, up = place
        return Mount((ahead, left, up), quaternion(yaw_deg, pitch_deg, roll_deg))
    mount = keyframe.mount
    if mount is not None and is_usable(Pose(mount.position_m, mount.orientation_xyzw)):
        return mount
    return Mount((0.0, 0.0, 0.0), quaternion(heading_deg))


def heading_of(keyframe: Keyframe) -> float:
    """Where the camera looks, in degrees to the left of the heading that bearings are relative
    to."""
    several = CameraMount.of(keyframe.frame_id)
    return 0.0 if several is None else several.yaw_deg


def quaternion(
    yaw_deg: float, pitch_deg: float = 0.0, roll_deg: float = 0.0
) -> tuple[float, float, float, float]:
    """The orientation of a body that turned left, then tilted up, then rolled clockwise."""
    yaw, pitch, roll = (math.radians(angle) / 2 for angle in (yaw_deg, -pitch_deg, roll_deg))
    (sy, cy), (sp, cp), (sr, cr) = ((math.sin(a), math.cos(a)) for a in (yaw, pitch, roll))
    return (
        sr * cp * cy - cr * sp * sy,
        cr * sp * cy + sr * cp * sy,
        cr * cp * sy - sr * sp * cy,
        cr * cp * cy + sr * sp * sy,
    )


def lens_of(keyframe: Keyframe) -> Intrinsics:
    """The keyframe's calibration, or the usual one."""
    width, height = max(keyframe.width, 1), max(keyframe.height, 1)
    return keyframe.intrinsics or assumed(width, height)


def is_usable(pose: Pose | None) -> bool:
    """Whether a pose is one: finite, and with an orientation."""
    return (
        pose is not None
        and all(map(math.isfinite, (*pose.position_m, *pose.orientation_xyzw)))
        and max(map(abs, pose.position_m)) < 1e8
        and math.hypot(*pose.orientation_xyzw) > 1e-6
    )


def ray_of(
    keyframe_id: int, rank: int, mention: Mention, camera: Camera, settings: ObjectSettings
) -> Ray:
    """The ray of a mention; numbers that can't be are ignored."""
    bearing_deg = _finite(mention.bearing_deg)
    elevation_deg = _finite(mention.elevation_deg)
    if elevation_deg is not None and abs(elevation_deg) > 89.0:
        elevation_deg = None
    confidence = _finite(mention.confidence)
    doubt = 1.0 if confidence is None else 1.5 - 0.5 * min(max(confidence, *_CONFIDENCE[:1]), 1.0)
    if bearing_deg is None:
        bearing_deg, across_deg = _SECTORS[mention.direction]
        across = math.radians(across_deg)
        up = math.hypot(math.radians(settings.bearing_std_deg), _LEVEL_RAD)
    else:
        across = up = math.radians(settings.bearing_std_deg) * doubt
        if mention.box is not None:
            wide, high = _spans(mention.box, camera.lens)
            across = math.hypot(across, _box_noise(mention.box.left, mention.box.right, wide))
            up = math.hypot(up, _UPRIGHT * _box_noise(mention.box.top, mention.box.bottom, high))
    if elevation_deg is None:
        up = max(up, _LEVEL_RAD)
    bearing = math.radians(bearing_deg - camera.from_heading_deg)
    elevation = math.radians(elevation_deg or 0.0)
    level = math.cos(elevation)
    local = np.array(
        [level * math.cos(bearing), level * math.sin(bearing), math.sin(elevation)], np.float64
    )
    x, y, z = camera.turn @ local
    range_m, range_std = _range(mention, camera, settings)
    return Ray(
        keyframe_id=keyframe_id,
        rank=rank,
        origin=_vector(camera.origin),
        direction=(float(x), float(y), float(z)),
        across_rad=across,
        up_rad=up,
        range_m=range_m,
        range_std=range_std,
        height_rad=_height(mention, camera.lens),
        low_rad=_low(mention, camera),
        width_rad=_width(mention, camera.lens),
        off_axis_rad=math.nan if _finite(mention.bearing_deg) is None else bearing,
        distance=math.nan if mention.distance is None else float(DISTANCES.index(mention.distance)),
    )


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None


def _vector(values: Floats) -> Vector:
    x, y, z = (float(value) for value in values)
    return x, y, z


def _spans(box: Box, lens: Intrinsics) -> tuple[float, float]:
    """The angles that a box spans horizontally and vertically, in radians."""
    x, y = _middle(box)
    wide = angles_at(lens, _part(box.left), y)[0] - angles_at(lens, _part(box.right), y)[0]
    high = angles_at(lens, x, _part(box.top))[1] - angles_at(lens, x, _part(box.bottom))[1]
    return math.radians(max(wide, 0.0)), math.radians(max(high, 0.0))


def _middle(box: Box) -> tuple[float, float]:
    return _part(box.left + box.right, 2.0), _part(box.top + box.bottom, 2.0)


def _part(value: float, of: float = 1.0) -> float:
    """A place in the picture, within it; its middle where it is none."""
    return min(max(value / of, 0.0), 1.0) if math.isfinite(value) else 0.5


def _box_noise(low: float, high: float, span_rad: float) -> float:
    """By how much the middle of a box may miss that of the object, in radians."""
    if low < _BORDER or high > 1 - _BORDER:
        return span_rad / 2 * _CUT_MIDDLE + _CUT_RAD
    return span_rad / 2 * _MIDDLE


def _height(mention: Mention, lens: Intrinsics) -> float:
    """The angle that the whole object spans vertically; NaN where the picture cuts it off."""
    box = mention.box
    if box is None or is_cut(box):
        return math.nan
    high = _spans(box, lens)[1]
    return high if high > 0 else math.nan


def _width(mention: Mention, lens: Intrinsics) -> float:
    wide = 0.0 if mention.box is None else _spans(mention.box, lens)[0]
    return wide if wide > 0 else math.nan


def _low(mention: Mention, camera: Camera) -> float:
    """The elevation of the box's lower edge in the session's frame; NaN where it is cut off."""
    box = mention.box
    if box is None or not 0 < box.bottom <= 1 - _BORDER or not math.isfinite(box.top):
        return math.nan
    bearing, elevation = map(math.radians, angles_at(camera.lens, _middle(box)[0], box.bottom))
    level = math.cos(elevation)
    local = [level * math.cos(bearing), level * math.sin(bearing), math.sin(elevation)]
    x, y, z = camera.turn @ np.array(local)
    return math.atan2(z, math.hypot(x, y))


def is_cut(box: Box) -> bool:
    """Whether the picture's border cuts a box off, or the box is none."""
    edges = (box.left, box.top, 1 - box.right, 1 - box.bottom)
    return not all(map(math.isfinite, edges)) or min(edges) < _BORDER


def _range(mention: Mention, camera: Camera, settings: ObjectSettings) -> tuple[float, float]:
    """The distance in metres, NaN where it is unknown, and its relative standard deviation."""
    range_m = _finite(mention.range_m)
    if range_m is not None and NEAREST_M <= range_m < 1e5:
        std_m = _finite(mention.range_std_m)
        return range_m, settings.range_std if std_m is None else max(std_m / range_m, _RANGE_STD)
    height_m = settings.camera_height_m
    # The box's lower edge is where the object meets the floor.
    below = -_low(mention, camera)
    if not height_m or not below >= math.radians(3.0):
        return math.nan, math.inf
    noise = 1.5 * math.radians(settings.bearing_std_deg)
    return height_m / math.sin(below), max(settings.range_std, noise / math.tan(below))
