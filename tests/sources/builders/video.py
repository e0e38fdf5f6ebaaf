"""Video files and packets, through PyAV."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import wraps
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

import av

from tests.sources.builders.card import Picture, card

_P = ParamSpec("_P")
_R = TypeVar("_R")

ENCODERS = {"h264": "libx264", "h265": "libx265", "av1": "libsvtav1", "vp9": "libvpx-vp9"}
_OPTIONS: dict[str, dict[str, str]] = {
    "libx264": {"preset": "ultrafast", "crf": "14"},
    "libx265": {"preset": "ultrafast", "crf": "14", "x265-params": "log-level=none"},
    "libsvtav1": {"preset": "12", "crf": "20", "svtav1-params": "pred-struct=1:lookahead=0"},
    "libvpx-vp9": {"deadline": "realtime", "cpu-used": "8", "crf": "20"},
}


def _in_a_thread_of_its_own(encode: Callable[_P, _R]) -> Callable[_P, _R]:
    """Where it runs as root, SVT-AV1 gives the thread that calls it the highest real-time priority
    for good. A process that goes on so takes the processor from all others."""

    @wraps(encode)
    def apart(*args: _P.args, **options: _P.kwargs) -> _R:
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(encode, *args, **options).result()

    return apart


@_in_a_thread_of_its_own
def packets(
    codec: str,
    count: int = 10,
    *,
    group: int = 5,
    b_frames: int = 0,
    width: int = 96,
    height: int = 64,
) -> list[tuple[int, bytes, bool]]:
    """(frame number, data, key) of an encoded card, in the order of decoding."""
    name = ENCODERS[codec]
    context: Any = av.CodecContext.create(name, "w")
    context.width, context.height, context.pix_fmt = width, height, "yuv420p"
    context.time_base, context.framerate = Fraction(1, 10), Fraction(10)
    context.gop_size = group
    context.max_b_frames = b_frames
    options = dict(_OPTIONS[name])
    if name == "libx264":
        # As live encoders do: every key frame brings its parameters.
        options["x264-params"] = f"keyint={group}:min-keyint={group}:scenecut=0:repeat-headers=1"
        if not b_frames:
            options["tune"] = "zerolatency"
    if name == "libx265":
        options["x265-params"] += (
            f":keyint={group}:min-keyint={group}:scenecut=0:repeat-headers=1:bframes={b_frames}"
        )
    context.options = options
    context.thread_count = 1
    encoded = []
    for n in range(count):
        frame = av.VideoFrame.from_ndarray(card(n, width, height), format="bgr24")
        frame.pts = n
        encoded += context.encode(frame)
    encoded += context.encode(None)
    return [(int(p.pts), bytes(p), bool(p.is_keyframe)) for p in encoded]


@_in_a_thread_of_its_own
def write_video(
    path: Path,
    codec: str = "libx264",
    count: int = 10,
    *,
    times_ms: list[int] | None = None,
    rotation: int = 0,
    pix_fmt: str = "yuv420p",
    pictures: list[Picture] | None = None,
    colorspace: int | None = None,
) -> Path:
    """A video of the card at 10 frames/s, or at the times that are given."""
    pictures = pictures or [card(n) for n in range(count)]
    height, width = pictures[0].shape[:2]
    # The prefix keeps percent signs in names from meaning numbers.
    with av.open(f"file:{path}", "w", format=None) as container:
        stream: Any = container.add_stream(codec, rate=Fraction(10), options=_OPTIONS.get(codec))
        stream.width, stream.height, stream.pix_fmt = width, height, pix_fmt
        stream.time_base = Fraction(1, 1000)
        stream.codec_context.time_base = Fraction(1, 1000)
        stream.codec_context.thread_count = 1
        if rotation:
            stream.set_display_rotation(rotation)
        if colorspace is not None:
            stream.codec_context.colorspace = colorspace
        for n, picture in enumerate(pictures):
            frame = av.VideoFrame.from_ndarray(picture, format="bgr24")
            if colorspace is not None:
                frame = frame.reformat(format=pix_fmt, dst_colorspace=colorspace)
            frame.pts = times_ms[n] if times_ms else n * 100
            frame.time_base = Fraction(1, 1000)
            for packet in stream.encode(frame):
                container.mux(packet)
        for packet in stream.encode(None):
            container.mux(packet)
    return path
