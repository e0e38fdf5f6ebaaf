"""Reading a memory file: keyframes, deltas, answers, search by text, time and place, export.

The reading half of `embodied_agent.memory.store`; nothing in here can write.

Out of scope: writing (`store`), the tables (`schema`).
"""

from __future__ import annotations

import os
import re
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import apsw

from embodied_agent.codec import R, from_json
from embodied_agent.errors import OutputError, StoreError
from embodied_agent.memory.counts import KeyframeCounts, MemoryStatus
from embodied_agent.memory.file import explain
from embodied_agent.records import (
    Answer,
    CameraMount,
    Delta,
    Egomotion,
    Keyframe,
    Pose,
    Question,
)

KEYFRAME_COLUMNS = (
    "id, segment, stamp_ns, reason, frame_id, width, height, "
    "overlap_ratio, inliers, egomotion, pose"
)

#: The fields of `MemoryStatus` that one query counts, in its order.
_STORED = (
    *("keyframes", "segments", "first_stamp_ns", "last_stamp_ns", "pictures", "picture_bytes"),
    *("mentions", "objects", "answers"),
)


@dataclass(frozen=True, eq=False)
class Hit:
    """One result of a search. The keyframe's ``jpeg`` is empty; ``delta`` is ``None`` while it is
    pending. ``rank`` is lower for better matches of text, and 0 without text."""

    keyframe: Keyframe
    delta: Delta | None
    rank: float = 0.0


class Reader:
    """The reading half of a store."""

    def __init__(self, path: str, connection: apsw.Connection, lock: threading.RLock | Any) -> None:
        self.path = path
        self._reader = connection
        self._read_lock = lock

    @contextmanager
    def _query(self, doing: str) -> Iterator[apsw.Connection]:
        with self._read_lock, explain(self.path, doing):
            yield self._reader

    def keyframe(self, keyframe_id: int) -> Keyframe | None:
        """That keyframe with its picture (empty where retention dropped it); ``None`` if unknown.

        Raises:
            StoreError: the file can't be read. The same holds for every method below.
        """
        return next(iter(self._keyframes("k.id = ?", (keyframe_id,), pictures=True)), None)

    def source_of(self, keyframe_id: int) -> str:
        """What identifies the recording that a keyframe came from; empty where it came live."""
        with self._query("look up a keyframe's source") as db:
            rows = db.execute("SELECT source FROM keyframes WHERE id = ?", (keyframe_id,))
            return next((str(row[0] or "") for row in rows), "")

    def keyframes(
        self,
        *,
        since: int = 0,
        segment: int | None = None,
        source: str | None = None,
        limit: int | None = None,
        pictures: bool = False,
    ) -> list[Keyframe]:
        """Keyframes from id ``since`` on, in order; ``jpeg`` is empty unless ``pictures``."""
        return self._keyframes(
            "k.id >= ? AND (?2 IS NULL OR segment = ?2) AND (?3 IS NULL OR source = ?3)",
            (since, segment, source),
            limit=limit,
            pictures=pictures,
        )

    def pending(self, limit: int, *, since: int = 0) -> list[Keyframe]:
        """The oldest keyframes from id ``since`` on without a delta, with their pictures."""
        return self._keyframes(
            "state = 'pending' AND k.id >= ?", (since,), limit=limit, pictures=True
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
        columns = f"{KEYFRAME_COLUMNS}, {'p.jpeg' if pictures else 'NULL'}"
        join = "LEFT JOIN pictures p ON p.keyframe_id = k.id" if pictures else ""
        sql = (
            f"SELECT {columns} FROM keyframes k {join} WHERE {where} ORDER BY {order} "
            f"LIMIT {-1 if limit is None else int(limit)}"
        )
        with self._query("read keyframes") as db:
            return [self._keyframe(row) for row in db.execute(sql, bindings)]

    def deltas(
        self, *, since: int = 0, until: int | None = None, segment: int | None = None
    ) -> list[Delta]:
        """Committed deltas of keyframes ``since`` to ``until`` inclusive, in keyframe order."""
        sql = (
            "SELECT json FROM deltas JOIN keyframes k ON k.id = keyframe_id WHERE k.id >= ?1 "
            "AND (?2 IS NULL OR k.id <= ?2) AND (?3 IS NULL OR segment = ?3) ORDER BY k.id"
        )
        with self._query("read deltas") as db:
            rows = db.execute(sql, (since, until, segment))
            return [self._record(Delta, text) for (text,) in rows]

    def has_delta(self, segment: int, *, until: int) -> bool:
        """Whether a keyframe of ``segment`` up to ``until`` has a delta."""
        sql = (
            "SELECT EXISTS (SELECT 1 FROM deltas JOIN keyframes k ON k.id = keyframe_id "
            "WHERE segment = ? AND k.id <= ?)"
        )
        with self._query("read deltas") as db:
            return bool(db.execute(sql, (segment, until)).get)

    def counts(self) -> KeyframeCounts:
        """How many keyframes are in which state."""
        with self._query("count keyframes") as db:
            rows = dict(db.execute("SELECT state, count(*) FROM keyframes GROUP BY state"))
        return KeyframeCounts(**rows)

    def oldest_pending(self) -> int | None:
        """Id of the oldest keyframe without a delta."""
        with self._query("count keyframes") as db:
            oldest: int | None = db.execute(
                "SELECT min(id) FROM keyframes WHERE state = 'pending'"
            ).get
            return oldest

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
        sql = (
            "SELECT segment, max(id) FILTER (WHERE ?1 IS NULL OR stamp_ns <= ?1) AS last "
            "FROM keyframes WHERE (?2 IS NULL OR source = ?2) AND (?3 IS NULL OR segment = ?3) "
            "GROUP BY segment HAVING last IS NOT NULL "
            "ORDER BY ?1 IS NULL OR max(stamp_ns) >= ?1 DESC, segment DESC LIMIT 1"
        )
        with self._query("find the present") as db:
            row = next(iter(db.execute(sql, (at_ns, source, segment))), None)
        return None if row is None else (row[0], row[1])

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
        order = "13" if words else (distance if near_m is not None else "k.id DESC")
        sql = (
            f"SELECT {KEYFRAME_COLUMNS}, d.json, {rank} FROM "
            + (
                "delta_text JOIN keyframes k ON k.id = delta_text.rowid "
                if words
                else "keyframes k "
            )
            + "LEFT JOIN deltas d ON d.keyframe_id = k.id WHERE "
            + ("delta_text MATCH ?1 AND " if words else "?1 IS NOT NULL AND ")
            + "(?2 IS NULL OR stamp_ns >= ?2) AND (?3 IS NULL OR stamp_ns <= ?3) "
            f"AND (?4 IS NULL OR {distance} <= ?7 * ?7) ORDER BY {order}, k.id DESC LIMIT ?8"
        )
        bindings = (match, from_ns, to_ns, x, y, z, radius_m, limit)
        with self._query("search") as db:
            return [
                Hit(
                    self._keyframe((*row[:11], None)),
                    None if row[11] is None else self._record(Delta, row[11]),
                    row[12],
                )
                for row in db.execute(sql, bindings)
            ]

    def answers(self, limit: int = 100) -> list[tuple[Question, Answer]]:
        """The latest questions with their answers, oldest first."""
        sql = "SELECT question, answer FROM answers ORDER BY id DESC LIMIT ?"
        with self._query("read answers") as db:
            rows = db.execute(sql, (limit,)).get or []
            rows = rows if isinstance(rows, list) else [rows]
        return [
            (self._record(Question, question), self._record(Answer, answer))
            for question, answer in reversed(rows)
        ]

    def status(self) -> MemoryStatus:
        """Counts, sizes in bytes, and the first and last stamp."""
        sql = (
            "SELECT count(*), count(DISTINCT segment), min(stamp_ns), max(stamp_ns), "
            "coalesce(sum(picture_bytes > 0), 0), coalesce(sum(picture_bytes), 0), "
            "(SELECT count(*) FROM mentions), (SELECT count(DISTINCT name) FROM mentions), "
            "(SELECT count(*) FROM answers) FROM keyframes"
        )
        with self._query("count what is stored") as db:
            (row,) = db.execute(sql)
            file_bytes = int(db.pragma("page_count")) * int(db.pragma("page_size"))
        counts = self.counts()
        stored = dict(zip(_STORED, row, strict=True))
        return MemoryStatus(
            path=self.path,
            **stored,
            pending=counts.pending,
            done=counts.done,
            unusable=counts.unusable,
            file_bytes=file_bytes,
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
            with self._query("export"), explain(path, "export"):
                copy = apsw.Connection(partial)
                with copy.backup("main", self._reader, "main") as backup:
                    while not backup.done:
                        backup.step(256)
                copy.pragma("journal_mode", "DELETE")
                copy.close()
            os.rename(partial, path)
        except BaseException:
            os.unlink(partial)
            raise

    def _keyframe(self, row: Sequence[Any]) -> Keyframe:
        number, segment, stamp, reason, frame, width, height, overlap, *rest = row
        inliers, motion, pose, jpeg = rest
        return Keyframe(
            id=number,
            stamp_ns=stamp,
            jpeg=jpeg or b"",
            reason=reason,
            width=width,
            height=height,
            segment=segment,
            frame_id=frame,
            overlap_ratio=overlap,
            inliers=inliers,
            egomotion=None if motion is None else self._record(Egomotion, motion),
            pose=None if pose is None else self._record(Pose, pose),
        )

    def _record(self, kind: type[R], text: str) -> R:
        try:
            return from_json(kind, text)
        except ValueError as error:
            raise StoreError(
                f"{self.path} holds {kind.__name__.lower()} data that can't be read ({error}); "
                "it was changed or damaged: restore an export, or start a new memory"
            ) from error
