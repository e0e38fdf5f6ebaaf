"""Opens rosbag2 recordings (folder, .mcap, .db3) and yields their raw messages by topic.

Damage is met here: a file without its index, cut short or with broken chunks is read as far as it
goes, and what could not be read is counted. What the messages mean is bags.py's business.
"""

from __future__ import annotations

import heapq
import re
import struct
import sys
from collections.abc import Collection, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import apsw
import yaml
from rosbags.highlevel import AnyReaderError
from rosbags.rosbag2 import Reader, ReaderError
from rosbags.serde import SerdeError

from embodied_agent.errors import SourceError
from embodied_agent.sources.base import Skips
from embodied_agent.sources.db3_scan import Db3Scan, has_unmerged_log
from embodied_agent.sources.diagnosis import why_unreadable
from embodied_agent.sources.mcap_scan import McapScan

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

#: What rosbags raises on damaged files. Besides its own errors, broken lengths and strings surface
#: as the plain errors of the parsers beneath it.
READ_ERRORS = (
    AnyReaderError,
    ReaderError,
    SerdeError,
    apsw.Error,
    zstd.ZstdError,
    struct.error,
    OSError,
    EOFError,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RuntimeError,
    MemoryError,
)
BAG_SUFFIXES = (".mcap", ".db3")


@dataclass
class Topic:
    """A topic of a bag; ``messages`` is its count."""

    name: str
    msgtype: str
    messages: int = 0


class RawMessage(NamedTuple):
    """One serialized message; ``receive_ns`` is when the recorder got it."""

    topic: str
    receive_ns: int
    data: bytes


@dataclass
class BagFiles:
    """An opened recording of one or more files."""

    path: Path
    skips: Skips
    topics: dict[str, Topic] = field(default_factory=dict)
    start_ns: int = 0
    duration_ns: int = 0
    _readers: list[Reader] = field(default_factory=list)
    _scans: list[Path] = field(default_factory=list)
    _damaged: set[Path] = field(default_factory=set)

    def messages(self, topics: Collection[str]) -> Iterator[RawMessage]:
        """Messages of ``topics`` by receive time. Each call starts over."""
        streams = [self._read(reader, topics) for reader in self._readers]
        streams += [self._scan(path, topics) for path in self._scans]
        return heapq.merge(*streams, key=lambda message: message.receive_ns)

    def close(self) -> None:
        """Close all files."""
        for reader in self._readers:
            with suppress(*READ_ERRORS):  # nothing was written, so nothing can be lost
                reader.close()
        self._readers.clear()

    def _read(self, reader: Reader, topics: Collection[str]) -> Iterator[RawMessage]:
        last_ns = -1
        try:
            chosen = [c for c in reader.connections if c.topic in topics]
            if chosen:
                for connection, receive_ns, data in reader.messages(chosen):
                    last_ns = receive_ns
                    yield RawMessage(connection.topic, receive_ns, bytes(data))
        except READ_ERRORS as error:
            path = Path(str(reader.path))
            self._note_damage(path, str(error) or type(error).__name__)
            if path.is_file():
                yield from self._scan(path, topics, after_ns=last_ns)

    def _scan(
        self, path: Path, topics: Collection[str], after_ns: int = -1
    ) -> Iterator[RawMessage]:
        scan = _scan_of(path)
        for message in scan.messages():
            if message.topic in topics and message.log_ns > after_ns:
                yield RawMessage(message.topic, message.log_ns, message.data)
        if scan.damage:
            self._note_damage(path, f"parts that can't be read: {scan.damage}")

    def _note_damage(self, path: Path, problem: str) -> None:
        # Once per file, however often it is met.
        if path not in self._damaged:
            self._damaged.add(path)
            self.skips.add("damaged_file", f"{path} is damaged: {problem}")

    def _add(self, name: str, msgtype: str, messages: int) -> None:
        topic = self.topics.setdefault(name, Topic(name, msgtype))
        topic.messages += messages


def open_bag_files(path: Path) -> BagFiles:
    """Open a rosbag2 folder, a .mcap or a .db3 file.

    Raises:
        SourceError: nothing of it can be read.
    """
    bag = BagFiles(path, Skips())
    spans: list[tuple[int, int]] = []
    for part in _parts(path, bag.skips):
        problem = why_unreadable(part)
        if problem:
            bag.close()
            raise SourceError(f"can't read the bag {path}: {problem}")
        reader = _open_reader(part, bag)
        if reader is not None:
            bag._readers.append(reader)
            for connection in reader.connections:
                bag._add(connection.topic, connection.msgtype, connection.msgcount)
            if reader.message_count:
                spans.append((reader.start_time, reader.end_time))
        elif part.is_file():
            span = _survey(part, bag)
            if span is not None:
                spans.append(span)
    if not bag.topics:
        bag.close()
        raise SourceError(
            f"can't read the bag {path}: {bag.skips.first or 'it holds no topics'}. "
            "Was the recording stopped cleanly? `ros2 bag reindex` or `mcap recover` may help"
        )
    if spans:
        bag.start_ns = min(start for start, _ in spans)
        bag.duration_ns = max(end for _, end in spans) - bag.start_ns
    return bag


def _parts(path: Path, skips: Skips) -> list[Path]:
    """The files of a recording, or its folder where only rosbags can unpack it."""
    if path.is_file():
        return [path]
    found = sorted(
        (p for p in path.iterdir() if p.suffix in BAG_SUFFIXES and p.is_file()), key=natural_key
    )
    try:
        information = yaml.safe_load((path / "metadata.yaml").read_text(encoding="utf-8"))
        information = information["rosbag2_bagfile_information"]
        if information.get("compression_mode", "").lower() not in ("", "none"):
            return [path]
        listed = [path / Path(name).name for name in information["relative_file_paths"]]
    except FileNotFoundError:
        return found  # a recorder that was killed leaves no metadata
    except (OSError, yaml.YAMLError, ValueError, LookupError, TypeError, AttributeError) as error:
        skips.add("damaged_file", f"{path / 'metadata.yaml'} is damaged: {error}")
        return found
    for part in listed:
        if not part.is_file():
            skips.add("missing_file", f"{part} is named in metadata.yaml but missing")
    return [part for part in listed if part.is_file()]


def _open_reader(path: Path, bag: BagFiles) -> Reader | None:
    if path.suffix == ".db3" and has_unmerged_log(path):
        return None
    try:
        reader = Reader(path)
        reader.open()
    except READ_ERRORS as error:
        bag._note_damage(path, str(error) or type(error).__name__)
        return None
    return reader


def _survey(path: Path, bag: BagFiles) -> tuple[int, int] | None:
    """Count what a file without usable index holds; it will be scanned."""
    first_ns = last_ns = None
    try:
        for message in _scan_of(path).messages():
            bag._add(message.topic, message.msgtype, 1)
            first_ns = min(first_ns or message.log_ns, message.log_ns)
            last_ns = max(last_ns or message.log_ns, message.log_ns)
    except SourceError as error:
        bag._note_damage(path, str(error))
        return None
    bag._scans.append(path)
    return None if first_ns is None or last_ns is None else (first_ns, last_ns)


def _scan_of(path: Path) -> McapScan | Db3Scan:
    return McapScan(path) if path.suffix == ".mcap" else Db3Scan(path)


def natural_key(path: Path) -> tuple[list[int | str], str]:
    """Sorts ``frame_2`` before ``frame_10``."""
    parts = re.split(r"(\d+)", path.name)
    # Text and numbers alternate, so like is compared with like; the name decides between 01 and 1.
    return [int(p) if i % 2 else p.casefold() for i, p in enumerate(parts)], path.name
