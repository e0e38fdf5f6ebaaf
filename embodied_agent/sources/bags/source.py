"""A recording as a source: what it is, in words and figures, and its frames.

Out of scope: how its files are read (files.py), which topics are meant (topics.py), in which order
and with which pose pictures come (frames.py).
"""

from __future__ import annotations

from pathlib import Path

from embodied_agent.errors import SourceError
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.bags.clocks import LATENCY_S, TopicClock, alignment_ns
from embodied_agent.sources.bags.files import BagFiles, open_bag_files
from embodied_agent.sources.bags.frames import BagFrames
from embodied_agent.sources.bags.messages import MessageReader
from embodied_agent.sources.bags.schemas import PICTURES, Kind
from embodied_agent.sources.bags.survey import Survey, TopicSample, survey
from embodied_agent.sources.bags.topics import choose_pictures, choose_poses, is_depth, reasons
from embodied_agent.sources.bags.transforms import TransformTree
from embodied_agent.sources.base import Sampler, Source
from embodied_agent.sources.examination import Examination

_FISHEYE = ("equidistant", "fisheye", "kannala_brandt4", "omnidirectional", "mei")


class UnusableSource(SourceError):
    """A source without frames; ``examination`` holds what is known of it all the same."""

    def __init__(self, message: str, examination: Examination) -> None:
        super().__init__(message)
        self.examination = examination


def open_bag(path: Path, settings: SourceSettings) -> Source:
    """Frames of the recording at ``path``.

    Raises:
        SourceError: nothing can be read, there are no pictures, or a named topic is absent.
    """
    bag = open_bag_files(path)
    try:
        return _source(bag, settings)
    except BaseException:
        bag.close()
        raise


def _source(bag: BagFiles, settings: SourceSettings) -> Source:
    reader = MessageReader()
    tree = TransformTree(settings.fixed_frame, settings.base_frame)
    seen = survey(bag, reader, tree)
    try:
        pictures = choose_pictures(bag, seen, settings.topic)
        poses = choose_poses(bag, seen, settings.odom_topic, pictures.topic.name)
    except SourceError as error:
        examination = _examination(bag, seen, None, None, settings)
        examination.why = str(error)
        raise UnusableSource(str(error), examination) from error
    examination = _examination(bag, seen, pictures, poses, settings)
    sampler = Sampler(settings.sample_hz)
    frames = BagFrames(bag, reader, seen, pictures, poses, sampler, settings)
    return Source(
        _description(bag, seen, pictures, poses, examination),
        frames.frames(),
        skips=bag.skips,
        expected_frames=sampler.expected(pictures.topic.messages, bag.duration_ns),
        close=bag.close,
        examination=examination,
        turns=frames.turns,
    )


def _description(
    bag: BagFiles,
    seen: Survey,
    pictures: TopicSample,
    poses: TopicSample | None,
    examination: Examination,
) -> str:
    rest = _other_cameras(seen, pictures)
    words = [
        f"bag {bag.path.name}: {pictures.topic.name}",
        f"{pictures.topic.messages} images",
        f"{bag.duration_ns / 1e9:.1f} s",
    ]
    if poses is not None:
        words.append(f"poses from {poses.topic.name}")
    words += examination.remarks
    choice = f" (chosen; it also has {', '.join(rest)}: name one with topic)" if rest else ""
    return ", ".join(words) + choice


def _other_cameras(seen: Survey, pictures: TopicSample) -> list[str]:
    return [s.topic.name for s in seen.of_kind(*PICTURES) if s is not pictures and not s.problem]


def _examination(
    bag: BagFiles,
    seen: Survey,
    pictures: TopicSample | None,
    poses: TopicSample | None,
    settings: SourceSettings,
) -> Examination:
    facts = [sample.facts(bag.duration_ns) for sample in seen.samples.values()]
    examination = Examination("bag", topics=facts, duration_s=bag.duration_ns / 1e9)
    if pictures is None:
        for fact, sample in zip(facts, seen.samples.values(), strict=True):
            depth = sample.kind in (*PICTURES, Kind.DISPARITY) and is_depth(sample)
            fact.why = sample.problem or ("it holds depth" if depth else "it holds no pictures")
        return examination
    lines = reasons(seen, pictures, poses)
    for fact in facts:
        fact.why = lines[fact.name]
        fact.used = fact.name == pictures.topic.name or (
            poses is not None and fact.name == poses.topic.name
        )
    examination.chosen = pictures.topic.name
    examination.frames = pictures.topic.messages
    rest = _other_cameras(seen, pictures)
    examination.why = (
        f"{pictures.topic.name} is the one named in source.topic"
        if settings.topic
        else f"of {len(rest) + 1} cameras {pictures.topic.name} is the best by name and by the "
        f"number of its pictures"
        if rest
        else f"{pictures.topic.name} holds the only pictures"
    )
    examination.poses_from = poses.topic.name if poses else ""
    _add_clock(examination, pictures.clock, poses.clock if poses else None, settings)
    if poses is not None and poses.kind is Kind.TRANSFORM:
        camera = next(iter(sorted(pictures.frame_ids)), "")
        fixed, base = seen.tree.frames_of(camera)
        examination.remarks.append(f"poses are those of {base} in {fixed}")
    if pictures.remark:
        examination.remarks.append(pictures.remark)
    calibration = seen.intrinsics_of(pictures.topic.name)
    if calibration is not None:
        examination.camera = {"model": calibration.model, "frame_id": calibration.frame_id}
        if calibration.intrinsics is not None:
            known = calibration.intrinsics
            examination.camera |= {
                "fx": known.fx,
                "fy": known.fy,
                "cx": known.cx,
                "cy": known.cy,
                "width": known.width,
                "height": known.height,
            }
        if calibration.model.lower() in _FISHEYE:
            examination.remarks.append(
                f"a fisheye camera ({calibration.model}): overlap is measured by a homography, "
                "which holds near the middle of its picture only, so more frames are kept"
            )
    return examination


def _add_clock(
    examination: Examination,
    pictures: TopicClock,
    poses: TopicClock | None,
    settings: SourceSettings,
) -> None:
    offset_s = pictures.typical_offset_s
    if poses is not None and (pictures.known or poses.known):
        offset_s = (offset_s or 0.0) - (poses.typical_offset_s or 0.0)
    examination.clock_offset_s = None if offset_s is None else round(offset_s, 6)
    if settings.pose_offset_s is not None:
        examination.remarks.append(
            f"poses are moved by {settings.pose_offset_s:+.3f} s (source.pose_offset_s)"
        )
    elif poses is not None and offset_s is not None and alignment_ns(round(offset_s * 1e9), 0):
        examination.remarks.append(
            f"the pictures' stamps are {examination.clock_offset_s:+.3f} s off the poses' clock, "
            "so poses are matched by when both were received"
        )
    elif offset_s is not None and abs(offset_s) >= LATENCY_S:
        examination.remarks.append(
            f"the pictures' stamps are in {pictures.describe()}; they are kept as they are"
        )
    if pictures.jumps:
        examination.remarks.append(f"the pictures' clock jumps {pictures.jumps} times")
