"""Which objects a pose sees, without rendering: fast enough for text-only training.

Every object is one to four upright boxes; a low-resolution picture of them and of the walls is
ray-cast column by column on the floor plan. Accurate to some tens of pixels:
`tests/sim_clips/test_sim_render.py` compares it with the segmentation render.

Out of scope: direction and distance classes (`sim_clips.journey`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sim_clips.scene import CameraPose, Scene

WIDTH, HEIGHT = 320, 240
_COLUMNS, _ROWS = 80, 60
_CELL_PIXELS = (WIDTH / _COLUMNS) * (HEIGHT / _ROWS)
_NEAR_M = 0.06


@dataclass(frozen=True, slots=True)
class _Hull:
    """A box that approximates part of a kind, in fractions of the object's size: half extents
    around (x, y), heights z0 to z1, and the share of the box's outline that is really covered."""

    x: float
    y: float
    half_x: float
    half_y: float
    z0: float
    z1: float
    fill: float = 1.0


_ROUND = 0.4  # half side of a square that is on average as wide as a circle of diameter 1
_HULLS: dict[str, tuple[_Hull, ...]] = {
    "sofa": (_Hull(0, 0, 0.5, 0.5, 0.06, 0.66), _Hull(0, -0.38, 0.5, 0.12, 0.66, 1.0)),
    "table": (
        _Hull(0, 0, 0.5, 0.5, 0.68, 1.0),
        _Hull(0, -0.45, 0.5, 0.05, 0.0, 0.68, 0.1),
        _Hull(0, 0.45, 0.5, 0.05, 0.0, 0.68, 0.1),
    ),
    "lamp": (
        _Hull(0, 0, 0.3, 0.3, 0.52, 0.72),
        _Hull(0, 0, 0.14, 0.14, 0.72, 1.0),
        _Hull(0, 0, 0.05, 0.05, 0.03, 0.52),
        _Hull(0, 0, 0.38, 0.38, 0.0, 0.03),
    ),
    "bookshelf": (_Hull(0, 0, 0.5, 0.5, 0.0, 1.0),),
    "bed": (_Hull(0, 0, 0.49, 0.49, 0.09, 0.58), _Hull(0, -0.48, 0.5, 0.02, 0.0, 1.0)),
    "plant": (
        _Hull(0, 0, 0.24, 0.24, 0.0, 0.36),
        _Hull(0, 0, 0.37, 0.37, 0.36, 0.7, 0.95),
        _Hull(0, 0, 0.18, 0.18, 0.7, 0.97),
    ),
    "clock": (_Hull(0, -0.03, 0.5, 0.47, 0.0, 1.0),),
    "barrel": (_Hull(0, 0, _ROUND, _ROUND, 0.0, 1.0),),
    "door": (_Hull(0, -0.05, 0.5, 0.45, 0.0, 1.0),),
    "building": (_Hull(0, 0, 0.5, 0.5, 0.0, 0.965),),
    "tree": (
        _Hull(0, 0, 0.08, 0.08, 0.0, 0.2),
        _Hull(0, 0, 0.33, 0.33, 0.2, 0.42),
        _Hull(0, 0, 0.24, 0.24, 0.42, 0.7),
        _Hull(0, 0, 0.11, 0.11, 0.7, 0.97),
    ),
    "car": (_Hull(0, 0, 0.5, 0.46, 0.08, 0.6), _Hull(-0.06, 0, 0.36, 0.43, 0.6, 1.0)),
    "tower": (_Hull(0, 0, 0.345, 0.345, 0.0, 0.8), _Hull(0, 0, 0.2, 0.2, 0.8, 0.98)),
    "dome": (_Hull(0, 0, 0.395, 0.395, 0.0, 0.62), _Hull(0, 0, 0.24, 0.24, 0.62, 0.86)),
    "crane": (
        _Hull(-0.18, 0, 0.055, 0.38, 0.0, 1.0),
        _Hull(0, 0, 0.5, 0.3, 0.86, 0.92),
        _Hull(-0.435, 0, 0.065, 0.45, 0.76, 0.87),
        _Hull(0.36, 0, 0.03, 0.2, 0.54, 0.62),
    ),
    "billboard": (
        _Hull(0, 0, 0.5, 0.4, 0.4, 1.0),
        _Hull(-0.28, 0, 0.028, 0.25, 0.0, 0.4),
        _Hull(0.28, 0, 0.028, 0.25, 0.0, 0.4),
    ),
    "fountain": (
        _Hull(0, 0, 0.41, 0.41, 0.0, 0.3),
        _Hull(0, 0, 0.13, 0.13, 0.3, 0.55),
        _Hull(0, 0, 0.05, 0.05, 0.55, 1.0),
    ),
}  # fmt: skip

_COLUMN_U = (np.arange(_COLUMNS) + 0.5) * (WIDTH / _COLUMNS) - WIDTH / 2
_ROW_V = HEIGHT / 2 - (np.arange(_ROWS) + 0.5) * (HEIGHT / _ROWS)


class Sight:
    """The boxes of one scene, prepared for views from many poses."""

    def __init__(self, scene: Scene) -> None:
        rows: list[tuple[float, ...]] = []
        for thing in scene.objects:
            yaw = math.radians(thing.yaw_deg)
            c, s = math.cos(yaw), math.sin(yaw)
            (px, py, pz), (w, d, h) = thing.position, thing.size
            for hull in _HULLS[thing.kind]:
                x, y = hull.x * w, hull.y * d
                rows.append((
                    px + c * x - s * y, py + s * x + c * y, yaw, hull.half_x * w, hull.half_y * d,
                    pz + hull.z0 * h, pz + hull.z1 * h, thing.id, hull.fill,
                ))  # fmt: skip
        for wall in scene.walls:
            if scene.world == "city":
                continue  # kerbs occlude nothing
            (ax, ay), (bx, by) = wall.a, wall.b
            rows.append((
                (ax + bx) / 2, (ay + by) / 2, math.atan2(by - ay, bx - ax),
                math.hypot(bx - ax, by - ay) / 2, wall.thickness / 2,
                wall.z, wall.z + wall.height, -1, 1.0,
            ))  # fmt: skip
        table = np.array(rows, np.float64)
        self._x, self._y, self._yaw = table[:, 0], table[:, 1], table[:, 2]
        self._half_x, self._half_y = table[:, 3], table[:, 4]
        self._z0, self._z1 = table[:, 5], table[:, 6]
        self._owner, self._fill = table[:, 7].astype(np.intp), table[:, 8]
        self._radius = np.hypot(self._half_x, self._half_y)
        self._count = len(scene.objects)

    def view(self, pose: CameraPose, hfov_deg: float) -> list[tuple[int, float]]:
        """Object ids with approximate visible pixels of a 320×240 picture, in descending order."""
        yaw, pitch = math.radians(pose.yaw_deg), math.radians(pose.pitch_deg)
        half_tan = math.tan(math.radians(hfov_deg) / 2)
        focal = WIDTH / 2 / half_tan
        c, s, cos_p, sin_p = math.cos(yaw), math.sin(yaw), math.cos(pitch), math.sin(pitch)
        dx, dy = self._x - pose.x, self._y - pose.y
        ahead, left = c * dx + s * dy, c * dy - s * dx
        r = self._radius
        near = ahead + r > _NEAR_M
        near &= np.abs(left) - 1.6 * r < np.maximum(ahead, 0.0) * (half_tan / cos_p) * 1.05
        keep = np.flatnonzero(near)
        if not keep.size:
            return []
        # Rays over the floor, scaled so that their parameter is the distance ahead.
        slope = -_COLUMN_U / (focal * cos_p)
        turn = self._yaw[keep] - yaw
        ct, st = np.cos(turn)[:, None], np.sin(turn)[:, None]
        a, b = ahead[keep][:, None], left[keep][:, None]
        ox, oy = -(ct * a + st * b), st * a - ct * b
        rx, ry = ct + st * slope, ct * slope - st
        rx = np.where(np.abs(rx) < 1e-9, 1e-9, rx)
        ry = np.where(np.abs(ry) < 1e-9, 1e-9, ry)
        reach_x, reach_y = self._half_x[keep][:, None] / np.abs(rx), self._half_y[keep][:, None]
        reach_y = reach_y / np.abs(ry)
        mid_x, mid_y = -ox / rx, -oy / ry
        enter = np.maximum(np.maximum(mid_x - reach_x, mid_y - reach_y), _NEAR_M)
        leave = np.minimum(mid_x + reach_x, mid_y + reach_y)
        hit = leave > enter
        seen = np.flatnonzero(hit.any(axis=1))
        if not seen.size:
            return []
        keep, enter, leave, hit = keep[seen], enter[seen], leave[seen], hit[seen]

        def row(dz: npt.NDArray[np.float64], d: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
            out: npt.NDArray[np.float64] = focal * (
                (dz * cos_p - d * sin_p) / np.maximum(d * cos_p + dz * sin_p, _NEAR_M)
            )
            return out

        low, high = (self._z0[keep] - pose.z)[:, None], (self._z1[keep] - pose.z)[:, None]
        top = np.maximum(row(high, enter), row(high, leave))
        bottom = np.minimum(row(low, enter), row(low, leave))
        top = np.where(hit, top, -1e9).astype(np.float32)
        bottom = bottom.astype(np.float32)
        return self._cast(keep, enter.astype(np.float32), top, bottom)

    def _cast(
        self,
        keep: npt.NDArray[np.intp],
        enter: npt.NDArray[np.float32],
        top: npt.NDArray[np.float32],
        bottom: npt.NDArray[np.float32],
    ) -> list[tuple[int, float]]:
        """Pixels per object from the columns' vertical spans; the nearest span wins."""
        nearest = np.full((_COLUMNS, _ROWS), np.inf, np.float32)
        winner = np.full((_COLUMNS, _ROWS), -1, np.intp)
        rows = _ROW_V.astype(np.float32)
        for n in range(keep.size):
            columns = np.flatnonzero(top[n] > bottom[n])
            if not columns.size:
                continue
            span = slice(int(columns[0]), int(columns[-1]) + 1)
            inside = (rows < top[n, span, None]) & (rows > bottom[n, span, None])
            inside &= enter[n, span, None] < nearest[span]
            np.copyto(nearest[span], enter[n, span, None], where=inside)
            winner[span][inside] = n
        hits = winner[winner >= 0]
        pixels = np.bincount(hits, minlength=keep.size) * self._fill[keep] * _CELL_PIXELS
        totals = np.bincount(self._owner[keep] + 1, weights=pixels, minlength=self._count + 1)[1:]
        order = np.argsort(-totals, kind="stable")
        return [(int(n), float(totals[n])) for n in order if totals[n] > 0.0]


_latest: list[tuple[Scene, Sight]] = []


def approximate_view(
    scene: Scene, pose: CameraPose, hfov_deg: float | None = None
) -> list[tuple[int, float]]:
    """Object ids with approximate visible pixels of a 320×240 picture, in descending order.

    Caches the boxes of the latest scene; use `Sight` to keep several scenes.
    """
    if not _latest or _latest[0][0] is not scene:
        _latest[:] = [(scene, Sight(scene))]
    return _latest[0][1].view(pose, scene.hfov_deg if hfov_deg is None else hfov_deg)
