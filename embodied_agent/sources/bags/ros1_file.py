"""Reads one ROS 1 bag (format 2.0): by its index if that is intact, otherwise from the start.

rosbags, which decodes the messages, also has a reader for these files. It refuses files that were
never closed and unpacks chunks of any size, so the records are read here.

Format: http://wiki.ros.org/Bags/Format/2.0
"""

from __future__ import annotations

import struct
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import BinaryIO

from embodied_agent.errors import SourceError
from embodied_agent.sources.bags.chunks import ChunkPlace, Survey, by_time
from embodied_agent.sources.bags.recording import Channel, Problems, RawMessage
from embodied_agent.sources.limits import MAX_MESSAGE_BYTES, MAX_SURVEY_S, unpack

MAGIC = b"#ROSBAG V2.0\n"
_MESSAGE, _HEADER, _CHUNK, _CHUNK_INFO, _CONNECTION = 0x02, 0x03, 0x05, 0x06, 0x07
_MAX_HEADER_BYTES = 1_000_000
#: What damaged bytes raise in here.
_DAMAGE = (ValueError, OverflowError, LookupError, struct.error, MemoryError)
_Fields = dict[str, bytes]


class Ros1File:
    """One ROS 1 bag; see `RecordingFile`.

    Raises:
        SourceError: the file can't be opened or is not a ROS 1 bag.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.counts: dict[Channel, int] = {}
        self.span_ns: tuple[int, int] | None = None
        self.problems = Problems()
        self.indexed = False
        self._channels: dict[int, Channel] = {}
        self._chunks: list[ChunkPlace] = []
        self._damaged = 0
        try:
            self._file: BinaryIO = path.open("rb")
            self._size = path.stat().st_size
            magic = self._file.read(len(MAGIC))
        except OSError as error:
            raise SourceError(f"can't read {path}: {error}") from error
        if magic != MAGIC:
            self._file.close()
            if magic.startswith(b"#ROSBAG"):
                version = magic.decode("ascii", "replace").strip().lstrip("#")
                raise SourceError(
                    f"{path} is a bag of an older format ({version}): `rosbag migrate` rewrites it"
                )
            raise SourceError(
                f"{path} is not a ROS 1 bag: it begins with {magic[:8]!r} instead of "
                f"{MAGIC.decode().strip()!r}"
            )
        try:
            self._read_index()
            self.indexed = True
        except (*_DAMAGE, OSError) as error:
            self.counts, self._chunks, self.span_ns = {}, [], None
            words = "it is cut short" if isinstance(error, struct.error) else str(error)
            self.problems.note(f"it has no usable index: {words}")
            self._survey()

    def close(self) -> None:
        self._file.close()

    def messages(self, topics: Collection[str], start_ns: int = 0) -> Iterator[RawMessage]:
        if not self.indexed:
            for message in self._scan():
                if message.channel.topic in topics and message.receive_ns >= start_ns:
                    yield message
            self.problems.note_parts(self._damaged)
            return
        wanted = {key for key, channel in self._channels.items() if channel.topic in topics}
        chunks = (
            chunk for chunk in self._chunks if chunk.end_ns >= start_ns and chunk.channels & wanted
        )
        yield from by_time(chunks, lambda offset: self._chunk_at(offset, wanted), start_ns)
        self.problems.note_parts(self._damaged)

    def _read_index(self) -> None:
        fields, _ = self._record_at(len(MAGIC))
        if fields["op"] != bytes((_HEADER,)):
            raise ValueError("it does not begin with a bag header")
        (index_pos,) = struct.unpack("<Q", fields["index_pos"])
        (connections,) = struct.unpack("<I", fields["conn_count"])
        (chunks,) = struct.unpack("<I", fields["chunk_count"])
        if index_pos == 0:
            raise ValueError("it was never closed")
        self._file.seek(index_pos)
        for _ in range(connections):
            fields, data = self._record()
            self._add_connection(fields, data)
        for _ in range(chunks):
            fields, data = self._record()
            if fields["op"] != bytes((_CHUNK_INFO,)):
                raise ValueError("the index holds something else")
            (offset,) = struct.unpack("<Q", fields["chunk_pos"])
            counts = dict(struct.iter_unpack("<II", data))
            place = ChunkPlace(
                _time_ns(fields["start_time"]),
                _time_ns(fields["end_time"]),
                offset,
                frozenset(counts),
            )
            self._chunks.append(place)
            for key, count in counts.items():
                self.counts[self._channels[key]] += count
        self._chunks.sort()
        if self._chunks:
            self.span_ns = (self._chunks[0].start_ns, max(c.end_ns for c in self._chunks))

    def _survey(self) -> None:
        survey = Survey(self._scan(), self.counts)
        self.span_ns = survey.span_ns
        if not survey.complete:
            self.problems.note(f"counting stopped after {MAX_SURVEY_S:.0f} s")

    def _scan(self) -> Iterator[RawMessage]:
        """All messages in the order of the file, as far as it goes."""
        self._damaged = 0
        place = len(MAGIC)
        try:
            while place + 8 <= self._size:
                self._file.seek(place)
                fields, data = self._record(cut=True)
                place = self._file.tell()
                if fields["op"] == bytes((_CONNECTION,)):
                    self._add_connection(fields, data)
                elif fields["op"] == bytes((_CHUNK,)):
                    yield from self._unpacked(fields, data, None)
        except (*_DAMAGE, OSError):
            self._damaged += 1

    def _chunk_at(self, offset: int, wanted: Collection[int]) -> Iterator[RawMessage]:
        try:
            fields, data = self._record_at(offset)
            if fields["op"] != bytes((_CHUNK,)):
                raise ValueError("the index points to something else")
        except (*_DAMAGE, OSError):
            self._damaged += 1
            return
        yield from self._unpacked(fields, data, wanted)

    def _unpacked(
        self, fields: _Fields, data: bytes, wanted: Collection[int] | None
    ) -> Iterator[RawMessage]:
        try:
            (size,) = struct.unpack("<I", fields["size"])
            records = unpack(data, fields["compression"].decode(), size)
            at = 0
            while at + 8 <= len(records):
                inner, at, content = _parse(records, at)
                if inner["op"] == bytes((_CONNECTION,)):
                    self._add_connection(inner, records[content:at])
                elif inner["op"] == bytes((_MESSAGE,)):
                    (key,) = struct.unpack("<I", inner["conn"])
                    if wanted is None or key in wanted:
                        channel = self._channels[key]
                        yield RawMessage(channel, _time_ns(inner["time"]), records[content:at])
        except _DAMAGE:
            self._damaged += 1

    def _add_connection(self, fields: _Fields, data: bytes) -> None:
        if fields["op"] != bytes((_CONNECTION,)):
            raise ValueError("a connection is missing")
        (key,) = struct.unpack("<I", fields["conn"])
        if key in self._channels:
            return
        described = _fields(data)
        channel = Channel(
            fields["topic"].decode(),
            described["type"].decode(),
            "ros1",
            described.get("message_definition", b""),
            "ros1msg",
        )
        self._channels[key] = channel
        self.counts.setdefault(channel, 0)

    def _record_at(self, offset: int) -> tuple[_Fields, bytes]:
        self._file.seek(offset)
        return self._record()

    def _record(self, *, cut: bool = False) -> tuple[_Fields, bytes]:
        """The record at the file's position; with ``cut`` its data may lack their end."""
        header = self._piece(_MAX_HEADER_BYTES)
        return _fields(header), self._piece(MAX_MESSAGE_BYTES, cut=cut)

    def _piece(self, limit: int, *, cut: bool = False) -> bytes:
        (length,) = struct.unpack("<I", self._file.read(4))
        if length > limit:
            raise ValueError(f"a record of {length} bytes")
        data = self._file.read(length)
        if len(data) < length and not cut:
            raise ValueError("the file ends within a record")
        return data


def _parse(records: bytes, at: int) -> tuple[_Fields, int, int]:
    """The fields of the record at ``at``, where it ends, and where its data begin."""
    (length,) = struct.unpack_from("<I", records, at)
    fields = _fields(records[at + 4 : at + 4 + length])
    start = at + 8 + length
    (length,) = struct.unpack_from("<I", records, start - 4)
    if start + length > len(records):
        raise ValueError("a record reaches beyond its chunk")
    return fields, start + length, start


def _fields(header: bytes) -> _Fields:
    fields: _Fields = {}
    at = 0
    while at + 4 <= len(header):
        (length,) = struct.unpack_from("<I", header, at)
        name, equals, value = header[at + 4 : at + 4 + length].partition(b"=")
        if not equals:
            raise ValueError("a field without a value")
        fields[name.decode("ascii", "replace")] = value
        at += 4 + length
    return fields


def _time_ns(value: bytes) -> int:
    seconds, nanoseconds = struct.unpack("<II", value)
    return int(seconds) * 1_000_000_000 + int(nanoseconds)
