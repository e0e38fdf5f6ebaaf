"""The pinhole camera: from a place in the picture to angles, and which calibrations can be trusted.

Angles are in the camera's own frame: the bearing is horizontal, positive to the left of the optical
axis, the elevation is vertical, positive upward. A camera that looks down by 20° sees the horizon
at an elevation of 20°.

Out of scope: lens distortion, which is ignored (a wide-angle lens is off by degrees at the edge of
its picture; rectify such pictures first); where calibrations come from (`embodied_agent.sources`).
"""

from __future__ import annotations

import math

from embodied_agent.records import Intrinsics

#: Horizontal field of view that is assumed of a camera without calibration.
ASSUMED_HFOV_DEG = 75.0
#: A calibration with another field of view is wrong, in degrees.
_LEAST_HFOV_DEG, _MOST_HFOV_DEG = 2.0, 170.0
#: Width by height may differ by this much, as drivers crop to multiples of 16; and so may the two
#: focal lengths of a picture with pixels that are not square.
_SHAPE_TOLERANCE, _FOCAL_RATIO = 0.03, 2.0
#: The optical axis meets the picture at least this far from its edges, as a share of its size.
_MARGIN = 0.1


def fault_of(camera: Intrinsics, width: int, height: int) -> str:
    """Why a calibration can't be that of an upright picture of ``width`` by ``height`` pixels;
    empty if it can."""
    numbers = (camera.fx, camera.fy, camera.cx, camera.cy, camera.width, camera.height)
    if not all(map(math.isfinite, numbers)) or min(camera.width, camera.height) <= 0:
        return "it is not made of finite numbers and a size"
    if min(camera.fx, camera.fy) <= 0:
        return "its focal lengths are not positive"
    if abs(width / height / (camera.width / camera.height) - 1) > _SHAPE_TOLERANCE:
        return f"it is of {camera.width}x{camera.height}, the picture is {width}x{height}"
    angle = hfov_deg(camera)
    if not _LEAST_HFOV_DEG <= angle <= _MOST_HFOV_DEG:
        return f"its horizontal field of view would be {angle:.1f} degrees"
    if not 1 / _FOCAL_RATIO <= camera.fx / camera.fy <= _FOCAL_RATIO:
        return f"its focal lengths {camera.fx:.0f} and {camera.fy:.0f} don't belong together"
    for centre, size in ((camera.cx, camera.width), (camera.cy, camera.height)):
        if not _MARGIN <= centre / size <= 1 - _MARGIN:
            return f"its optical axis, at ({camera.cx:.0f}, {camera.cy:.0f}), is off the picture"
    return ""


def scaled(camera: Intrinsics, width: int, height: int) -> Intrinsics:
    """The same camera, for pictures of ``width`` by ``height`` pixels."""
    sx, sy = width / camera.width, height / camera.height
    return Intrinsics(camera.fx * sx, camera.fy * sy, camera.cx * sx, camera.cy * sy, width, height)


def assumed(width: int, height: int, hfov_deg: float = ASSUMED_HFOV_DEG) -> Intrinsics:
    """A camera with this horizontal field of view, square pixels and its axis in the middle."""
    focal = width / 2 / math.tan(math.radians(hfov_deg) / 2)
    return Intrinsics(focal, focal, width / 2, height / 2, width, height)


def hfov_deg(camera: Intrinsics) -> float:
    """The horizontal field of view, in degrees."""
    left, right = camera.cx / camera.fx, (camera.width - camera.cx) / camera.fx
    return math.degrees(math.atan(left) + math.atan(right))


def angles_at(camera: Intrinsics, x: float, y: float) -> tuple[float, float]:
    """Bearing and elevation, in degrees, of a point in the picture, in fractions of its width and
    height from the top left corner."""
    left = (camera.cx - x * camera.width) / camera.fx
    up = (camera.cy - y * camera.height) / camera.fy
    return math.degrees(math.atan(left)), math.degrees(math.atan2(up, math.hypot(1.0, left)))


def levelled(bearing_deg: float, elevation_deg: float, pitch_deg: float) -> tuple[float, float]:
    """Bearing from the heading and elevation from the horizon, in degrees, of what a camera that is
    tilted up by ``pitch_deg`` sees at these angles of its own frame."""
    b, e, p = (math.radians(angle) for angle in (bearing_deg, elevation_deg, pitch_deg))
    ahead, left, up = math.cos(e) * math.cos(b), math.cos(e) * math.sin(b), math.sin(e)
    ahead, up = ahead * math.cos(p) - up * math.sin(p), ahead * math.sin(p) + up * math.cos(p)
    return math.degrees(math.atan2(left, ahead)), math.degrees(
        math.atan2(up, math.hypot(ahead, left))
    )


def point_at(
    camera: Intrinsics, bearing_deg: float, elevation_deg: float
) -> tuple[float, float] | None:
    """The inverse of `angles_at`, also for points beyond the picture's edges; ``None`` for a
    direction that is not ahead of the camera."""
    if abs(bearing_deg) >= 90 or abs(elevation_deg) >= 90:
        return None
    left = math.tan(math.radians(bearing_deg))
    up = math.tan(math.radians(elevation_deg)) * math.hypot(1.0, left)
    return (
        (camera.cx - left * camera.fx) / camera.width,
        (camera.cy - up * camera.fy) / camera.height,
    )
