"""Frames from a recording: their stamps, order, poses and depth.

Pictures are taken in the order of their stamps. They are held for half a second of recorded time,
so that odometry and depth that were recorded slightly later can still be matched. If pictures and
poses have different clocks, they are matched by when they were received (clocks.py).
"""

from __future__ import annotations

import heapq
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import NamedTuple

from embodied_agent.images import BadImage
from embodied_agent.records import Frame, Image, Intrinsics, Mount, Pose
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.bags.clocks import TopicClock, alignment_ns
from embodied_agent.sources.bags.depth import BagDepth
from embodied_agent.sources.bags.files import BagFiles
from embodied_agent.sources.bags.messages import (
    DECODE_ERRORS,
    Encoded,
    MessageReader,
    RawPicture,
    bad_message,
)
from embodied_agent.sources.bags.mounts import mount_of
from embodied_agent.sources.bags.packets import Packet, PacketDecoder, Picture, codec_of
from embodied_agent.sources.bags.recording import RawMessage
from embodied_agent.sources.bags.schemas import Kind
from embodied_agent.sources.bags.survey import Survey, TopicSample, usable_intrinsics
from embodied_agent.sources.bags.transforms import TransformTree, quarter_turns
from embodied_agent.sources.base import CLOCK_RESTART_NS, Hears, Sampler
from embodied_agent.sources.picture_checks import FlatRows, check_encoded
from embodied_agent.sources.poses import PoseTrack

_HOLD_NS = 500_000_000
_HOLD_FRAMES = 64
_HOLD_BYTES = 256_000_000
_HOLD_PACKETS = 2048


class _Held(NamedTuple):
    """A picture that waits for its turn; ordered by stamp, then by message number."""

    stamp_ns: int
    number: int
    receive_ns: int
    #: Of the pictures' clock from the time of receipt, at that moment.
    offset_ns: int
    message: RawMessage
    image: Image | None
    frame_id: str

    @property
    def size(self) -> int:
        return len(self.message.data) if self.image is None else self.image.nbytes


class _Poses:
    """Poses of the robot by stamp, from odometry or from TF."""

    def __init__(self, tree: TransformTree, sample: TopicSample | None) -> None:
        self._track = PoseTrack()
        self._tree = tree
        self._sample = sample
        self._body = ""
        self._from_tf = sample is not None and sample.kind is Kind.TRANSFORM
        self.clock = TopicClock()

    def add(self, message: RawMessage, reader: MessageReader) -> str:
        """Take in a message; why it can't be used, empty where it can.

        Raises:
            One of `DECODE_ERRORS`: it is broken.
        """
        content = reader.read(message)
        assert isinstance(content, list)
        for item in content[:1]:
            self.clock.add(item.stamp_ns, message.receive_ns)
        if self._from_tf:
            usable = self._tree.add(content, static=False, receive_ns=message.receive_ns)
        else:
            self._body = content[0].child if content else self._body
            usable = all(
                self._track.add(item.stamp_ns or message.receive_ns, item.pose) for item in content
            )
        return "" if usable else "is not finite or has no orientation"

    def at(self, stamp_ns: int, camera: str) -> Pose | None:
        if self._sample is None:
            return None
        return self._tree.pose_at(stamp_ns, camera) if self._from_tf else self._track.at(stamp_ns)

    def mount_at(self, stamp_ns: int, camera: str) -> Mount | None:
        """Where the camera is on the body that the poses are of; ``None`` where TF does not say."""
        if self._sample is None:
            return None
        place = self._tree.mount_at(stamp_ns, camera, self._body)
        return None if place is None else mount_of(place, camera)

    def forget_before(self, stamp_ns: int) -> None:
        (self._tree if self._from_tf else self._track).forget_before(stamp_ns)

    def clear(self) -> None:
        (self._tree if self._from_tf else self._track).clear()


class BagFrames:
    """One pass over a recording's pictures and poses.

    Args:
        bag: the recording.
        reader: of its messages.
        survey: of the whole recording.
        pictures: of which topic.
        poses: of which topic; ``None`` for none.
        sampler: which frames are taken.
        settings: of the source.
        headed: whether the settings say where this camera looks, so that TF does not count.
        depth: of which topic; ``None`` for none.
    """

    def __init__(
        self,
        bag: BagFiles,
        reader: MessageReader,
        survey: Survey,
        pictures: TopicSample,
        poses: TopicSample | None,
        sampler: Sampler,
        settings: SourceSettings,
        *,
        headed: bool = False,
        depth: TopicSample | None = None,
    ) -> None:
        self._bag = bag
        self._headed = headed
        self._reader = reader
        self._topic = pictures.topic
        self._kind = pictures.kind
        self._codec = pictures.codec
        self._pose_topic = poses.topic.name if poses else ""
        self._tree = survey.tree.statics()
        self._poses = _Poses(self._tree, poses)
        self._depth = BagDepth(bag, reader, depth, pictures, settings) if depth else None
        calibration = survey.intrinsics_of(pictures.topic.name)
        self._intrinsics: Intrinsics | None = usable_intrinsics(calibration)
        self._sampler = sampler
        self._hz = settings.sample_hz
        self._offset_s = settings.pose_offset_s
        # What the survey saw of the clocks holds until the recording shows another offset.
        self._clock = TopicClock()
        self._typical_ns = round((pictures.clock.typical_offset_s or 0.0) * 1e9)
        self._flat = FlatRows()
        self._usable = 0
        camera = next(iter(sorted(pictures.frame_ids)), "")
        mount = survey.tree.mount(camera)
        self._heard: dict[str, Hears] = {}
        #: Quarter turns clockwise that make the pictures upright, as TF has it.
        self.turns = (quarter_turns(mount) or 0) if mount is not None and "optical" in camera else 0

    def hear(self, topics: Collection[str], take: Hears) -> list[str]:
        """Tell ``take`` of the messages of these topics too; returns those that there are not."""
        names = {name.lstrip("/"): name for name in self._bag.topics}
        found = {topic: names.get(topic.lstrip("/"), "") for topic in topics}
        for topic, name in found.items():
            if name:
                self._heard[name] = partial(_told_as, topic, take)
        return [topic for topic, name in found.items() if not name]

    def frames(self) -> Iterator[Frame]:
        """Frames in the order of their stamps."""
        topics = {*self._read, *self._heard}
        for held in self._in_order(self._bag.messages(topics)):
            if not self._sampler.due(held.stamp_ns):
                continue
            try:
                frame = self._frame(held)
                self._flat.check(frame)
            except BadImage as error:
                where = f"{self._topic.name}, message {held.number}"
                self._bag.skips.add_picture(error, where, self._usable)
                continue
            self._sampler.take(held.stamp_ns)
            self._usable += 1
            yield frame

    @property
    def _read(self) -> set[str]:
        depth = self._depth.topic if self._depth else ""
        return {self._topic.name, self._pose_topic, depth} - {""}

    def _in_order(self, messages: Iterable[RawMessage]) -> Iterator[_Held]:
        waiting: list[_Held] = []
        size = newest_ns = 0
        last_ns: int | None = None
        for message, held in self._with_pictures(self._overheard(messages)):
            if held is not None:
                if held.stamp_ns < newest_ns - CLOCK_RESTART_NS:
                    yield from sorted(waiting)
                    self._poses.clear()
                    if self._depth is not None:
                        self._depth.clear()
                    waiting, size, last_ns, newest_ns = [], 0, None, 0
                if last_ns is not None and held.stamp_ns < last_ns:
                    self._bag.skips.add(
                        "out_of_order",
                        f"{message.channel.topic}, message {held.number}: its stamp lies before "
                        "that of a picture already passed on",
                    )
                    continue
                newest_ns = max(newest_ns, held.stamp_ns)
                heapq.heappush(waiting, held)
                size += held.size
            elif message.channel.topic == self._pose_topic:
                self._add_pose(message, keep_all=bool(waiting))
            elif self._depth is not None and message.channel.topic == self._depth.topic:
                self._depth.add(message)
            while waiting and (
                message.receive_ns - waiting[0].receive_ns >= _HOLD_NS
                or len(waiting) > _HOLD_FRAMES
                or size > _HOLD_BYTES
            ):
                first = heapq.heappop(waiting)
                size -= first.size
                last_ns = first.stamp_ns
                yield first
                self._poses.forget_before(first.stamp_ns + self._to_poses_ns(first))
                if self._depth is not None:
                    self._depth.forget_before(first.stamp_ns, first.offset_ns)
        yield from sorted(waiting)

    def _overheard(self, messages: Iterable[RawMessage]) -> Iterator[RawMessage]:
        """The messages that frames are made of; those that somebody else hears are told."""
        read = self._read
        for message in messages:
            name = message.channel.topic
            if name in self._heard:
                self._tell(message, self._heard[name])
            if name in read:
                yield message

    def _tell(self, message: RawMessage, take: Hears) -> None:
        try:
            content, stamp_ns = self._reader.message(message)
        except DECODE_ERRORS as error:
            where = f"{message.channel.topic} at {message.receive_ns} ns"
            self._bag.skips.add("invalid_fact", f"{where} can't be read: {error}")
            return
        if stamp_ns <= 0:
            # In the clock of the pictures, as far as that is known.
            ahead_ns = self._clock.offset_ns if self._clock.known else self._typical_ns
            stamp_ns = max(1, message.receive_ns + alignment_ns(ahead_ns, 0))
        take(message.channel.topic, stamp_ns, content)

    def _with_pictures(
        self, messages: Iterable[RawMessage]
    ) -> Iterator[tuple[RawMessage, _Held | None]]:
        """Each message, with the picture in it; video gives none, or some that came before."""
        # Packets are decoded ahead of the frames that are passed on, so they are sampled apart.
        sampler = Sampler(self._hz)
        decoder = PacketDecoder(sampler.due, self._bag.skips.add, self._topic.name)
        packets: dict[int, _Held] = {}
        number = 0
        message = None
        for message in messages:
            if message.channel.topic != self._topic.name:
                yield message, None
                continue
            number += 1
            try:
                held, packet = self._held(message, number)
            except DECODE_ERRORS as error:
                self._bag.skips.add_picture(
                    bad_message(error), f"{self._topic.name}, message {number}", self._usable
                )
                continue
            if packet is None:
                yield message, held
                continue
            packets[number] = held
            for picture in decoder.push(packet):
                sampler.take(picture.stamp_ns)
                yield message, _decoded(packets[picture.number], picture)
            # No decoder holds back more pictures than that.
            packets.pop(number - _HOLD_PACKETS, None)
        for picture in decoder.flush():
            if message is not None and picture.number in packets:
                yield message, _decoded(packets[picture.number], picture)

    def _held(self, message: RawMessage, number: int) -> tuple[_Held, Packet | None]:
        content = None
        stamp_ns = self._reader.stamp_ns(message)
        if stamp_ns is None:
            content = self._reader.read(message)
            assert isinstance(content, RawPicture | Encoded)
            stamp_ns = content.stamp_ns
        self._clock.add(stamp_ns, message.receive_ns)
        if stamp_ns <= 0:
            # In the clock of the other messages, as far as that is known.
            offset_ns = self._clock.offset_ns if self._clock.known else self._typical_ns
            stamp_ns = max(1, message.receive_ns + offset_ns)
        held = _Held(stamp_ns, number, message.receive_ns, self._clock.offset_ns, message, None, "")
        if self._kind is Kind.RAW or (self._kind is Kind.COMPRESSED and not self._codec):
            return held, None
        if content is None:
            content = self._reader.read(message)
        assert isinstance(content, Encoded)
        codec = codec_of(content.format, content.data)
        if not codec:
            if self._kind is Kind.VIDEO and not content.data.startswith(b"\xff\xd8"):
                codec = "?"
            else:
                return held, None
        codec = "" if codec == "?" else codec
        return held, Packet(stamp_ns, content.data, codec, content.is_key, content.frame_id, number)

    def _to_poses_ns(self, held: _Held) -> int:
        """What is added to a picture's stamp to find its pose."""
        if self._offset_s is not None:
            return -round(self._offset_s * 1e9)
        poses = self._poses.clock
        if not poses.known and not poses.unstamped:
            return 0
        return -alignment_ns(held.offset_ns, poses.offset_ns)

    def _add_pose(self, message: RawMessage, *, keep_all: bool) -> None:
        where = f"{message.channel.topic} at {message.receive_ns} ns"
        try:
            problem = self._poses.add(message, self._reader)
        except DECODE_ERRORS as error:
            self._bag.skips.add("invalid_pose", f"{where} can't be read: {error}")
            return
        if problem:
            self._bag.skips.add("invalid_pose", f"{where} {problem}")
        if not keep_all:
            newest_ns = message.receive_ns + self._poses.clock.offset_ns
            self._poses.forget_before(newest_ns - CLOCK_RESTART_NS)

    def _frame(self, held: _Held) -> Frame:
        frame = self._picture(held)
        at_ns = held.stamp_ns + self._to_poses_ns(held)
        return replace(
            frame,
            pose=self._poses.at(at_ns, frame.frame_id),
            intrinsics=self._intrinsics,
            mount=None if self._headed else self._poses.mount_at(at_ns, frame.frame_id),
            depth=self._depth.at(frame, held.offset_ns) if self._depth else None,
        )

    def _picture(self, held: _Held) -> Frame:
        if held.image is not None:
            return Frame(held.stamp_ns, image=held.image, frame_id=held.frame_id or "camera")
        try:
            content = self._reader.read(held.message)
        except DECODE_ERRORS as error:
            raise bad_message(error) from error
        if isinstance(content, RawPicture):
            return Frame(
                held.stamp_ns, image=content.pixels(), frame_id=content.frame_id or "camera"
            )
        assert isinstance(content, Encoded)
        frame_id = content.frame_id or "camera"
        return check_encoded(Frame(held.stamp_ns, encoded=content.data, frame_id=frame_id))


def _told_as(topic: str, take: Hears, _: str, stamp_ns: int, message: object) -> None:
    take(topic, stamp_ns, message)


def _decoded(held: _Held, picture: Picture) -> _Held:
    return held._replace(image=picture.image, frame_id=picture.frame_id)
