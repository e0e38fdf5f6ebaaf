"""Frames from a camera or a network stream, through OpenCV.

Stamps are the stream's own where it has them. A camera without a clock gets monotonic time, never
the wall clock.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

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
    name = f"the {shown(spec)}"
    if "://" in spec:
        capture = cv2.VideoCapture(spec, cv2.CAP_FFMPEG, timeouts)

        def why() -> str:
            return why_no_stream(spec, settings.open_timeout_s)
    else:
        device = int(spec) if spec.isdigit() else spec
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
            raise SourceError(f"{name} broke at frame {number + 1}: {error}") from error
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
