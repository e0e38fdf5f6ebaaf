"""Frames from a rosbag2 recording: with which stamps, in which order, with which pose.

Pictures are taken in the order of their stamps, and odometry that was recorded a little later than
its picture still counts: pictures are held for half a second of recorded time. The files beneath
are bag_files.py's, the topics bag_topics.py's, pixels ros_images.py's, poses poses.py's.
"""

from __future__ import annotations

import heapq
import struct
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

from embodied_agent.errors import SourceError
from embodied_agent.images import BadImage, check_complete
from embodied_agent.records import Frame, Intrinsics, Pose
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.bag_files import (
    READ_ERRORS,
    BagFiles,
    RawMessage,
    Topic,
    open_bag_files,
)
from embodied_agent.sources.bag_topics import (
    COMPRESSED,
    ODOMETRY,
    choose_image_topic,
    choose_odometry_topic,
    deserialize,
    read_intrinsics,
)
from embodied_agent.sources.base import CLOCK_RESTART_NS, Sampler, Source
from embodied_agent.sources.poses import PoseTrack
from embodied_agent.sources.ros_images import image_from_ros

_HOLD_NS = 500_000_000
_HOLD_FRAMES = 64
_HOLD_BYTES = 256_000_000


class _Held(NamedTuple):
    """A picture that waits for its turn; ordered by stamp, then by message number."""

    stamp_ns: int
    number: int
    receive_ns: int
    data: bytes


def open_bag(path: Path, settings: SourceSettings) -> Source:
    """Frames of the recording at ``path``.

    Raises:
        SourceError: nothing can be read, there are no images, or a named topic is absent.
    """
    bag = open_bag_files(path)
    try:
        topic, remark = choose_image_topic(bag, settings.topic)
        odometry = choose_odometry_topic(bag, settings.odom_topic, topic.name)
        intrinsics = read_intrinsics(bag, topic.name)
    except SourceError:
        bag.close()
        raise
    sampler = Sampler(settings.sample_hz)
    description = (
        f"bag {path.name}: {topic.name}, {topic.messages} images, {bag.duration_ns / 1e9:.1f} s"
        + (f", poses from {odometry.name}" if odometry else "")
        + remark
    )
    return Source(
        description,
        _BagFrames(bag, topic, odometry, intrinsics, sampler).frames(),
        skips=bag.skips,
        expected_frames=sampler.expected(topic.messages, bag.duration_ns),
        close=bag.close,
    )


class _BagFrames:
    """One pass over a bag's pictures and odometry."""

    def __init__(
        self,
        bag: BagFiles,
        topic: Topic,
        odometry: Topic | None,
        intrinsics: Intrinsics | None,
        sampler: Sampler,
    ) -> None:
        self._bag = bag
        self._topic = topic
        self._odometry = odometry
        self._intrinsics = intrinsics
        self._sampler = sampler
        self._track = PoseTrack()
        self._usable = 0

    def frames(self) -> Iterator[Frame]:
        """Frames in the order of their stamps."""
        wanted = [topic.name for topic in (self._topic, self._odometry) if topic]
        for held in self._in_order(self._bag.messages(wanted)):
            if not self._sampler.due(held.stamp_ns):
                continue
            try:
                frame = self._frame(held)
            except BadImage as error:
                where = f"{self._topic.name}, message {held.number}"
                self._bag.skips.add_picture(error, where, self._usable)
                continue
            self._sampler.take(held.stamp_ns)
            self._usable += 1
            yield frame

    def _in_order(self, messages: Iterable[RawMessage]) -> Iterator[_Held]:
        waiting: list[_Held] = []
        size = number = newest_ns = 0
        last_ns: int | None = None
        for message in messages:
            if message.topic != self._topic.name:
                self._add_pose(message, keep_all=bool(waiting))
            else:
                number += 1
                stamp_ns = header_stamp_ns(message.data) or message.receive_ns
                if stamp_ns < newest_ns - CLOCK_RESTART_NS:
                    yield from sorted(waiting)
                    self._track.clear()
                    waiting, size, last_ns, newest_ns = [], 0, None, 0
                if last_ns is not None and stamp_ns < last_ns:
                    self._bag.skips.add(
                        "out_of_order",
                        f"{message.topic}, message {number}: its stamp lies before that of a "
                        "picture already passed on",
                    )
                    continue
                newest_ns = max(newest_ns, stamp_ns)
                heapq.heappush(waiting, _Held(stamp_ns, number, message.receive_ns, message.data))
                size += len(message.data)
            while waiting and (
                message.receive_ns - waiting[0].receive_ns >= _HOLD_NS
                or len(waiting) > _HOLD_FRAMES
                or size > _HOLD_BYTES
            ):
                held = heapq.heappop(waiting)
                size -= len(held.data)
                last_ns = held.stamp_ns
                yield held
                self._track.forget_before(held.stamp_ns)
        yield from sorted(waiting)

    def _add_pose(self, message: RawMessage, *, keep_all: bool) -> None:
        where = f"{message.topic} at {message.receive_ns} ns"
        try:
            odometry = deserialize(message.data, ODOMETRY)
            position = odometry.pose.pose.position
            turn = odometry.pose.pose.orientation
            pose = Pose(
                (float(position.x), float(position.y), float(position.z)),
                (float(turn.x), float(turn.y), float(turn.z), float(turn.w)),
                odometry.header.frame_id or "odom",
            )
        except READ_ERRORS as error:
            self._bag.skips.add("invalid_pose", f"{where} can't be read: {error}")
            return
        stamp_ns = header_stamp_ns(message.data) or message.receive_ns
        if not self._track.add(stamp_ns, pose):
            self._bag.skips.add("invalid_pose", f"{where} is not finite or has no orientation")
        if not keep_all:
            self._track.forget_before(stamp_ns - CLOCK_RESTART_NS)

    def _frame(self, held: _Held) -> Frame:
        try:
            message = deserialize(held.data, self._topic.msgtype)
            frame_id = str(message.header.frame_id) or "camera"
            raw = None if self._topic.msgtype == COMPRESSED else message
            encoded = b"" if raw else message.data.tobytes()
        except READ_ERRORS as error:
            raise BadImage("undecodable", f"the message can't be read: {error}") from error
        image = None
        if raw is None:
            check_complete(encoded)
        else:
            image = image_from_ros(
                raw.data,
                encoding=raw.encoding,
                width=raw.width,
                height=raw.height,
                step=raw.step,
                is_bigendian=bool(raw.is_bigendian),
            )
        return Frame(
            held.stamp_ns,
            image=image,
            encoded=encoded if raw is None else None,
            frame_id=frame_id,
            pose=self._track.at(held.stamp_ns),
            intrinsics=self._intrinsics,
        )


def header_stamp_ns(data: bytes) -> int:
    """The stamp of a CDR message that begins with a std_msgs/Header; 0 where there is none.

    Read by hand because the stamp decides whether the rest needs to be read at all.
    """
    if len(data) < 12:
        return 0
    seconds, nanoseconds = struct.unpack_from("<iI" if data[1] & 1 else ">iI", data, 4)
    return max(0, int(seconds) * 1_000_000_000 + int(nanoseconds))
