"""The city: blocks with streets between them, buildings and landmarks, seen from a drone.

Fills a `Plan`. The blocks' pavements are `Wall` slabs 15 cm high, so that rendering and visibility
need no type of their own for them; objects on a block stand on its slab.
"""

from __future__ import annotations

import random

from sim_clips.plan import (
    Goal,
    Plan,
    Rect,
    deck,
    draw_size,
    footprint,
    inside,
    overlaps,
    place_free,
)
from sim_clips.scene import CITY_KINDS, Wall

_KERB_M = 0.15


def _lines(rng: random.Random, count: int) -> list[tuple[float, float]]:
    """Start and end of each block along one axis; the outermost streets are beyond them."""
    spans, at = [], rng.uniform(10.0, 13.0)
    for _ in range(count):
        side = rng.uniform(20.0, 27.0)
        spans.append((round(at, 1), round(at + side, 1)))
        at += side + rng.uniform(10.0, 13.0)
    return spans


def _park(
    rng: random.Random, xs: list[tuple[float, float]], ys: list[tuple[float, float]]
) -> tuple[float, float, float]:
    """Draw a parking place in a street lane: x, y, yaw in degrees."""
    if rng.random() < 0.5:  # a street along x
        j = rng.randrange(len(ys) + 1)
        low = ys[j - 1][1] if j else ys[0][0] - 10.0
        high = ys[j][0] if j < len(ys) else ys[-1][1] + 10.0
        y = (low + high) / 2 + rng.choice((-1, 1)) * (high - low) * 0.22
        return rng.uniform(xs[0][0], xs[-1][1]), y, rng.choice((0.0, 180.0))
    i = rng.randrange(len(xs) + 1)
    low = xs[i - 1][1] if i else xs[0][0] - 10.0
    high = xs[i][0] if i < len(xs) else xs[-1][1] + 10.0
    x = (low + high) / 2 + rng.choice((-1, 1)) * (high - low) * 0.22
    return x, rng.uniform(ys[0][0], ys[-1][1]), rng.choice((90.0, -90.0))


def lay_out_city(rng: random.Random) -> Plan:
    """Lay out two or three by two or three blocks with 10 to 18 uniquely named objects."""
    nx, ny = rng.randint(2, 3), rng.randint(2, 3)
    xs, ys = _lines(rng, nx), _lines(rng, ny)
    plan = Plan(bounds=(0.0, 0.0, round(xs[-1][1] + 11.0, 1), round(ys[-1][1] + 11.0, 1)))
    blocks: list[Rect] = [(x0, y0, x1, y1) for x0, x1 in xs for y0, y1 in ys]
    for x0, y0, x1, y1 in blocks:
        middle = round((y0 + y1) / 2, 2)
        plan.walls.append(Wall((x0, middle), (x1, middle), _KERB_M, round(y1 - y0, 2)))
    target_count = rng.randint(10, 12 if nx * ny == 4 else 18)
    occupied: list[Rect] = []
    cars = 0
    for kind, colour in deck(rng, "city", CITY_KINDS):
        if len(plan.objects) == target_count:
            break
        if kind == "car" and cars == 4:
            continue
        size = draw_size(rng, kind)
        for _ in range(12):
            if kind == "car":
                x, y, yaw = _park(rng, xs, ys)
                rect = footprint(x, y, yaw, size)
                if not inside(rect, plan.bounds) or any(overlaps(rect, r, 2.0) for r in occupied):
                    continue
                plan.add(kind, colour, (round(x, 2), round(y, 2), 0.0), yaw, size)
                cars += 1
            else:
                x0, y0, x1, y1 = rng.choice(blocks)
                free = place_free(rng, (x0 + 1, y0 + 1, x1 - 1, y1 - 1), size, occupied, 2.0, 90.0)
                if free is None:
                    continue
                rect = footprint(*free, size)
                plan.add(kind, colour, (free[0], free[1], _KERB_M), free[2], size)
            occupied.append(rect)
            break
    x_max, y_max = plan.bounds[2], plan.bounds[3]
    for _ in range(8):
        goal = Goal(rng.uniform(0.1, 0.9) * x_max, rng.uniform(0.1, 0.9) * y_max, 12.0)
        plan.goals.append(goal)
    plan.start_area = (2.0, 2.0, x_max - 2.0, y_max - 2.0)
    return plan
