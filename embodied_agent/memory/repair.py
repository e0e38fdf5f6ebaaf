"""Checks a memory file, and copies the intact rows of a damaged one into a new file.

`check` reads every row and compares its checksum, and asks SQLite about its own structure. `repair`
writes the intact rows. A keyframe that lost its delta but not its picture becomes pending, so that
it is perceived again.

Objects are not copied: they are derived again from the intact deltas and corrections. The damaged
file is never written to.

Out of scope: reading the intact part of a damaged file (`salvage`), or of a file in use (`query`).
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress

import apsw

from embodied_agent.errors import OutputError, StoreError
from embodied_agent.memory import schema
from embodied_agent.memory.file import ANY_DAMAGE, connect, connect_for_reading, explain, lock
from embodied_agent.memory.index_check import wrong_indexes
from embodied_agent.memory.outbox import DELIVERY_COLUMNS, REQUEST_COLUMNS
from embodied_agent.memory.replays import REPLAY_COLUMNS
from embodied_agent.memory.rows import keyframe_sum, text_sum, values_sum
from embodied_agent.memory.salvage import (
    KEYFRAME_NAMES,
    MORE_NAMES,
    Findings,
    WholeRows,
    read_whole,
)
from embodied_agent.memory.writing import insert_delta, insert_pictures
from embodied_agent.records import Delta

#: Findings of SQLite that are listed.
_MOST_FINDINGS = 20


def check(path: str) -> Findings:
    """Read everything in the memory file ``path``.

    A file whose making was interrupted before its first table is whole and holds nothing.

    Raises:
        StoreError: it can't be opened, or is not a memory.
    """
    with _opened(path) as db:
        findings = Findings(path)
        if schema.is_blank(db):
            return findings
        try:
            for (line,) in db.execute(f"PRAGMA integrity_check({_MOST_FINDINGS})"):
                if line != "ok":
                    findings.structure.append(str(line))
        except ANY_DAMAGE as error:
            findings.structure.append(str(error))
        rows = read_whole(db, findings)
        findings.damaged.update(wrong_indexes(db, rows.deltas))
        return findings


def repair(path: str, target: str = "") -> tuple[Findings, str]:
    """Write what is whole in the memory file ``path`` into a new one.

    Args:
        path: the damaged file; no agent may be writing to it.
        target: a new file; empty: ``path`` itself, and the damaged file is kept as
            ``PATH.damaged``.

    Returns:
        What was found, and where the damaged file lies now.

    Raises:
        StoreError: nothing of it can be read, or another process writes to it.
        OutputError: the new file exists or can't be written.
    """
    kept_path = path if target else _free_name(f"{path}.damaged")
    if target and os.path.exists(target):
        raise OutputError(f"{target} exists; name a new file")
    if not os.path.isfile(path):
        raise StoreError(f"there is no memory at {path}")
    lock_fd = lock(path)
    try:
        folder = os.path.dirname(os.path.abspath(target or path))
        try:
            handle, partial = tempfile.mkstemp(prefix=".repair-", dir=folder)
            os.close(handle)
        except OSError as error:
            raise OutputError(f"can't write into {folder}: {error.strerror}") from error
        try:
            with _opened(path) as db:
                findings = Findings(path)
                rows = WholeRows() if schema.is_blank(db) else read_whole(db, findings)
                with explain(partial, "write the repaired memory"):
                    _write(rows, partial)
            if target:
                os.rename(partial, target)
            else:
                for suffix in ("-wal", "-shm", ""):
                    with suppress(FileNotFoundError):
                        os.rename(path + suffix, kept_path + suffix)
                os.rename(partial, path)
        except BaseException:
            with suppress(FileNotFoundError):
                os.unlink(partial)
            raise
        return findings, kept_path
    finally:
        os.close(lock_fd)


def _free_name(name: str) -> str:
    number = 1
    free = name
    while os.path.exists(free):
        number += 1
        free = f"{name}-{number}"
    return free


@contextmanager
def _opened(path: str) -> Iterator[apsw.Connection]:
    if not os.path.isfile(path):
        raise StoreError(f"there is no memory at {path}")
    with explain(path, "open the memory"):
        connection = connect_for_reading(path)
    with closing(connection):
        with explain(path, "open the memory"):
            schema.check_ours(connection, path)
        yield connection


def _write(rows: WholeRows, path: str) -> None:
    with closing(connect(path, apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE)) as db:
        schema.migrate(db, path)
        db.execute("BEGIN IMMEDIATE")
        places = ", ".join("?" * (len(KEYFRAME_NAMES) + len(MORE_NAMES) + 1))
        for number, values in sorted(rows.keyframes.items()):
            own, more = list(values[: len(KEYFRAME_NAMES)]), list(values[len(KEYFRAME_NAMES) :])
            jpeg, depth = rows.pictures.get(number, b""), rows.depths.get(number, b"")
            delta = rows.deltas.get(number)
            if delta is None and not jpeg:
                delta = Delta(number, None, usable=False, problem="it was damaged and is lost")
            state = "pending" if delta is None else "done" if delta.usable else "unusable"
            depth = depth if jpeg else b""
            more[-2:] = [len(jpeg) + len(depth), state]
            db.execute(
                f"INSERT INTO keyframes ({', '.join((*KEYFRAME_NAMES, *MORE_NAMES))}, checksum) "
                f"VALUES ({places})",
                (*own, *more, keyframe_sum(own)),
            )
            insert_pictures(db, number, jpeg, depth)
            if delta is not None:
                insert_delta(db, delta)
        for number, question, answer, stored_at_s in rows.answers.values():
            db.execute(
                "INSERT INTO answers VALUES (?, ?, ?, ?, ?)",
                (number, question, answer, stored_at_s, text_sum(question, answer)),
            )
        for table, columns, plain in (
            ("sources", REPLAY_COLUMNS, rows.sources),
            ("requests", REQUEST_COLUMNS, rows.requests),
            ("outbox", DELIVERY_COLUMNS, rows.outbox),
        ):
            marks = ", ".join("?" * (len(columns.split(", ")) + 1))
            for values in plain.values():
                with suppress(apsw.ConstraintError, apsw.MismatchError):
                    db.execute(
                        f"INSERT INTO {table} ({columns}, checksum) VALUES ({marks})",
                        (*values, values_sum(*values)),
                    )
        db.executemany("INSERT INTO corrections VALUES (?, ?, ?)", rows.corrections.values())
        with suppress(apsw.ConstraintError, apsw.MismatchError):
            db.executemany(
                "INSERT OR IGNORE INTO facts VALUES (?, ?, ?, ?, ?, ?, ?)", rows.facts.values()
            )
        db.executemany(
            "INSERT OR IGNORE INTO summaries VALUES (?, ?, ?, ?)", rows.summaries.values()
        )
        with suppress(apsw.ConstraintError, apsw.MismatchError):
            db.execute(
                "UPDATE retention SET (id, pictures_from, text_from) = (?, ?, ?)", rows.retention
            )
        db.execute(schema.CITE_ALL)
        with suppress(apsw.ConstraintError):
            db.executemany("INSERT INTO named_places VALUES (?, ?, ?)", rows.named_places)
        if rows.uuid:
            db.execute("UPDATE identity SET uuid = ?", (rows.uuid,))
        db.execute("COMMIT")
