"""Writes keyframes into the tables, and what is derived from them; part of a transaction.

Out of scope: which are new (`intake`), the tables (`schema`), other rows (`writing_rows`).
"""

from __future__ import annotations

import base64
import binascii
import math
from collections.abc import Iterable, Sequence
from datetime import datetime, timezone
from typing import NamedTuple

from embodied_agent.errors import QuestionError
from embodied_agent.fleet.serving.database import Db
from embodied_agent.fleet.wire import Batch, Cursor, FleetKeyframe

#: Side of a square of `visits`, in metres.
CELL_M = 0.5
#: Positions farther from the origin than this are no visits, in metres.
_FARTHEST_M = 1e8


class Memory(NamedTuple):
    """A memory by the ids of itself and its robot, and how far it is taken in."""

    id: int
    robot: int
    cursor: Cursor


def plain_name(name: str) -> str:
    """A name as the index holds it: in lower case, with single spaces."""
    return " ".join(clean(name).casefold().split()) or "thing"


def clean(text: str) -> str:
    """Text as PostgreSQL can hold it."""
    return text.replace("\x00", "\N{REPLACEMENT CHARACTER}")


def name_ids(db: Db, batch: Batch) -> dict[str, int]:
    """The ids of all names in a batch; those of new names are made."""
    wanted = sorted(
        {
            plain_name(mention.name)
            for keyframe in (*batch.keyframes, *batch.amended_keyframes)
            for mention in keyframe.mentions
        }
    )
    if not wanted:
        return {}
    sql = "SELECT name, id FROM names WHERE name = ANY(%s)"
    known: dict[str, int] = dict(db.execute(sql, (wanted,)).fetchall())
    new = [name for name in wanted if name not in known]
    if new:
        db.execute(
            "INSERT INTO names (name) SELECT unnest(%s::text[]) ON CONFLICT DO NOTHING", (new,)
        )
        known.update(db.execute(sql, (new,)).fetchall())
    return known


def remove_keyframes(db: Db, memory: Memory, ids: Sequence[int]) -> None:
    """Remove keyframes that are about to be replaced, and what is derived from them."""
    if not ids:
        return
    condition = "WHERE memory = %s AND keyframe_id = ANY(%s)"
    names = [
        int(row[0])
        for row in db.execute(
            f"SELECT DISTINCT name FROM mentions {condition}", (memory.id, list(ids))
        )
    ]
    for table in ("thumbnails", "mentions", "keyframes"):
        db.execute(f"DELETE FROM {table} {condition}".encode(), (memory.id, list(ids)))
    derive_seen(db, memory.robot, names)


def derive_seen(db: Db, robot: int, names: Sequence[int] | None) -> None:
    """Derive `seen` of a robot again, for these names or for all that it has."""
    gone = db.execute(
        "DELETE FROM seen WHERE robot = %s AND (%s::integer[] IS NULL OR name = ANY(%s)) "
        "RETURNING name",
        (robot, names, names),
    ).fetchall()
    db.execute(
        "INSERT INTO seen (robot, name, seen_at, memory, keyframe_id) "
        "SELECT %s, n.name, m.seen_at, m.memory, m.keyframe_id "
        "FROM unnest(%s::integer[]) AS n (name) CROSS JOIN LATERAL ("
        "  SELECT seen_at, memory, keyframe_id FROM mentions "
        "  WHERE mentions.robot = %s AND mentions.name = n.name "
        "  ORDER BY seen_at DESC, keyframe_id DESC LIMIT 1) m",
        (robot, [row[0] for row in gone], robot),
    )
    db.execute("UPDATE robots SET vocabulary = vocabulary + 1 WHERE id = %s", (robot,))


def moment(seconds: float) -> datetime:
    """A time in seconds since 1970."""
    return datetime.fromtimestamp(seconds, timezone.utc)


def insert_keyframes(
    db: Db, memory: Memory, keyframes: Sequence[FleetKeyframe], names: dict[str, int]
) -> None:
    """Write keyframes that the server has not, and what is derived from them."""
    if not keyframes:
        return
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO keyframes VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    memory.id,
                    one.id,
                    memory.robot,
                    moment(one.seen_at_s),
                    one.stamp_ns,
                    one.segment,
                    clean(one.frame_id),
                    *(one.position_m or (None, None, None)),
                    clean(one.action),
                    clean(one.observation),
                    one.checksum,
                )
                for one in keyframes
            ],
        )
        pictures = [(memory.id, one.id, _jpeg(one)) for one in keyframes if one.thumbnail]
        cursor.executemany("INSERT INTO thumbnails VALUES (%s, %s, %s)", pictures)
        mentions = list(_mentions(memory, keyframes, names))
        cursor.executemany(
            "INSERT INTO mentions VALUES (%s, %s, %s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            mentions,
        )
    latest: dict[int, tuple[datetime, int]] = {}
    for _, keyframe_id, name, _, seen_at, _, _ in mentions:
        latest[name] = max(latest.get(name, (seen_at, keyframe_id)), (seen_at, keyframe_id))
    rows = db.execute(
        "INSERT INTO seen (robot, name, seen_at, memory, keyframe_id) "
        "SELECT %s, name, seen_at, %s, keyframe_id FROM "
        "unnest(%s::integer[], %s::timestamptz[], %s::bigint[]) AS n (name, seen_at, keyframe_id) "
        "ON CONFLICT (robot, name) DO UPDATE SET seen_at = excluded.seen_at, "
        "memory = excluded.memory, keyframe_id = excluded.keyframe_id "
        "WHERE seen.seen_at <= excluded.seen_at RETURNING xmax = 0",
        (
            memory.robot,
            memory.id,
            list(latest),
            [seen_at for seen_at, _ in latest.values()],
            [keyframe_id for _, keyframe_id in latest.values()],
        ),
    ).fetchall()
    if any(is_new for (is_new,) in rows):
        db.execute("UPDATE robots SET vocabulary = vocabulary + 1 WHERE id = %s", (memory.robot,))
    _insert_visits(db, memory, keyframes)


def _jpeg(keyframe: FleetKeyframe) -> bytes:
    try:
        jpeg = base64.b64decode(keyframe.thumbnail, validate=True)
    except binascii.Error as error:
        raise QuestionError(f"the thumbnail of keyframe {keyframe.id} is not base64") from error
    if not jpeg.startswith(b"\xff\xd8\xff"):
        raise QuestionError(f"the thumbnail of keyframe {keyframe.id} is not a JPEG file")
    return jpeg


def _mentions(
    memory: Memory, keyframes: Iterable[FleetKeyframe], names: dict[str, int]
) -> Iterable[tuple[int, int, int, int, datetime, str, str | None]]:
    for one in keyframes:
        seen_at = moment(one.seen_at_s)
        known: set[int] = set()
        for mention in one.mentions:
            name = names[plain_name(mention.name)]
            if name not in known:
                known.add(name)
                distance = None if mention.distance is None else clean(mention.distance)
                direction = clean(mention.direction)
                yield memory.id, one.id, name, memory.robot, seen_at, direction, distance


def cell(metres: float) -> int:
    """The square that a coordinate lies in."""
    return math.floor(metres / CELL_M)


def _insert_visits(db: Db, memory: Memory, keyframes: Iterable[FleetKeyframe]) -> None:
    latest: dict[tuple[int, str, int, int], tuple[datetime, float, float, int]] = {}
    for one in keyframes:
        if one.position_m is None or not one.frame_id:
            continue
        x, y, _ = one.position_m
        if max(abs(x), abs(y)) > _FARTHEST_M:
            continue
        key = one.segment, clean(one.frame_id), cell(x), cell(y)
        visit = moment(one.seen_at_s), x, y, one.id
        latest[key] = max(latest.get(key, visit), visit)
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO visits (memory, robot, segment, frame_id, cell_x, cell_y, seen_at, x, y, "
            "keyframe_id) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (memory, segment, frame_id, cell_x, cell_y) DO UPDATE SET "
            "seen_at = excluded.seen_at, x = excluded.x, y = excluded.y, "
            "keyframe_id = excluded.keyframe_id WHERE visits.seen_at <= excluded.seen_at",
            [(memory.id, memory.robot, *key, *visit) for key, visit in sorted(latest.items())],
        )
