"""Reading committed deltas from a memory file, in keyframe order.

Damaged ones are named in `RowReader.damage` and left out.

Out of scope: writing them (`writing`), finding them by what they name (`noted`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from typing import Any

from embodied_agent.memory.row_reader import RowReader
from embodied_agent.records import Delta


def between(
    rows: RowReader, since: int, until: int | None = None, segment: int | None = None
) -> list[Delta]:
    """The deltas of keyframes ``since`` to ``until`` inclusive; only those of ``segment``, if
    given."""
    sql = (
        f"SELECT k.id, d.json, {rows.checksum_of('d')} FROM deltas d "
        "JOIN keyframes k ON k.id = d.keyframe_id WHERE k.id >= ?1 "
        "AND (?2 IS NULL OR k.id <= ?2) AND (?3 IS NULL OR segment = ?3){one} ORDER BY k.id"
    )
    return rows.collect("read deltas", sql, (since, until, segment), rows.delta)


def with_segments(
    rows: RowReader, since: int = 0, source: str | None = None
) -> list[tuple[int, Delta]]:
    """The deltas of keyframes from id ``since`` on, each with its segment; only those of the
    recording ``source``, if given."""
    sql = (
        f"SELECT k.id, d.json, {rows.checksum_of('d')}, k.segment FROM deltas d "
        "JOIN keyframes k ON k.id = d.keyframe_id WHERE k.id >= ?1 "
        "AND (?2 IS NULL OR k.source = ?2){one} ORDER BY k.id"
    )

    def read(row: Sequence[Any]) -> tuple[int, Delta] | None:
        delta = rows.delta(row[:3])
        return None if delta is None or not isinstance(row[3], int) else (row[3], delta)

    return rows.collect("read deltas", sql, (since, source), read)


def of_keyframes(rows: RowReader, keyframe_ids: Iterable[int]) -> list[Delta]:
    """The deltas of these keyframes."""
    sql = (
        f"SELECT d.keyframe_id, d.json, {rows.checksum_of('d')} FROM deltas d "
        "WHERE d.keyframe_id IN (SELECT value FROM json_each(?1)) ORDER BY d.keyframe_id"
    )
    with rows.query("read deltas") as db:
        texts = list(db.execute(sql, (json.dumps(list(keyframe_ids)),)))
    return [delta for delta in map(rows.delta, texts) if delta is not None]


def any_until(rows: RowReader, until: int, source: str | None = None) -> bool:
    """Whether a keyframe up to ``until`` has a delta; only one of the recording ``source``, if
    given."""
    sql = (
        "SELECT EXISTS (SELECT 1 FROM deltas JOIN keyframes k ON k.id = keyframe_id "
        "WHERE k.id <= ?1 AND (?2 IS NULL OR source = ?2))"
    )
    with rows.query("read deltas") as db:
        return bool(db.execute(sql, (until, source)).get)
