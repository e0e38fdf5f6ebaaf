"""The plan that a layout passes to the path planner and to `make_scene`: objects, walls, goals.

Also the sizes of all kinds, and the placement helpers shared by house, warehouse and city.

Out of scope: what each kind looks like (`sim_clips.shapes`).
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable
from dataclasses import dataclass, field

from sim_clips.scene import COLOURS, SceneObject, Wall, WorldName, held_out

Rect = tuple[float, float, float, float]  # x_min, y_min, x_max, y_max

#: Mean width, depth and height in metres; `draw_size` varies them. A kind's front is its +y side.
SIZES_M: dict[str, tuple[float, float, float]] = {
    "sofa": (2.0, 0.9, 0.85),
    "table": (1.4, 0.9, 0.78),
    "lamp": (0.5, 0.5, 1.7),
    "bookshelf": (1.1, 0.35, 1.85),
    "bed": (1.6, 2.0, 0.95),
    "plant": (0.75, 0.75, 1.25),
    "clock": (0.6, 0.4, 2.0),
    "barrel": (0.7, 0.7, 0.95),
    "door": (1.0, 0.1, 2.1),
    "building": (11.0, 10.0, 18.0),
    "tree": (5.5, 5.5, 8.5),
    "car": (6.0, 2.5, 2.5),
    "tower": (6.0, 6.0, 24.0),
    "dome": (11.0, 11.0, 8.5),
    "crane": (14.0, 2.2, 23.0),
    "billboard": (9.0, 1.0, 8.5),
    "fountain": (9.0, 9.0, 4.5),
}
#: Kinds with a round or square footprint: one factor scales both width and depth.
ROUND_KINDS = frozenset({"lamp", "plant", "barrel", "tree", "tower", "dome", "fountain"})


@dataclass(frozen=True, slots=True)
class Goal:
    """A point, or a line from it along ``tail``; the camera should come within ``reach`` metres.

    ``door`` marks the far side of a door.
    """

    x: float
    y: float
    reach: float
    door: bool = False
    tail: tuple[float, float] = (0.0, 0.0)

    def nearest(self, x: float, y: float) -> tuple[float, float]:
        """The point of the goal nearest to (x, y)."""
        square = self.tail[0] ** 2 + self.tail[1] ** 2
        if square == 0.0:
            return self.x, self.y
        share = ((x - self.x) * self.tail[0] + (y - self.y) * self.tail[1]) / square
        share = min(max(share, 0.0), 1.0)
        return self.x + share * self.tail[0], self.y + share * self.tail[1]


@dataclass
class Plan:
    """A world without its path: filled by a layout, read by the path planner."""

    bounds: Rect
    objects: list[SceneObject] = field(default_factory=list)
    walls: list[Wall] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    start_area: Rect = (0.0, 0.0, 0.0, 0.0)

    def add(
        self,
        kind: str,
        colour: str,
        position: tuple[float, float, float],
        yaw_deg: float,
        size: tuple[float, float, float],
    ) -> None:
        """Add one object with the next free id."""
        self.objects.append(SceneObject(len(self.objects), kind, colour, position, yaw_deg, size))


def deck(rng: random.Random, world: WorldName, kinds: Iterable[str]) -> list[tuple[str, str]]:
    """All pairs of kind and colour that the world may show, shuffled."""
    pairs = [
        (kind, colour)
        for kind in kinds
        for colour in COLOURS
        if held_out(kind, colour) == (world == "warehouse")
    ]
    rng.shuffle(pairs)
    return pairs


def draw_size(rng: random.Random, kind: str) -> tuple[float, float, float]:
    """A random size for the kind, each dimension varied by up to 15 %."""
    w, d, h = SIZES_M[kind]
    fw = rng.uniform(0.85, 1.15)
    fd = fw if kind in ROUND_KINDS else rng.uniform(0.85, 1.15)
    return round(w * fw, 3), round(d * fd, 3), round(h * rng.uniform(0.88, 1.15), 3)


def footprint(x: float, y: float, yaw_deg: float, size: tuple[float, float, float]) -> Rect:
    """The axis-aligned bounding rectangle of a rotated footprint."""
    c, s = abs(math.cos(math.radians(yaw_deg))), abs(math.sin(math.radians(yaw_deg)))
    hx = (c * size[0] + s * size[1]) / 2
    hy = (s * size[0] + c * size[1]) / 2
    return x - hx, y - hy, x + hx, y + hy


def overlaps(a: Rect, b: Rect, margin: float) -> bool:
    """Whether two rectangles are closer than ``margin`` metres on both axes."""
    return (
        a[0] < b[2] + margin
        and b[0] < a[2] + margin
        and a[1] < b[3] + margin
        and b[1] < a[3] + margin
    )


def inside(inner: Rect, outer: Rect) -> bool:
    """Whether ``inner`` lies entirely within ``outer``."""
    return (
        inner[0] >= outer[0]
        and inner[1] >= outer[1]
        and inner[2] <= outer[2]
        and inner[3] <= outer[3]
    )


@dataclass(frozen=True, slots=True)
class WallSide:
    """One side of a wall, as seen from a room.

    ``axis`` is "x" if it runs along x at ``y = level``, "y" if it runs along y at ``x = level``;
    it extends from ``low`` to ``high``. ``inward`` is the direction into the room, +1 or -1 along
    the other axis.
    """

    axis: str
    level: float
    low: float
    high: float
    inward: int

    @property
    def yaw_deg(self) -> float:
        """Heading that turns an object's front (+y) into the room."""
        if self.axis == "x":
            return 0.0 if self.inward > 0 else 180.0
        return -90.0 if self.inward > 0 else 90.0

    def spot(
        self, along: float, size: tuple[float, float, float], gap: float
    ) -> tuple[float, float]:
        """Centre (x, y) of an object at ``along`` whose back is ``gap`` metres from the wall."""
        off = self.level + self.inward * (size[1] / 2 + gap)
        return (along, off) if self.axis == "x" else (off, along)


def place_at_wall(
    rng: random.Random,
    side: WallSide,
    kind: str,
    size: tuple[float, float, float],
    taken: list[Rect],
    area: Rect,
    *,
    corner: bool,
) -> tuple[float, float, float] | None:
    """Try once to place an object at a wall; x, y, yaw in degrees, or ``None`` if it is blocked."""
    half = size[0] / 2 + 0.08
    if side.high - side.low < 2 * half:
        return None
    if corner:
        along = side.low + half if rng.random() < 0.5 else side.high - half
    else:
        along = rng.uniform(side.low + half, side.high - half)
    gap = 0.005 if kind == "door" else rng.uniform(0.04, 0.1)
    x, y = side.spot(along, size, gap)
    yaw = side.yaw_deg
    rect = footprint(x, y, yaw, size)
    if not inside(rect, area) or any(overlaps(rect, other, 0.12) for other in taken):
        return None
    return round(x, 3), round(y, 3), yaw


def place_free(
    rng: random.Random,
    area: Rect,
    size: tuple[float, float, float],
    taken: list[Rect],
    margin: float,
    yaw_step: float = 15.0,
) -> tuple[float, float, float] | None:
    """Try once to place an object in ``area``; x, y, yaw in degrees, or ``None`` if something else
    is closer than ``margin`` metres."""
    yaw = yaw_step * rng.randrange(int(360 / yaw_step)) - 180.0
    x0, y0, x1, y1 = footprint(0.0, 0.0, yaw, size)
    if area[0] - x0 >= area[2] - x1 or area[1] - y0 >= area[3] - y1:
        return None
    x, y = rng.uniform(area[0] - x0, area[2] - x1), rng.uniform(area[1] - y0, area[3] - y1)
    rect = (x + x0, y + y0, x + x1, y + y1)
    if any(overlaps(rect, other, margin) for other in taken):
        return None
    return round(x, 3), round(y, 3), yaw
