"""A memory file as the operating system sees it: private, with one writer, and how it fails.

The one place where SQLite's errors become `StoreError`.

Out of scope: what is in the file (`embodied_agent.memory.schema`).
"""

from __future__ import annotations

import errno
import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote

import apsw

from embodied_agent.errors import StoreError

_log = logging.getLogger(__name__)

#: How long a write waits for another process's transaction, in milliseconds.
_BUSY_TIMEOUT_MS = 10_000

#: What to do about each kind of SQLite error; the first that fits is shown.
_ADVICE: tuple[tuple[tuple[type[apsw.Error], ...], str], ...] = (
    ((apsw.FullError,), "the disk is full; free some space or lower memory.max_bytes"),
    (
        (apsw.BusyError, apsw.LockedError, apsw.ProtocolError),
        "another process keeps the file locked; stop it or name another file",
    ),
    ((apsw.NotADBError,), "it is not a SQLite file; name another file for the memory"),
    (
        (apsw.ReadOnlyError, apsw.PermissionsError, apsw.AuthError),
        "it can't be written to; check its owner and mode",
    ),
    (
        (apsw.CorruptError, apsw.FormatError),
        "the file is damaged; `embodied-agent memory repair FILE` recovers the intact part",
    ),
    ((apsw.CantOpenError,), "it can't be opened; check the path and the permissions of its folder"),
    ((apsw.IOError,), "the disk can't be read or written; check it"),
    ((apsw.ConnectionClosedError,), "the memory was closed"),
)


#: What SQLite, and reading its values, may raise if the file is damaged.
DAMAGE: tuple[type[Exception], ...] = (
    apsw.CorruptError,
    apsw.FormatError,
    apsw.IOError,
    apsw.SQLError,  # a table is missing
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    MemoryError,
)
ANY_DAMAGE: tuple[type[Exception], ...] = (apsw.Error, *DAMAGE)


@contextmanager
def explain(path: str, doing: str) -> Iterator[None]:
    """Turn SQLite's errors into `StoreError`, with what was tried and what to do."""
    try:
        yield
    except apsw.Error as error:
        advice = next((text for kinds, text in _ADVICE if isinstance(error, kinds)), "")
        raise StoreError(
            f"can't {doing} ({path}): {advice or error}" + (f" [{error}]" if advice else "")
        ) from error
    except DAMAGE as error:
        raise StoreError(
            f"can't {doing} ({path}): it holds unexpected data ({error!r}); "
            "`embodied-agent memory check` says more"
        ) from error


def connect(path: str, flags: int) -> apsw.Connection:
    """Open ``path`` with SQLite's open ``flags``.

    Raises:
        apsw.Error: it can't be opened.
    """
    connection = apsw.Connection(path, flags=flags)
    connection.set_busy_timeout(_BUSY_TIMEOUT_MS)
    return connection


def connect_for_reading(path: str) -> apsw.Connection:
    """Open ``path`` for reading, also where nothing can be written beside it.

    SQLite needs a file beside a memory for its readers to agree. A read-only disk has no such file,
    but no writer either, so the memory is read without it.

    Raises:
        apsw.Error: it can't be opened.
    """
    connection = connect(path, apsw.SQLITE_OPEN_READONLY)
    try:
        connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
    except (apsw.CantOpenError, apsw.ReadOnlyError):
        connection.close()
        if os.access(os.path.dirname(os.path.realpath(path)), os.W_OK):
            raise
        log = f"{path}-wal"
        if os.path.exists(log) and os.path.getsize(log):
            _log.warning(
                "%s lies on a read-only disk together with entries that were not merged into it "
                "(%s); they are not read: copy both to another disk to have them",
                path,
                log,
            )
        name = quote(os.path.realpath(path))
        flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
        connection = connect(f"file:{name}?immutable=1", flags)
    except apsw.Error:
        pass  # the next read raises it again, and says what it was doing
    return connection


def lock(path: str) -> int:
    """Become the one writer of ``path``; returns the descriptor of its lock.

    Afterwards the file exists and is private. The lock is on a file beside it, because SQLite's own
    locks on the memory file vanish when any other descriptor of that file is closed. The system
    drops the lock when the process dies.

    Raises:
        StoreError: the file can't be opened, or another process has the lock.
    """
    path = os.path.realpath(path)  # one writer, by whatever name the file is opened
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        lock_fd = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        if error.errno == errno.EROFS:
            raise StoreError(
                f"the memory {path} lies on a read-only disk: it can be asked and listed, but not "
                "written to; name another file"
            ) from error
        raise StoreError(
            f"can't open the memory {path}: {error.strerror}; check that its folder exists and is "
            "writable"
        ) from error
    try:
        fcntl.flock(lock_fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        os.close(lock_fd)
        raise StoreError(
            f"another agent is writing to the memory {path}; stop it, open the memory read-only, "
            "or name another file"
        ) from error
    return lock_fd
