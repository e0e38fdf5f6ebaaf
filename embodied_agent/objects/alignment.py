"""Whether the camera's orientation on the robot is the one of its mount, from the bearings of
objects.

The rays of an object that was seen from several places and under several headings meet in a point
only if the camera's orientation is right. The common error of all rays, to the left and up, is
estimated with all positions left free, by least squares, linearised at the known positions.

Out of scope: the camera's position, about which bearings say too little; correcting it.
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


@dataclass(frozen=True, slots=True)
class Misalignment:
    """By how much the camera is turned to the left and up from what its mount says, in degrees,
    each with its standard deviation."""

    yaw_deg: float
    pitch_deg: float
    yaw_std_deg: float
    pitch_std_deg: float

    @property
    def is_told(self) -> bool:
        """Whether it is too large to be a mistake of the measurement."""
        pairs = (self.yaw_deg, self.yaw_std_deg), (self.pitch_deg, self.pitch_std_deg)
        return any(
            abs(angle) >= _TOLD_DEG and abs(angle) >= _TOLD_STD * std for angle, std in pairs
        )

    def __str__(self) -> str:
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
    """By how much the camera is turned, as far as objects tell; ``None`` where too few do."""
    normal, slope = np.zeros((2, 2)), np.zeros(2)
    squares, freedom, objects = 0.0, -2, 0
    for track in tracks:
        rays = [ray for ray in track.rays if max(ray.across_rad, ray.up_rad) < _MEASURED_RAD]
        known = track.estimate
        if known is None or len(rays) < _RAYS or known.by_directions > _LOCATED:
            continue
        residuals, by_place, by_turn = _linearised(rays, known.position)
        # What a shift of the object explains says nothing about the camera.
        free, _ = np.linalg.qr(by_place)
        residuals = residuals - free @ (free.T @ residuals)
        by_turn = by_turn - free @ (free.T @ by_turn)
        normal += by_turn.T @ by_turn
        slope += by_turn.T @ residuals
        squares += float(residuals @ residuals)
        freedom += len(residuals) - 3
        objects += 1
    if objects < _OBJECTS or np.linalg.cond(normal) > 1e9:
        return None
    turn = -np.linalg.solve(normal, slope)
    noise = max(1.0, (squares + float(slope @ turn)) / max(freedom, 1))
    std = np.sqrt(noise * np.diag(np.linalg.inv(normal)))
    yaw, pitch, yaw_std, pitch_std = (math.degrees(float(value)) for value in (*turn, *std))
    return Misalignment(yaw, pitch, yaw_std, pitch_std)


def _linearised(rays: list[Ray], position: Floats) -> tuple[Floats, Floats, Floats]:
    """Residuals (2n,) of the directions in standard deviations, with Huber's weights, and their
    derivatives by the object's position (2n, 3) and by the turn of all rays (2n, 2)."""
    residuals, by_place, by_turn = [], [], []
    for ray in rays:
        offset = position - np.array(ray.origin)
        distance = max(float(np.linalg.norm(offset)), NEAREST_M)
        unit = offset / distance
        level = math.hypot(ray.direction[0], ray.direction[1])
        sides = axes(ray.direction)
        for side, std, turned in zip(
            sides, (ray.across_rad, ray.up_rad), ((-level, 0.0), (0.0, -1.0)), strict=True
        ):
            value = float(side @ unit)
            size = abs(value / std)
            weight = (1.0 if size <= _HUBER else math.sqrt(_HUBER / size)) / std
            residuals.append(weight * value)
            by_place.append(weight * (side - value * unit) / distance)
            by_turn.append((weight * turned[0], weight * turned[1]))
    return np.array(residuals), np.array(by_place), np.array(by_turn)
