"""Reads one MCAP file: by its index if that is intact, otherwise record by record from the start.

A killed recorder leaves a file without summary, footer or last chunk, which ordinary readers
refuse. Here all complete records are read; a truncated chunk is unpacked as far as possible, and a
damaged chunk is left out and counted. The ``mcap`` library reads the summary; chunks are unpacked
here, because their size must be bounded (limits.py).

Format: https://mcap.dev/spec
"""

from __future__ import annotations

import io
import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO
from zlib import crc32

from mcap.exceptions import McapError
from mcap.reader import SeekingReader

from embodied_agent.errors import SourceError
from embodied_agent.sources.bags.chunks import ChunkPlace, Survey, by_time
from embodied_agent.sources.bags.recording import Channel, Problems, RawMessage
from embodied_agent.sources.limits import MAX_MESSAGE_BYTES, MAX_SURVEY_S, unpack

MAGIC = b"\x89MCAP0\r\n"
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 0x03, 0x04, 0x05, 0x06, 0x0F
#: What a damaged summary makes the mcap library raise.
_SUMMARY_ERRORS = (
    McapError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    TypeError,
    AttributeError,
    RuntimeError,
    MemoryError,
    struct.error,
)


class _IndexError(Exception):
    """The index points to where there is no such thing."""


class McapFile:
    """One MCAP file; see `RecordingFile`.

    Raises:
        SourceError: the file can't be opened or is not an MCAP file.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: dict[Channel, int] = {}
        self.span_ns: tuple[int, int] | None = None
        self.problems = Problems()
        self.indexed = False
        self._schemas: dict[int, tuple[str, str, bytes]] = {}
        self._channels: dict[int, Channel] = {}
        self._chunks: list[ChunkPlace] = []
        self._damaged = 0
        self._end_reached = False
        try:
            self._file: BinaryIO = path.open("rb")
            self._size = path.stat().st_size
        except OSError as error:
            raise SourceError(f"can't read {path}: {error}") from error
        try:
            if self._file.read(len(MAGIC)) != MAGIC:
                raise SourceError(f"{path} is not an MCAP file: it lacks the magic bytes")
            if not self._read_summary():
                self._survey()
        except BaseException:
            self._file.close()
            raise

    def close(self) -> None:
        self._file.close()

    def messages(self, topics: Collection[str], start_ns: int = 0) -> Iterator[RawMessage]:
        last_ns = -1
        if self.indexed:
            try:
                for message in self._by_index(topics, start_ns):
                    last_ns = message.receive_ns
                    yield message
                return
            except (_IndexError, OSError, struct.error) as error:
                self.indexed = False
                self.problems.note(f"its index is damaged: {error}")
        for message in self._scan():
            at_ns = message.receive_ns
            if message.channel.topic in topics and at_ns >= start_ns and at_ns > last_ns:
                yield message
        self.problems.note_parts(self._damaged)

    def _read_summary(self) -> bool:
        """Whether the file has a summary that says where everything is."""
        try:
            self._file.seek(0)
            reader = SeekingReader(self._file, record_size_limit=MAX_MESSAGE_BYTES)
            summary = reader.get_summary()
        except _SUMMARY_ERRORS as error:
            self.problems.note(f"its summary can't be read: {error or type(error).__name__}")
            return False
        statistics = summary.statistics if summary else None
        if summary is None or statistics is None or not summary.channels:
            return False
        if not statistics.channel_message_counts and statistics.message_count:
            return False
        for key, channel in summary.channels.items():
            schema = summary.schemas.get(channel.schema_id)
            name, encoding, data = (
                (schema.name, schema.encoding, schema.data) if schema else ("", "", b"")
            )
            self._channels[key] = Channel(
                channel.topic, name, channel.message_encoding, data, encoding
            )
        for key, known in self._channels.items():
            count = statistics.channel_message_counts.get(key, 0)
            self.counts[known] = self.counts.get(known, 0) + count
        if statistics.message_count:
            self.span_ns = (statistics.message_start_time, statistics.message_end_time)
        self._chunks = sorted(
            ChunkPlace(
                index.message_start_time,
                index.message_end_time,
                index.chunk_start_offset,
                frozenset(index.message_index_offsets),
            )
            for index in summary.chunk_indexes
        )
        self.indexed = bool(self._chunks) and statistics.chunk_count == len(self._chunks)
        return True

    def _survey(self) -> None:
        """Count what a file without a usable summary holds."""
        survey = Survey(self._scan(), self.counts)
        self.span_ns = survey.span_ns
        if not survey.complete:
            self.problems.note(f"it has no index, and counting stopped after {MAX_SURVEY_S:.0f} s")
        else:
            if not self._end_reached:
                self.problems.note(
                    "it ends before its end: the recorder was stopped, or a copy broke off"
                )
            self.problems.note_parts(self._damaged)
        for channel in self._channels.values():
            self.counts.setdefault(channel, 0)

    def _by_index(self, topics: Collection[str], start_ns: int) -> Iterator[RawMessage]:
        wanted = {key for key, channel in self._channels.items() if channel.topic in topics}
        chunks = (
            chunk
            for chunk in self._chunks
            if chunk.end_ns >= start_ns and (not chunk.channels or chunk.channels & wanted)
        )
        yield from by_time(chunks, lambda offset: self._chunk_at(offset, wanted), start_ns)

    def _chunk_at(self, offset: int, wanted: Collection[int]) -> Iterator[RawMessage]:
        if offset > self._size:
            raise _IndexError("a chunk lies beyond the end of the file")
        self._file.seek(offset)
        head = self._file.read(9)
        if len(head) < 9:
            raise _IndexError("a chunk lies beyond the end of the file")
        opcode, length = struct.unpack("<BQ", head)
        if opcode != _CHUNK or length > self._size - offset:
            raise _IndexError(f"there is no chunk at byte {offset}")
        try:
            if length > MAX_MESSAGE_BYTES:
                raise ValueError(f"a chunk of {length} bytes")
            records = _unpack_chunk(self._file.read(length), whole=True)
            yield from self._messages_in(records, wanted)
        except (ValueError, struct.error, MemoryError) as error:
            self._damaged += 1
            self.problems.note(f"parts of it can't be read: {error}")

    def _messages_in(self, records: bytes, wanted: Collection[int]) -> Iterator[RawMessage]:
        at, end = 0, len(records)
        while at + 9 <= end:
            opcode, length = struct.unpack_from("<BQ", records, at)
            at += 9
            if at + length > end:
                raise ValueError("a record reaches beyond its chunk")
            if opcode == _MESSAGE and length >= 22:
                key, _sequence, log_ns, _publish_ns = struct.unpack_from("<HIQQ", records, at)
                if key in wanted:
                    data = records[at + 22 : at + length]
                    yield RawMessage(self._channels[key], log_ns, data)
            at += length

    def _scan(self) -> Iterator[RawMessage]:
        """All messages in the order of the file."""
        self._damaged = 0
        self._end_reached = False
        try:
            self._file.seek(len(MAGIC))
            yield from self._records(self._file, self._size, nested=False)
        except OSError as error:
            self.problems.note(str(error))

    def _records(self, file: BinaryIO, size: int, *, nested: bool) -> Iterator[RawMessage]:
        place = file.tell()
        while True:
            # Another pass may have moved the file's position meanwhile.
            file.seek(place)
            head = file.read(9)
            if len(head) < 9:
                return
            opcode, length = struct.unpack("<BQ", head)
            if opcode == _DATA_END:
                self._end_reached = True
                return
            left = size - file.tell()
            # Only a chunk is worth having in part.
            if length > left and (opcode != _CHUNK or nested):
                return
            place = min(file.tell() + length, size)
            if opcode not in (_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK):
                continue
            if length > MAX_MESSAGE_BYTES and length <= left:
                self._damaged += 1
                continue
            record = file.read(min(length, left))
            try:
                if opcode == _SCHEMA:
                    self._add_schema(record)
                elif opcode == _CHANNEL:
                    self._add_channel(record)
                elif opcode == _MESSAGE:
                    message = self._message(record)
                    if message is not None:
                        yield message
                elif not nested:
                    chunk = _unpack_chunk(record, whole=length <= left)
                    yield from self._records(io.BytesIO(chunk), len(chunk), nested=True)
                    self._end_reached = False
            except (ValueError, struct.error, MemoryError):
                self._damaged += 1

    def _add_schema(self, record: bytes) -> None:
        (key,) = struct.unpack_from("<H", record)
        name, at = _string(record, 2)
        encoding, at = _string(record, at)
        self._schemas[key] = (name, encoding, record[at + 4 :])

    def _add_channel(self, record: bytes) -> None:
        key, schema = struct.unpack_from("<HH", record)
        topic, at = _string(record, 4)
        encoding, _ = _string(record, at)
        name, schema_encoding, data = self._schemas.get(schema, ("", "", b""))
        self._channels[key] = Channel(topic, name, encoding, data, schema_encoding)

    def _message(self, record: bytes) -> RawMessage | None:
        key, _sequence, log_ns, _publish_ns = struct.unpack_from("<HIQQ", record)
        channel = self._channels.get(key)
        return RawMessage(channel, log_ns, record[22:]) if channel else None


def _string(record: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", record, at)
    if at + 4 + length > len(record):
        raise ValueError("a string reaches beyond its record")
    return record[at + 4 : at + 4 + length].decode(), at + 4 + length


def _unpack_chunk(record: bytes, *, whole: bool) -> bytes:
    """The records within a chunk; of a cut one, those that can still be had."""
    _start_ns, _end_ns, size, crc = struct.unpack_from("<QQQI", record)
    compression, at = _string(record, 28)
    raw = unpack(record[at + 8 :], compression, size)
    if whole and crc and crc32(raw) != crc:
        raise ValueError("the checksum of a chunk doesn't match")
    return raw
