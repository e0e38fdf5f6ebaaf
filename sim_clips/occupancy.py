"""Where the camera may be: a grid of the height up to which each floor cell is blocked.

The grid is conservative by half a cell: a free point always keeps the world's clearance. It can be
queried for points and for many rays at once.

Out of scope: where to go (`sim_clips.path`).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from sim_clips.plan import Plan, footprint
from sim_clips.scene import Scene, Wall, WorldName

#: Cell size, and the distance to keep from every obstacle, metres.
CELL_M: dict[str, float] = {"house": 0.1, "warehouse": 0.1, "city": 0.5}
CLEARANCE_M: dict[str, float] = {"house": 0.35, "warehouse": 0.35, "city": 2.0}
_BLOCKED = 1e3


def wall_box(wall: Wall) -> tuple[float, float, float, float]:
    """The footprint of an axis-aligned wall: x_min, y_min, x_max, y_max."""
    half = wall.thickness / 2
    (ax, ay), (bx, by) = wall.a, wall.b
    grow_x, grow_y = (half, 0.0) if abs(bx - ax) < abs(by - ay) else (0.0, half)
    return (
        min(ax, bx) - grow_x,
        min(ay, by) - grow_y,
        max(ax, bx) + grow_x,
        max(ay, by) + grow_y,
    )


def walls_between(
    eyes: npt.NDArray[np.float64],
    targets: npt.NDArray[np.float64],
    walls: npt.NDArray[np.float64],
) -> npt.NDArray[np.bool_]:
    """Which lines of sight a wall crosses, on the floor plan.

    ``eyes`` is (k, 2), ``targets`` (m, 2), ``walls`` (w, 4) as ax, ay, bx, by; returns (k, m).
    """
    ex, ey = eyes[:, 0, None], eyes[:, 1, None]
    ax, ay, bx, by = np.ascontiguousarray(walls.T)
    wx, wy = bx - ax, by - ay
    to_ax, to_ay, to_bx, to_by = ax - ex, ay - ey, bx - ex, by - ey  # (k, w)
    eye_side = (wy * to_ax - wx * to_ay)[:, None]
    dx = (targets[:, 0] - ex)[:, :, None]
    dy = (targets[:, 1] - ey)[:, :, None]
    crossed = (dx * to_ay[:, None] - dy * to_ax[:, None]) * (
        dx * to_by[:, None] - dy * to_bx[:, None]
    ) < 0
    crossed &= eye_side * (eye_side + wx * dy - wy * dx) < 0
    hidden: npt.NDArray[np.bool_] = np.any(crossed, axis=-1)
    return hidden


class Occupancy:
    """Blocked heights over a plan's floor, each obstacle enlarged by the world's clearance."""

    def __init__(self, plan: Plan | Scene, world: WorldName) -> None:
        self.cell = CELL_M[world]
        self.indoors = world != "city"
        grow = CLEARANCE_M[world] + 0.75 * self.cell
        x0, y0, x1, y1 = plan.bounds
        border = 1.0 if self.indoors else 4.0
        self.origin = (x0 - border, y0 - border)
        shape = (
            int((x1 - x0 + 2 * border) / self.cell) + 2,
            int((y1 - y0 + 2 * border) / self.cell) + 2,
        )
        self.top: npt.NDArray[np.float32] = np.full(shape, -1.0, np.float32)
        for wall in plan.walls:
            if self.indoors and wall.z > 1.9:
                continue
            height = _BLOCKED if self.indoors else wall.z + wall.height + CLEARANCE_M[world]
            self._block(wall_box(wall), grow, height)
        for thing in plan.objects:
            box = footprint(thing.position[0], thing.position[1], thing.yaw_deg, thing.size)
            top = thing.position[2] + thing.size[2] + CLEARANCE_M[world]
            self._block(box, grow, _BLOCKED if self.indoors else top)
        edge = int((border if self.indoors else 1.0) / self.cell)
        for side in (np.s_[:edge], np.s_[-edge:]):
            self.top[side] = _BLOCKED
            self.top[:, side] = _BLOCKED

    def _block(self, box: tuple[float, float, float, float], grow: float, top: float) -> None:
        i0 = max(int((box[0] - grow - self.origin[0]) / self.cell), 0)
        j0 = max(int((box[1] - grow - self.origin[1]) / self.cell), 0)
        i1 = int((box[2] + grow - self.origin[0]) / self.cell) + 1
        j1 = int((box[3] + grow - self.origin[1]) / self.cell) + 1
        part = self.top[i0:i1, j0:j1]
        np.maximum(part, top, out=part)

    def free(self, x: float, y: float, z: float) -> bool:
        """Whether a camera at this point keeps its clearance."""
        i, j = int((x - self.origin[0]) / self.cell), int((y - self.origin[1]) / self.cell)
        if not (0 <= i < self.top.shape[0] and 0 <= j < self.top.shape[1]):
            return False
        return bool(self.top[i, j] < z)

    def reach(
        self, x: float, y: float, z: float, headings_deg: npt.NDArray[np.float64], length: float
    ) -> npt.NDArray[np.float64]:
        """Free metres along each heading before the camera is blocked, at most ``length``."""
        along = np.arange(1, int(length / self.cell) + 1) * self.cell
        radians = np.deg2rad(headings_deg)[:, None]
        i = ((x - self.origin[0] + np.cos(radians) * along) / self.cell).astype(np.intp)
        j = ((y - self.origin[1] + np.sin(radians) * along) / self.cell).astype(np.intp)
        np.clip(i, 0, self.top.shape[0] - 1, out=i)
        np.clip(j, 0, self.top.shape[1] - 1, out=j)
        blocked = self.top[i, j] >= z
        first = np.where(blocked.any(axis=1), blocked.argmax(axis=1), along.size)
        steps: npt.NDArray[np.float64] = first * self.cell
        return steps

    def clear_ahead(self, x: float, y: float, z: float, heading_deg: float, length: float) -> float:
        """Free metres along one heading, at most ``length``; like `reach`."""
        count = int(length / self.cell)
        dx = math.cos(math.radians(heading_deg)) * self.cell
        dy = math.sin(math.radians(heading_deg)) * self.cell
        for n in range(1, count + 1):
            if not self.free(x + n * dx, y + n * dy, z):
                return (n - 1) * self.cell
        return count * self.cell
