"""Frames from a video file, through PyAV (FFmpeg's libraries).

Stamps are the stream's own if it has them, so a variable frame rate is preserved; the file's
rotation is applied. Frames that are not needed are decoded, because others depend on them, but not
converted.

Out of scope: cameras and streams (camera.py), video in recordings (bags/packets.py).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.stream import VideoStream

from embodied_agent.errors import SourceError
from embodied_agent.images import MAX_PIXELS, BadImage
from embodied_agent.records import Frame, Image
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.base import Sampler, Skips, Source
from embodied_agent.sources.examination import Examination, TopicFacts
from embodied_agent.sources.misnamed import why_no_video
from embodied_agent.sources.picture_checks import FlatRows
from embodied_agent.sources.pixels import bgr_of
from embodied_agent.sources.stream_clock import StreamClock, usable_fps
from embodied_agent.sources.video_formats import FORMATS

#: A playlist inside a file must not make FFmpeg open others, here or on the network.
_OPTIONS = {"protocol_whitelist": "file"}
#: FFmpeg's libraries raise their own errors; PyAV adds plain ones on odd streams.
_ERRORS = (av.error.FFmpegError, ValueError, OSError, OverflowError, ArithmeticError, MemoryError)
#: With so many packets in a row that can't be decoded, the rest isn't worth reading.
_GIVE_UP_AFTER = 2000


def open_video(path: Path, settings: SourceSettings) -> Source:
    """Frames of the video file at ``path``.

    Raises:
        SourceError: it is not a video that FFmpeg reads.
    """
    container, stream = open_stream(path)
    try:
        facts = describe_stream(path, container, stream)
    except BaseException:
        container.close()
        raise
    sampler = Sampler(settings.sample_hz)
    skips = Skips()
    frames, duration_s = facts.count, _duration_s(container, stream)
    length = (
        "" if frames is None or duration_s is None else f", {frames} frames, {duration_s:.1f} s"
    )
    duration_ns = None if duration_s is None else round(duration_s * 1e9)
    return Source(
        f"video {path.name}{length}",
        video_frames(container, stream, path.name, sampler, skips),
        skips=skips,
        expected_frames=sampler.expected(frames, duration_ns),
        close=container.close,
        examination=Examination(
            "video",
            chosen=str(path),
            why="it is the only video stream in the file"
            if len(video_streams(container)) == 1
            else f"it is the first of {len(video_streams(container))} video streams in the file",
            frames=frames,
            duration_s=duration_s,
            topics=[facts],
        ),
    )


def open_stream(path: Path) -> tuple[InputContainer, VideoStream]:
    """The container at ``path`` and its first video stream, ready to decode.

    Raises:
        SourceError: it is not a video that FFmpeg reads, or too large.
    """
    try:
        # The prefix keeps names with colons and percent signs from meaning something.
        container = av.open(f"file:{path.absolute()}", options=_OPTIONS)
    except _ERRORS as error:
        raise SourceError(why_no_video(path, _words(error))) from error
    try:
        streams = video_streams(container)
        if not streams:
            raise SourceError(f"{path} holds no video stream ({container.format.long_name})")
        if not FORMATS & set(container.format.name.split(",")):
            raise SourceError(
                why_no_video(path, f"FFmpeg takes it for {container.format.long_name}")
            )
        stream = streams[0]
        context = stream.codec_context
        if context is None:
            raise SourceError(f"{path} holds video in a codec that this FFmpeg can't decode")
        if context.width * context.height > MAX_PIXELS:
            raise SourceError(
                f"{path} has {context.width}x{context.height} pixels; at most {MAX_PIXELS}"
            )
        if context.name in ("libdav1d", "av1", "libaom-av1", "vp9", "hevc", "h264"):
            stream.thread_type = "AUTO"
            context.thread_count = 2
    except SourceError:
        container.close()
        raise
    except _ERRORS as error:
        container.close()
        raise SourceError(why_no_video(path, _words(error))) from error
    return container, stream


def video_streams(container: InputContainer) -> list[VideoStream]:
    """The video streams of a container, without attached pictures: the cover of a song, or the
    thumbnail that a camera adds."""
    return [
        stream
        for stream in container.streams.video
        if not stream.disposition & Disposition.attached_pic
    ]


def describe_stream(path: Path, container: InputContainer, stream: VideoStream) -> TopicFacts:
    """What a file's headers say of its video."""
    context = stream.codec_context
    rate = stream.average_rate or stream.guessed_rate
    duration_s = _duration_s(container, stream)
    count: int | None = stream.frames or None
    if count is None and rate and duration_s:
        count = round(float(rate) * duration_s)
    return TopicFacts(
        path.name,
        container.format.name,
        context.codec.canonical_name if context else "",
        f"{context.width}x{context.height}" if context else "",
        count,
        float(rate) if rate else None,
        clock="the stream's own, from 0",
        used=True,
        why="the pictures come from it",
    )


def video_frames(
    container: InputContainer,
    stream: VideoStream,
    name: str,
    sampler: Sampler,
    skips: Skips,
    *,
    start_s: float = 0.0,
    end_s: float = math.inf,
) -> Iterator[Frame]:
    """Frames of a stream from ``start_s`` to before ``end_s``, stamped from ``start_s`` on."""
    rate = float(stream.average_rate or stream.guessed_rate or 0.0)
    clock = StreamClock(usable_fps(rate))
    flat = FlatRows()
    number = usable = failed = 0
    time_base = stream.time_base or Fraction(1, 1000)
    base_s = float(stream.start_time * time_base) if stream.start_time else 0.0
    # Half a frame is what the times in a table may be rounded by.
    slack_s = 0.5 / usable_fps(rate)
    if start_s > 0:
        _seek(container, stream, start_s + base_s)
    for packet in _packets(container, stream, name):
        try:
            decoded = packet.decode()
            failed = 0
        except _ERRORS as error:
            failed += 1
            bad = BadImage("undecodable", f"a packet can't be decoded: {_words(error)}")
            skips.add_picture(bad, f"{name}, frame {number + 1}", usable)
            if failed > _GIVE_UP_AFTER:
                return
            continue
        for frame in decoded:
            assert isinstance(frame, av.VideoFrame)
            position_s = math.nan if frame.time is None else frame.time - base_s
            if position_s < start_s - slack_s:
                continue
            if position_s >= end_s - slack_s:
                return
            stamp_ns = clock.stamp_ns(max(0.0, position_s - start_s) * 1000)
            number += 1
            if not sampler.due(stamp_ns):
                continue
            try:
                picture = Frame(stamp_ns, image=_picture(frame))
                flat.check(picture)
            except BadImage as error:
                skips.add_picture(error, f"{name}, frame {number}", usable)
                continue
            sampler.take(stamp_ns)
            usable += 1
            yield picture


def _packets(container: InputContainer, stream: VideoStream, name: str) -> Iterator[av.Packet[Any]]:
    try:
        yield from container.demux(stream)
    except _ERRORS as error:
        raise SourceError(
            f"{name} failed during reading: it is damaged ({_words(error)})"
        ) from error


def _seek(container: InputContainer, stream: VideoStream, at_s: float) -> None:
    try:
        container.seek(max(0, round(at_s / (stream.time_base or Fraction(1, 1000)))), stream=stream)
    except _ERRORS:
        # Without an index it is read from the start, and what comes before is left out.
        container.seek(0)


def _picture(frame: av.VideoFrame) -> Image:
    if frame.width * frame.height > MAX_PIXELS:
        raise BadImage("too_large", f"{frame.width}x{frame.height} pixels")
    if frame.is_corrupt:
        raise BadImage("truncated_image", "parts of the frame are missing")
    image = bgr_of(frame)
    turns = round(-frame.rotation / 90) % 4
    if turns:
        image = np.ascontiguousarray(np.rot90(image, -turns))
    return image


def _duration_s(container: InputContainer, stream: VideoStream) -> float | None:
    if stream.duration and stream.time_base:
        duration_s = float(stream.duration * stream.time_base)
    elif container.duration:
        duration_s = container.duration / av.time_base
    else:
        return None
    return duration_s if 0 < duration_s < 1e9 else None


def _words(error: BaseException) -> str:
    return getattr(error, "strerror", None) or str(error) or type(error).__name__
