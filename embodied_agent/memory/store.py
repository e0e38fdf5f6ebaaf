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
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import apsw

from embodied_agent.codec import to_json
from embodied_agent.errors import StoreError
from embodied_agent.memory import replays, schema
from embodied_agent.memory.access import Access
from embodied_agent.memory.alerts import AlertTable
from embodied_agent.memory.corrections import CorrectionTable
from embodied_agent.memory.facts import FactTable
from embodied_agent.memory.file import connect, connect_for_reading, explain, lock
from embodied_agent.memory.forgetting import empty_log, mark_forgotten, overwrite_deleted
from embodied_agent.memory.objects import ObjectTable
from embodied_agent.memory.outbox import Outbox
from embodied_agent.memory.places import PlaceTable
from embodied_agent.memory.query import Reader
from embodied_agent.memory.readers import Readers
from embodied_agent.memory.retention import Retention
from embodied_agent.memory.rows import text_sum
from embodied_agent.memory.summaries import SummaryTable
from embodied_agent.memory.writing import insert_delta, insert_keyframe
from embodied_agent.records import (
    Answer,
    Delta,
    Egomotion,
    Intrinsics,
    Keyframe,
    Mount,
    Pose,
    Question,
    Reason,
)
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
        if path == ":memory:":
            # One connection for reading and writing, under one lock.
            readers = Readers(reader, None, self._write_lock)
        else:
            readers = Readers(reader, lambda: connect(path, apsw.SQLITE_OPEN_READONLY))
        super().__init__(path, readers)
        self._settings = settings
        self._writer = writer
        self._lock_fd = lock_fd
        self.read_only = read_only
        access = Access(self._transaction, self._query, self.damage)
        #: Questions from remote clients, and the answers to be delivered.
        with self._query("open") as db:
            checked = schema.version_of(db) >= schema.CHECKED_REQUESTS
        self.outbox = Outbox(access, checked=checked)
        #: What was seen in old stretches of the memory.
        self.summaries = SummaryTable(access, settings.place_m)
        self._retention = Retention(settings, self.summaries)
        #: Objects with their positions.
        self.objects = ObjectTable(access, settings)
        #: Values with a stamp that were noted beside the deltas.
        self.facts = FactTable(access, settings)
        #: Corrections by people.
        self.corrections = CorrectionTable(access, self.objects, self.facts, self.summaries)
        #: Named places.
        self.places = PlaceTable(access, lambda: self.objects.exists)
        #: Standing questions and alerts.
        self.alerts = AlertTable(access)

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
            with explain(":memory:", "open the memory"):
                connection = apsw.Connection(":memory:")
                schema.migrate(connection, ":memory:")
            return cls(":memory:", settings, connection, connection, None, read_only=False)
        if read_only:
            if not os.path.isfile(path):
                raise StoreError(f"there is no memory at {path}; replay or run something first")
            with explain(path, "open the memory"):
                connection = connect_for_reading(path)
                schema.check_ours(connection, path)
                if not schema.version_of(connection):
                    raise StoreError(f"{path} is empty; replay or run something first")
            return cls(path, settings, connection, connection, None, read_only=True)
        lock_fd = lock(path)
        try:
            with explain(path, "open the memory"):
                writer = connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)
                schema.check_ours(writer, path)
                writer.pragma("journal_mode", "WAL")
                writer.pragma("synchronous", "FULL")
                overwrite_deleted(writer, fully=False)
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

    @property
    def settings(self) -> MemorySettings:
        """The settings that it was opened with."""
        return self._settings

    def close(self) -> None:
        """Release the file. Safe to call twice."""
        with explain(self.path, "close the memory"):
            self._readers.close()
        with self._write_lock, explain(self.path, "close the memory"):
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
                self._retention.recount()
                raise

    def empty_log(self) -> None:
        """Write what is in the write-ahead log into the file, and empty the log.

        Raises:
            StoreError: another program reads an older state of the file.
        """
        with self._write_lock, explain(self.path, "empty the log"):
            empty_log(self._writer, self.path)

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
        intrinsics: Intrinsics | None = None,
        mount: Mount | None = None,
        depth: bytes = b"",
    ) -> Keyframe:
        """Store a keyframe as pending, with the next id. It is on the disk when this returns.

        Of a time that a person wants forgotten, it is stored without its picture and depth, and is
        not perceived.

        Raises:
            StoreError: it could not be written; nothing of it was.
        """
        forgotten = self.corrections.is_forgotten(stamp_ns)
        with self._transaction("store a keyframe") as db:
            keyframe = Keyframe(
                id=int(db.execute("SELECT coalesce(max(id) + 1, 0) FROM keyframes").get),
                stamp_ns=stamp_ns,
                jpeg=b"" if forgotten else jpeg,
                reason=reason,
                width=width,
                height=height,
                segment=segment,
                frame_id=frame_id,
                overlap_ratio=overlap_ratio,
                inliers=inliers,
                egomotion=egomotion,
                pose=pose,
                intrinsics=intrinsics,
                mount=mount,
                depth=b"" if forgotten else depth,
            )
            insert_keyframe(db, keyframe, source=source, ordinal=ordinal, stored_at_s=time.time())
            if forgotten:
                mark_forgotten(db, keyframe.id)
            self._retention.picture_added(len(keyframe.jpeg) + len(keyframe.depth))
            self._retention.apply(db)
        return keyframe

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
            insert_delta(db, delta)
            db.execute(
                "UPDATE keyframes SET state = ? WHERE id = ?",
                ("done" if delta.usable else "unusable", delta.keyframe_id),
            )
            self.summaries.extend(db, delta.keyframe_id)
            self._retention.apply(db)

    def save_answer(self, question: Question, answer: Answer) -> int:
        """Store a question with its answer; returns the number of the entry.

        Raises:
            StoreError: it could not be written.
        """
        with self._transaction("store an answer") as db:
            texts = to_json(question), to_json(answer)
            db.execute(
                "INSERT INTO answers (question, answer, stored_at_s, checksum) VALUES (?, ?, ?, ?)",
                (*texts, time.time(), text_sum(*texts)),
            )
            number = db.last_insert_rowid()
            db.executemany(
                "INSERT OR IGNORE INTO citations VALUES (?, ?)",
                [(evidence.keyframe_id, number) for evidence in answer.evidence],
            )
            self._retention.answer_added(db, sum(len(text.encode()) for text in texts))
            return number

    def begin_replay(self, source: str, settings: str) -> tuple[bool, list[StoredKeyframe]]:
        """Whether ``source`` was replayed to its end before, and its stored keyframes, in order.

        Args:
            source: identifies the recording; its replay counts as begun from now on.
            settings: what keyframes are chosen with; a replay must go on with the same ones.

        Raises:
            StoreError: the memory holds part of this source, chosen with other settings.
        """
        with self._transaction("begin a replay") as db:
            row = replays.known(db, source, self.damage)
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
            replays.note(db, source, settings, row is not None and row[1])
        return row is not None and row[1], stored

    def finish_replay(self, source: str) -> None:
        """Note that the last frame of ``source`` was seen.

        Raises:
            StoreError: it could not be written.
        """
        with self._transaction("finish a replay") as db:
            row = replays.known(db, source, self.damage)
            if row is not None:
                replays.note(db, source, row[0], finished=True)

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
