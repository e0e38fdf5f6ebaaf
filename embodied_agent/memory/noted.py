"""The names and motions in deltas, read through indexes instead of the deltas themselves.

The tables hold names as they were written, without their meaning. They are written with each delta,
in its transaction (`writing`).

Out of scope: the meaning of names (`embodied_agent.rules`), deltas (`query`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager
from typing import NamedTuple

import apsw

from embodied_agent.memory import schema

Query = Callable[[str], AbstractContextManager[apsw.Connection]]

#: All different values of a column, found by skipping through an index from one to the next.
_DIFFERENT = (
    "WITH RECURSIVE d (v) AS (SELECT min({column}) FROM {table} UNION "
    "SELECT (SELECT min({column}) FROM {table} WHERE {column} > d.v) FROM d WHERE d.v IS NOT NULL) "
    "SELECT v FROM d WHERE v IS NOT NULL"
)
#: Mentions that are read together while the latest are searched.
_AT_ONCE = 64


class NotedMotions(NamedTuple):
    """Committed deltas without what they name, in order, by column: the ids and segments of their
    keyframes, and what they tell of the motion (`embodied_agent.records.Delta`)."""

    keyframe_ids: list[int]
    segments: list[int]
    actions: list[str | None]
    usable: list[int]
    angles_deg: list[float | None]


class NotedName(NamedTuple):
    """A mention: its name, the id of its keyframe, and its place in the delta, from 0."""

    name: str
    keyframe_id: int
    rank: int


class NotedTables:
    """The index tables of one file. Every method may be called from any thread, and raises
    `StoreError` if the file can't be read.

    Args:
        query: opens a connection for reading.
    """

    def __init__(self, query: Query) -> None:
        self._query = query

    @property
    def exist(self) -> bool:
        """Whether the file has these tables; one of an earlier version, opened read-only, does
        not."""
        with self._query("look for indexes") as db:
            return schema.version_of(db) >= schema.INDEXED

    def motions(self, since: int = 0, source: str | None = None) -> NotedMotions:
        """The deltas of keyframes from id ``since`` on, in order; only those of the recording
        ``source``, if given."""
        with self._query("read motions") as db:
            # A few rows are looked up; for all of them, reading two indexes is quicker.
            if since:
                segments: dict[int, int] = dict(
                    db.execute(
                        "SELECT id, segment FROM keyframes WHERE id >= ?1 "
                        "AND (?2 IS NULL OR source = ?2)",
                        (since, source),
                    )
                )
            elif source is None:
                segments = dict(
                    db.execute("SELECT id, segment FROM keyframes INDEXED BY keyframes_segment")
                )
            else:
                segments = dict(
                    db.execute(
                        "SELECT id, segment FROM keyframes INDEXED BY keyframes_source_segment "
                        "WHERE source = ?",
                        (source,),
                    )
                )
            rows = db.execute(
                "SELECT keyframe_id, action, usable, angle_deg FROM deltas "
                "INDEXED BY deltas_motion WHERE keyframe_id >= ? ORDER BY keyframe_id",
                (since,),
            )
            # No row is kept: Python would look for garbage among all objects that there are.
            new = NotedMotions([], [], [], [], [])
            for keyframe_id, action, usable, angle_deg in rows:
                segment = segments.get(keyframe_id)
                if segment is not None:
                    new.keyframe_ids.append(keyframe_id)
                    new.segments.append(segment)
                    new.actions.append(action)
                    new.usable.append(usable)
                    new.angles_deg.append(angle_deg)
            return new

    def first_mentions(self, source: str | None = None) -> Iterator[NotedName]:
        """The first mention by each name, as the names were written. A connection is in use until
        the last one is taken."""
        with self._query("read names") as db:
            if source is None:
                first = (
                    "SELECT keyframe_id * 65536 + rank FROM mentions WHERE name = v "
                    "ORDER BY keyframe_id, rank LIMIT 1"
                )
                names = _DIFFERENT.format(column="name", table="mentions")
                rows = db.execute(names.replace("SELECT v FROM", f"SELECT v, ({first}) FROM"))
            else:
                rows = db.execute(
                    "SELECT name, min(keyframe_id * 65536 + rank) FROM mentions "
                    "WHERE keyframe_id IN (SELECT id FROM keyframes WHERE source = ?) "
                    "GROUP BY name",
                    (source,),
                )
            for name, place in rows:
                yield NotedName(str(name), *divmod(place, 65536))

    def mentions_of(self, names: Iterable[str]) -> list[NotedName]:
        """The mentions by these names, in keyframe order for each name."""
        sql = (
            "SELECT name, keyframe_id, rank FROM mentions "
            "WHERE name IN (SELECT value FROM json_each(?)) ORDER BY name, keyframe_id, rank"
        )
        with self._query("read mentions") as db:
            return list(map(NotedName._make, db.execute(sql, (json.dumps(list(names)),))))

    def mentions(self, since: int = 0) -> list[NotedName]:
        """The mentions in deltas of keyframes from id ``since`` on, in order."""
        sql = (
            "SELECT name, keyframe_id, rank FROM mentions WHERE keyframe_id >= ? "
            "ORDER BY keyframe_id, rank"
        )
        with self._query("read mentions") as db:
            return list(map(NotedName._make, db.execute(sql, (since,))))

    def latest_mentions(self, until: int) -> Iterator[NotedName]:
        """The mentions in deltas of keyframes up to id ``until``, the latest keyframe first."""
        sql = (
            "SELECT name, keyframe_id, rank FROM mentions WHERE (keyframe_id, rank) < (?, ?) "
            "ORDER BY keyframe_id DESC, rank DESC LIMIT ?"
        )
        place = (until + 1, -1)
        while True:
            with self._query("read mentions") as db:
                rows = list(map(NotedName._make, db.execute(sql, (*place, _AT_ONCE))))
            yield from rows
            if len(rows) < _AT_ONCE:
                return
            place = rows[-1].keyframe_id, rows[-1].rank

    def claimed_words(self) -> list[str]:
        """All different words of observations that claim something."""
        with self._query("read words") as db:
            return [str(w) for (w,) in db.execute(_DIFFERENT.format(column="word", table="claims"))]

    def claiming(self, words: Iterable[str]) -> list[int]:
        """Ids of the keyframes whose observations claim something with one of these words."""
        sql = (
            "SELECT DISTINCT keyframe_id FROM claims "
            "WHERE word IN (SELECT value FROM json_each(?)) ORDER BY keyframe_id"
        )
        with self._query("read words") as db:
            return [int(n) for (n,) in db.execute(sql, (json.dumps(list(words)),))]

    def name_or_claim(self, first_id: int, last_id: int, counts: Callable[[int], bool]) -> bool:
        """Whether the delta of a keyframe from ``first_id`` to ``last_id`` that ``counts`` names or
        claims something."""
        with self._query("read names") as db:
            return any(
                counts(number)
                for table in ("mentions", "claims")
                for (number,) in db.execute(
                    f"SELECT keyframe_id FROM {table} WHERE keyframe_id BETWEEN ? AND ?",
                    (first_id, last_id),
                )
            )
