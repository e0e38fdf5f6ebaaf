"""Frames from a video file, a camera or a network stream, through OpenCV.

Stamps are the stream's own where it has them. A camera without a clock gets monotonic time, never
the wall clock.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np

from embodied_agent.errors import SourceError
from embodied_agent.images import MAX_PIXELS, BadImage
from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.base import Sampler, Skips, Source
from embodied_agent.sources.diagnosis import why_no_camera, why_no_stream

#: A stream that names no rate.
_USUAL_FPS = 25.0


def open_video(path: Path, settings: SourceSettings) -> Source:
    """Frames of the video file at ``path``.

    Raises:
        SourceError: it is no video that this OpenCV can read.
    """
    capture = _opened(
        cv2.VideoCapture(str(path)),
        f"the video {path}",
        lambda: "it is no video that FFmpeg can read, or it is damaged",
    )
    fps = _fps(capture)
    count = capture.get(cv2.CAP_PROP_FRAME_COUNT)
    frames = int(count) if math.isfinite(count) and 0 < count < 1e9 else None
    sampler = Sampler(settings.sample_hz)
    duration_ns = None if frames is None else round(frames / fps * 1e9)
    length = "" if frames is None else f", {frames} frames, {frames / fps:.1f} s"
    skips = Skips()
    return Source(
        f"video {path.name}{length}",
        _frames(capture, path.name, sampler, skips, _Clock(fps)),
        skips=skips,
        expected_frames=sampler.expected(frames, duration_ns),
        close=capture.release,
    )


def open_camera(spec: str, settings: SourceSettings) -> Source:
    """Frames of a camera (index or ``/dev/video0``) or of a network stream (URL), live.

    Opening and each read wait for at most ``open_timeout_s`` and ``read_timeout_s``.

    Raises:
        SourceError: it can't be opened; while iterating: it delivers no more.
    """
    timeouts = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        int(settings.open_timeout_s * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        int(settings.read_timeout_s * 1000),
    ]
    if "://" in spec:
        capture = cv2.VideoCapture(spec, cv2.CAP_FFMPEG, timeouts)
        name = f"the stream {_without_password(spec)}"

        def why() -> str:
            return why_no_stream(spec, settings.open_timeout_s)
    else:
        device = int(spec) if spec.isdigit() else spec
        capture = cv2.VideoCapture(device)
        name = f"the camera {spec}"

        def why() -> str:
            return why_no_camera(device)

    capture = _opened(capture, name, why)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    skips = Skips()
    return Source(
        name.removeprefix("the "),
        _frames(
            capture, name, Sampler(settings.sample_hz), skips, _Clock(_fps(capture), live=True)
        ),
        skips=skips,
        live=True,
        close=capture.release,
    )


class _Clock:
    """Strictly rising stamps from a stream's own, from monotonic time, or from its rate."""

    def __init__(self, fps: float, *, live: bool = False) -> None:
        self._step_ns = max(1, round(1e9 / fps))
        self._live = live
        self._last_ns: int | None = None

    def stamp_ns(self, position_ms: float) -> int:
        """The stamp of the frame that the stream places at ``position_ms``."""
        known = math.isfinite(position_ms) and 0 <= position_ms < 9e12
        stamp = round(position_ms * 1e6) if known else -1
        if self._live and stamp <= 0:
            stamp = time.monotonic_ns()
        if self._last_ns is None:
            stamp = max(stamp, 0)
        elif stamp <= self._last_ns:
            stamp = self._last_ns + self._step_ns
        self._last_ns = stamp
        return stamp


def _frames(
    capture: cv2.VideoCapture, name: str, sampler: Sampler, skips: Skips, clock: _Clock
) -> Iterator[Frame]:
    number = usable = 0
    live = clock._live
    while True:
        try:
            if not capture.grab():
                break
            stamp_ns = clock.stamp_ns(capture.get(cv2.CAP_PROP_POS_MSEC))
            number += 1
            # Frames that aren't wanted are never converted.
            if not sampler.due(stamp_ns):
                continue
            done, image = capture.retrieve()
        except cv2.error as error:
            raise SourceError(f"{name} broke at frame {number + 1}: {error}") from error
        if not done or image is None or image.size == 0 or image.dtype != np.uint8:
            bad = BadImage("undecodable", "the frame can't be decoded")
            skips.add_picture(bad, f"{name}, frame {number}", usable)
            continue
        sampler.take(stamp_ns)
        usable += 1
        yield Frame(stamp_ns, image=image.astype(np.uint8, copy=False))
    if live:
        raise SourceError(
            f"{name} delivers no more pictures (after {number}): it ended, or gave none within "
            "read_timeout_s; is it still connected?"
        )


def _opened(capture: cv2.VideoCapture, name: str, why: Callable[[], str]) -> cv2.VideoCapture:
    width = capture.get(cv2.CAP_PROP_FRAME_WIDTH)
    height = capture.get(cv2.CAP_PROP_FRAME_HEIGHT)
    if not capture.isOpened():
        raise SourceError(f"can't open {name}: {why()}")
    if width * height > MAX_PIXELS:
        capture.release()
        raise SourceError(f"{name} has {width:.0f}x{height:.0f} pixels; at most {MAX_PIXELS}")
    return capture


def _fps(capture: cv2.VideoCapture) -> float:
    fps = capture.get(cv2.CAP_PROP_FPS)
    return float(fps) if math.isfinite(fps) and 0.01 <= fps <= 1000 else _USUAL_FPS


def _without_password(url: str) -> str:
    """The URL as it may be shown: ``rtsp://user:secret@host`` keeps neither user nor secret."""
    scheme, _, rest = url.partition("://")
    host, slash, path = rest.partition("/")
    return f"{scheme}://{host.rpartition('@')[2]}{slash}{path}"
