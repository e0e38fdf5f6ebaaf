"""Which named places robots visited, by the positions of their cameras.

A place counts as visited if a keyframe was taken in its region, or near its point. Places in a
common frame count for all robots, others only for the memory that they belong to.

Out of scope: naming places (the robots' own memories), sentences (`answering`).
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from embodied_agent.agent.corrections import contains
from embodied_agent.fleet.serving.database import Db
from embodied_agent.fleet.serving.reading import Window
from embodied_agent.fleet.serving.sightings import KEYFRAME, Sighting
from embodied_agent.fleet.serving.writing import cell

#: Radius of a place that is a point, in metres.
RADIUS_M = 2.0

Region = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Place:
    """A named place; ``memory`` and ``segment`` are those that its coordinates belong to."""

    name: str
    robot: str
    robot_id: int
    memory_id: int
    segment: int
    frame_id: str
    position_m: tuple[float, float]
    region: Region

    def holds(self, x: float, y: float) -> bool:
        """Whether a point is in the place."""
        if self.region:
            return contains(self.region, x, y)
        dx, dy = x - self.position_m[0], y - self.position_m[1]
        return dx * dx + dy * dy <= RADIUS_M * RADIUS_M

    def bounds(self) -> tuple[float, float, float, float]:
        """The smallest and largest x and y."""
        if self.region:
            xs, ys = zip(*self.region, strict=True)
            return min(xs), min(ys), max(xs), max(ys)
        x, y = self.position_m
        return x - RADIUS_M, y - RADIUS_M, x + RADIUS_M, y + RADIUS_M


def named_places(db: Db, robots: Sequence[int]) -> list[Place]:
    """The named places of these robots, by name."""
    rows = db.execute(
        "SELECT p.name, r.name, p.robot, p.memory, p.segment, p.frame_id, p.x, p.y, p.region "
        "FROM places p JOIN robots r ON r.id = p.robot WHERE p.robot = ANY(%s) "
        "ORDER BY p.name, r.name LIMIT 10000",
        (list(robots),),
    )
    return [
        Place(
            name=name,
            robot=robot,
            robot_id=robot_id,
            memory_id=memory_id,
            segment=segment,
            frame_id=frame_id,
            position_m=(x, y),
            region=tuple(zip(region[::2], region[1::2], strict=True)),
        )
        for name, robot, robot_id, memory_id, segment, frame_id, x, y, region in rows
    ]


def last_visit(
    db: Db, place: Place, robots: Sequence[int], common_frames: Collection[str], window: Window
) -> Sighting | None:
    """The keyframe of the latest visit of a place by one of these robots within a window; ``None``
    for none.

    Of each square only the latest position is known: a window that has ended is not looked into.
    """
    left, bottom, right, top = place.bounds()
    shared = place.frame_id in common_frames
    rows = db.execute(
        f"SELECT {KEYFRAME}, k.x, k.y FROM visits k "
        "JOIN robots r ON r.id = k.robot JOIN memories m ON m.id = k.memory "
        "WHERE k.frame_id = %s AND k.cell_x BETWEEN %s AND %s AND k.cell_y BETWEEN %s AND %s "
        "AND k.robot = ANY(%s) AND (%s OR (k.memory = %s AND k.segment = %s)) "
        "AND (%s::timestamptz IS NULL OR k.seen_at >= %s) ORDER BY k.seen_at DESC".encode(),
        (
            place.frame_id,
            cell(left),
            cell(right),
            cell(bottom),
            cell(top),
            list(robots),
            shared,
            place.memory_id,
            place.segment,
            window.since,
            window.since,
        ),
    )
    for *keyframe, x, y in rows:
        if place.holds(x, y):
            return Sighting(*keyframe)
    return None
