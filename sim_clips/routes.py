"""Collision-free routes through a scene: A* on the occupancy grid, then straightened.

Out of scope: following a route (`sim_clips.robot`).
"""

from __future__ import annotations

import heapq
import math

from sim_clips.occupancy import Occupancy

Point = tuple[float, float]
_Cell = tuple[int, int]
#: Clearance on both sides of a straight line, in cells: driving is never exactly straight.
_ASIDE_CELLS = 0.4
_STEPS = [(i, j, math.hypot(i, j)) for i in (-1, 0, 1) for j in (-1, 0, 1) if (i, j) != (0, 0)]


def route(grid: Occupancy, start: Point, goal: Point, z: float) -> list[Point]:
    """Corners of a route from ``start`` to ``goal`` at height ``z``, without the start; empty if
    there is no route. All in metres."""
    first, last = _cell_of(grid, start), _cell_of(grid, goal)
    if not (grid.free(*goal, z) and grid.free(*start, z)):
        return []
    cells = _search(grid, first, last, z)
    if not cells:
        return []
    points = [start, *(_centre_of(grid, cell) for cell in cells[1:-1]), goal]
    corners: list[Point] = []
    at = 0
    while at < len(points) - 1:
        ahead = len(points) - 1
        while ahead > at + 1 and not _clear(grid, points[at], points[ahead], z):
            ahead -= 1
        corners.append(points[ahead])
        at = ahead
    return corners


def nearest_free(grid: Occupancy, goal: Point, z: float, within_m: float) -> Point | None:
    """The free point nearest to ``goal``; ``None`` if there is none within ``within_m`` metres."""
    radius = 0.0
    while radius <= within_m:
        count = max(1, round(2 * math.pi * radius / grid.cell))
        for n in range(count):
            angle = 2 * math.pi * n / count
            spot = (goal[0] + radius * math.cos(angle), goal[1] + radius * math.sin(angle))
            if grid.free(*spot, z):
                return spot
        radius += grid.cell
    return None


def _search(grid: Occupancy, first: _Cell, last: _Cell, z: float) -> list[_Cell]:
    came: dict[_Cell, _Cell] = {first: first}
    cost: dict[_Cell, float] = {first: 0.0}
    queue: list[tuple[float, _Cell]] = [(0.0, first)]
    done: set[_Cell] = set()
    while queue:
        cell = heapq.heappop(queue)[1]
        if cell == last:
            break
        if cell in done:
            continue
        done.add(cell)
        for i, j, length in _STEPS:
            after = (cell[0] + i, cell[1] + j)
            # Check both neighbours of a diagonal step as well: it must not cut a blocked corner.
            beside = {after, (cell[0] + i, cell[1]), (cell[0], cell[1] + j)}
            if not all(grid.free(*_centre_of(grid, spot), z) for spot in beside):
                continue
            total = cost[cell] + length
            if total < cost.get(after, math.inf):
                cost[after], came[after] = total, cell
                guess = math.hypot(after[0] - last[0], after[1] - last[1])
                heapq.heappush(queue, (total + guess, after))
    if last not in came:
        return []
    cells = [last]
    while cells[-1] != first:
        cells.append(came[cells[-1]])
    return cells[::-1]


def _clear(grid: Occupancy, start: Point, end: Point, z: float) -> bool:
    """Whether a straight line is free, with a little clearance."""
    length = math.dist(start, end)
    count = max(1, math.ceil(length / (grid.cell / 4)))
    dx, dy = end[0] - start[0], end[1] - start[1]
    aside = _ASIDE_CELLS * grid.cell / length if length else 0.0
    return all(
        grid.free(start[0] + dx * share - dy * side, start[1] + dy * share + dx * side, z)
        for share in (n / count for n in range(count + 1))
        for side in (-aside, 0.0, aside)
    )


def _cell_of(grid: Occupancy, point: Point) -> _Cell:
    return (
        int((point[0] - grid.origin[0]) / grid.cell),
        int((point[1] - grid.origin[1]) / grid.cell),
    )


def _centre_of(grid: Occupancy, cell: _Cell) -> Point:
    return (
        grid.origin[0] + (cell[0] + 0.5) * grid.cell,
        grid.origin[1] + (cell[1] + 0.5) * grid.cell,
    )
