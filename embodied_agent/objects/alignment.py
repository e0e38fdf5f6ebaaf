"""Whether the camera's orientation on the robot is the one of its mount, and its focal length that
of its calibration, from the bearings of objects.

The rays of an object that was seen from several places and under several headings meet in a point
only if both are right. The common error of all rays, to the left and up, and the part by which
angles from the camera's axis are too small or too large, are estimated with all positions left
free, by least squares, linearised at the known positions. A wrong focal length shows only where the
camera turned: without that, it shifts positions and nothing tells.

Out of scope: the camera's position, about which bearings say too little; correcting either.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from embodied_agent.objects.geometry import NEAREST_M, Floats, Ray, axes
from embodied_agent.objects.track import Track

#: Rays of an object, objects, and how well directions alone must locate an object to count.
_RAYS, _OBJECTS, _LOCATED = 4, 5, 0.4
#: Rays that are wider than this were not measured, in radians.
_MEASURED_RAD = 0.15
#: Residuals beyond this many standard deviations count linearly (Huber).
_HUBER = 1.5
#: A turn is told from this size on, in degrees and in standard deviations.
_TOLD_DEG, _TOLD_STD = 4.0, 5.0
#: A focal length is told from this part on, where it is known this well.
_TOLD_FOCAL, _KNOWN_FOCAL = 0.08, 0.05
#: From so many standard deviations on, a turn is measured with the focal length left free.
_LIKELY_STD = 2.0
#: The equations of turn and focal length are solved up to this condition.
_CONDITION = 1e9


@dataclass(frozen=True, slots=True)
class Misalignment:
    """By how much the camera is turned to the left and up from what its mount says, in degrees,
    each with its standard deviation.

    ``focal`` is how many times too large the calibration's focal length is, with the relative
    standard deviation ``focal_std``; NaN where nothing tells.
    """

    yaw_deg: float
    pitch_deg: float
    yaw_std_deg: float
    pitch_std_deg: float
    focal: float = math.nan
    focal_std: float = math.nan

    @property
    def is_turned(self) -> bool:
        """Whether the turn is too large to be a mistake of the measurement."""
        pairs = (self.yaw_deg, self.yaw_std_deg), (self.pitch_deg, self.pitch_std_deg)
        return any(
            abs(angle) >= _TOLD_DEG and abs(angle) >= _TOLD_STD * std for angle, std in pairs
        )

    @property
    def is_misscaled(self) -> bool:
        """Whether the focal length is too wrong for that to be a mistake of the measurement."""
        return self._is_off(_TOLD_STD)

    @property
    def may_be_misscaled(self) -> bool:
        """Whether the focal length may be what is wrong, rather than where the camera looks."""
        return self._is_off(_LIKELY_STD)

    def _is_off(self, stds: float) -> bool:
        if not (self.focal > 0 and self.focal_std <= _KNOWN_FOCAL):
            return False
        part = abs(math.log(self.focal))
        return part >= _TOLD_FOCAL and part >= stds * self.focal_std

    @property
    def is_told(self) -> bool:
        """Whether either is."""
        return self.is_turned or self.is_misscaled

    def __str__(self) -> str:
        if self.is_misscaled:
            part = 100 * abs(self.focal - 1)
            return (
                "the bearings of objects don't agree with the camera's calibration: its focal "
                f"length seems about {part:.0f} % too {'large' if self.focal > 1 else 'small'}, so "
                "positions are wrong; calibrate the camera, or check that camera_info is of these "
                "pictures"
            )
        parts = []
        if abs(self.yaw_deg) >= 1.0:
            side = "left" if self.yaw_deg > 0 else "right"
            parts.append(f"{abs(self.yaw_deg):.0f}° to the {side}")
        if abs(self.pitch_deg) >= 1.0:
            parts.append(f"{abs(self.pitch_deg):.0f}° {'up' if self.pitch_deg > 0 else 'down'}")
        return (
            "the bearings of objects don't agree with where the camera is said to look: it seems "
            f"turned by about {' and '.join(parts)} from there, so positions are wrong; check its "
            "transform, or the settings from objects.camera_yaw_deg on"
        )


def misalignment(tracks: Iterable[Track]) -> Misalignment | None:
    """By how much the camera is turned and its focal length wrong, as far as objects tell; ``None``
    where too few do."""
    normal, slope = np.zeros((3, 3)), np.zeros(3)
    squares, freedom, objects = 0.0, -3, 0
    for track in tracks:
        rays = [ray for ray in track.rays if max(ray.across_rad, ray.up_rad) < _MEASURED_RAD]
        known = track.estimate
        if known is None or len(rays) < _RAYS or known.by_directions > _LOCATED:
            continue
        residuals, by_place, by_camera = _linearised(rays, known.position)
        # What a shift of the object explains says nothing about the camera.
        free, _ = np.linalg.qr(by_place)
        residuals = residuals - free @ (free.T @ residuals)
        by_camera = by_camera - free @ (free.T @ by_camera)
        normal += by_camera.T @ by_camera
        slope += by_camera.T @ residuals
        squares += float(residuals @ residuals)
        freedom += len(residuals) - 3
        objects += 1
    if objects < _OBJECTS:
        return None
    whole = _solved(normal, slope, squares, freedom)
    if whole is not None:
        (yaw, pitch, focal), (yaw_std, pitch_std, focal_std) = whole
        found = _in_degrees(yaw, pitch, yaw_std, pitch_std, math.exp(focal), focal_std)
        if found.may_be_misscaled:
            return found
    # What is no error of the focal length is not taken for one: a turn is then known better.
    turn = _solved(normal[:2, :2], slope[:2], squares, freedom + 1)
    if turn is None:
        return None
    (yaw, pitch), (yaw_std, pitch_std) = turn
    scale = (math.exp(whole[0][2]), whole[1][2]) if whole is not None else (math.nan, math.nan)
    return _in_degrees(yaw, pitch, yaw_std, pitch_std, *scale)


def _solved(
    normal: Floats, slope: Floats, squares: float, freedom: int
) -> tuple[list[float], list[float]] | None:
    """The least squares solution and its standard deviations; ``None`` where there is none."""
    if np.linalg.cond(normal) > _CONDITION:
        return None
    values = -np.linalg.solve(normal, slope)
    noise = max(1.0, (squares + float(slope @ values)) / max(freedom, 1))
    std = np.sqrt(noise * np.diag(np.linalg.inv(normal)))
    return [float(value) for value in values], [float(value) for value in std]


def _in_degrees(
    yaw: float, pitch: float, yaw_std: float, pitch_std: float, focal: float, focal_std: float
) -> Misalignment:
    """The record of values in radians."""
    turn = (math.degrees(yaw), math.degrees(pitch))
    return Misalignment(*turn, math.degrees(yaw_std), math.degrees(pitch_std), focal, focal_std)


def _linearised(rays: list[Ray], position: Floats) -> tuple[Floats, Floats, Floats]:
    """Residuals (2n,) of the directions in standard deviations, with Huber's weights, and their
    derivatives by the object's position (2n, 3), and by the turn of all rays and the logarithm of
    how many times too large the focal length is (2n, 3)."""
    residuals, by_place, by_camera = [], [], []
    for ray in rays:
        offset = position - np.array(ray.origin)
        distance = max(float(np.linalg.norm(offset)), NEAREST_M)
        unit = offset / distance
        level = math.hypot(ray.direction[0], ray.direction[1])
        bearing = ray.off_axis_rad if math.isfinite(ray.off_axis_rad) else 0.0
        # A focal length that is too large makes angles from the axis too small.
        nearer = -level * math.sin(bearing) * math.cos(bearing)
        sides = axes(ray.direction)
        for side, std, moved in zip(
            sides,
            (ray.across_rad, ray.up_rad),
            ((-level, 0.0, nearer), (0.0, -1.0, 0.0)),
            strict=True,
        ):
            value = float(side @ unit)
            size = abs(value / std)
            weight = (1.0 if size <= _HUBER else math.sqrt(_HUBER / size)) / std
            residuals.append(weight * value)
            by_place.append(weight * (side - value * unit) / distance)
            by_camera.append([weight * part for part in moved])
    return np.array(residuals), np.array(by_place), np.array(by_camera)
