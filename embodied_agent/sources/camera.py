"""Frames from a camera or a network stream, through OpenCV.

Stamps are the stream's own if it has them. A camera without a clock gets monotonic time, never
the wall clock.
"""

from __future__ import annotations

import os
import stat
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np

from embodied_agent.errors import SourceError
from embodied_agent.images import MAX_PIXELS, BadImage
from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.base import Sampler, Skips, Source
from embodied_agent.sources.diagnosis import why_no_camera, why_no_stream
from embodied_agent.sources.examination import Examination
from embodied_agent.sources.names import shown
from embodied_agent.sources.stream_clock import StreamClock, usable_fps
from embodied_agent.sources.video_formats import STREAMS

#: What FFmpeg reads streams by; which of them depends on how OpenCV was built.
_SCHEMES = (
    "rtsp", "rtsps", "http", "https", "rtmp", "rtmps", "rtmpt", "rtp", "udp", "tcp", "srt", "mmsh",
    "mmst",
)  # fmt: skip
#: The major number of video devices on Linux.
_VIDEO_MAJOR = 81


def check_camera(spec: str) -> None:
    """Refuse what can never be a camera or a stream, without opening it.

    Raises:
        SourceError: a URL without a host or with a scheme that is not read, or a file that is no
            video device. A camera that is absent passes.
    """
    if "://" not in spec:
        _check_device(spec)
        return
    scheme, _, rest = spec.partition("://")
    name = f"the {shown(spec)}"
    if scheme.lower() == "file":
        raise SourceError(f"{spec} is a file, not a stream: name the file itself, {rest}")
    if scheme.lower() not in _SCHEMES:
        raise SourceError(
            f"can't open {name}: {scheme}:// is not supported; streams can be read by "
            f"{', '.join(_SCHEMES)}"
        )
    try:
        address = urlsplit(spec)
        host, _ = address.hostname, address.port
    except ValueError as error:
        raise SourceError(f"can't open {name}: the URL is malformed ({error})") from error
    if not host:
        raise SourceError(f"can't open {name}: the URL names no host")


def _check_device(spec: str) -> None:
    if spec.isdigit():
        return
    try:
        device = Path(spec).stat()
    except OSError:
        return  # absent, or not for us to see: it may come
    if not stat.S_ISCHR(device.st_mode) or (
        sys.platform == "linux" and os.major(device.st_rdev) != _VIDEO_MAJOR
    ):
        raise SourceError(f"can't open the camera {spec}: it is not a video device")


def open_camera(spec: str, settings: SourceSettings) -> Source:
    """Frames of a camera (index or ``/dev/video0``) or of a network stream (URL), live.

    Opening and each read wait for at most ``open_timeout_s`` and ``read_timeout_s``.

    Raises:
        SourceError: it can't be opened; while iterating: it delivers no more.
    """
    check_camera(spec)
    timeouts = [
        cv2.CAP_PROP_OPEN_TIMEOUT_MSEC,
        int(settings.open_timeout_s * 1000),
        cv2.CAP_PROP_READ_TIMEOUT_MSEC,
        int(settings.read_timeout_s * 1000),
    ]
    name = f"the {shown(spec)}"
    if "://" in spec:
        # OpenCV's own default holds only while the variable is not set, so it is repeated here.
        os.environ.setdefault(
            "OPENCV_FFMPEG_CAPTURE_OPTIONS",
            f"rtsp_transport;tcp|format_whitelist;{','.join(sorted(STREAMS))}",
        )
        with _quiet():
            capture = cv2.VideoCapture(spec, cv2.CAP_FFMPEG, timeouts)

        def why() -> str:
            return why_no_stream(spec, settings.open_timeout_s)
    else:
        device = int(spec) if spec.isdigit() else spec
        with _quiet():
            capture = cv2.VideoCapture(device)

        def why() -> str:
            return why_no_camera(device)

    capture = _opened(capture, name, why)
    capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)
    skips = Skips()
    return Source(
        name.removeprefix("the "),
        _frames(
            capture,
            name,
            Sampler(settings.sample_hz),
            skips,
            StreamClock(usable_fps(capture.get(cv2.CAP_PROP_FPS)), live=True),
        ),
        skips=skips,
        live=True,
        close=capture.release,
        examination=Examination(
            "stream" if "://" in spec else "camera",
            chosen=name.removeprefix("the "),
            why="it is the only picture source there",
        ),
    )


@contextmanager
def _quiet() -> Iterator[None]:
    """Without OpenCV's warnings: the error says why, once, and better."""
    level = cv2.utils.logging.getLogLevel()
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
    try:
        yield
    finally:
        cv2.utils.logging.setLogLevel(level)


def _frames(
    capture: cv2.VideoCapture, name: str, sampler: Sampler, skips: Skips, clock: StreamClock
) -> Iterator[Frame]:
    number = usable = 0
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
            raise SourceError(f"{name} failed at frame {number + 1}: {error}") from error
        if not done or image is None or image.size == 0 or image.dtype != np.uint8:
            bad = BadImage("undecodable", "the frame can't be decoded")
            skips.add_picture(bad, f"{name}, frame {number}", usable)
            continue
        sampler.take(stamp_ns)
        usable += 1
        yield Frame(stamp_ns, image=image.astype(np.uint8, copy=False))
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
