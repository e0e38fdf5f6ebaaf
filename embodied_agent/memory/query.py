"""Reading a memory file: keyframes, deltas, answers, and searches.

The reading half of `embodied_agent.memory.store`; nothing in here can write.

Out of scope: writing (`store`), the tables (`schema`), reading deltas (`deltas`), searching
(`search`), copying (`exporting`).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from embodied_agent.memory import deltas
from embodied_agent.memory.counts import (
    KeyframeCounts,
    MemoryStatus,
    keyframe_counts,
    memory_status,
)
from embodied_agent.memory.exporting import copy_into, new_file
from embodied_agent.memory.file import explain
from embodied_agent.memory.kept import kept_in
from embodied_agent.memory.noted import NotedTables
from embodied_agent.memory.outgoing import Outgoing
from embodied_agent.memory.present import Posed, posed, present
from embodied_agent.memory.readers import Readers
from embodied_agent.memory.row_reader import RowReader
from embodied_agent.memory.search import Hit, Search
from embodied_agent.records import (
    Answer,
    CameraMount,
    Delta,
    Keyframe,
    Question,
)

#: Most damaged rows that a status names.
_MOST_NAMED = 20
#: Keyframes that are read together when all are read.
_CHUNK = 512


class Reader:
    """The reading half of a store."""

    def __init__(self, path: str, readers: Readers) -> None:
        self.path = path
        self._readers = readers
        self._rows = RowReader(path, readers)
        self._query = self._rows.query
        self._search = Search(self._rows)
        #: The damaged rows found so far; they are left out.
        self.damage = self._rows.damage
        #: What is sent to a fleet.
        self.outgoing = Outgoing(self._rows)
        #: The names and motions in deltas, read through indexes.
        self.noted = NotedTables(self._query)

    def keyframe(self, keyframe_id: int) -> Keyframe | None:
        """That keyframe with its pictures (empty if retention dropped them); ``None`` if unknown.

        Raises:
            StoreError: the file can't be read. The same holds for every method below.
        """
        return next(iter(self._keyframes("k.id = ?1", (keyframe_id,), pictures=True)), None)

    def depth_of(self, keyframe_id: int) -> bytes:
        """That keyframe's depth picture; empty if it has none, or retention dropped it."""
        if not self._rows.has_depths:
            return b""
        with self._query("read a depth picture") as db:
            rows = db.execute(
                "SELECT png, checksum FROM depths WHERE keyframe_id = ?", (keyframe_id,)
            )
            row = next(iter(rows), (None, None))
        return self._rows.picture(f"depth of keyframe {keyframe_id}", *row)

    def source_of(self, keyframe_id: int) -> str:
        """The key of the recording that a keyframe came from; empty for a live one."""
        with self._query("look up a keyframe's source") as db:
            rows = db.execute("SELECT source FROM keyframes WHERE id = ?", (keyframe_id,))
            return next((str(row[0] or "") for row in rows), "")

    def stamp_of(self, keyframe_id: int) -> int | None:
        """The stamp of a keyframe, in nanoseconds; ``None`` if the memory has no such keyframe."""
        with self._query("look up a keyframe's stamp") as db:
            stamp = db.execute("SELECT stamp_ns FROM keyframes WHERE id = ?", (keyframe_id,)).get
            return stamp if isinstance(stamp, int) else None

    def keyframes(
        self,
        *,
        since: int = 0,
        segment: int | None = None,
        source: str | None = None,
        limit: int | None = None,
        pictures: bool = False,
        within: tuple[float, float, float, float] | None = None,
        until: int | None = None,
        latest: int | None = None,
    ) -> list[Keyframe]:
        """Keyframes from id ``since`` to ``until`` inclusive, in order; ``jpeg`` and ``depth`` are
        empty unless ``pictures``. With ``within`` only those with a pose between these x, and these
        y, in metres. ``limit`` gives so many of the first of them, ``latest`` of the last."""
        where = (
            "k.id >= ?1 AND (?2 IS NULL OR segment = ?2) AND (?3 IS NULL OR source = ?3) "
            "AND (?8 IS NULL OR k.id <= ?8)"
        )
        if within is not None:
            where += " AND x BETWEEN ?4 AND ?5 AND y BETWEEN ?6 AND ?7"
        bindings = (since, segment, source, *(within or [None] * 4), until)
        if latest is None:
            return self._keyframes(where, bindings, limit=limit, pictures=pictures)
        last = self._keyframes(where, bindings, order="k.id DESC", limit=latest, pictures=pictures)
        return last[::-1][:limit]

    def keyframes_of(self, keyframe_ids: Iterable[int]) -> list[Keyframe]:
        """Those of these keyframes that the memory holds, in order; ``jpeg`` is empty."""
        ids = json.dumps(list(keyframe_ids))
        return self._keyframes("k.id IN (SELECT value FROM json_each(?1))", (ids,), pictures=False)

    def last_id(self) -> int:
        """The id of the latest keyframe; -1 if there is none."""
        with self._query("look up the last keyframe") as db:
            return int(db.execute("SELECT coalesce(max(id), -1) FROM keyframes").get)

    def each_keyframe(self, until: int) -> Iterator[Keyframe]:
        """Keyframes up to id ``until``, in order, a few at a time; ``jpeg`` is empty."""
        for since in range(0, until + 1, _CHUNK):
            last = min(until, since + _CHUNK - 1)
            yield from self._keyframes("k.id BETWEEN ?1 AND ?2", (since, last), pictures=False)

    def each_delta(self, until: int) -> Iterator[Delta]:
        """Committed deltas of keyframes up to id ``until``, in order, a few at a time."""
        for since in range(0, until + 1, _CHUNK):
            yield from self.deltas(since=since, until=min(until, since + _CHUNK - 1))

    def posed(self, most: int) -> Posed:
        """The keyframes that have a pose: every n-th of them, where n is the smallest power of two
        that gives at most ``most``."""
        with self._query("find the path") as db:
            return posed(db, most)

    def pending(self, limit: int, *, since: int = 0) -> list[Keyframe]:
        """The oldest keyframes from id ``since`` on without a delta, with their pictures."""
        return self._keyframes(
            "state = 'pending' AND k.id >= ?1", (since,), limit=limit, pictures=True
        )

    def before(self, keyframe: Keyframe) -> Keyframe | None:
        """The keyframe before ``keyframe`` in its segment, with its picture; of several cameras
        the one of the same camera."""
        same = keyframe.frame_id if CameraMount.of(keyframe.frame_id) else None
        earlier = self._keyframes(
            "k.id < ?1 AND segment = ?2 AND (?3 IS NULL OR frame_id = ?3)",
            (keyframe.id, keyframe.segment, same),
            order="k.id DESC",
            limit=1,
            pictures=True,
        )
        return earlier[0] if earlier else None

    def _keyframes(
        self,
        where: str,
        bindings: tuple[Any, ...],
        *,
        order: str = "k.id",
        limit: int | None = None,
        pictures: bool,
    ) -> list[Keyframe]:
        picture = f"p.jpeg, {self._rows.checksum_of('p')}" if pictures else "NULL, NULL"
        join = "LEFT JOIN pictures p ON p.keyframe_id = k.id" if pictures else ""
        if pictures and self._rows.has_depths:
            picture += ", z.png, z.checksum"
            join += " LEFT JOIN depths z ON z.keyframe_id = k.id"
        sql = (
            f"SELECT {self._rows.keyframe_columns}, {self._rows.checksum_of('k')}, {picture} "
            f"FROM keyframes k {join} "
            f"WHERE {where}{{one}} ORDER BY {order}"
        )
        return self._rows.collect(
            "read keyframes",
            sql,
            bindings,
            self._rows.keyframe,
            limit=limit,
            backward=order.endswith("DESC"),
        )

    def deltas(
        self, *, since: int = 0, until: int | None = None, segment: int | None = None
    ) -> list[Delta]:
        """Committed deltas of keyframes ``since`` to ``until`` inclusive, in keyframe order."""
        return deltas.between(self._rows, since, until, segment)

    def deltas_of_segments(
        self, *, since: int = 0, source: str | None = None
    ) -> list[tuple[int, Delta]]:
        """Committed deltas of keyframes from id ``since`` on, each with its segment, in keyframe
        order; only those of the recording ``source``, if given."""
        return deltas.with_segments(self._rows, since, source)

    def deltas_of(self, keyframe_ids: Iterable[int]) -> list[Delta]:
        """Committed deltas of these keyframes, in keyframe order."""
        return deltas.of_keyframes(self._rows, keyframe_ids)

    def has_delta(self, *, until: int, source: str | None = None) -> bool:
        """Whether a keyframe up to ``until`` has a delta; only one of the recording ``source``, if
        given."""
        return deltas.any_until(self._rows, until, source)

    def counts(self) -> KeyframeCounts:
        """How many keyframes are in which state."""
        with self._query("count keyframes") as db:
            return keyframe_counts(db)

    def oldest_pending(self) -> int | None:
        """Id of the oldest keyframe without a delta."""
        with self._query("count keyframes") as db:
            oldest = db.execute("SELECT min(id) FROM keyframes WHERE state = 'pending'").get
            return None if oldest is None else int(oldest)

    def pending_count(self, *, until: int | None = None) -> int:
        """How many keyframes have no delta."""
        with self._query("count keyframes") as db:
            return int(
                db.execute(
                    "SELECT count(*) FROM keyframes "
                    "WHERE state = 'pending' AND (?1 IS NULL OR id <= ?1)",
                    (until,),
                ).get
            )

    def horizon(
        self, *, at_ns: int | None = None, source: str | None = None, segment: int | None = None
    ) -> tuple[int, int] | None:
        """The segment and keyframe id of the present: the last keyframe, or the last as of a stamp.

        Stamps are ordered within a segment only. Of several segments, the latest that was running
        at ``at_ns`` counts; if none was, the latest that had begun by then. ``None`` without
        keyframes.
        """
        with self._query("find the present") as db:
            return present(db, at_ns, source, segment)

    def search(
        self,
        *,
        text: str = "",
        from_ns: int | None = None,
        to_ns: int | None = None,
        near_m: Sequence[float] | None = None,
        radius_m: float = 2.0,
        limit: int = 20,
    ) -> list[Hit]:
        """Keyframes that meet all conditions, best first.

        Args:
            text: words; entries with more of them, and rarer ones, come first. "": newest first.
            from_ns: earliest stamp, inclusive, in nanoseconds.
            to_ns: latest stamp, inclusive, in nanoseconds.
            near_m: ``(x, y, z)`` in metres: only keyframes with a pose within ``radius_m`` of it;
                without text, nearest first.
        """
        return self._search(
            text=text,
            from_ns=from_ns,
            to_ns=to_ns,
            near_m=near_m,
            radius_m=radius_m,
            limit=limit,
        )

    def answers(self, limit: int = 100) -> list[tuple[Question, Answer]]:
        """The latest questions with their answers, oldest first."""
        sql = (
            f"SELECT k.id, question, answer, {self._rows.checksum_of('k')} FROM answers k "
            "WHERE true{one} ORDER BY k.id DESC"
        )
        answers = self._rows.collect(
            "read answers", sql, (), self._rows.answer, limit=limit, backward=True
        )
        return answers[::-1]

    def text_from(self) -> int:
        """The keyframe from which on all text is kept; earlier text is kept only as a summary. 0 if
        all of it is kept."""
        with self._query("read what is kept") as db:
            return kept_in(db).text_from

    def status(self) -> MemoryStatus:
        """Counts, sizes in bytes, and the first and last stamp."""
        with self._query("count what is stored") as db:
            return memory_status(db, self.path, self.damage.names()[:_MOST_NAMED])

    def export(self, path: str) -> None:
        """Write a copy of the whole memory to the new file ``path``, also while it is written to.

        Raises:
            OutputError: ``path`` exists or can't be written.
            StoreError: the memory can't be read.
        """
        with (
            new_file(path) as partial,
            self._query("export the memory") as db,
            explain(path, "write the copy"),
        ):
            copy_into(db, partial)
