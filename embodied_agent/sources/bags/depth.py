"""Depth in a recording: which topic is registered to a camera, and its pictures by stamp.

Out of scope: what registered means (`embodied_agent.sources.registration`), pairing by stamp
(`embodied_agent.sources.depth_track`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial

from embodied_agent.errors import SourceError
from embodied_agent.records import Depth, Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.bags.clocks import TopicClock, alignment_ns
from embodied_agent.sources.bags.files import BagFiles
from embodied_agent.sources.bags.messages import (
    DECODE_ERRORS,
    Encoded,
    MessageReader,
    RawPicture,
    bad_message,
)
from embodied_agent.sources.bags.mounts import same_place
from embodied_agent.sources.bags.recording import RawMessage
from embodied_agent.sources.bags.schemas import PICTURES, Kind
from embodied_agent.sources.bags.survey import Survey, TopicSample, shared_parts, usable_intrinsics
from embodied_agent.sources.bags.topics import is_depth
from embodied_agent.sources.depth import (
    UNITS_PER_METRE,
    depth_from_compressed,
    depth_from_raw,
    reads_encoding,
    size_as_taken,
)
from embodied_agent.sources.depth_track import DepthTrack
from embodied_agent.sources.registration import View, named_registered, why_unregistered

#: `source.depth_topic` of this value: none.
OFF = "off"
_TRANSPORTS = ("compressedDepth", "compressed")


@dataclass
class DepthChoice:
    """The depth topic of one camera.

    Attributes:
        sample: the topic; ``None``: there is none to use.
        reasons: of each depth topic, why it is used or not, in one line.
        named: a person named it.
    """

    sample: TopicSample | None = None
    reasons: dict[str, str] = field(default_factory=dict)
    named: bool = False

    @property
    def remark(self) -> str:
        """What a person should know, in one sentence; empty: the recording has no depth."""
        if self.sample is not None:
            return f"depth from {self.sample.topic.name}"
        name = next(iter(self.reasons), "")
        return f"the depth of {name} is not used: {self.reasons[name]}" if name else ""


def choose_depth(
    bag: BagFiles, survey: Survey, camera: TopicSample, settings: SourceSettings, name: str = ""
) -> DepthChoice:
    """The depth topic that is registered to a camera, as the settings name it or by what is known.

    Args:
        bag: the recording.
        survey: of it.
        camera: the topic of colour pictures.
        settings: of the source.
        name: of the camera, where there are several.

    Raises:
        SourceError: the settings name a topic that there is not.
    """
    own = dict(pair.split("=", 1) for pair in settings.depth_topics).get(name, "")
    wanted = own or settings.depth_topic
    topics = [s for s in survey.of_kind(*PICTURES, Kind.DISPARITY) if is_depth(s)]
    topics = [s for s in topics if s is not camera]
    topics.sort(key=lambda s: _rank(s, camera))
    if wanted.strip().lower() == OFF:
        return DepthChoice(reasons={s.topic.name: "source.depth_topic is off" for s in topics})
    if wanted:
        topic = _named(bag, survey, wanted)
        # One name for several cameras: it is of the one that it is registered to.
        settled = bool(own) or not settings.topics
        why = _why_not(survey, camera, topic, named=settled)
        return DepthChoice(None if why else topic, {topic.topic.name: why}, named=True)
    reasons = {s.topic.name: _why_not(survey, camera, s, named=False) for s in topics}
    sample = next((s for s in topics if not reasons[s.topic.name]), None)
    for other in topics:
        if sample is not None and other is not sample and not reasons[other.topic.name]:
            reasons[other.topic.name] = (
                "depth comes from another topic: name it with source.depth_topic"
            )
    return DepthChoice(sample, reasons)


def _named(bag: BagFiles, survey: Survey, wanted: str) -> TopicSample:
    pictures = survey.of_kind(*PICTURES)
    names = [wanted, f"/{wanted}"]
    names += [f"{name}/{end}" for name in names for end in _TRANSPORTS]
    topic = next((s for name in names for s in pictures if s.topic.name == name), None)
    if topic is None:
        listing = ", ".join(s.topic.name for s in pictures if is_depth(s)) or "none"
        raise SourceError(
            f"{bag.path} has no depth topic {wanted!r}; its depth topics: {listing} "
            f"(source.depth_topic; {OFF!r} reads none)"
        )
    return topic


def _rank(sample: TopicSample, camera: TopicSample) -> tuple[object, ...]:
    """Sorts the likeliest first."""
    return (
        not named_registered(sample.topic.name),
        -shared_parts(sample.topic.name, camera.topic.name),
        -sample.topic.messages,
        sample.kind is not Kind.RAW,  # of two equals, the one that needn't be unpacked
        sample.topic.name,
    )


def _why_not(survey: Survey, camera: TopicSample, sample: TopicSample, *, named: bool) -> str:
    """Why a depth topic is not used for a camera; empty where it is."""
    if sample.problem:
        return sample.problem
    if sample.kind is Kind.DISPARITY:
        return "it holds disparity, which is not read as depth"
    if not reads_encoding(sample.encoding):
        return f"it is encoded as {sample.encoding or 'nothing known'}, which is not read as depth"
    if not named:
        nearer = _nearer_camera(survey, camera, sample)
        if nearer:
            return f"it belongs to the camera {nearer}"
    colour = _view(survey, camera)
    depth = _view(survey, sample, beside=camera)
    place = None
    if colour.frame_ids and depth.frame_ids and not colour.frame_ids & depth.frame_ids:
        place = same_place(survey.tree, min(colour.frame_ids), min(depth.frame_ids))
    return why_unregistered(colour, depth, same_place=place, named=named)


def _view(survey: Survey, sample: TopicSample, beside: TopicSample | None = None) -> View:
    calibration = survey.intrinsics_of(sample.topic.name)
    if beside is not None and calibration is survey.intrinsics_of(beside.topic.name):
        calibration = None  # the other camera's, for want of its own
    return View(sample.topic.name, sample.size, _frames(sample), usable_intrinsics(calibration))


def _frames(sample: TopicSample) -> frozenset[str]:
    return frozenset(frame.lstrip("/") for frame in sample.frame_ids) - {""}


def _nearer_camera(survey: Survey, camera: TopicSample, sample: TopicSample) -> str:
    """Another camera in the same frame whose name has more in common with the depth topic's."""
    frames = _frames(sample)
    own = shared_parts(sample.topic.name, camera.topic.name)
    for other in survey.of_kind(*PICTURES):
        if other is camera or is_depth(other):
            continue
        if _frames(other) & frames and shared_parts(sample.topic.name, other.topic.name) > own:
            return other.topic.name
    return ""


class BagDepth:
    """The depth pictures of one topic while a recording is read.

    Args:
        bag: counts depth pictures that can't be used.
        reader: of its messages.
        depth: the topic.
        camera: the topic of the colour pictures.
        settings: of the source.
    """

    def __init__(
        self,
        bag: BagFiles,
        reader: MessageReader,
        depth: TopicSample,
        camera: TopicSample,
        settings: SourceSettings,
    ) -> None:
        self.topic = depth.topic.name
        self._reader = reader
        self._scale = settings.depth_scale or UNITS_PER_METRE
        self._clock = TopicClock()
        self._skips = bag.skips
        self._track = DepthTrack(
            camera.interval_ns,
            lambda why: bag.skips.add("invalid_depth", f"{self.topic}: {why}"),
            alignment_ns,
        )

    def add(self, message: RawMessage) -> None:
        """The next message of the topic."""
        content = None
        try:
            stamp_ns = self._reader.stamp_ns(message)
            if stamp_ns is None:
                content = self._reader.read(message)
                assert isinstance(content, RawPicture | Encoded)
                stamp_ns = content.stamp_ns
        except DECODE_ERRORS as error:
            self._skips.add("invalid_depth", f"{self.topic} can't be read: {error}")
            return
        self._clock.add(stamp_ns, message.receive_ns)
        if stamp_ns <= 0:
            stamp_ns = max(1, message.receive_ns + self._clock.offset_ns)
        decode = partial(self._decoded, message, content)
        self._track.add(stamp_ns, decode, len(message.data), self._clock.offset_ns)

    def at(self, frame: Frame, colour_offset_ns: int) -> Depth | None:
        """The depth picture of a frame; ``colour_offset_ns``: of its clock from the receipt."""
        return self._track.at(frame.stamp_ns, size_as_taken(frame), colour_offset_ns)

    def forget_before(self, stamp_ns: int, colour_offset_ns: int) -> None:
        """Drop what pictures after this stamp can't need."""
        self._track.forget_before(stamp_ns, colour_offset_ns)

    def clear(self) -> None:
        """The clock of the pictures restarted."""
        self._track.clear()

    def _decoded(self, message: RawMessage, content: object) -> Depth:
        try:
            content = content or self._reader.read(message)
        except DECODE_ERRORS as error:
            raise bad_message(error) from error
        if isinstance(content, RawPicture):
            return depth_from_raw(
                content.data,
                encoding=content.encoding,
                width=content.width,
                height=content.height,
                step=content.step,
                is_bigendian=content.is_bigendian,
                units_per_metre=self._scale,
            )
        assert isinstance(content, Encoded)
        return depth_from_compressed(content.data, content.format, units_per_metre=self._scale)
