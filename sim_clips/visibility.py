"""What a camera would see, without rendering: approximate visible pixels by geometry.

Each object is a box whose projection, clipped to the picture and scaled by how much of its box the
kind fills, gives its pixels; rays to points on it find what walls and other objects hide. Used for
text-only training data; recorded clips take visibility from the segmentation render.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from sim_clips.scene import CameraPose, Scene

#: Part of its projected box that an object of a kind covers, measured on rendered pictures.
FILL: dict[str, float] = {
    "sofa": 0.72, "table": 0.38, "lamp": 0.35, "bookshelf": 0.85, "bed": 0.75, "plant": 0.6,
    "clock": 0.85, "barrel": 0.85, "door": 0.9, "building": 0.85, "tree": 0.55, "car": 0.6,
    "tower": 0.75, "dome": 0.7, "crane": 0.3, "billboard": 0.6, "fountain": 0.6,
}  # fmt: skip
WIDTH, HEIGHT = 320, 240
#: Nearest distance at which something is seen, metres.
NEAR_M = 0.15

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Boxes:
    centre: Floats  # (n, 3)
    half: Floats  # (n, 3)
    cos: Floats  # (n,)
    sin: Floats  # (n,)

    def local(self, points: Floats) -> Floats:
        """World points (..., 3) in each box's own frame: (n, ..., 3)."""
        shape = (len(self.centre),) + (1,) * (points.ndim - 1)
        d = points[None] - self.centre.reshape(shape + (3,))
        c, s = self.cos.reshape(shape), self.sin.reshape(shape)
        return np.stack((c * d[..., 0] + s * d[..., 1], -s * d[..., 0] + c * d[..., 1], d[..., 2]), -1)


_CORNERS = np.array([(x, y, z) for x in (-1, 1) for y in (-1, 1) for z in (-1, 1)], float)
_SAMPLES = np.array([(x, y, z) for x in (-0.75, 0, 0.75) for y in (0.0,) for z in (-0.7, 0, 0.7)]
                    + [(0, y, z) for y in (-0.75, 0.75) for z in (-0.7, 0.0, 0.7)], float)  # fmt: skip


@lru_cache(maxsize=4)
def _boxes(key: _Key) -> tuple[_Boxes, Floats, Floats, Floats]:
    scene = key.scene
    centre = [o.centre for o in scene.objects]
    half = [tuple(s / 2 for s in o.size) for o in scene.objects]
    yaw = [np.radians(o.yaw_deg) for o in scene.objects]
    for wall in scene.walls:
        (ax, ay), (bx, by) = wall.a, wall.b
        centre.append(((ax + bx) / 2, (ay + by) / 2, wall.z + wall.height / 2))
        half.append((np.hypot(bx - ax, by - ay) / 2, wall.thickness / 2, wall.height / 2))
        yaw.append(np.arctan2(by - ay, bx - ax))
    c, h, angle = np.array(centre, float), np.array(half, float), np.array(yaw, float)
    boxes = _Boxes(c, h, np.cos(angle), np.sin(angle))
    n = len(scene.objects)

    def spread(unit: Floats) -> Floats:
        local = unit[None] * h[:n, None]
        cs, sn = boxes.cos[:n, None], boxes.sin[:n, None]
        return np.stack(
            (
                cs * local[..., 0] - sn * local[..., 1] + c[:n, None, 0],
                sn * local[..., 0] + cs * local[..., 1] + c[:n, None, 1],
                local[..., 2] + c[:n, None, 2],
            ),
            -1,
        )

    fill = np.array([FILL[o.kind] for o in scene.objects])
    return boxes, spread(_CORNERS), spread(_SAMPLES), fill


class _Key:
    """A scene as a cache key, by identity."""

    def __init__(self, scene: Scene) -> None:
        self.scene = scene

    def __hash__(self) -> int:
        return id(self.scene)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Key) and other.scene is self.scene


def approximate_view(scene: Scene, pose: CameraPose, hfov_deg: float) -> list[tuple[int, float]]:
    """Indices into ``scene.objects`` and approximate pixels in a 320×240 picture, for those seen."""
    boxes, corners, samples, fill = _boxes(_Key(scene))
    eye = np.array((pose.x, pose.y, pose.z))
    yaw, pitch = np.radians(pose.yaw_deg), np.radians(pose.pitch_deg)
    ahead = np.array((np.cos(yaw) * np.cos(pitch), np.sin(yaw) * np.cos(pitch), np.sin(pitch)))
    right = np.array((np.sin(yaw), -np.cos(yaw), 0.0))
    down = np.cross(ahead, right)
    axes = np.stack((right, down, ahead), 1)
    focal = WIDTH / 2 / np.tan(np.radians(hfov_deg) / 2)

    camera = (corners - eye) @ axes  # (n, 8, 3)
    z = np.maximum(camera[..., 2], NEAR_M)
    u = np.clip(camera[..., 0] / z * focal, -WIDTH / 2, WIDTH / 2)
    v = np.clip(camera[..., 1] / z * focal, -HEIGHT / 2, HEIGHT / 2)
    area = (u.max(1) - u.min(1)) * (v.max(1) - v.min(1)) * fill
    candidates = np.flatnonzero((camera[..., 2].max(1) > NEAR_M) & (area > 20))
    if not len(candidates):
        return []

    points = samples[candidates]  # (m, k, 3)
    seen = (points - eye) @ axes
    depth = np.maximum(seen[..., 2], 1e-6)
    inside = (
        (seen[..., 2] > NEAR_M)
        & (np.abs(seen[..., 0] / depth * focal) < WIDTH / 2)
        & (np.abs(seen[..., 1] / depth * focal) < HEIGHT / 2)
    )
    local_eye = boxes.local(eye[None])[:, 0]  # (b, 3)
    ray = boxes.local(points) - local_eye[:, None, None]  # (b, m, k, 3)
    ray = np.where(np.abs(ray) < 1e-9, 1e-9, ray)
    half, start = boxes.half[:, None, None], local_eye[:, None, None]
    t1, t2 = (-half - start) / ray, (half - start) / ray
    enter, leave = np.minimum(t1, t2).max(-1), np.maximum(t1, t2).min(-1)
    hit = (enter < leave) & (leave > 0.0) & (enter < 0.97)
    hit[candidates, np.arange(len(candidates))] = False  # nothing hides itself
    clear = inside & ~hit.any(0)
    share = clear.sum(1) / np.maximum(inside.sum(1), 1)
    pixels = area[candidates] * share
    return [
        (int(i), float(p)) for i, p in zip(candidates, pixels, strict=True) if p > 0
    ]
