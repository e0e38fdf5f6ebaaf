"""Reading a memory file: keyframes, deltas, answers, search by text, time and place, export.

The reading half of `embodied_agent.memory.store`; nothing in here can write.

Out of scope: writing (`store`), the tables (`schema`).
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

import apsw

from embodied_agent.errors import OutputError, StoreError
from embodied_agent.memory import schema
from embodied_agent.memory.counts import (
    KeyframeCounts,
    MemoryStatus,
    keyframe_counts,
    stored_counts,
)
from embodied_agent.memory.file import DAMAGE, explain
from embodied_agent.memory.noted import NotedTables
from embodied_agent.memory.outgoing import Outgoing
from embodied_agent.memory.present import Posed, posed, present
from embodied_agent.memory.readers import Readers
from embodied_agent.memory.retention import Kept, kept_in, text_bytes
from embodied_agent.memory.row_reader import KEYFRAME_WIDTH, RowReader
from embodied_agent.records import (
    Answer,
    CameraMount,
    Delta,
    Keyframe,
    Question,
)

#: The fields of `MemoryStatus` that one query counts, in its order.
_STORED = (
    *("keyframes", "segments", "first_stamp_ns", "last_stamp_ns", "pictures", "picture_bytes"),
    *("mentions", "objects", "answers"),
)

#: Damaged rows that a status names, and results of a search without an index, at most.
_MOST_NAMED, _MOST_HITS = 20, 1_000_000
#: Keyframes that are read at once where all are.
_CHUNK = 512


@dataclass(frozen=True, eq=False)
class Hit:
    """One result of a search. The keyframe's ``jpeg`` is empty; ``delta`` is ``None`` while it is
    pending. ``rank`` is lower for better matches of text, and 0 without text."""

    keyframe: Keyframe
    delta: Delta | None
    rank: float = 0.0


class Reader:
    """The reading half of a store."""

    def __init__(self, path: str, readers: Readers) -> None:
        self.path = path
        self._readers = readers
        self._rows = RowReader(path, readers)
        self._query = self._rows.query
        #: The damaged rows that were met; they are left out.
        self.damage = self._rows.damage
        #: What a fleet is told.
        self.outgoing = Outgoing(self._rows)
        #: What deltas name and tell of motions, found through indexes.
        self.noted = NotedTables(self._query)

    def keyframe(self, keyframe_id: int) -> Keyframe | None:
        """That keyframe with its picture (empty where retention dropped it); ``None`` if unknown.

        Raises:
            StoreError: the file can't be read. The same holds for every method below.
        """
        return next(iter(self._keyframes("k.id = ?1", (keyframe_id,), pictures=True)), None)

    def source_of(self, keyframe_id: int) -> str:
        """What identifies the recording that a keyframe came from; empty where it came live."""
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
    ) -> list[Keyframe]:
        """Keyframes from id ``since`` on, in order; ``jpeg`` is empty unless ``pictures``. With
        ``within`` only those with a pose between these x, and these y, in metres."""
        where = "k.id >= ?1 AND (?2 IS NULL OR segment = ?2) AND (?3 IS NULL OR source = ?3)"
        if within is not None:
            where += " AND x BETWEEN ?4 AND ?5 AND y BETWEEN ?6 AND ?7"
        return self._keyframes(
            where,
            (since, segment, source, *(within or ())),
            limit=limit,
            pictures=pictures,
        )

    def keyframes_of(self, keyframe_ids: Iterable[int]) -> list[Keyframe]:
        """Those of the keyframes that there are, in order; ``jpeg`` is empty."""
        ids = json.dumps(list(keyframe_ids))
        return self._keyframes("k.id IN (SELECT value FROM json_each(?1))", (ids,), pictures=False)

    def last_id(self) -> int:
        """The id of the latest keyframe; -1 where there is none."""
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
        """The keyframes that have a pose: every n-th of them, n being the least power of two with
        which these are at most ``most``."""
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
        sql = (
            f"SELECT k.id, d.json, {self._rows.checksum_of('d')} FROM deltas d "
            "JOIN keyframes k ON k.id = d.keyframe_id WHERE k.id >= ?1 "
            "AND (?2 IS NULL OR k.id <= ?2) AND (?3 IS NULL OR segment = ?3){one} ORDER BY k.id"
        )
        return self._rows.collect("read deltas", sql, (since, until, segment), self._rows.delta)

    def deltas_of_segments(
        self, *, since: int = 0, source: str | None = None
    ) -> list[tuple[int, Delta]]:
        """Committed deltas of keyframes from id ``since`` on with the segment of each, in keyframe
        order; of a recording where ``source`` names one."""
        sql = (
            f"SELECT k.id, d.json, {self._rows.checksum_of('d')}, k.segment FROM deltas d "
            "JOIN keyframes k ON k.id = d.keyframe_id WHERE k.id >= ?1 "
            "AND (?2 IS NULL OR k.source = ?2){one} ORDER BY k.id"
        )

        def read(row: Sequence[Any]) -> tuple[int, Delta] | None:
            delta = self._rows.delta(row[:3])
            return None if delta is None or not isinstance(row[3], int) else (row[3], delta)

        return self._rows.collect("read deltas", sql, (since, source), read)

    def deltas_of(self, keyframe_ids: Iterable[int]) -> list[Delta]:
        """Committed deltas of these keyframes, in keyframe order."""
        sql = (
            f"SELECT d.keyframe_id, d.json, {self._rows.checksum_of('d')} FROM deltas d "
            "WHERE d.keyframe_id IN (SELECT value FROM json_each(?1)) ORDER BY d.keyframe_id"
        )
        with self._query("read deltas") as db:
            rows = list(db.execute(sql, (json.dumps(list(keyframe_ids)),)))
        return [delta for delta in map(self._rows.delta, rows) if delta is not None]

    def has_delta(self, *, until: int, source: str | None = None) -> bool:
        """Whether a keyframe up to ``until`` has a delta; one of ``source`` where that is named."""
        sql = (
            "SELECT EXISTS (SELECT 1 FROM deltas JOIN keyframes k ON k.id = keyframe_id "
            "WHERE k.id <= ?1 AND (?2 IS NULL OR source = ?2))"
        )
        with self._query("read deltas") as db:
            return bool(db.execute(sql, (until, source)).get)

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

        Stamps are ordered within a segment only. Of several segments the latest that was running at
        ``at_ns`` counts, else the latest that had begun by then. ``None`` where there is none.
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
            near_m: ``(x, y, z)`` in metres; only keyframes with a pose within ``radius_m``, and,
                without text, nearest first.
        """
        words = re.findall(r"\w+", text)
        if text.strip() and not words:
            return []
        # Each word is quoted: FTS5 would read some as operators.
        match = " OR ".join(f'"{word}"' for word in words)
        x, y, z = near_m if near_m is not None else (None, None, None)
        distance = "(x - ?4) * (x - ?4) + (y - ?5) * (y - ?5) + (z - ?6) * (z - ?6)"
        rank = "delta_text.rank" if words else "0.0"
        order = (
            str(KEYFRAME_WIDTH + 4) if words else (distance if near_m is not None else "k.id DESC")
        )
        sql = (
            f"SELECT {self._rows.keyframe_columns}, {self._rows.checksum_of('k')}, d.json, "
            f"{self._rows.checksum_of('d')}, {rank} FROM "
            + (
                "delta_text JOIN keyframes k ON k.id = delta_text.rowid "
                if words
                else "keyframes k "
            )
            + "LEFT JOIN deltas d ON d.keyframe_id = k.id WHERE "
            + ("delta_text MATCH ?1 AND " if words else "?1 IS NOT NULL AND ")
            + "(?2 IS NULL OR stamp_ns >= ?2) AND (?3 IS NULL OR stamp_ns <= ?3) "
            f"AND (?4 IS NULL OR {distance} <= ?7 * ?7){{one}} ORDER BY {order}, k.id DESC"
        )
        bindings = (match, from_ns, to_ns, x, y, z, radius_m)
        try:
            return self._rows.collect(
                "search", sql, bindings, self._hit, limit=limit, backward=True, by_id=not words
            )
        except StoreError as error:
            if not words or not isinstance(error.__cause__, DAMAGE):
                raise
            self.damage.note("the index of words", error.__cause__)
        # Slower, and by whole words as they stand.
        hits = self.search(
            from_ns=from_ns, to_ns=to_ns, near_m=near_m, radius_m=radius_m, limit=_MOST_HITS
        )
        wanted = {word.casefold() for word in words}
        ranked = []
        for hit in hits:
            said = set() if hit.delta is None else _words_of(hit.delta)
            if wanted & said:
                ranked.append(replace(hit, rank=-float(len(wanted & said))))
        return sorted(ranked, key=lambda hit: hit.rank)[:limit]

    def _hit(self, row: Sequence[Any]) -> Hit | None:
        keyframe = self._rows.keyframe((*row[: KEYFRAME_WIDTH + 1], None, None))
        if keyframe is None:
            return None
        _, text, checksum, rank = row[KEYFRAME_WIDTH:]
        delta = None if text is None else self._rows.delta((keyframe.id, text, checksum))
        return Hit(keyframe, delta, rank)

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
        """The first keyframe from which all text is kept; what was seen before is kept as a summary
        only. 0 where all is."""
        with self._query("read what is kept") as db:
            return self._kept(db).text_from

    @staticmethod
    def _kept(db: apsw.Connection) -> Kept:
        return kept_in(db) if schema.version_of(db) >= schema.WITH_SUMMARIES else Kept()

    def status(self) -> MemoryStatus:
        """Counts, sizes in bytes, and the first and last stamp."""
        with self._query("count what is stored") as db:
            row = stored_counts(db)
            file_bytes = int(db.pragma("page_count")) * int(db.pragma("page_size"))
            kept = self._kept(db)
            rest = text_bytes(db, int(row[_STORED.index("picture_bytes")]))
        counts = self.counts()
        stored = dict(zip(_STORED, row, strict=True))
        return MemoryStatus(
            path=self.path,
            **stored,
            pending=counts.pending,
            done=counts.done,
            unusable=counts.unusable,
            file_bytes=file_bytes,
            text_bytes=rest,
            pictures_from=kept.pictures_from,
            text_from=kept.text_from,
            damaged=self.damage.names()[:_MOST_NAMED],
        )

    def export(self, path: str) -> None:
        """Write a copy of the whole memory to the new file ``path``, also while it is written to.

        Raises:
            OutputError: ``path`` exists or can't be written.
            StoreError: the memory can't be read.
        """
        if os.path.exists(path):
            raise OutputError(f"{path} exists; name a new file for the export")
        folder = os.path.dirname(os.path.abspath(path))
        try:
            # Written beside it and renamed, so that a half-written export never has that name.
            handle, partial = tempfile.mkstemp(prefix=".export-", dir=folder)
            os.close(handle)
        except OSError as error:
            raise OutputError(f"can't write {path}: {error.strerror}") from error
        try:
            with self._query("export") as db, explain(path, "export"):
                copy = apsw.Connection(partial)
                with copy.backup("main", db, "main") as backup:
                    while not backup.done:
                        backup.step(256)
                copy.pragma("journal_mode", "DELETE")
                copy.close()
            os.rename(partial, path)
        except BaseException:
            os.unlink(partial)
            raise


def _words_of(delta: Delta) -> set[str]:
    names = " ".join(mention.name for mention in delta.mentions)
    return set(re.findall(r"\w+", f"{names} {delta.observation}".casefold()))
