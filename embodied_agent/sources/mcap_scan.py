"""Reads MCAP record by record from the front, without its index: for files cut short or damaged.

A recorder that was killed leaves a file without summary, footer or last chunk, which ordinary
readers refuse. What was written whole is read here; a chunk that is cut is decompressed as far as
it goes, a chunk that is damaged is left out and counted. Healthy files are read through rosbags
(bag_files.py), which knows their index.

Format: https://mcap.dev/spec
"""

from __future__ import annotations

import io
import struct
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, NamedTuple
from zlib import crc32

from lz4.frame import LZ4FrameDecompressor  # type: ignore[import-untyped]

from embodied_agent.errors import SourceError

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MAGIC = b"\x89MCAP0\r\n"
_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK, _DATA_END = 0x03, 0x04, 0x05, 0x06, 0x0F
#: A chunk that claims to be larger is damage, or a bomb; recorders write about a megabyte.
_MAX_CHUNK_BYTES = 1 << 30


class ScannedMessage(NamedTuple):
    """One message; ``log_ns`` is when the recorder received it."""

    topic: str
    msgtype: str
    log_ns: int
    data: bytes


class McapScan:
    """One pass over a file. ``damage`` counts chunks left out; ``complete`` says whether the end
    of the data section was reached."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.damage = 0
        self.complete = False
        self._schemas: dict[int, str] = {}
        self._channels: dict[int, tuple[str, str]] = {}

    def messages(self) -> Iterator[ScannedMessage]:
        """Messages in the order of the file.

        Raises:
            SourceError: the file can't be opened or is no MCAP file.
        """
        try:
            with self.path.open("rb") as file:
                if file.read(len(MAGIC)) != MAGIC:
                    raise SourceError(f"{self.path} is no MCAP file (it lacks the magic bytes)")
                yield from self._records(file, self.path.stat().st_size, nested=False)
        except OSError as error:
            raise SourceError(f"can't read {self.path}: {error}") from error

    def _records(self, file: BinaryIO, size: int, *, nested: bool) -> Iterator[ScannedMessage]:
        while True:
            head = file.read(9)
            if len(head) < 9:
                self.complete = self.complete or (nested and not head)
                return
            opcode, length = struct.unpack("<BQ", head)
            if opcode == _DATA_END:
                self.complete = True
                return
            left = size - file.tell()
            # Only a chunk is worth having in part.
            if length > left and (opcode != _CHUNK or nested):
                return
            if opcode not in (_SCHEMA, _CHANNEL, _MESSAGE, _CHUNK):
                file.seek(length, io.SEEK_CUR)
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
                    self.complete = False
            except (ValueError, struct.error, RuntimeError, MemoryError, zstd.ZstdError):
                self.damage += 1

    def _add_schema(self, record: bytes) -> None:
        (key,) = struct.unpack_from("<H", record)
        self._schemas[key], _ = _string(record, 2)

    def _add_channel(self, record: bytes) -> None:
        key, schema = struct.unpack_from("<HH", record)
        topic, at = _string(record, 4)
        encoding, _ = _string(record, at)
        if encoding == "cdr":
            self._channels[key] = (topic, self._schemas.get(schema, ""))

    def _message(self, record: bytes) -> ScannedMessage | None:
        channel, _sequence, log_ns, _publish_ns = struct.unpack_from("<HIQQ", record)
        known = self._channels.get(channel)
        return ScannedMessage(*known, log_ns, record[22:]) if known else None


def _string(record: bytes, at: int) -> tuple[str, int]:
    (length,) = struct.unpack_from("<I", record, at)
    if at + 4 + length > len(record):
        raise ValueError("a string reaches beyond its record")
    return record[at + 4 : at + 4 + length].decode(), at + 4 + length


def _unpack_chunk(record: bytes, *, whole: bool) -> bytes:
    """The records within a chunk; of a cut one, those that can still be had."""
    _start_ns, _end_ns, size, crc = struct.unpack_from("<QQQI", record)
    compression, at = _string(record, 28)
    data = record[at + 8 :]
    if size > _MAX_CHUNK_BYTES:
        raise ValueError(f"a chunk of {size} bytes")
    if compression == "":
        raw = data[:size]
    elif compression == "zstd":
        raw = zstd.ZstdDecompressor().decompress(data, max_length=size)
    elif compression == "lz4":
        raw = bytes(LZ4FrameDecompressor().decompress(data, max_length=size))
    else:
        raise ValueError(f"unknown compression {compression!r}")
    if whole and crc and crc32(raw) != crc:
        raise ValueError("a chunk's checksum doesn't fit")
    return raw
