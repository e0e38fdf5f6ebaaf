"""Reads one SQLite file of a rosbag2 recording, even one that was cut short or never closed.

A killed recorder leaves rows in the write-ahead log beside the file, which readers that open it as
immutable don't see; an incomplete copy lacks pages at its end. Rows are then read in the order in
which they were written, up to the first missing one.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import apsw

from embodied_agent.errors import SourceError
from embodied_agent.sources.bags.recording import Channel, Problems, RawMessage
from embodied_agent.sources.limits import MAX_MESSAGE_BYTES, MAX_ROW_S, MAX_SURVEY_S, Deadline

_BUSY_MS = 2_000
#: SQLite looks at the deadline after so many of its steps.
_STEPS = 10_000
#: What damaged pages raise: SQLite's own errors, and Python's on texts that are none.
_ERRORS = (apsw.Error, ValueError, OverflowError, MemoryError)


class Db3File:
    """One SQLite file; see `RecordingFile`.

    Args:
        path: the file.
        counts: messages by topic where metadata.yaml knows them; counting needs a pass else.

    Raises:
        SourceError: the file can't be opened, or is not a rosbag2 file.
    """

    def __init__(self, path: Path, counts: dict[str, int] | None = None) -> None:
        self.path = path
        self.problems = Problems()
        self.counts: dict[Channel, int] = {}
        self.span_ns: tuple[int, int] | None = None
        self._deadline = Deadline(MAX_SURVEY_S)
        self._connection, self._channels = self._open()
        self.indexed = False
        try:
            for channel in self._channels.values():
                self.counts.setdefault(channel, 0)
            self.indexed = self._survey(counts)
        except BaseException:
            self._connection.close(True)
            raise

    def close(self) -> None:
        self._connection.close(True)

    def messages(self, topics: Collection[str], start_ns: int = 0) -> Iterator[RawMessage]:
        keys = [key for key, channel in self._channels.items() if channel.topic in topics]
        if not keys:
            return
        last_ns = start_ns - 1
        if self.indexed:
            # The numbers are the file's own keys, so nothing foreign enters the statement.
            query = (
                "SELECT topic_id, timestamp, data FROM messages WHERE timestamp >= ? AND topic_id"
                f" IN ({','.join(map(str, keys))}) ORDER BY timestamp"
            )
            try:
                for message in self._rows(query, (start_ns,)):
                    last_ns = message.receive_ns
                    yield message
                return
            except _ERRORS as error:
                self.indexed = False
                self.problems.note(f"its index is damaged: {_words(error)}")
        try:
            for message in self._rows("SELECT topic_id, timestamp, data FROM messages", ()):
                if message.receive_ns > last_ns and message.channel.topic in topics:
                    yield message
        except _ERRORS as error:
            self.problems.note(f"reading stopped: {_words(error)}")

    def _rows(self, query: str, values: tuple[int, ...]) -> Iterator[RawMessage]:
        self._deadline = Deadline(MAX_ROW_S)
        for topic_id, stamp_ns, data in self._connection.execute(query, values):
            channel = self._channels.get(topic_id)
            if channel and isinstance(stamp_ns, int) and isinstance(data, bytes):
                yield RawMessage(channel, stamp_ns, data)
            self._deadline.renew()

    def _survey(self, known: dict[str, int] | None) -> bool:
        """Count messages; whether the whole table could be walked through."""
        self._deadline = Deadline(MAX_SURVEY_S)
        try:
            tables = self._connection.execute(
                "SELECT name FROM sqlite_master WHERE type = 'table' AND sql NOT LIKE '%VIRTUAL%'"
            ).fetchall()
            if not {("topics",), ("messages",)} <= set(tables):
                raise SourceError(
                    f"{self.path} is not a rosbag2 file: its messages are not in a table"
                )
            span = self._connection.execute(
                "SELECT min(timestamp), max(timestamp) FROM messages"
            ).fetchone()
            if span and isinstance(span[0], int) and isinstance(span[1], int):
                self.span_ns = (span[0], span[1])
            if known is not None:
                for channel in self.counts:
                    self.counts[channel] = known.get(channel.topic, 0)
                return True
            query = "SELECT topic_id, count(*) FROM messages GROUP BY topic_id"
            for key, count in self._connection.execute(query):
                if key in self._channels:
                    self.counts[self._channels[key]] += count
            return True
        except apsw.InterruptError:
            self.problems.note(f"counting its messages took more than {MAX_SURVEY_S:.0f} s")
        except _ERRORS as error:
            self.problems.note(_words(error))
        # The rest is counted row by row, as far as it goes.
        stamps: list[int] = []
        try:
            for message in self._rows("SELECT topic_id, timestamp, data FROM messages", ()):
                self.counts[message.channel] += 1
                stamps.append(message.receive_ns)
        except _ERRORS:
            pass
        if stamps:
            self.span_ns = (min(stamps), max(stamps))
        return False

    def _open(self) -> tuple[apsw.Connection, dict[int, Channel]]:
        # As immutable, SQLite needs no lock, and ignores the log; only a log makes that wrong.
        modes = ["mode=ro"] if _has_unmerged_log(self.path) else []
        problem = ""
        for mode in (*modes, "mode=ro&immutable=1"):
            flags = apsw.SQLITE_OPEN_READONLY | apsw.SQLITE_OPEN_URI
            try:
                connection = apsw.Connection(
                    f"file:{quote(str(self.path.absolute()))}?{mode}", flags=flags
                )
            except _ERRORS as error:
                problem = _words(error)
                continue
            try:
                connection.set_busy_timeout(_BUSY_MS)
                connection.limit(apsw.SQLITE_LIMIT_LENGTH, MAX_MESSAGE_BYTES)
                connection.set_progress_handler(lambda: self._deadline.passed, _STEPS)
                # Lets SQLite open a file that is shorter than its header says.
                connection.execute("PRAGMA writable_schema=ON")
                return connection, self._read_topics(connection)
            except _ERRORS as error:
                problem = _words(error)
                connection.close(True)
        raise SourceError(f"can't read {self.path} as an SQLite rosbag2 file: {problem}")

    def _read_topics(self, connection: apsw.Connection) -> dict[int, Channel]:
        self._deadline = Deadline(MAX_ROW_S)
        names = {row[1] for row in connection.execute("PRAGMA table_info(topics)")}
        encoding = "serialization_format" if "serialization_format" in names else "'cdr'"
        channels: dict[int, Channel] = {}
        for key, name, msgtype, coding in connection.execute(
            f"SELECT id, name, type, {encoding} FROM topics LIMIT 10000"
        ):
            if isinstance(key, int):
                channels[key] = Channel(str(name), str(msgtype), str(coding) or "cdr")
        try:
            definitions: dict[Any, Any] = dict(
                connection.execute(
                    "SELECT topic_type, encoded_message_definition FROM message_definitions "
                    "WHERE encoding = 'ros2msg' LIMIT 10000"
                ).fetchall()  # type: ignore[arg-type]
            )
        except _ERRORS:
            return channels  # recordings before Iron have none
        for key, channel in channels.items():
            text = definitions.get(channel.msgtype)
            if isinstance(text, str):
                channels[key] = Channel(
                    channel.topic, channel.msgtype, channel.encoding, text.encode(), "ros2msg"
                )
        return channels


def _words(error: BaseException) -> str:
    if isinstance(error, apsw.InterruptError):
        return f"one row took more than {MAX_ROW_S:.0f} s"
    return str(error) or type(error).__name__


def _has_unmerged_log(path: Path) -> bool:
    """Whether rows wait in a write-ahead log beside the file."""
    log = path.with_name(path.name + "-wal")
    return log.is_file() and log.stat().st_size > 0
