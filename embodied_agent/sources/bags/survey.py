"""Samples a recording before it is read: a few messages of every topic, from all parts of it.

`embodied-agent inspect` shows the results, and the choice of a topic rests on them: how pictures
are encoded, which clock the stamps are in, which coordinate frames there are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from statistics import median

from embodied_agent.errors import SourceError
from embodied_agent.images import BadImage, read_header
from embodied_agent.records import Intrinsics
from embodied_agent.sources.bags.clocks import TopicClock
from embodied_agent.sources.bags.files import BagFiles, Topic
from embodied_agent.sources.bags.messages import (
    DECODE_ERRORS,
    Calibration,
    Encoded,
    MessageReader,
    RawPicture,
)
from embodied_agent.sources.bags.packets import codec_of
from embodied_agent.sources.bags.recording import RawMessage
from embodied_agent.sources.bags.schemas import PICTURES, Kind, kind_of
from embodied_agent.sources.bags.transforms import TransformTree
from embodied_agent.sources.depth import packed_size
from embodied_agent.sources.examination import TopicFacts
from embodied_agent.sources.picture_headers import read_claim
from embodied_agent.sources.ros_images import DEPTH_ENCODINGS, holds_encoded

#: Recordings of at most as many messages are looked through whole, others in places.
_WHOLE = 600
_PLACES = 5
#: In each place: messages of one topic, of all together, and their bytes.
_OF_TOPIC, _OF_ALL, _BYTES = 20, 400, 8_000_000
#: Of a recording without an index, its start.
_UNINDEXED, _UNINDEXED_BYTES = 3000, 64_000_000
#: A topic whose first pictures are decoded to know their encoding needs no more than this many.
_DECODED = 3
_STATIC_TF = ("/tf_static", "tf_static")
#: A gap is so many usual intervals, and at least this long.
_GAP_INTERVALS, _GAP_NS = 3, 100_000_000
#: A recording that is shorter has no rate.
_SHORT_NS = 1_000_000


@dataclass
class TopicSample:
    """What was seen of one topic."""

    topic: Topic
    clock: TopicClock = field(default_factory=TopicClock)
    encoding: str = ""
    size: tuple[int, int] | None = None
    frame_ids: set[str] = field(default_factory=set)
    calibration: Calibration | None = None
    problem: str = ""
    codec: str = ""
    remark: str = ""
    _decoded: int = 0
    _last_ns: int | None = None
    _intervals: list[int] = field(default_factory=list)

    @property
    def kind(self) -> Kind:
        return kind_of(self.topic.channel.msgtype)

    @property
    def interval_ns(self) -> int:
        """The usual time between two of its messages; 0 where it is not known."""
        return round(median(self._intervals)) if self._intervals else 0

    def note_time(self, receive_ns: int, *, fresh: bool) -> None:
        """A message was received; ``fresh``: what lies before it was not looked at."""
        if not fresh and self._last_ns is not None:
            self._intervals.append(receive_ns - self._last_ns)
        self._last_ns = receive_ns

    def facts(self, duration_ns: int) -> TopicFacts:
        """What people are shown of it."""
        gaps = []
        if len(self._intervals) > 2:
            usual = max(median(self._intervals) * _GAP_INTERVALS, _GAP_NS)
            gaps = [interval for interval in self._intervals if interval > usual]
        messages = self.topic.messages
        channel = self.topic.channel
        return TopicFacts(
            self.topic.name,
            channel.msgtype,
            self.encoding or channel.encoding,
            "" if self.size is None else f"{self.size[0]}x{self.size[1]}",
            messages,
            (messages - 1) * 1e9 / duration_ns
            if duration_ns > _SHORT_NS and messages > 1
            else None,
            len(gaps),
            max(gaps) / 1e9 if gaps else None,
            self.clock.describe(),
            self.clock.typical_offset_s,
            sorted(self.frame_ids),
        )


@dataclass
class Survey:
    """What was seen of a whole recording."""

    samples: dict[str, TopicSample]
    tree: TransformTree
    whole: bool

    def of_kind(self, *kinds: Kind) -> list[TopicSample]:
        """Topics that hold messages of these kinds, in the order of the recording."""
        return [s for s in self.samples.values() if s.kind in kinds and s.topic.messages]

    def intrinsics_of(self, name: str) -> Calibration | None:
        """From the calibration in the picture topic's namespace or the nearest above it."""
        infos = {s.topic.name: s for s in self.of_kind(Kind.CALIBRATION) if s.calibration}
        place = f"/{name.strip('/')}"
        near = [n for n in infos if place.startswith(f"/{n.strip('/')}".rpartition("/")[0] + "/")]
        if not near and len(infos) == len(self.of_kind(*PICTURES)) == 1:
            near = list(infos)
        if not near:
            return None
        return infos[max(near, key=lambda n: (shared_parts(n, name), n))].calibration


def survey_bag(bag: BagFiles, reader: MessageReader, tree: TransformTree) -> Survey:
    """Look into the recording; what can't be decoded there is left for the reading to count."""
    samples = {topic.name: TopicSample(topic) for topic in bag.topics.values()}
    for sample in samples.values():
        sample.problem = reader.unread(sample.topic.channel)
    statics = [name for name in samples if name in _STATIC_TF]
    for message in (*bag.messages_before(_STATIC_TF), *bag.messages(statics)):
        _add_transforms(message, reader, tree, samples.get(message.channel.topic))
    rest = [name for name in samples if name not in statics]
    whole = bag.messages_total <= _WHOLE or not bag.indexed
    starts = [0]
    if not whole:
        starts = [bag.start_ns + bag.duration_ns * n // _PLACES for n in range(_PLACES)]
    for start_ns in starts:
        _look(bag, rest, start_ns, reader, tree, samples, whole=whole)
    return Survey(samples, tree, whole)


def _look(
    bag: BagFiles,
    names: list[str],
    start_ns: int,
    reader: MessageReader,
    tree: TransformTree,
    samples: dict[str, TopicSample],
    *,
    whole: bool,
) -> None:
    counts: dict[str, int] = {}
    total = size = 0
    wanted = set(names)
    try:
        for message in bag.messages(names, start_ns):
            name = message.channel.topic
            count = counts[name] = counts.get(name, 0) + 1
            total += 1
            size += len(message.data)
            if whole or count <= _OF_TOPIC:
                _take(message, reader, tree, samples[name], fresh=count == 1)
            elif count == _OF_TOPIC + 1:
                wanted.discard(name)
            limit, largest = (_UNINDEXED, _UNINDEXED_BYTES) if whole else (_OF_ALL, _BYTES)
            if not wanted or total >= limit or size >= largest:
                break
    except SourceError:
        return


def _take(
    message: RawMessage,
    reader: MessageReader,
    tree: TransformTree,
    sample: TopicSample,
    *,
    fresh: bool,
) -> None:
    sample.note_time(message.receive_ns, fresh=fresh)
    if sample.problem:
        return
    kind = sample.kind
    if kind is Kind.TRANSFORM:
        _add_transforms(message, reader, tree, sample)
        return
    if kind is Kind.OTHER:
        if reader.has_header(message.channel):
            stamp_ns = reader.stamp_ns(message)
            if stamp_ns is not None:
                sample.clock.add(stamp_ns, message.receive_ns)
        return
    stamp_ns = reader.stamp_ns(message)
    if stamp_ns is not None:
        sample.clock.add(stamp_ns, message.receive_ns)
    if kind is Kind.DISPARITY or (sample._decoded >= _DECODED and stamp_ns is not None):
        return
    try:
        content = reader.read(message)
    except DECODE_ERRORS:
        return
    sample._decoded += 1
    if isinstance(content, list):
        for item in content:
            if stamp_ns is None:
                sample.clock.add(item.stamp_ns, message.receive_ns)
            sample.frame_ids.add(item.pose.frame_id)
        return
    sample.frame_ids.add(content.frame_id)
    if isinstance(content, Calibration):
        sample.calibration = sample.calibration or content
        sample.encoding = content.model
        if content.intrinsics is not None:
            sample.size = (content.intrinsics.width, content.intrinsics.height)
        return
    if stamp_ns is None:
        sample.clock.add(content.stamp_ns, message.receive_ns)
    if isinstance(content, RawPicture):
        sample.encoding = sample.encoding or content.encoding
        sample.size = sample.size or (content.width, content.height)
        _look_at_raw(sample, content)
    else:
        _look_at_encoded(sample, content)


def _look_at_raw(sample: TopicSample, picture: RawPicture) -> None:
    if holds_encoded(picture.data):
        sample.remark = (
            f"its driver sends compressed pictures but calls them {picture.encoding!r}; they are "
            "decoded as compressed pictures"
        )


def _look_at_encoded(sample: TopicSample, picture: Encoded) -> None:
    sample.codec = sample.codec or codec_of(picture.format, picture.data)
    sample.encoding = sample.encoding or sample.codec or picture.format
    if sample.size is not None or sample.codec:
        return
    if DEPTH_ENCODINGS.search(picture.format):
        sample.encoding, sample.size = picture.format, packed_size(picture.data, picture.format)
        return
    try:
        claim = read_claim(picture.data)
        header = claim or read_header(picture.data)
        sample.size = (header.width, header.height)
        sample.encoding = f"{header.kind}{16 if header.bits == 16 else ''}"
    except (BadImage, ValueError):
        return


def _add_transforms(
    message: RawMessage, reader: MessageReader, tree: TransformTree, sample: TopicSample | None
) -> None:
    static = message.channel.topic in _STATIC_TF
    try:
        content = reader.read(message)
    except DECODE_ERRORS:
        return
    if not isinstance(content, list):
        return
    tree.add(content, static=static, receive_ns=message.receive_ns)
    if sample is None:
        return
    for item in content:
        sample.frame_ids.update((item.pose.frame_id, item.child))
    if content and not static:
        sample.clock.add(content[0].stamp_ns, message.receive_ns)


def usable_intrinsics(calibration: Calibration | None) -> Intrinsics | None:
    """The intrinsics of a calibration, where the camera is calibrated."""
    return calibration.intrinsics if calibration else None


def shared_parts(one: str, other: str) -> int:
    """How many leading parts two topic names have in common."""
    pairs = zip(one.strip("/").split("/"), other.strip("/").split("/"), strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), 0)
