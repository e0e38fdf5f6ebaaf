"""Rows of objects, sightings and corrections in a memory file: made, read and renumbered.

Each row has a checksum; a damaged row is left out and reported.

Out of scope: which rows are written when (`objects`, `corrections`).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from typing import Any, TypeVar
from zlib import crc32

import apsw

from embodied_agent.codec import encodable, from_json, to_json
from embodied_agent.memory.rows import Damage, DamagedRow, check_texts, text_sum
from embodied_agent.object_records import (
    Correction,
    MapSession,
    MentionRef,
    NamedPlace,
    SeenObject,
    Sighting,
)

R = TypeVar("R", SeenObject, MapSession, Correction, NamedPlace)


def read_records(
    db: apsw.Connection,
    damage: Damage,
    kind: type[R],
    name: str,
    sql: str,
    bindings: tuple[Any, ...] = (),
) -> list[R]:
    """The records of rows that begin with a key, JSON and a checksum, which also covers whatever
    follows. A damaged row is reported to ``damage`` as ``name`` with its key."""
    records = []
    for key, text, checksum, *more in db.execute(sql, bindings):
        try:
            check_texts(checksum, text, *more)
            records.append(from_json(kind, text))
        except ValueError as error:
            damage.note(f"{name} {key}", error)
    return records


def object_row(record: SeenObject, state: str) -> tuple[Any, ...]:
    """The row of an object, with the state that its track needs."""
    text = to_json(record)
    return (
        record.id,
        record.session,
        encodable(record.kind),
        encodable(record.color),
        record.gone_since_ns is not None,
        record.last_seen_ns,
        text,
        state,
        text_sum(text, state),
    )


def sighting_row(sighting: Sighting) -> tuple[Any, ...]:
    """The row of a sighting."""
    numbers = sighting.ray
    ray = None if numbers is None else struct.pack(f"<{len(numbers)}d", *numbers)
    key = (sighting.keyframe_id, sighting.rank, sighting.object_id)
    return (*key, ray, _sighting_sum(*key, ray))


def sighting_of(row: Sequence[Any]) -> Sighting:
    """The sighting of a row: keyframe, rank, object, ray and checksum.

    Raises:
        DamagedRow, struct.error: the row does not hold what was written.
    """
    keyframe_id, rank, object_id, ray, checksum = row
    if not (ray is None or isinstance(ray, bytes)):
        raise DamagedRow(f"it holds {ray!r}")
    if _sighting_sum(keyframe_id, rank, object_id, ray) != checksum:
        raise DamagedRow("its checksum is wrong")
    numbers = None if ray is None else struct.unpack(f"<{len(ray) // 8}d", ray)
    return Sighting(keyframe_id, rank, object_id, numbers)


def move_sightings(db: apsw.Connection, gone: int, kept: int) -> None:
    """Make the sightings of object ``gone`` those of object ``kept``; part of a transaction."""
    rows = list(
        db.execute("SELECT keyframe_id, rank, ray FROM sightings WHERE object_id = ?", (gone,))
    )
    db.executemany(
        "UPDATE sightings SET object_id = ?3, checksum = ?4 WHERE keyframe_id = ?1 AND rank = ?2",
        [
            (number, rank, kept, _sighting_sum(number, rank, kept, ray))
            for number, rank, ray in rows
        ],
    )


def renumber(db: apsw.Connection, moved: Mapping[MentionRef, MentionRef]) -> None:
    """Update sightings and objects to the new places of mentions in their deltas; part of a
    transaction."""
    ids = set()
    for (number, old), (_, new) in sorted(moved.items()):  # downward, so that each place is free
        sql = "SELECT object_id, ray FROM sightings WHERE keyframe_id = ? AND rank = ?"
        for one, ray in list(db.execute(sql, (number, old))):
            ids.add(one)
            db.execute(
                "UPDATE sightings SET rank = ?, checksum = ? WHERE keyframe_id = ? AND rank = ?",
                (new, _sighting_sum(number, new, one, ray), number, old),
            )
    for one in sorted(ids):
        for text, state in list(db.execute("SELECT json, state FROM objects WHERE id = ?", (one,))):
            values = json.loads(state)
            values["rays"] = [list(moved.get((n, r), (n, r))) for n, r in values["rays"]]
            state = json.dumps(values)
            db.execute(
                "UPDATE objects SET state = ?, checksum = ? WHERE id = ?",
                (state, text_sum(text, state), one),
            )


def _sighting_sum(keyframe_id: int, rank: int, object_id: int, ray: bytes | None) -> int:
    return crc32(ray or b"", crc32(f"{keyframe_id} {rank} {object_id}".encode()))
