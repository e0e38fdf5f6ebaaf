"""Reads an SQLite rosbag2 file row by row, for files cut short or never closed.

A recorder that was killed leaves rows in the write-ahead log beside the file, which readers that
open it as immutable don't see; a copy that broke off lacks pages at its end. Rows are read in the
order they were written until the first that is gone. Healthy files are read through rosbags
(bag_files.py).
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import apsw

from embodied_agent.errors import SourceError
from embodied_agent.sources.mcap_scan import ScannedMessage

_BUSY_MS = 2_000


def has_unmerged_log(path: Path) -> bool:
    """Whether rows wait in a write-ahead log beside the file."""
    log = path.with_name(path.name + "-wal")
    return log.is_file() and log.stat().st_size > 0


class Db3Scan:
    """One pass over a file. ``damage`` counts the places where reading had to stop."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage = 0

    def messages(self) -> Iterator[ScannedMessage]:
        """Messages in the order they were written.

        Raises:
            SourceError: the file can't be opened, or is no rosbag2 file.
        """
        connection, topics = self._open()
        try:
            rows = connection.execute("SELECT topic_id, timestamp, data FROM messages")
            for topic_id, stamp_ns, data in rows:
                known = topics.get(topic_id)
                if known and isinstance(stamp_ns, int) and isinstance(data, bytes):
                    yield ScannedMessage(*known, stamp_ns, data)
        except apsw.Error:
            self.damage += 1
        finally:
            connection.close(True)

    def _open(self) -> tuple[apsw.Connection, dict[int, tuple[str, str]]]:
        # As immutable, SQLite needs no lock, and ignores the log; only a log makes that wrong.
        modes = ["mode=ro"] if has_unmerged_log(self.path) else []
        problem = ""
        for mode in (*modes, "mode=ro&immutable=1"):
            flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
            try:
                connection = apsw.Connection(
                    f"file:{quote(str(self.path.absolute()))}?{mode}", flags=flags
                )
            except apsw.Error as error:
                problem = str(error)
                continue
            try:
                connection.set_busy_timeout(_BUSY_MS)
                # Lets SQLite open a file that is shorter than its header says.
                connection.execute("PRAGMA writable_schema=ON")
                rows = connection.execute("SELECT id, name, type FROM topics").fetchall()
                return connection, {i: (str(n), str(t)) for i, n, t in rows if isinstance(i, int)}
            except apsw.Error as error:
                problem = str(error)
                connection.close(True)
        raise SourceError(f"can't read {self.path} as an SQLite rosbag2 file: {problem}")
