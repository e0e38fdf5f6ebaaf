"""Cuts a part of a recording into an MCAP file, messages as they were recorded.

What was sent once at the start (static transforms) and the last calibration before the cut are
carried over, so that a viewer can make sense of the rest.

Out of scope: masks. The cut holds what the recording holds.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from mcap.writer import Writer
from rosbags.typesys import Stores, TypesysError, get_typestore

from embodied_agent.errors import SourceError
from embodied_agent.sources.bags.files import BagFiles, open_bag_files
from embodied_agent.sources.bags.messages import DECODE_ERRORS, MessageReader
from embodied_agent.sources.bags.recording import Channel, RawMessage
from embodied_agent.sources.bags.schemas import PICTURES, Kind, kind_of

_STATIC_TF = ("/tf_static", "tf_static")


@dataclass(frozen=True)
class Cut:
    """What was written: messages of how many topics, and how long it is."""

    messages: int
    topics: int
    duration_s: float


def cut_recording(path: Path, stamp_ns: int, seconds: float, out: Path) -> Cut:
    """Write ``seconds`` around the picture with this stamp.

    Raises:
        SourceError: the recording can't be read, no picture of it has this stamp, or ``out`` can't
            be written or is there already.
    """
    bag = open_bag_files(path)
    try:
        middle_ns = _receive_ns(bag, stamp_ns)
        start_ns = middle_ns - round(seconds * 0.5e9)
        end_ns = middle_ns + round(seconds * 0.5e9)
        return _write(bag, start_ns, end_ns, out)
    finally:
        bag.close()


def _receive_ns(bag: BagFiles, stamp_ns: int) -> int:
    """When the picture with this stamp was received."""
    reader = MessageReader()
    topics = [t.name for t in bag.topics.values() if kind_of(t.channel.msgtype) in PICTURES]
    for message in bag.messages(topics):
        stamp = reader.stamp_ns(message)
        if stamp is None:
            try:
                stamp = getattr(reader.read(message), "stamp_ns", 0)
            except DECODE_ERRORS:
                continue
        if (stamp or message.receive_ns) == stamp_ns:
            return message.receive_ns
    raise SourceError(
        f"{bag.path} holds no picture with the stamp {stamp_ns} ns: is it the recording that the "
        "keyframe came from?"
    )


def _write(bag: BagFiles, start_ns: int, end_ns: int, out: Path) -> Cut:
    first_ns = last_ns = None
    count = 0
    channels: dict[Channel, int] = {}
    try:
        with out.open("xb") as file:
            writer = Writer(file)
            writer.start("ros2" if _is_ros2(bag) else "", library="embodied-agent")
            for message in _messages(bag, start_ns, end_ns):
                channel = message.channel
                if channel not in channels:
                    channels[channel] = _register(writer, channel)
                # What was carried over is dated to the start, where viewers look for it.
                at_ns = max(message.receive_ns, start_ns)
                writer.add_message(channels[channel], at_ns, message.data, at_ns)
                first_ns = at_ns if first_ns is None else first_ns
                last_ns = at_ns
                count += 1
            writer.finish()  # type: ignore[no-untyped-call]
    except FileExistsError as error:
        raise SourceError(f"{out} is there already: name a new file") from error
    except OSError as error:
        raise SourceError(f"can't write {out}: {error}") from error
    duration_s = 0.0 if first_ns is None or last_ns is None else (last_ns - first_ns) / 1e9
    return Cut(count, len(channels), duration_s)


def _messages(bag: BagFiles, start_ns: int, end_ns: int) -> Iterator[RawMessage]:
    statics = [name for name in bag.topics if name in _STATIC_TF]
    for message in (*bag.messages_before(_STATIC_TF), *bag.messages(statics)):
        if message.receive_ns < start_ns:
            yield message
    infos = [t.name for t in bag.topics.values() if kind_of(t.channel.msgtype) is Kind.CALIBRATION]
    newest: dict[str, RawMessage] = {}
    for message in bag.messages(infos):
        if message.receive_ns >= start_ns:
            break
        newest[message.channel.topic] = message
    yield from newest.values()
    for message in bag.messages(list(bag.topics), start_ns):
        if message.receive_ns > end_ns:
            return
        yield message


def _is_ros2(bag: BagFiles) -> bool:
    return all(topic.channel.encoding == "cdr" for topic in bag.topics.values())


def _register(writer: Writer, channel: Channel) -> int:
    encoding, definition = channel.schema_encoding, channel.schema
    if not definition and channel.encoding == "cdr":
        # Recordings before Iron lack the definitions that viewers need.
        try:
            text, _ = get_typestore(Stores.ROS2_JAZZY).generate_msgdef(
                channel.msgtype, ros_version=2
            )
            encoding, definition = "ros2msg", text.encode()
        except (TypesysError, KeyError):
            encoding = "ros2msg"
    schema = writer.register_schema(channel.msgtype, encoding, definition)
    return int(writer.register_channel(channel.topic, channel.encoding, schema))
