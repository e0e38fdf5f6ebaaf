"""The keyframes that objects rest on, as text is thinned out.

Of the keyframes that show an object, those that show it for the first and the last time and the one
that shows it largest are spared. An object's evidence names no other keyframe whose text is thinned
out, because nothing in such a keyframe tells of it any more. How often an object was seen, and
where it is, don't depend on the evidence.

Out of scope: when text is thinned out (`retention`), sightings (`object_retention`).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from typing import Any

import apsw

from embodied_agent.codec import from_json
from embodied_agent.memory.object_rows import object_row, sighting_of
from embodied_agent.memory.rows import DamagedRow, check_texts
from embodied_agent.object_records import MentionRef, SeenObject
from embodied_agent.records import SUMMARY_ONLY

#: Where the numbers of a sighting's ray hold the height and the width of what it shows, in radians.
HEIGHT, WIDTH = 10, 13


def largest_views(db: apsw.Connection, numbers: Collection[int]) -> set[int]:
    """Those of the keyframes that show an object larger than all others that its position is
    computed from."""
    sql = (
        "SELECT state FROM objects WHERE id IN (SELECT object_id FROM sightings "
        "WHERE keyframe_id IN (SELECT value FROM json_each(?)))"
    )
    largest = set()
    for (state,) in list(db.execute(sql, (json.dumps(list(numbers)),))):
        try:
            refs = sorted(rays_of(state))
        except (ValueError, TypeError, LookupError):
            continue
        sizes = [(size, number) for number, rank in refs if (size := _size(db, number, rank))]
        if sizes:
            largest.add(max(sizes)[1])
    return largest & set(numbers)


def drop_thinned_evidence(db: apsw.Connection, object_ids: Iterable[int]) -> None:
    """Remove keyframes whose text was thinned out from the evidence of objects, but the last one;
    part of a transaction. Damaged rows stay as they are."""
    for one in sorted(object_ids):
        sql = "SELECT json, state, checksum FROM objects WHERE id = ?"
        for text, state, checksum in list(db.execute(sql, (one,))):
            record = read_object(text, state, checksum)
            if record is None:
                continue
            thinned = _thinned(db, record.evidence[:-1])
            if thinned:
                evidence = tuple(number for number in record.evidence if number not in thinned)
                write_object(db, replace(record, evidence=evidence), state)


def drop_thinned_sightings(
    db: apsw.Connection, object_id: int, needed: Collection[MentionRef]
) -> None:
    """Remove an object's sightings in keyframes whose text was thinned out, but those that are
    ``needed``; part of a transaction."""
    sql = (
        "SELECT s.keyframe_id, s.rank FROM sightings s JOIN deltas d USING (keyframe_id) "
        f"WHERE s.object_id = ? AND instr(d.json, '{SUMMARY_ONLY}')"
    )
    leaving = [ref for ref in db.execute(sql, (object_id,)) if ref not in needed]
    db.executemany("DELETE FROM sightings WHERE keyframe_id = ? AND rank = ?", leaving)


def read_object(text: Any, state: Any, checksum: Any) -> SeenObject | None:
    """The object of a row; ``None`` if it is damaged."""
    try:
        check_texts(checksum, text, state)
        return from_json(SeenObject, text)
    except ValueError:
        return None


def write_object(db: apsw.Connection, record: SeenObject, state: str) -> None:
    """Store an object in the place of the one with its id; part of a transaction."""
    db.execute(
        "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        object_row(record, state),
    )


def rays_of(state: str) -> set[MentionRef]:
    """The mentions that an object's position is computed from, by the state of its track.

    Raises:
        ValueError, TypeError, LookupError: the state is damaged.
    """
    return {(int(number), int(rank)) for number, rank in json.loads(state)["rays"]}


def _size(db: apsw.Connection, number: int, rank: int) -> float:
    """How large a mention's box is, in square radians; 0 if unknown."""
    sql = (
        "SELECT keyframe_id, rank, object_id, ray, checksum FROM sightings "
        "WHERE keyframe_id = ? AND rank = ? AND ray IS NOT NULL"
    )
    for row in db.execute(sql, (number, rank)):
        try:
            ray = sighting_of(row).ray or ()
            size = ray[HEIGHT] * ray[WIDTH]
        except (DamagedRow, struct.error, LookupError):
            return 0.0
        return size if size > 0 else 0.0  # NaN where a box is missing or cut off
    return 0.0


def _thinned(db: apsw.Connection, numbers: Sequence[int]) -> set[int]:
    """Those of the keyframes whose text was thinned out."""
    sql = (
        "SELECT keyframe_id FROM deltas WHERE keyframe_id IN (SELECT value FROM json_each(?)) "
        f"AND instr(json, '{SUMMARY_ONLY}')"
    )
    return {int(one) for (one,) in db.execute(sql, (json.dumps(list(numbers)),))}
