"""Writes keyframes and deltas with all their indexes, within a transaction.

Out of scope: the transaction, and which delta is next (`store`).
"""

from __future__ import annotations

from collections.abc import Sequence
from zlib import crc32

import apsw

from embodied_agent.codec import encodable, to_json, to_short_json
from embodied_agent.memory.row_reader import KEYFRAME_COLUMNS
from embodied_agent.memory.rows import keyframe_sum, real, text_sum
from embodied_agent.records import SUMMARY_ONLY, Delta, Keyframe
from embodied_agent.rules.notes import claimed_words


def insert_keyframe(
    db: apsw.Connection, keyframe: Keyframe, *, source: str, ordinal: int, stored_at_s: float
) -> None:
    """Write a keyframe with its pictures, if it has any, as pending; part of a transaction.

    Args:
        db: the memory.
        keyframe: its id must be new.
        source: key of the replayed source; empty when live.
        ordinal: number of the frame within its source, from 0.
        stored_at_s: wall clock, in seconds.
    """
    pose, jpeg, depth = keyframe.pose, keyframe.jpeg, keyframe.depth
    values = [
        keyframe.id,
        keyframe.segment,
        keyframe.stamp_ns,
        keyframe.reason,
        encodable(keyframe.frame_id),
        keyframe.width,
        keyframe.height,
        real(keyframe.overlap_ratio),
        keyframe.inliers,
        None if keyframe.egomotion is None else to_json(keyframe.egomotion),
        None if pose is None else to_json(pose),
        None if keyframe.intrinsics is None else to_json(keyframe.intrinsics),
        None if keyframe.mount is None else to_json(keyframe.mount),
    ]
    size = len(jpeg) + len(depth)
    x, y, z = pose.position_m if pose is not None else (None, None, None)
    db.execute(
        f"INSERT INTO keyframes ({KEYFRAME_COLUMNS}, checksum, source, ordinal, x, y, z, "
        "stored_at_s, picture_bytes, state) "
        "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'pending')",
        (*values, keyframe_sum(values), source, ordinal, x, y, z, stored_at_s, size),
    )
    insert_pictures(db, keyframe.id, jpeg, depth)


def insert_pictures(db: apsw.Connection, keyframe_id: int, jpeg: bytes, depth: bytes) -> None:
    """Write a keyframe's picture and depth picture, those that are not empty; part of a
    transaction."""
    for table, data in (("pictures", jpeg), ("depths", depth)):
        if data:
            db.execute(f"INSERT INTO {table} VALUES (?, ?, ?)", (keyframe_id, data, crc32(data)))


def delete_pictures(db: apsw.Connection, keyframe_id: int) -> None:
    """Remove a keyframe's picture and depth picture; part of a transaction."""
    for table in ("pictures", "depths"):
        db.execute(f"DELETE FROM {table} WHERE keyframe_id = ?", (keyframe_id,))
    db.execute("UPDATE keyframes SET picture_bytes = 0 WHERE id = ?", (keyframe_id,))


def claims_of(delta: Delta) -> list[str]:
    """The words of a delta's observation by which it is found."""
    return claimed_words(encodable(delta.observation))


def delete_delta(db: apsw.Connection, keyframe_id: int) -> None:
    """Remove a keyframe's delta with everything that finds it; part of a transaction."""
    for table in ("deltas", "mentions", "claims"):
        db.execute(f"DELETE FROM {table} WHERE keyframe_id = ?", (keyframe_id,))
    db.execute("DELETE FROM delta_text WHERE rowid = ?", (keyframe_id,))


def _searchable(delta: Delta) -> str:
    parts: Sequence[str] = (
        delta.action.value if delta.action else "",
        *(f"{m.name} {m.direction} {m.distance or ''}".strip() for m in delta.mentions),
        delta.observation,
    )
    return "; ".join(part for part in parts if part)


def insert_delta(db: apsw.Connection, delta: Delta) -> None:
    """Write a delta with its mentions and its words; part of a transaction."""
    # Those whose text was thinned out stay for ever, so they are kept short.
    text = to_short_json(delta) if delta.problem == SUMMARY_ONLY else to_json(delta)
    db.execute(
        "INSERT INTO deltas VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            delta.keyframe_id,
            delta.action.value if delta.action else None,
            delta.usable,
            delta.model,
            delta.latency_s,
            text,
            text_sum(text),
            real(delta.angle_deg),
        ),
    )
    db.executemany(
        "INSERT INTO mentions VALUES (?, ?, ?, ?, ?)",
        [
            (delta.keyframe_id, rank, encodable(m.name), m.direction, m.distance)
            for rank, m in enumerate(delta.mentions)
        ],
    )
    db.executemany(
        "INSERT INTO claims VALUES (?, ?)",
        [(delta.keyframe_id, word) for word in claims_of(delta)],
    )
    db.execute(
        "INSERT INTO delta_text (rowid, text) VALUES (?, ?)",
        (delta.keyframe_id, encodable(_searchable(delta))),
    )
