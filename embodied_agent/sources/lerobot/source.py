"""One camera and one episode of a LeRobot data set as a source.

Stamps are the table's: ``stamp_ns`` if the data set has it (ours do), else ``timestamp`` from 0.
Poses come from a state whose names are those of a pose.

Out of scope: states of arms and grippers, actions and rewards.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from embodied_agent.errors import SourceError
from embodied_agent.images import BadImage
from embodied_agent.records import Frame, Pose
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.base import Sampler, Skips, Source
from embodied_agent.sources.examination import Examination, TopicFacts
from embodied_agent.sources.lerobot.layout import Layout, VideoPlace, read_layout
from embodied_agent.sources.lerobot.tables import read_rows
from embodied_agent.sources.picture_checks import FlatRows, check_encoded
from embodied_agent.sources.video import open_stream, video_frames

STATE = "observation.state"
#: Names of a state's values that make a pose in space, and one in the plane.
POSE_NAMES = ("x", "y", "z", "qx", "qy", "qz", "qw")
_PLANE_NAMES = ("x", "y", "theta")


def open_lerobot(path: Path, settings: SourceSettings) -> Source:
    """Frames of the camera ``settings.topic`` in the episode ``settings.episode``.

    Raises:
        SourceError: the data set can't be read, or has no such camera or episode.
    """
    layout = read_layout(path)
    camera = _choose_camera(layout, settings.topic)
    table, entry = layout.table(settings.episode)
    kind = str(layout.features[camera]["dtype"])
    stamps, poses = _read_table(layout, table, settings.episode)
    if not stamps:
        raise SourceError(f"{table} has no rows of episode {settings.episode}")
    if not all(map(math.isfinite, stamps)):
        raise SourceError(f"{table}: its timestamps are not numbers")
    skips = Skips()
    sampler = Sampler(settings.sample_hz)
    duration_ns = stamps[-1] - stamps[0]
    place = layout.video(camera, settings.episode, entry) if kind == "video" else None
    frames = (
        _embedded(table, camera, settings.episode, sampler, skips)
        if place is None
        else _video(place, sampler, skips)
    )
    examination = _examination(layout, camera, settings, stamps, poses, place)
    return Source(
        f"data set {path.name}: {camera}, episode {settings.episode} of {layout.episodes}, "
        f"{len(stamps)} frames, {duration_ns / 1e9:.1f} s"
        + (f", poses from {STATE}" if any(poses) else ""),
        _stamped(frames, stamps, poses, layout.fps, table_stamps=place is not None),
        skips=skips,
        expected_frames=sampler.expected(len(stamps), duration_ns),
        examination=examination,
    )


def _choose_camera(layout: Layout, wanted: str) -> str:
    cameras = list(layout.cameras)
    if not cameras:
        raise SourceError(f"{layout.root} holds no pictures: none of its features is a camera")
    if not wanted:
        depth = [c for c in cameras if not _is_depth(layout.features[c], c)]
        if not depth:
            raise SourceError(f"{layout.root} holds depth pictures only: {', '.join(cameras)}")
        return depth[0]
    for camera in cameras:
        if wanted in (camera, camera.rpartition(".")[2], f"/{camera}"):
            return camera
    raise SourceError(f"{layout.root} has no camera {wanted!r}; its cameras: {', '.join(cameras)}")


def _is_depth(feature: dict[str, Any], name: str) -> bool:
    information = feature.get("info") or feature.get("video_info") or {}
    return "depth" in name.lower() or bool(
        isinstance(information, dict) and information.get("video.is_depth_map")
    )


def _read_table(layout: Layout, table: Path, episode: int) -> tuple[list[int], list[Pose | None]]:
    """Stamps and poses of an episode's rows."""
    names = _state_names(layout)
    stamps: list[int] = []
    poses: list[Pose | None] = []
    columns = ("episode_index", "timestamp", "stamp_ns", STATE)
    for row in read_rows(table, ("episode_index", episode), columns):
        try:
            stamp_ns = row.get("stamp_ns")
            if isinstance(stamp_ns, list):
                stamp_ns = stamp_ns[0]
            if stamp_ns is None:
                stamp_ns = round(float(row["timestamp"]) * 1e9)
            stamps.append(int(stamp_ns))
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            raise SourceError(f"{table}: a row has no timestamp: {error!r}") from error
        poses.append(pose_of_state(names, row.get(STATE)))
    return stamps, poses


def _state_names(layout: Layout) -> list[str]:
    names = layout.features.get(STATE, {}).get("names")
    if isinstance(names, dict):
        names = next(iter(names.values()), None)
    return [str(name) for name in names] if isinstance(names, list) else []


def pose_of_state(names: list[str], values: Any) -> Pose | None:
    """A pose where the names of a state's values say that it is one."""
    if not isinstance(values, list) or len(values) != len(names):
        return None
    state = dict(zip(names, values, strict=True))
    try:
        if all(name in state for name in POSE_NAMES):
            x, y, z, qx, qy, qz, qw = (float(state[name]) for name in POSE_NAMES)
            finite = all(map(math.isfinite, (x, y, z, qx, qy, qz, qw)))
            length = math.hypot(qx, qy, qz, qw)
            if not finite or length < 1e-6:
                return None
            turn = (qx / length, qy / length, qz / length, qw / length)
            return Pose((x, y, z), turn)
        if all(name in state for name in _PLANE_NAMES):
            x, y, theta = (float(state[name]) for name in _PLANE_NAMES)
            if not all(map(math.isfinite, (x, y, theta))):
                return None
            return Pose((x, y, 0.0), (0.0, 0.0, math.sin(theta / 2), math.cos(theta / 2)))
    except (TypeError, ValueError):
        return None
    return None


def _video(place: VideoPlace, sampler: Sampler, skips: Skips) -> Iterator[Frame]:
    container, stream = open_stream(place.path)
    with container:
        yield from video_frames(
            container,
            stream,
            place.path.name,
            sampler,
            skips,
            start_s=place.start_s,
            end_s=place.end_s,
        )


def _embedded(
    table: Path, camera: str, episode: int, sampler: Sampler, skips: Skips
) -> Iterator[Frame]:
    """Pictures that lie in the table itself, as encoded files."""
    flat = FlatRows()
    usable = 0
    columns = ("episode_index", "timestamp", "stamp_ns", camera)
    for number, row in enumerate(read_rows(table, ("episode_index", episode), columns)):
        try:
            stamp_ns = row.get("stamp_ns")
            stamp_ns = stamp_ns[0] if isinstance(stamp_ns, list) else stamp_ns
            stamp_ns = int(round(float(row["timestamp"]) * 1e9) if stamp_ns is None else stamp_ns)
        except (LookupError, TypeError, ValueError, OverflowError) as error:
            skips.add("bad_stamp", f"{table.name}, row {number}: {error!r}")
            continue
        if not sampler.due(stamp_ns):
            continue
        cell = row.get(camera)
        data = cell.get("bytes") if isinstance(cell, dict) else cell
        try:
            if not isinstance(data, bytes):
                raise BadImage("empty_image", "the row holds no picture")
            frame = check_encoded(Frame(stamp_ns, encoded=data, frame_id=camera, index=number))
            flat.check(frame)
        except BadImage as error:
            skips.add_picture(error, f"{table.name}, row {number}", usable)
            continue
        sampler.take(stamp_ns)
        usable += 1
        yield frame


def _stamped(
    frames: Iterator[Frame],
    stamps: list[int],
    poses: list[Pose | None],
    fps: float,
    *,
    table_stamps: bool,
) -> Iterator[Frame]:
    """Frames with the stamps and poses of their rows."""
    by_stamp = {stamp: number for number, stamp in enumerate(stamps)}
    for frame in frames:
        if table_stamps:
            # The rate of a data set is constant; the video's own times are rounded.
            row = round(frame.stamp_ns / 1e9 * fps)
            if row >= len(stamps):
                return
        else:
            row = by_stamp[frame.stamp_ns]
        yield replace(frame, stamp_ns=stamps[row], pose=poses[row])


def _examination(
    layout: Layout,
    camera: str,
    settings: SourceSettings,
    stamps: list[int],
    poses: list[Pose | None],
    place: VideoPlace | None,
) -> Examination:
    duration_s = (stamps[-1] - stamps[0]) / 1e9
    facts = []
    for key, feature in layout.cameras.items():
        shape = feature.get("shape") or ()
        information = feature.get("info") or feature.get("video_info") or {}
        # Shapes come as height, width, channels, or with the channels first.
        sides = [int(n) for n in shape if isinstance(n, int) and n > 4]
        depth = _is_depth(feature, key)
        used = key == camera
        facts.append(
            TopicFacts(
                key,
                str(feature.get("dtype")),
                str(information.get("video.codec", "") if isinstance(information, dict) else ""),
                f"{sides[1]}x{sides[0]}" if len(sides) == 2 else "",
                len(stamps),
                layout.fps,
                clock="the table's",
                used=used,
                why="the pictures come from it"
                if used
                else "it holds depth, which is never taken for colour"
                if depth
                else "another camera: name it with source.topic",
            )
        )
    names = _state_names(layout)
    if STATE in layout.features:
        facts.append(
            TopicFacts(
                STATE,
                "state",
                ", ".join(names[:12]),
                count=len(stamps),
                rate_hz=layout.fps,
                used=any(poses),
                why="the poses come from it"
                if any(poses)
                else "its names are not those of a pose (x, y, z, qx, qy, qz, qw or x, y, theta)",
            )
        )
    others = len(layout.cameras) - 1
    return Examination(
        "lerobot",
        chosen=camera,
        why=f"{camera} is the one named in source.topic"
        if settings.topic
        else f"{camera} is the first of {others + 1} cameras"
        if others
        else f"{camera} is the only camera",
        poses_from=STATE if any(poses) else "",
        frames=len(stamps),
        duration_s=duration_s,
        topics=facts,
        remarks=[f"version {layout.version}, episode {settings.episode} of {layout.episodes}"]
        + ([] if place is None else [f"video {place.path.name}"]),
    )
