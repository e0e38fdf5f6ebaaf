"""Connections for reading one memory file, so that a long read does not hold up the others.

SQLite lets any number of connections read a file in WAL mode at once, but each of them serves one
thread at a time. A thread gets a connection of its own for as long as it reads; further ones are
opened when they are first needed, and threads wait for one only beyond the maximum.

Out of scope: what is read (`query`), writing (`store`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import apsw

#: Maximum number of connections; more would only compete for the same processor.
MOST = 8


class Readers:
    """The connections of one store. Every method may be called from any thread.

    Args:
        first: the connection that is open already.
        open_another: opens a further one; ``None`` if there can be no other (a memory in RAM).
        lock: held while ``first`` is used, where others write with it.
    """

    def __init__(
        self,
        first: apsw.Connection,
        open_another: Callable[[], apsw.Connection] | None,
        lock: threading.RLock | None = None,
    ) -> None:
        self._open_another = open_another
        self._lock = lock
        self._changed = threading.Condition()
        self._all = [first]
        self._free = [first]
        self._closed = False
        self._mine = threading.local()

    @contextmanager
    def one(self) -> Iterator[apsw.Connection]:
        """A connection that no other thread uses until the block ends. May be nested.

        Raises:
            apsw.Error: a further connection can't be opened, or the store is closed.
        """
        if self._lock is not None:
            with self._lock:
                yield self._all[0]
            return
        held: apsw.Connection | None = getattr(self._mine, "connection", None)
        if held is not None:
            yield held
            return
        connection = self._take()
        self._mine.connection = connection
        try:
            yield connection
        finally:
            self._mine.connection = None
            with self._changed:
                self._free.append(connection)
                self._changed.notify_all()

    def close(self) -> None:
        """Close all connections, once no thread uses them. Safe to call twice."""
        with self._changed:
            self._closed = True
            while len(self._free) < len(self._all):
                self._changed.wait()
            for connection in self._all:
                connection.close()
            self._changed.notify_all()

    def _take(self) -> apsw.Connection:
        with self._changed:
            while not self._free and not self._closed:
                if self._open_another is not None and len(self._all) < MOST:
                    connection = self._open_another()
                    self._all.append(connection)
                    return connection
                self._changed.wait()
            # It is closed, and every query on it says so.
            return self._free.pop() if self._free else self._all[0]
