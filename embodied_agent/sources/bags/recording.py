"""What the files of a bag have in common: channels, counts, and raw messages by time.

Three kinds of file are read: MCAP (mcap_file.py), SQLite (db3_file.py) and ROS 1 (ros1_file.py).
None of them fails on damage: what can't be read is noted in ``problems``, and the rest is read.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import NamedTuple, Protocol


@dataclass(frozen=True)
class Channel:
    """A topic as one file declares it.

    Attributes:
        topic: its name.
        msgtype: as recorded: ``sensor_msgs/msg/Image``, ``foxglove.CompressedImage``, …
        encoding: of its messages: ``cdr``, ``ros1``, ``protobuf``, ``json``, …
        schema: definition of the type; empty where the file has none.
        schema_encoding: of the definition: ``ros2msg``, ``ros1msg``, ``protobuf``, ``jsonschema``.
    """

    topic: str
    msgtype: str
    encoding: str = "cdr"
    schema: bytes = b""
    schema_encoding: str = ""

    @property
    def typename(self) -> str:
        """The type in one spelling: ``sensor_msgs/Image``, ``foxglove.CompressedImage``."""
        return self.msgtype.replace("/msg/", "/")


class RawMessage(NamedTuple):
    """One serialized message; ``receive_ns`` is when the recorder got it."""

    channel: Channel
    receive_ns: int
    data: bytes


class Problems(list[str]):
    """What could not be read of a file, in sentences; each problem once."""

    def note(self, problem: str) -> None:
        """Add a problem, unless it is known."""
        if problem not in self:
            self.append(problem)

    def note_parts(self, damaged: int) -> None:
        """Add that so many parts of the file can't be read, if any can't."""
        if damaged:
            self.note(f"{damaged} parts of it can't be read")


class RecordingFile(Protocol):
    """One file of a recording.

    Attributes:
        counts: messages of each channel.
        span_ns: first and last time of receipt; ``None`` where there are no messages.
        problems: what could not be read so far; grows while messages are read.
        indexed: whether reading from a time on is quick.
    """

    counts: dict[Channel, int]
    span_ns: tuple[int, int] | None
    problems: Problems
    indexed: bool

    def messages(self, topics: Collection[str], start_ns: int = 0) -> Iterator[RawMessage]:
        """Messages of ``topics`` received at ``start_ns`` or later, by time of receipt."""
        ...

    def close(self) -> None:
        """Release the file. Safe to call twice."""
        ...
