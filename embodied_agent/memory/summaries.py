"""Summaries of old stretches in a memory file.

Keyframes are summarised in blocks of 64 ids as soon as the last of a block has its delta; the
summaries of 16 blocks are merged into one of the next level, and so on. So everything before
any keyframe is in a few rows and the deltas of a part of a block, however long the memory is.

Rows are derived from deltas, in the transaction that stores the delta. Only the last blocks are
kept. A row that is missing or damaged is derived again when it is read.

Out of scope: what a summary is (`embodied_agent.transcript.summaries`), which text is kept
(`retention`).
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator
from typing import Any

import apsw

from embodied_agent.codec import from_json, to_json
from embodied_agent.memory import schema
from embodied_agent.memory.access import Access
from embodied_agent.memory.rows import Damage, DamagedRow, check_texts, text_sum
from embodied_agent.records import Delta
from embodied_agent.transcript.summaries import (
    Entry,
    Seen,
    Summary,
    compose,
    merge,
    summarise,
    without,
)

#: Keyframe ids in a block, and rows that are merged into one of the next level.
BLOCK, FANOUT = 64, 16
#: Blocks that are derived together with one delta, at most: a memory of an earlier version has none
#: at first, and catches up.
_AT_ONCE = 2


def span(level: int, number: int) -> tuple[int, int]:
    """The first and last keyframe id of a row."""
    width = BLOCK * FANOUT**level
    return number * width, (number + 1) * width - 1


def cover(blocks: int) -> Iterator[tuple[int, int]]:
    """The fewest rows, as level and number, that make up the first ``blocks`` blocks, in order."""
    at = 0
    while at < blocks:
        level = 0
        while at % FANOUT ** (level + 1) == 0 and at + FANOUT ** (level + 1) <= blocks:
            level += 1
        yield level, at // FANOUT**level
        at += FANOUT**level


class SummaryTable:
    """The summaries of one file. Every method may be called from any thread.

    Args:
        access: the file that holds them.
        place_m: size of a place, in metres.
    """

    def __init__(self, access: Access, place_m: float) -> None:
        self._access = access
        self._place_m = place_m

    def before(self, keyframe_id: int, *, source: str | None = None) -> list[Summary]:
        """Summaries of consecutive parts of all that was seen before a keyframe, oldest first; of
        one recording where ``source`` names one.

        Raises:
            StoreError: the file can't be read.
        """
        with self._access.query("read summaries") as db:
            stored = schema.version_of(db) >= schema.WITH_SUMMARIES
            blocks = keyframe_id // BLOCK
            parts = [self._row(db, *row, stored=stored) for row in cover(blocks)]
            rest = self._entries(db, blocks * BLOCK, keyframe_id - 1)
            parts.append(summarise(rest, self._place_m))
            return parts if source is None else [_of_source(db, part, source) for part in parts]

    def extend(self, db: apsw.Connection, last_id: int) -> None:
        """Derive the rows that are due once ``last_id`` has its delta; part of a transaction."""
        sql = "SELECT coalesce(max(number) + 1, 0) FROM summaries WHERE level = 0"
        block = max(int(db.execute(sql).get), _text_from(db) // BLOCK)
        for number in range(block, min((last_id + 1) // BLOCK, block + _AT_ONCE)):
            self._derive(db, 0, number)
            level = 1
            while (number + 1) % FANOUT**level == 0:
                self._derive(db, level, (number + 1) // FANOUT**level - 1)
                level += 1
            # The transcript begins after the last but one row of level 1: no more blocks are read.
            db.execute(
                "DELETE FROM summaries WHERE level = 0 AND number < ?",
                (((number + 1) // FANOUT - 1) * FANOUT,),
            )

    def forget(
        self, db: apsw.Connection, names: Collection[tuple[int, str]], keyframes: Collection[int]
    ) -> None:
        """Follow what was forgotten: mentions, by keyframe and `name_key`, and whole keyframes;
        part of a transaction.

        Where all text is kept, summaries are derived again. Elsewhere sightings are taken out.
        """
        numbers = {*keyframes, *(number for number, _ in names)}
        text_from = _text_from(db)

        def is_forgotten(seen: Seen, key: str) -> bool:
            return seen.keyframe_id in keyframes or (seen.keyframe_id, key) in names

        sql = "SELECT level, number FROM summaries ORDER BY level, number"
        for level, number in list(db.execute(sql)):
            first, last = span(level, number)
            if not any(first <= one <= last for one in numbers):
                continue
            if last >= text_from:
                self._derive(db, level, number)
                continue
            summary = read(db, level, number, self._access.damage)
            if summary is not None:
                write(db, level, number, without(summary, is_forgotten))

    def is_derived(self, db: apsw.Connection, level: int, number: int) -> bool:
        """Whether a row is there."""
        sql = "SELECT count(*) FROM summaries WHERE level = ? AND number = ?"
        return bool(db.execute(sql, (level, number)).get)

    def evidence(self, db: apsw.Connection, level: int, first: int, last: int) -> set[int]:
        """The keyframes that rows ``first`` to ``last`` of a level name as evidence, if they are
        read together: of what several of them saw at a place, the first and the last."""
        rows = [self._row(db, level, number, stored=True) for number in range(first, last + 1)]
        things = [thing for stretch in compose(rows) for thing in stretch.things]
        return {seen.keyframe_id for thing in things for seen in (thing.first, thing.last)}

    def drop_below(self, db: apsw.Connection, level: int, number: int) -> None:
        """Remove the rows that a row was merged from; part of a transaction."""
        for lower in range(level):
            width = FANOUT ** (level - lower)
            db.execute(
                "DELETE FROM summaries WHERE level = ? AND number BETWEEN ? AND ?",
                (lower, number * width, (number + 1) * width - 1),
            )

    def _derive(self, db: apsw.Connection, level: int, number: int) -> None:
        if level == 0:
            summary = summarise(self._entries(db, *span(level, number)), self._place_m)
        else:
            summary = self._merged(db, level, number, stored=True)
        write(db, level, number, summary)

    def _row(self, db: apsw.Connection, level: int, number: int, *, stored: bool) -> Summary:
        summary = read(db, level, number, self._access.damage) if stored else None
        if summary is not None:
            return summary
        if level == 0:
            return summarise(self._entries(db, *span(level, number)), self._place_m)
        return self._merged(db, level, number, stored=stored)

    def _merged(self, db: apsw.Connection, level: int, number: int, *, stored: bool) -> Summary:
        parts = range(number * FANOUT, (number + 1) * FANOUT)
        return merge([self._row(db, level - 1, part, stored=stored) for part in parts])

    def _entries(self, db: apsw.Connection, first_id: int, last_id: int) -> list[Entry]:
        """The entries of keyframes ``first_id`` to ``last_id`` inclusive that are whole."""
        sql = (
            "SELECT k.id, k.segment, k.stamp_ns, k.x, k.y, k.z, k.pose, d.json FROM keyframes k "
            "JOIN deltas d ON d.keyframe_id = k.id WHERE k.id BETWEEN ? AND ? ORDER BY k.id"
        )
        entries = []
        for number, segment, stamp_ns, x, y, z, pose, text in db.execute(sql, (first_id, last_id)):
            try:
                delta = from_json(Delta, text)
                frame_id = "" if pose is None else str(json.loads(pose)["frame_id"])
                position = None if pose is None else (float(x), float(y), float(z))
            except (ValueError, TypeError, KeyError) as error:
                self._access.damage.note(f"delta of keyframe {number}", error)
                continue
            entries.append(Entry(segment, stamp_ns, delta, frame_id, position))
        return entries


def _text_from(db: apsw.Connection) -> int:
    """The first keyframe from which all text is kept."""
    row = next(iter(db.execute("SELECT text_from FROM retention")), (0,))
    return int(row[0])


def read(db: apsw.Connection, level: int, number: int, damage: Damage) -> Summary | None:
    """A stored row; ``None`` if there is none or it is damaged."""
    sql = "SELECT json, checksum FROM summaries WHERE level = ? AND number = ?"
    row: tuple[Any, ...] | None = next(iter(db.execute(sql, (level, number))), None)
    if row is None:
        return None
    try:
        check_texts(row[1], row[0])
        return from_json(Summary, row[0])
    except (DamagedRow, ValueError) as error:
        damage.note(f"summary {number} of level {level}", error)
        return None


def write(db: apsw.Connection, level: int, number: int, summary: Summary) -> None:
    """Store a row; part of a transaction."""
    text = to_json(summary)
    db.execute(
        "INSERT OR REPLACE INTO summaries (level, number, json, checksum) VALUES (?, ?, ?, ?)",
        (level, number, text, text_sum(text)),
    )


def _of_source(db: apsw.Connection, summary: Summary, source: str) -> Summary:
    """What a summary holds of one recording."""
    sql = "SELECT source FROM keyframes WHERE segment = ? LIMIT 1"
    segments = {
        one
        for one in {stretch.segment for stretch in summary.stretches}
        if (db.execute(sql, (one,)).get or "") == source
    }
    return Summary(tuple(one for one in summary.stretches if one.segment in segments))
