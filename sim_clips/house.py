"""The house: rooms on a grid, doors between them, furniture along the walls, and a route.

Fills a `Plan`; `sim_clips.path` chooses the camera's steps. Pairs of kind and colour that are held
out for the warehouse never occur here.
"""

from __future__ import annotations

import random
from dataclasses import dataclass

from sim_clips.plan import (
    Goal,
    Plan,
    Rect,
    WallSide,
    deck,
    draw_size,
    footprint,
    place_at_wall,
    place_free,
)
from sim_clips.scene import HOUSE_KINDS, Wall

Cell = tuple[int, int]

#: Floor plans as cells of a grid, by number of rooms.
_SHAPES: dict[int, tuple[tuple[Cell, ...], ...]] = {
    2: (((0, 0), (1, 0)), ((0, 0), (0, 1))),
    3: (
        ((0, 0), (1, 0), (2, 0)),
        ((0, 0), (0, 1), (0, 2)),
        ((0, 0), (1, 0), (0, 1)),
        ((0, 0), (1, 0), (1, 1)),
        ((0, 0), (0, 1), (1, 1)),
        ((1, 0), (0, 1), (1, 1)),
    ),
    4: (
        ((0, 0), (1, 0), (0, 1), (1, 1)),
        ((0, 0), (1, 0), (2, 0), (1, 1)),
        ((0, 0), (0, 1), (0, 2), (1, 1)),
        ((0, 0), (1, 0), (1, 1), (2, 1)),
    ),
    5: (
        ((0, 0), (1, 0), (2, 0), (0, 1), (1, 1)),
        ((0, 0), (1, 0), (2, 0), (0, 1), (2, 1)),
        ((0, 0), (1, 0), (1, 1), (0, 2), (1, 2)),
    ),
}
_WALL_M = 0.12
_LINTEL_Z = 2.05
#: Where each kind stands: share of attempts at a wall and in a corner; the rest in the open.
_HABIT: dict[str, tuple[float, float]] = {
    "sofa": (0.8, 0.0),
    "table": (0.35, 0.0),
    "lamp": (0.3, 0.6),
    "bookshelf": (1.0, 0.0),
    "bed": (0.6, 0.4),
    "plant": (0.3, 0.45),
    "clock": (0.7, 0.3),
    "barrel": (0.3, 0.4),
    "door": (1.0, 0.0),
}


@dataclass(frozen=True, slots=True)
class _Door:
    """A gap in the wall between two rooms: its centre and width in metres, and the wall's axis."""

    rooms: tuple[Cell, Cell]
    x: float
    y: float
    width: float
    along: str  # axis along which the wall runs, "x" or "y"

    def far_side(self, room: Cell, distance: float) -> tuple[float, float]:
        """The point ``distance`` metres from the gap, on the side of ``room``."""
        sign = -1.0 if room == self.rooms[0] else 1.0
        if self.along == "y":
            return self.x + sign * distance, self.y
        return self.x, self.y + sign * distance

    def zone(self, room: Cell) -> Rect:
        """The floor area of ``room`` in front of the gap that must stay clear."""
        x, y = self.far_side(room, 0.65)
        half_along, half_out = self.width / 2 + 0.2, 0.65
        if self.along == "y":
            return x - half_out, y - half_along, x + half_out, y + half_along
        return x - half_along, y - half_out, x + half_along, y + half_out


class _House:
    """The grid lines, rooms and doors of a house that is being laid out."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        count = rng.choices((2, 3, 4, 5), weights=(2, 3, 3, 2))[0]
        self.cells = sorted(rng.choice(_SHAPES[count]))
        self.xs = self._lines(max(c[0] for c in self.cells) + 1)
        self.ys = self._lines(max(c[1] for c in self.cells) + 1)
        self.doors: list[_Door] = []
        self._join()

    def _lines(self, count: int) -> list[float]:
        lines = [0.0]
        for _ in range(count):
            lines.append(round(lines[-1] + self.rng.uniform(4.0, 6.0), 2))
        return lines

    def rect(self, cell: Cell, inset: float = _WALL_M / 2) -> Rect:
        """A room's floor, ``inset`` metres from the grid lines."""
        i, j = cell
        return (
            self.xs[i] + inset,
            self.ys[j] + inset,
            self.xs[i + 1] - inset,
            self.ys[j + 1] - inset,
        )

    def _join(self) -> None:
        """Add doors: a random spanning tree over neighbouring rooms, and a few extra."""
        rng = self.rng
        pairs = [
            (a, b)
            for a in self.cells
            for b in ((a[0] + 1, a[1]), (a[0], a[1] + 1))
            if b in self.cells
        ]
        rng.shuffle(pairs)
        group = {cell: n for n, cell in enumerate(self.cells)}
        for a, b in pairs:
            new = group[a] != group[b]
            if new:
                old, keep = group[b], group[a]
                group = {cell: keep if n == old else n for cell, n in group.items()}
            if new or rng.random() < 0.4:
                self.doors.append(self._door(a, b))

    def _door(self, a: Cell, b: Cell) -> _Door:
        width = round(self.rng.uniform(1.1, 1.4), 2)
        margin = width / 2 + 0.35
        if b[0] > a[0]:
            at = self.rng.uniform(self.ys[a[1]] + margin, self.ys[a[1] + 1] - margin)
            return _Door((a, b), self.xs[b[0]], round(at, 2), width, "y")
        at = self.rng.uniform(self.xs[a[0]] + margin, self.xs[a[0] + 1] - margin)
        return _Door((a, b), round(at, 2), self.ys[b[1]], width, "x")

    def door_between(self, a: Cell, b: Cell) -> _Door | None:
        """The door joining two rooms, if there is one."""
        return next((d for d in self.doors if d.rooms in ((a, b), (b, a))), None)

    def walls(self) -> list[Wall]:
        """All walls without duplicates: solid, or with a gap and sometimes a lintel for a door."""
        height = round(self.rng.uniform(2.5, 2.8), 2)
        lintels = self.rng.random() < 0.6
        walls: list[Wall] = []
        visited: set[tuple[Cell, Cell]] = set()
        for i, j in self.cells:
            for other in ((i - 1, j), (i + 1, j), (i, j - 1), (i, j + 1)):
                a, b = min((i, j), other), max((i, j), other)
                if (a, b) in visited:
                    continue
                visited.add((a, b))
                door = self.door_between(a, b)
                walls.extend(self._edge(a, b, door, height, lintels))
        return walls

    def _edge(
        self, a: Cell, b: Cell, door: _Door | None, height: float, lintels: bool
    ) -> list[Wall]:
        t = _WALL_M
        upright = b[0] > a[0]  # the wall runs along y
        if upright:
            level, low, high = self.xs[b[0]], self.ys[b[1]], self.ys[b[1] + 1]
        else:
            level, low, high = self.ys[b[1]], self.xs[b[0]], self.xs[b[0] + 1]

        def wall(lo: float, hi: float, z: float = 0.0, h: float = height) -> Wall:
            if upright:
                return Wall((level, lo), (level, hi), h, t, z)
            return Wall((lo, level), (hi, level), h, t, z)

        low, high = low - t / 2, high + t / 2
        if door is None:
            return [wall(low, high)]
        centre = door.y if upright else door.x
        gap = (round(centre - door.width / 2, 3), round(centre + door.width / 2, 3))
        parts = [wall(low, gap[0]), wall(gap[1], high)]
        if lintels:
            parts.append(wall(gap[0], gap[1], _LINTEL_Z, round(height - _LINTEL_Z, 3)))
        return parts

    def sides(self, cell: Cell) -> list[tuple[WallSide, bool]]:
        """The four wall sides of a room, each with a flag for outer walls."""
        x0, y0, x1, y1 = self.rect(cell)
        i, j = cell
        return [
            (WallSide("x", y0, x0, x1, 1), (i, j - 1) not in self.cells),
            (WallSide("x", y1, x0, x1, -1), (i, j + 1) not in self.cells),
            (WallSide("y", x0, y0, y1, 1), (i - 1, j) not in self.cells),
            (WallSide("y", x1, y0, y1, -1), (i + 1, j) not in self.cells),
        ]


def _furnish(house: _House, plan: Plan) -> None:
    rng = house.rng
    cards = deck(rng, "house", HOUSE_KINDS)
    for cell in house.cells:
        area = house.rect(cell)
        occupied = [d.zone(cell) for d in house.doors if cell in d.rooms]
        sides = house.sides(cell)
        target_count, placed = rng.randint(3, 5), 0
        kinds: list[str] = []
        for _ in range(30):
            if placed == target_count or not cards:
                break
            kind, colour = cards.pop()
            spot = None
            if kinds.count(kind) < 2:
                size = draw_size(rng, kind)
                spot = _spot(rng, kind, size, area, sides, occupied)
            if spot is None:
                cards.insert(rng.randrange(len(cards) + 1), (kind, colour))
                continue
            x, y, yaw = spot
            plan.add(kind, colour, (x, y, 0.0), yaw, size)
            occupied.append(footprint(x, y, yaw, size))
            kinds.append(kind)
            placed += 1


def _spot(
    rng: random.Random,
    kind: str,
    size: tuple[float, float, float],
    area: Rect,
    sides: list[tuple[WallSide, bool]],
    occupied: list[Rect],
) -> tuple[float, float, float] | None:
    at_wall, in_corner = _HABIT[kind]
    for _ in range(6):
        draw = rng.random()
        if draw < at_wall + in_corner:
            side, outer = sides[rng.randrange(4)]
            if kind == "door" and not outer:
                continue
            corner = draw >= at_wall
            spot = place_at_wall(rng, side, kind, size, occupied, area, corner=corner)
        else:
            inner = (area[0] + 0.8, area[1] + 0.8, area[2] - 0.8, area[3] - 0.8)
            spot = place_free(rng, inner, size, occupied, 0.3)
        if spot is not None:
            return spot
    return None


def _route(house: _House, plan: Plan) -> None:
    """Plan goals through the rooms: before and behind each door, at times one inside a room."""
    rng = house.rng
    room = rng.choice(house.cells)
    plan.start_area = house.rect(room, 0.9)
    last_door: _Door | None = None
    for _ in range(4):
        options = [d for d in house.doors if room in d.rooms]
        if len(options) > 1:
            options = [d for d in options if d is not last_door]
        door = rng.choice(options)
        next_room = door.rooms[1] if door.rooms[0] == room else door.rooms[0]
        if plan.goals and rng.random() < 0.4:
            x0, y0, x1, y1 = house.rect(room, 1.2)
            plan.goals.append(Goal(rng.uniform(x0, x1), rng.uniform(y0, y1), 0.9))
        # Line up with the door first, anywhere straight in front of it.
        near, back = door.far_side(room, 0.6), door.far_side(room, 2.4)
        plan.goals.append(Goal(*near, 0.13, tail=(back[0] - near[0], back[1] - near[1])))
        plan.goals.append(Goal(*door.far_side(next_room, rng.uniform(0.8, 1.1)), 0.75, door=True))
        room, last_door = next_room, door


def lay_out_house(rng: random.Random) -> Plan:
    """Lay out a furnished house with a route through at least one door."""
    house = _House(rng)
    plan = Plan(bounds=(0.0, 0.0, house.xs[-1], house.ys[-1]))
    plan.walls = house.walls()
    _furnish(house, plan)
    _route(house, plan)
    return plan
