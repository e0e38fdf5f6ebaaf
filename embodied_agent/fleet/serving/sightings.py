"""When and where robots saw things: reading the index of sightings.

Out of scope: which names are meant (`vocabulary`), sentences (`answering`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from embodied_agent.fleet.serving.database import Db
from embodied_agent.fleet.serving.reading import Window

_BEGINNING = datetime.min.replace(year=1900)


@dataclass(frozen=True, slots=True)
class Sighting:
    """A robot (by id and name) saw ``thing`` at ``seen_at``, in that keyframe of that memory; where
    only the keyframe counts, ``thing`` is empty."""

    robot_id: int
    robot: str
    thing: str
    seen_at: datetime
    memory: str
    keyframe_id: int


#: A keyframe ``k`` of robot ``r`` and its memory ``m``, as the columns of a `Sighting`.
KEYFRAME = "r.id, r.name, '', k.seen_at, m.uuid, k.keyframe_id"

_COLUMNS = "r.id, r.name, n.name, s.seen_at, m.uuid, s.keyframe_id"
_JOINS = (
    "JOIN robots r ON r.id = s.robot JOIN names n ON n.id = s.name "
    "JOIN memories m ON m.id = s.memory"
)


def sightings(
    db: Db,
    robots: Sequence[int],
    names: Sequence[int],
    window: Window,
    *,
    first: bool = False,
) -> list[Sighting]:
    """The latest sighting of each name by each robot within a window, the latest first.

    Args:
        db: in a transaction.
        robots: their ids.
        names: their ids.
        window: of time.
        first: the first sighting of each instead, the earliest first.
    """
    if not robots or not names:
        return []
    values: dict[str, Any] = {
        "robots": list(robots),
        "names": list(names),
        "since": window.since,
        "until": window.until,
    }
    pairs = (
        "FROM seen WHERE robot = ANY(%(robots)s) AND name = ANY(%(names)s) "
        "AND (%(since)s::timestamptz IS NULL OR seen_at >= %(since)s)"
    )
    order = "ASC" if first else "DESC"
    if first or window.until is not None:
        pairs = (
            f"FROM (SELECT robot, name {pairs}) p CROSS JOIN LATERAL ("
            "SELECT robot, name, seen_at, memory, keyframe_id FROM mentions "
            "WHERE mentions.robot = p.robot AND mentions.name = p.name "
            "AND (%(since)s::timestamptz IS NULL OR seen_at >= %(since)s) "
            "AND (%(until)s::timestamptz IS NULL OR seen_at < %(until)s) "
            f"ORDER BY seen_at {order} LIMIT 1) s"
        )
        sql = f"SELECT {_COLUMNS} {pairs} {_JOINS} ORDER BY s.seen_at {order}, r.name, n.name"
    else:
        sql = (
            f"SELECT {_COLUMNS} FROM (SELECT * {pairs}) s {_JOINS} "
            "ORDER BY s.seen_at DESC, r.name, n.name"
        )
    return [Sighting(*row) for row in db.execute(sql.encode(), values)]


def latest_things(
    db: Db, robots: Sequence[int], window: Window, limit: int
) -> tuple[list[Sighting], int]:
    """The things that robots saw within a window, each with its latest sighting, and how many there
    are beyond the ``limit``."""
    if window.until is not None:
        names = [
            int(row[0])
            for row in db.execute(
                "SELECT DISTINCT name FROM seen WHERE robot = ANY(%s) AND seen_at >= %s",
                (list(robots), window.since or _BEGINNING),
            )
        ]
        found = newest_of_each(sightings(db, robots, names, window))
        return found[:limit], max(len(found) - limit, 0)
    rows = db.execute(
        "SELECT name, max(seen_at) AS latest, count(*) OVER () FROM seen "
        "WHERE robot = ANY(%s) AND (%s::timestamptz IS NULL OR seen_at >= %s) "
        "GROUP BY name ORDER BY latest DESC LIMIT %s",
        (list(robots), window.since, window.since, limit),
    ).fetchall()
    found = newest_of_each(sightings(db, robots, [row[0] for row in rows], window))
    return found, (rows[0][2] if rows else 0) - len(found)


def newest_of_each(found: Iterable[Sighting], *, by_robot: bool = False) -> list[Sighting]:
    """The first of each thing, or of each robot."""
    kept: dict[object, Sighting] = {}
    for one in found:
        kept.setdefault(one.robot_id if by_robot else one.thing, one)
    return list(kept.values())


def observation_of(
    db: Db, robots: Sequence[int], words: Sequence[str], window: Window
) -> tuple[Sighting, str] | None:
    """The latest keyframe whose observation has one of these phrases, with the observation."""
    query = " | ".join(
        "(" + " <-> ".join("'" + part.replace("'", "''") + "'" for part in phrase.split()) + ")"
        for phrase in words
        if phrase.split()
    )
    if not query:
        return None
    row = db.execute(
        f"SELECT {KEYFRAME}, k.observation "
        "FROM keyframes k JOIN robots r ON r.id = k.robot JOIN memories m ON m.id = k.memory "
        "WHERE k.observation <> '' AND k.robot = ANY(%s) "
        "AND to_tsvector('english', k.observation) @@ to_tsquery('english', %s) "
        "AND (%s::timestamptz IS NULL OR k.seen_at >= %s) "
        "AND (%s::timestamptz IS NULL OR k.seen_at < %s) ORDER BY k.seen_at DESC LIMIT 1".encode(),
        (list(robots), query, window.since, window.since, window.until, window.until),
    ).fetchone()
    return None if row is None else (Sighting(*row[:6]), str(row[6]))


def keyframe_of(db: Db, robot: int, keyframe_id: int) -> Sighting | None:
    """A robot's keyframe of this number, the latest one if several of its memories have one."""
    row = db.execute(
        f"SELECT {KEYFRAME} FROM memories m JOIN robots r ON r.id = m.robot "
        "JOIN keyframes k ON k.memory = m.id AND k.keyframe_id = %s WHERE m.robot = %s "
        "ORDER BY k.seen_at DESC LIMIT 1".encode(),
        (keyframe_id, robot),
    ).fetchone()
    return None if row is None else Sighting(*row)


def position_of(db: Db, sighting: Sighting) -> tuple[str, float, float] | None:
    """Where the robot's camera was at a sighting: the frame, and metres; ``None`` if unknown."""
    row = db.execute(
        "SELECT k.frame_id, k.x, k.y FROM keyframes k JOIN memories m ON m.id = k.memory "
        "WHERE m.uuid = %s AND m.robot = %s AND k.keyframe_id = %s AND k.x IS NOT NULL",
        (sighting.memory, sighting.robot_id, sighting.keyframe_id),
    ).fetchone()
    return None if row is None else (str(row[0]), float(row[1]), float(row[2]))
