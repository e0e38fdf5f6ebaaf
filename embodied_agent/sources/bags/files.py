"""Opens a recording of one or more files and gives its raw messages by topic.

A recording is a rosbag2 folder, one of its files, any .mcap, a ROS 1 .bag, or one of these
compressed as a whole. Damage is handled here: what can't be read is counted, and the rest is read.

Out of scope: what the messages mean (messages.py), choosing topics (topics.py).
"""

from __future__ import annotations

import heapq
import shutil
import sys
import tempfile
from collections.abc import Collection, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embodied_agent.errors import SourceError
from embodied_agent.sources import limits
from embodied_agent.sources.bags.db3_file import Db3File
from embodied_agent.sources.bags.mcap_file import McapFile
from embodied_agent.sources.bags.recording import Channel, RawMessage, RecordingFile
from embodied_agent.sources.bags.ros1_file import Ros1File
from embodied_agent.sources.base import Skips
from embodied_agent.sources.diagnosis import why_unreadable
from embodied_agent.sources.limits import ZSTD_MAGIC, natural_key, unpack
from embodied_agent.support.documents import read_yaml

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

BAG_SUFFIXES = (".mcap", ".db3", ".bag")
_PACKED_SUFFIXES = (".zstd", ".zst")
#: rosbag2's names for its storage plugins, as far as they are read.
_STORAGES = ("sqlite3", "mcap", "")
#: A recording of thousands of files has metadata of less than a megabyte.
_MAX_METADATA_BYTES = 4_000_000
#: What metadata of another shape than expected raise.
_METADATA_ERRORS = (OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError)
_COPY_BYTES = 1 << 20


def is_bag_name(name: str) -> bool:
    """Whether a file of this name is part of a recording."""
    name = name.lower()
    for suffix in _PACKED_SUFFIXES:
        name = name.removesuffix(suffix)
    return name.endswith(BAG_SUFFIXES)


@dataclass
class Topic:
    """A topic of a recording, over all its files."""

    channel: Channel
    messages: int = 0

    @property
    def name(self) -> str:
        return self.channel.topic


@dataclass
class BagFiles:
    """An opened recording."""

    path: Path
    skips: Skips
    topics: dict[str, Topic] = field(default_factory=dict)
    start_ns: int = 0
    duration_ns: int = 0
    _files: list[tuple[Path, RecordingFile]] = field(default_factory=list)
    _before: list[Path] = field(default_factory=list)
    _damaged: set[Path] = field(default_factory=set)
    _unread: set[Path] = field(default_factory=set)
    _resources: ExitStack = field(default_factory=ExitStack)

    @property
    def indexed(self) -> bool:
        """Whether reading from a time on is quick in all files."""
        return all(file.indexed for _, file in self._files)

    @property
    def size_bytes(self) -> int:
        """Of all files as they lie on the disk."""
        return sum(path.stat().st_size for path, _ in self._files if path.exists())

    @property
    def messages_total(self) -> int:
        return sum(topic.messages for topic in self.topics.values())

    def messages(self, topics: Collection[str], start_ns: int = 0) -> Iterator[RawMessage]:
        """Messages of ``topics`` received at ``start_ns`` or later. Each call starts over."""
        streams = [self._read(path, file, topics, start_ns) for path, file in self._files]
        return heapq.merge(*streams, key=lambda message: message.receive_ns)

    def messages_before(self, topics: Collection[str]) -> Iterator[RawMessage]:
        """Messages of ``topics`` from files of the same recording that come before this one.

        A split of a recording lacks what was sent once, at its start: static transforms.
        """
        for path in self._before:
            try:
                file = _open_file(path, None)
            except SourceError:
                continue
            try:
                yield from file.messages(topics)
            finally:
                file.close()

    def close(self) -> None:
        """Close all files."""
        for _, file in self._files:
            file.close()
        self._resources.close()

    def _read(
        self, path: Path, file: RecordingFile, topics: Collection[str], start_ns: int
    ) -> Iterator[RawMessage]:
        for message in file.messages(topics, start_ns):
            if message.data.startswith(ZSTD_MAGIC) and message.channel.encoding == "cdr":
                # No CDR message begins so: the recorder compressed each message.
                try:
                    yield message._replace(data=unpack(message.data, "zstd"))
                except ValueError as error:
                    self.skips.add("undecodable", f"{message.channel.topic}: {error}")
                continue
            yield message
        self._note_damage(path, file.problems)

    def _add_file(self, path: Path, file: RecordingFile) -> None:
        self._files.append((path, file))
        for channel, count in file.counts.items():
            topic = self.topics.setdefault(channel.topic, Topic(channel))
            topic.messages += count
            if channel.schema and not topic.channel.schema:
                topic.channel = channel
        self._note_damage(path, file.problems)

    def _note_damage(self, path: Path, problems: list[str]) -> None:
        # Once per file, however often it is met.
        if problems and path not in self._damaged:
            self._damaged.add(path)
            self.skips.add("damaged_file", f"{path} is damaged: {problems[0]}")


def open_bag_files(path: Path) -> BagFiles:
    """Open a rosbag2 folder, a .mcap, .db3 or .bag file, or one of these compressed by zstd.

    Raises:
        SourceError: nothing of it can be read.
    """
    bag = BagFiles(path, Skips())
    refusal = ""
    try:
        parts, counts = _parts(path, bag)
        for part in parts:
            problem = why_unreadable(part)
            if problem:
                raise SourceError(f"can't read the bag {path}: {problem}")
            try:
                plain = _unpacked(part, bag._resources)
                bag._add_file(part, _open_file(plain, counts if len(parts) == 1 else None))
            except SourceError as error:
                bag._note_damage(part, [str(error)])
                refusal = refusal or str(error)
    except BaseException:
        bag.close()
        raise
    if not bag.topics:
        bag.close()
        raise SourceError(_refusal(path, refusal or bag.skips.first))
    spans = [file.span_ns for _, file in bag._files if file.span_ns is not None]
    if spans:
        bag.start_ns = min(start for start, _ in spans)
        bag.duration_ns = max(end for _, end in spans) - bag.start_ns
    return bag


def _refusal(path: Path, problem: str) -> str:
    if not problem:
        return f"can't read the bag {path}: it holds no topics, so nothing was recorded in it"
    advice = {
        ".mcap": "`mcap recover` may help",
        ".bag": "`rosbag reindex` may help",
        ".db3": "`ros2 bag reindex` may help",
    }.get(path.suffix, "`ros2 bag reindex` may help")
    damaged = "damaged" in problem or "can't" in problem
    ending = f". Was the recording stopped cleanly? {advice}" if damaged else ""
    if not problem.startswith((str(path), f"can't read {path}")):
        problem = f"can't read the bag {path}: {problem}"
    return problem + ending


def _open_file(path: Path, counts: dict[str, int] | None) -> RecordingFile:
    if path.suffix == ".mcap":
        return McapFile(path)
    return Ros1File(path) if path.suffix == ".bag" else Db3File(path, counts)


def _parts(path: Path, bag: BagFiles) -> tuple[list[Path], dict[str, int] | None]:
    """The files of a recording in their order, and its counts by topic where they are known."""
    if path.is_file():
        bag._before = _earlier_files(path)
        return [path], None
    files = sorted((p for p in path.iterdir() if _is_part(p)), key=natural_key)
    try:
        information = _read_metadata(path / "metadata.yaml")
        listed = [path / Path(str(name)).name for name in information["relative_file_paths"]]
        storage = str(information.get("storage_identifier", ""))
        counts = {
            str(entry["topic_metadata"]["name"]): int(entry["message_count"])
            for entry in information.get("topics_with_message_count", ())
        }
    except FileNotFoundError:
        return files, None  # a recorder that was killed leaves no metadata
    except _METADATA_ERRORS as error:
        bag.skips.add("damaged_file", f"{path / 'metadata.yaml'} is damaged: {error}")
        return files, None
    if storage not in _STORAGES and not files:
        raise SourceError(f"{path} is stored as {storage!r}, which is not read: convert it to mcap")
    present: list[Path] = []
    for part in listed:
        # Recorders list a compressed file now with, now without the suffix of the compression.
        names = [part, *(part.with_name(part.name + s) for s in _PACKED_SUFFIXES)]
        names += [part.with_suffix("")] if part.suffix in _PACKED_SUFFIXES else []
        file = next((name for name in names if name.is_file()), None)
        if file is None:
            bag.skips.add("missing_file", f"{part} is named in metadata.yaml but missing")
        elif file not in present:
            present.append(file)
    return present, counts


def _is_part(path: Path) -> bool:
    if not is_bag_name(path.name) or not path.is_file():
        return False
    # Of a file and its compressed copy, the plain one is read.
    return path.suffix not in _PACKED_SUFFIXES or not path.with_suffix("").is_file()


def _earlier_files(path: Path) -> list[Path]:
    """The files of the same recording that were written before this one."""
    try:
        information = _read_metadata(path.parent / "metadata.yaml")
        names = [Path(str(name)).name for name in information["relative_file_paths"]]
        before = names[: names.index(path.name)]
    except _METADATA_ERRORS:
        return []
    return [path.parent / name for name in before if (path.parent / name).is_file()]


def _read_metadata(path: Path) -> dict[str, Any]:
    with path.open("rb") as file:
        text = file.read(_MAX_METADATA_BYTES + 1)
    loaded = read_yaml(text, max_size=_MAX_METADATA_BYTES)
    information = loaded["rosbag2_bagfile_information"]
    if not isinstance(information, dict):
        raise TypeError("it holds no information about a bag")
    return information


def _unpacked(path: Path, resources: ExitStack) -> Path:
    """``path``, or where it is compressed as a whole, a temporary copy that is not.

    Raises:
        SourceError: it is damaged, or too large for the temporary folder.
    """
    if path.suffix not in _PACKED_SUFFIXES:
        return path
    folder = Path(resources.enter_context(tempfile.TemporaryDirectory(prefix="embodied-agent-")))
    plain = folder / path.with_suffix("").name
    room = int(shutil.disk_usage(folder).free * limits.MAX_TEMPORARY_PART)
    try:
        with zstd.ZstdFile(path) as packed, plain.open("wb") as file:
            size = 0
            while piece := packed.read(_COPY_BYTES):
                size += len(piece)
                if size > room:
                    raise SourceError(
                        f"{path} unpacks to more than {room // 1_000_000} MB, half of what is "
                        f"free in {folder.parent}: unpack it with `unzstd`, or set TMPDIR"
                    )
                file.write(piece)
    except EOFError:
        pass  # the file is cut short: what came is read as a recording cut short
    except (zstd.ZstdError, OSError) as error:
        raise SourceError(f"can't unpack {path}, it is damaged: {error}") from error
    return plain
