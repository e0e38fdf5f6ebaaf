"""How far retention has come in a memory file, and which keyframes it spares.

Out of scope: dropping anything (`retention`).
"""

from __future__ import annotations

from typing import NamedTuple

import apsw

from embodied_agent.memory import schema

#: Keyframes that answers rest on, by SQL with the first and last id.
CITED = "SELECT keyframe_id FROM citations WHERE keyframe_id BETWEEN ?1 AND ?2"
#: For each object, the first and last keyframes that show it, and those that it rests on. Damaged
#: rows are skipped.
OF_OBJECTS = (
    "SELECT id FROM (SELECT json_extract(text, at) AS id FROM "
    "(SELECT CASE WHEN json_valid(json) THEN json ELSE '{}' END AS text FROM objects), "
    "(SELECT '$.evidence[0]' AS at UNION SELECT '$.evidence[#-1]')) WHERE id BETWEEN ?1 AND ?2 "
    "UNION SELECT s.keyframe_id FROM sightings s WHERE s.keyframe_id BETWEEN ?1 AND ?2 AND "
    "(NOT EXISTS (SELECT 1 FROM sightings o WHERE o.object_id = s.object_id "
    "AND o.keyframe_id < s.keyframe_id) OR NOT EXISTS (SELECT 1 FROM sightings o "
    "WHERE o.object_id = s.object_id AND o.keyframe_id > s.keyframe_id))"
)


class Kept(NamedTuple):
    """How far retention has come: all pictures are kept from keyframe ``pictures_from`` on (but for
    those over the limits), and all text from ``text_from`` on."""

    pictures_from: int = 0
    text_from: int = 0


def kept_in(db: apsw.Connection) -> Kept:
    """How far retention has come in a file; one of an earlier version may lack the table."""
    if schema.version_of(db) < schema.WITH_SUMMARIES:
        return Kept()
    row = first_row(db, "SELECT pictures_from, text_from FROM retention")
    if row is None or not all(isinstance(one, int) for one in row):
        return Kept()  # damaged: assume that nothing was dropped
    return Kept(*row)


def text_bytes(db: apsw.Connection, picture_bytes: int) -> int:
    """The size of everything but the pictures, in bytes."""
    pages = int(db.pragma("page_count")) - int(db.pragma("freelist_count"))
    return max(0, pages * int(db.pragma("page_size")) - picture_bytes)


def newest_stored_s(db: apsw.Connection, last_id: int) -> float | None:
    """When the newest keyframe up to ``last_id`` was stored, by the wall clock."""
    sql = "SELECT stored_at_s FROM keyframes WHERE id <= ? ORDER BY id DESC LIMIT 1"
    row = first_row(db, sql, (last_id,))
    return None if row is None else float(row[0])


def ids_of(db: apsw.Connection, sql: str, first: int, last: int) -> set[int]:
    """The ids that a statement with a first and last id gives."""
    return {int(one) for (one,) in db.execute(sql, (first, last))}


def first_row(
    db: apsw.Connection, sql: str, bindings: tuple[object, ...] = ()
) -> tuple[int, ...] | None:
    """The first row that a statement gives; ``None`` if it gives none."""
    row: tuple[int, ...] | None = next(iter(db.execute(sql, bindings)), None)
    return row
