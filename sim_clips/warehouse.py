"""The warehouse: one hall with rows of low partitions and high shelf walls; held-out pairs only.

Its layout differs from the house on purpose: it tests generalisation to a place never trained on.
"""

from __future__ import annotations

import random

from sim_clips.plan import (
    Goal,
    Plan,
    Rect,
    WallSide,
    deck,
    draw_size,
    footprint,
    inside,
    overlaps,
    place_at_wall,
    place_free,
)
from sim_clips.scene import HOUSE_KINDS, Wall

_WALL_M = 0.15


def _rows(rng: random.Random, width: float, depth: float) -> list[Wall]:
    """Partitions in rows along x; every row has at least one cross aisle."""
    rows = 2 if depth < 10.5 else rng.choice((2, 3))
    pitch = depth / (rows + 1)
    partitions: list[Wall] = []
    for n in range(rows):
        y = pitch * (n + 1) + rng.uniform(-0.25, 0.25)
        high = rng.random() < 0.4
        height = rng.uniform(1.9, 2.3) if high else rng.uniform(0.6, 0.95)
        thickness = rng.uniform(0.3, 0.5) if high else rng.uniform(0.15, 0.3)
        x = rng.choice((0.0, rng.uniform(1.8, 2.4)))
        while x < width - 1.5:
            length = rng.uniform(2.2, 4.0)
            end = min(x + length, width)
            if end - x >= 1.2:
                a, b = (round(x, 2), round(y, 2)), (round(end, 2), round(y, 2))
                partitions.append(Wall(a, b, round(height, 2), round(thickness, 2)))
            x = end + rng.uniform(1.8, 2.6)
    return partitions


def _box(wall: Wall) -> Rect:
    half = wall.thickness / 2
    return (
        min(wall.a[0], wall.b[0]),
        min(wall.a[1], wall.b[1]) - half,
        max(wall.a[0], wall.b[0]),
        max(wall.a[1], wall.b[1]) + half,
    )


def _sides(rows: list[Wall], width: float, depth: float) -> list[WallSide]:
    half = _WALL_M / 2
    sides = [
        WallSide("x", half, half, width - half, 1),
        WallSide("x", depth - half, half, width - half, -1),
        WallSide("y", half, half, depth - half, 1),
        WallSide("y", width - half, half, depth - half, -1),
    ]
    for wall in rows:
        x0, y0, x1, y1 = _box(wall)
        sides += [WallSide("x", y1, x0, x1, 1), WallSide("x", y0, x0, x1, -1)]
    return sides


def lay_out_warehouse(rng: random.Random) -> Plan:
    """Lay out a hall with shelf rows, 10 to 16 of the 18 held-out pairs, and goals to walk to."""
    width, depth = round(rng.uniform(11.0, 14.5), 2), round(rng.uniform(9.0, 12.0), 2)
    plan = Plan(bounds=(0.0, 0.0, width, depth))
    height, t = round(rng.uniform(3.2, 4.0), 2), _WALL_M
    lo, hi_x, hi_y = -t / 2, width + t / 2, depth + t / 2
    rows = _rows(rng, width, depth)
    plan.walls = [
        Wall((lo, 0.0), (hi_x, 0.0), height, t),
        Wall((lo, depth), (hi_x, depth), height, t),
        Wall((0.0, lo), (0.0, hi_y), height, t),
        Wall((width, lo), (width, hi_y), height, t),
        *rows,
    ]
    area = (t / 2, t / 2, width - t / 2, depth - t / 2)
    boxes = [_box(wall) for wall in rows]
    sides = _sides(rows, width, depth)
    occupied: list[Rect] = []
    target_count = rng.randint(10, 16)
    for kind, colour in deck(rng, "warehouse", HOUSE_KINDS):
        if len(plan.objects) == target_count:
            break
        size = draw_size(rng, kind)
        for _ in range(10):
            if kind in ("table", "plant", "barrel", "sofa") and rng.random() < 0.35:
                inner = (area[0] + 1.0, area[1] + 1.0, area[2] - 1.0, area[3] - 1.0)
                spot = place_free(rng, inner, size, occupied + boxes, 0.5)
            else:
                side = rng.choice(sides[:4] if kind == "door" else sides)
                spot = place_at_wall(
                    rng, side, kind, size, occupied, area, corner=rng.random() < 0.2
                )
            if spot is None:
                continue
            rect = footprint(spot[0], spot[1], spot[2], size)
            if any(overlaps(rect, box, 0.0) for box in boxes):
                continue
            plan.add(kind, colour, (spot[0], spot[1], 0.0), spot[2], size)
            occupied.append(rect)
            break
    solid = occupied + boxes
    for _ in range(40):
        x, y = rng.uniform(1.0, width - 1.0), rng.uniform(1.0, depth - 1.0)
        spot_rect = (x - 0.5, y - 0.5, x + 0.5, y + 0.5)
        if inside(spot_rect, area) and not any(overlaps(spot_rect, r, 0.0) for r in solid):
            plan.goals.append(Goal(x, y, 1.2))
        if len(plan.goals) == 6:
            break
    plan.start_area = (0.8, 0.8, width - 0.8, depth - 0.8)
    return plan
