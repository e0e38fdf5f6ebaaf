"""The memory on disk: keyframes with their pictures, deltas and answers, all in one SQLite file.

One process writes, any number read. A keyframe is on the disk (synchronous=FULL) when
`add_keyframe` returns, so neither a crash nor a power cut loses it; its delta follows in
`commit_delta`, strictly in keyframe order. Every method may be called from any thread.

Out of scope: what to keep (`embodied_agent.keyframes`), the reasoner's text
(`embodied_agent.transcript`), tables and migrations (`schema`), questions from remote clients
(`outbox`), finding and exporting (`query`), the file itself (`file`).
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import apsw

from embodied_agent.codec import encodable, to_json
from embodied_agent.errors import StoreError
from embodied_agent.memory import schema
from embodied_agent.memory.file import connect, explain, lock
from embodied_agent.memory.outbox import Outbox
from embodied_agent.memory.query import KEYFRAME_COLUMNS, Reader
from embodied_agent.records import Answer, Delta, Egomotion, Keyframe, Pose, Question, Reason
from embodied_agent.settings import MemorySettings

State = Literal["pending", "done", "unusable"]


class StoredKeyframe(NamedTuple):
    """Where a stored keyframe came from. ``ordinal`` is its frame's number within the source, from
    0."""

    id: int
    segment: int
    ordinal: int
    stamp_ns: int
    reason: Reason


class Store(Reader):
    """A memory file. Make one with `Store.open`; use it as a context manager or call `close`."""

    def __init__(
        self,
        path: str,
        settings: MemorySettings,
        writer: apsw.Connection,
        reader: apsw.Connection,
        lock_fd: int | None,
        *,
        read_only: bool,
    ) -> None:
        self._write_lock = threading.RLock()
        # In memory, one connection both reads and writes, under one lock.
        super().__init__(path, reader, self._write_lock if reader is writer else threading.RLock())
        self._settings = settings
        self._writer = writer
        self._lock_fd = lock_fd
        self._picture_bytes: int | None = None  # counted when first needed and after a failure
        self.read_only = read_only
        #: Questions from remote clients, and the answers to be delivered.
        self.outbox = Outbox(self._transaction, self._query)

    @classmethod
    def open(cls, path: str, settings: MemorySettings, *, read_only: bool = False) -> Store:
        """Open the memory at ``path``; a missing file is created.

        Args:
            path: the file; "" or SQLite's ``:memory:`` keeps everything in RAM.
            settings: of retention.
            read_only: open an existing file for reading, also while another process writes to it.

        Raises:
            StoreError: the file can't be opened or created, is not a memory, was written by a newer
                version, or another process writes to it.
        """
        if path in ("", ":memory:"):
            if read_only:
                raise StoreError("a memory in RAM can't be opened read-only; name a file")
            with explain(":memory:", "open"):
                connection = apsw.Connection(":memory:")
                schema.migrate(connection, ":memory:")
            return cls(":memory:", settings, connection, connection, None, read_only=False)
        if read_only:
            if not os.path.isfile(path):
                raise StoreError(f"there is no memory at {path}; replay or run something first")
            with explain(path, "open"):
                connection = connect(path, apsw.SQLITE_OPEN_READONLY)
                schema.check_ours(connection, path)
                if not schema.version_of(connection):
                    raise StoreError(f"{path} is empty; replay or run something first")
            return cls(path, settings, connection, connection, None, read_only=True)
        lock_fd = lock(path)
        try:
            with explain(path, "open"):
                writer = connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
                schema.check_ours(writer, path)
                writer.pragma("journal_mode", "WAL")
                writer.pragma("synchronous", "FULL")
                schema.migrate(writer, path)
                reader = connect(path, apsw.SQLITE_OPEN_READONLY)
        except BaseException:
            os.close(lock_fd)
            raise
        return cls(path, settings, writer, reader, lock_fd, read_only=False)

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Release the file. Safe to call twice."""
        with self._write_lock, self._read_lock, explain(self.path, "close"):
            self._reader.close()
            self._writer.close()
            if self._lock_fd is not None:
                os.close(self._lock_fd)
                self._lock_fd = None

    @contextmanager
    def _transaction(self, doing: str) -> Iterator[apsw.Connection]:
        if self.read_only:
            raise StoreError(f"can't {doing}: {self.path} was opened read-only")
        with self._write_lock, explain(self.path, doing):
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                # SQLite has already rolled back after some errors, such as a full disk.
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                self._picture_bytes = None
                raise

    def add_keyframe(
        self,
        *,
        stamp_ns: int,
        jpeg: bytes,
        width: int,
        height: int,
        reason: Reason,
        segment: int,
        source: str = "",
        ordinal: int = 0,
        frame_id: str = "camera",
        overlap_ratio: float | None = None,
        inliers: int = 0,
        egomotion: Egomotion | None = None,
        pose: Pose | None = None,
    ) -> Keyframe:
        """Store a keyframe as pending, with the next id. It is on the disk when this returns.

        Raises:
            StoreError: it could not be written; nothing of it was.
        """
        x, y, z = pose.position_m if pose is not None else (None, None, None)
        with self._transaction("store a keyframe") as db:
            number = int(db.execute("SELECT coalesce(max(id) + 1, 0) FROM keyframes").get)
            db.execute(
                f"INSERT INTO keyframes ({KEYFRAME_COLUMNS}, source, ordinal, x, y, z, "
                "stored_at_s, picture_bytes, state) "
                "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,'pending')",
                (
                    number,
                    segment,
                    stamp_ns,
                    reason,
                    frame_id,
                    width,
                    height,
                    overlap_ratio,
                    inliers,
                    None if egomotion is None else to_json(egomotion),
                    None if pose is None else to_json(pose),
                    source,
                    ordinal,
                    x,
                    y,
                    z,
                    time.time(),
                    len(jpeg),
                ),
            )
            db.execute("INSERT INTO pictures VALUES (?, ?)", (number, jpeg))
            if self._picture_bytes is not None:
                self._picture_bytes += len(jpeg)
            self._retain(db)
        return Keyframe(
            id=number,
            stamp_ns=stamp_ns,
            jpeg=jpeg,
            reason=reason,
            width=width,
            height=height,
            segment=segment,
            frame_id=frame_id,
            overlap_ratio=overlap_ratio,
            inliers=inliers,
            egomotion=egomotion,
            pose=pose,
        )

    def commit_delta(self, delta: Delta) -> None:
        """Store the delta of the oldest pending keyframe, which is then done or unusable.

        Raises:
            StoreError: ``delta`` is not that keyframe's, or it could not be written.
        """
        with self._transaction("store a delta") as db:
            oldest = db.execute("SELECT min(id) FROM keyframes WHERE state = 'pending'").get
            if oldest != delta.keyframe_id:
                due = "none is" if oldest is None else f"that of keyframe {oldest} is"
                raise StoreError(
                    f"delta of keyframe {delta.keyframe_id} is not due, {due}; "
                    "deltas are committed once each, in keyframe order"
                )
            text = to_json(delta)
            db.execute(
                "INSERT INTO deltas VALUES (?, ?, ?, ?, ?, ?)",
                (
                    delta.keyframe_id,
                    delta.action.value if delta.action else None,
                    delta.usable,
                    delta.model,
                    delta.latency_s,
                    text,
                ),
            )
            db.executemany(
                "INSERT INTO mentions VALUES (?, ?, ?, ?, ?)",
                [
                    (delta.keyframe_id, rank, encodable(m.name), m.direction, m.distance)
                    for rank, m in enumerate(delta.mentions)
                ],
            )
            db.execute(
                "INSERT INTO delta_text (rowid, text) VALUES (?, ?)",
                (delta.keyframe_id, encodable(_searchable(delta))),
            )
            db.execute(
                "UPDATE keyframes SET state = ? WHERE id = ?",
                ("done" if delta.usable else "unusable", delta.keyframe_id),
            )
            self._retain(db)

    def _retain(self, db: apsw.Connection) -> None:
        """Drop the oldest pictures beyond the limits; their keyframes and deltas stay.

        Pending keyframes keep their pictures, and so does the one before them: perception needs
        both.
        """
        if self._picture_bytes is None:
            self._picture_bytes = int(
                db.execute("SELECT coalesce(sum(picture_bytes), 0) FROM keyframes").get
            )
        max_bytes, max_age_s = self._settings.max_bytes, self._settings.max_age_s
        needed = db.execute(
            "SELECT coalesce((SELECT min(id) FROM keyframes WHERE state = 'pending'), "
            "(SELECT max(id) + 1 FROM keyframes)) - 1"
        ).get
        while True:
            oldest = _one(
                db.execute(
                    "SELECT id, picture_bytes, stored_at_s FROM keyframes "
                    "WHERE picture_bytes > 0 ORDER BY id LIMIT 1"
                )
            )
            if oldest is None or oldest[0] >= needed:
                return
            number, size, stored_at_s = oldest
            too_many = max_bytes and self._picture_bytes > max_bytes
            if not too_many and not (max_age_s and stored_at_s < time.time() - max_age_s):
                return
            db.execute("DELETE FROM pictures WHERE keyframe_id = ?", (number,))
            db.execute("UPDATE keyframes SET picture_bytes = 0 WHERE id = ?", (number,))
            self._picture_bytes -= size

    def save_answer(self, question: Question, answer: Answer) -> int:
        """Store a question with its answer; returns the number of the entry.

        Raises:
            StoreError: it could not be written.
        """
        with self._transaction("store an answer") as db:
            db.execute(
                "INSERT INTO answers (question, answer, stored_at_s) VALUES (?, ?, ?)",
                (to_json(question), to_json(answer), time.time()),
            )
            return db.last_insert_rowid()

    def begin_replay(self, source: str, settings: str) -> tuple[bool, list[StoredKeyframe]]:
        """Whether ``source`` was replayed to its end before, and its stored keyframes, in order.

        Args:
            source: identifies the recording; its replay counts as begun from now on.
            settings: what keyframes are chosen with; a replay must go on with the same ones.

        Raises:
            StoreError: the memory holds part of this source, chosen with other settings.
        """
        with self._transaction("begin a replay") as db:
            row = _one(
                db.execute("SELECT settings, finished FROM sources WHERE key = ?", (source,))
            )
            stored = [
                StoredKeyframe(*values)
                for values in db.execute(
                    "SELECT id, segment, ordinal, stamp_ns, reason FROM keyframes "
                    "WHERE source = ? ORDER BY id",
                    (source,),
                )
            ]
            if row is not None and row[0] != settings and stored:
                raise StoreError(
                    f"{self.path} holds {source} replayed with other keyframe settings; "
                    "use those again, or another memory file"
                )
            db.execute(
                "INSERT INTO sources VALUES (?1, ?2, 0) ON CONFLICT DO UPDATE SET settings = ?2",
                (source, settings),
            )
        return row is not None and bool(row[1]), stored

    def finish_replay(self, source: str) -> None:
        """Note that the last frame of ``source`` was seen.

        Raises:
            StoreError: it could not be written.
        """
        with self._transaction("finish a replay") as db:
            db.execute("UPDATE sources SET finished = 1 WHERE key = ?", (source,))

    def next_segment(self) -> int:
        """The number of the next new segment.

        Raises:
            StoreError: the file can't be read.
        """
        with self._query("count segments") as db:
            return self._next_segment(db)

    @staticmethod
    def _next_segment(db: apsw.Connection) -> int:
        return int(db.execute("SELECT coalesce(max(segment) + 1, 0) FROM keyframes").get)


def _one(rows: Any) -> tuple[Any, ...] | None:
    return next(iter(rows), None)


def _searchable(delta: Delta) -> str:
    parts: Sequence[str] = (
        delta.action.value if delta.action else "",
        *(f"{m.name} {m.direction} {m.distance or ''}".strip() for m in delta.mentions),
        delta.observation,
    )
    return "; ".join(part for part in parts if part)
