"""A recording as a source: its description and examination, and its frames.

Out of scope: reading its files (files.py), choosing topics (topics.py), the order and poses of
pictures (frames.py).
"""

from __future__ import annotations

import heapq
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from embodied_agent.errors import SourceError
from embodied_agent.records import CameraMount, Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.bags.clocks import LATENCY_S, TopicClock, alignment_ns
from embodied_agent.sources.bags.depth import DepthChoice, choose_depth
from embodied_agent.sources.bags.files import BagFiles, open_bag_files
from embodied_agent.sources.bags.frames import BagFrames
from embodied_agent.sources.bags.messages import MessageReader
from embodied_agent.sources.bags.schemas import PICTURES, Kind
from embodied_agent.sources.bags.survey import Survey, TopicSample, survey_bag
from embodied_agent.sources.bags.topics import choose_pictures, choose_poses, content, reasons
from embodied_agent.sources.bags.transforms import TransformTree, heading_deg
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
    survey = survey_bag(bag, reader, tree)
    named = [pair.partition("=")[::2] for pair in settings.topics]
    try:
        cameras = [
            choose_pictures(bag, survey, t) for t in ([t for _, t in named] or [settings.topic])
        ]
        poses = choose_poses(bag, survey, settings.odom_topic, cameras[0].topic.name)
        depths = [
            choose_depth(bag, survey, camera, settings, name)
            for camera, (name, _) in zip(cameras, named or [("", "")], strict=True)
        ]
    except SourceError as error:
        examination = _examination(bag, survey, None, None, settings)
        examination.why = str(error)
        raise UnusableSource(str(error), examination) from error
    examination = _examination(bag, survey, cameras[0], poses, settings)
    _add_depth(examination, depths)
    headed = {pair.partition("=")[0] for pair in settings.mounts}
    passes = [
        BagFrames(
            bag, reader, survey, camera, poses, Sampler(settings.sample_hz), settings,
            headed=name in headed, depth=depth.sample,
        )
        for camera, depth, (name, _) in zip(cameras, depths, named or [("", "")], strict=True)
    ]  # fmt: skip
    frames = passes[0].frames()
    if named:
        mounts = mounts_of(survey, cameras, [name for name, _ in named], settings)
        _add_cameras(examination, cameras, mounts)
        streams = [_mounted(one.frames(), mount) for one, mount in zip(passes, mounts, strict=True)]
        frames = heapq.merge(*streams, key=lambda frame: frame.stamp_ns)
    count = sum(camera.topic.messages for camera in cameras)
    return Source(
        _description(bag, survey, cameras[0], poses, examination),
        frames,
        skips=bag.skips,
        expected_frames=Sampler(settings.sample_hz).expected(count, bag.duration_ns),
        close=bag.close,
        examination=examination,
        turns=passes[0].turns,
        hear=passes[0].hear,
    )


def mounts_of(
    survey: Survey, cameras: list[TopicSample], names: list[str], settings: SourceSettings
) -> list[CameraMount]:
    """Where each camera looks: as the settings say, else as TF does, else ahead."""
    given = {name: float(angle) for name, _, angle in (m.partition("=") for m in settings.mounts)}
    mounts = []
    for order, (name, camera) in enumerate(zip(names, cameras, strict=True)):
        angle = given.get(name)
        frame = next(iter(sorted(camera.frame_ids)), "")
        mount = survey.tree.mount(frame) if angle is None else None
        if mount is not None:
            angle = heading_deg(mount, optical="optical" in frame)
        mounts.append(CameraMount(name, round(angle or 0.0, 1), order))
    return mounts


def _mounted(frames: Iterator[Frame], mount: CameraMount) -> Iterator[Frame]:
    for frame in frames:
        yield replace(frame, frame_id=mount.frame_id)


def _add_cameras(
    examination: Examination, cameras: list[TopicSample], mounts: list[CameraMount]
) -> None:
    used = {camera.topic.name: mount for camera, mount in zip(cameras, mounts, strict=True)}
    for facts in examination.topics:
        mount = used.get(facts.name)
        if mount is not None:
            facts.used = True
            facts.why = f"the camera {mount.name}, {mount.yaw_deg:g}° to the left of ahead"
    names = ", ".join(f"{m.name} ({m.yaw_deg:g}°)" for m in mounts)
    examination.why = f"{len(mounts)} cameras are named in source.topics"
    examination.remarks.append(f"cameras {names}")
    examination.frames = sum(camera.topic.messages for camera in cameras)


def _add_depth(examination: Examination, depths: list[DepthChoice]) -> None:
    """Which depth topics are used, and why the others are not."""
    used = {depth.sample.topic.name for depth in depths if depth.sample is not None}
    for facts in examination.topics:
        reasons = [depth.reasons[facts.name] for depth in depths if facts.name in depth.reasons]
        if facts.name in used:
            facts.used, facts.why = True, "the depth of the pictures comes from it"
        elif reasons:
            facts.why = f"it holds depth, which is not used: {reasons[0]}"
    examination.depth_from = ", ".join(sorted(used))
    remarks = [depth.remark for depth in depths if depth.remark]
    # Of several cameras, it is enough that one has depth.
    chosen = [depth.remark for depth in depths if depth.sample is not None]
    examination.remarks += list(dict.fromkeys(chosen or remarks[:1]))


def _description(
    bag: BagFiles,
    survey: Survey,
    pictures: TopicSample,
    poses: TopicSample | None,
    examination: Examination,
) -> str:
    rest = _other_cameras(survey, pictures)
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


def _other_cameras(survey: Survey, pictures: TopicSample) -> list[str]:
    return [s.topic.name for s in survey.of_kind(*PICTURES) if s is not pictures and not s.problem]


def _examination(
    bag: BagFiles,
    survey: Survey,
    pictures: TopicSample | None,
    poses: TopicSample | None,
    settings: SourceSettings,
) -> Examination:
    facts = [sample.facts(bag.duration_ns) for sample in survey.samples.values()]
    examination = Examination("bag", topics=facts, duration_s=bag.duration_ns / 1e9)
    if pictures is None:
        for fact, sample in zip(facts, survey.samples.values(), strict=True):
            fact.why = content(sample)
        return examination
    lines = reasons(survey, pictures, poses)
    for fact in facts:
        fact.why = lines[fact.name]
        fact.used = fact.name == pictures.topic.name or (
            poses is not None and fact.name == poses.topic.name
        )
    examination.chosen = pictures.topic.name
    examination.frames = pictures.topic.messages
    rest = _other_cameras(survey, pictures)
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
    if poses is not None and not settings.topics:
        examination.remarks += _on_mount(survey, pictures)
    if poses is not None and poses.kind is Kind.TRANSFORM:
        camera = next(iter(sorted(pictures.frame_ids)), "")
        fixed, base = survey.tree.frames_of(camera)
        examination.remarks.append(f"poses are those of {base} in {fixed}")
    if pictures.remark:
        examination.remarks.append(pictures.remark)
    calibration = survey.intrinsics_of(pictures.topic.name)
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


def _on_mount(survey: Survey, pictures: TopicSample) -> list[str]:
    """Where the camera is on the robot, in words, where there are transforms."""
    camera = next(iter(sorted(pictures.frame_ids)), "").lstrip("/")
    if not survey.tree or not camera:
        return []
    place = survey.tree.mount(camera)
    base = survey.tree.frames_of(camera)[1]
    if place is not None:
        x, y, z = place.position_m
        return [f"the camera is at ({x:.2f}, {y:.2f}, {z:.2f}) m on {base}"]
    if base == camera:
        return []
    return [
        f"TF does not say where the camera {camera} is on {base}, so objects are located as if it "
        "were there; objects.camera_ahead_m and the settings beside it say where it is"
    ]


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
        examination.remarks.append(f"the pictures' clock {pictures.describe_jumps()}")
