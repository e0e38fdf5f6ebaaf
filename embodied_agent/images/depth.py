"""Depth pictures: whether a frame's can be used, and the small one that a keyframe keeps.

A small depth picture is upright like the keyframe's picture, at most `WIDTH` pixels wide, and kept
as a 16-bit PNG file. Its pixels are picked, never averaged: the mean of what is before and behind
an edge is a distance at which nothing is.

Out of scope: reading depth from recordings and topics (`embodied_agent.sources`,
`embodied_agent.ros`), how far the things in it are (`embodied_agent.perception.ranging`).
"""

from __future__ import annotations

import math
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.images.headers import frame_header
from embodied_agent.images.pixels import TURNS
from embodied_agent.records import Box, Depth, Frame, Intrinsics

#: The width, and the height of very tall pictures, that a small depth picture has at most.
WIDTH, _HEIGHT = 160, 640
#: Width by height may differ from the picture's by this much, as drivers crop to multiples of 16.
_SHAPE_TOLERANCE = 0.03
#: Depth cameras see nothing that is nearer than this, in millimetres, and little beyond the other.
_NEAREST_MM, _FARTHEST_MM = 100, 20_000


def depth_fault(frame: Frame) -> str:
    """Why a frame's depth can't be that of its picture; empty if it can, or if there is none.

    Raises:
        DecodeError: the frame has no picture, or its header can't be read.
    """
    depth: Any = frame.depth
    if depth is None:
        return ""
    if not isinstance(depth, np.ndarray) or depth.dtype != np.uint16:
        kind = depth.dtype if isinstance(depth, np.ndarray) else type(depth).__name__
        return f"it must be an array of uint16, in millimetres, not of {kind}"
    if depth.ndim != 2 or depth.size == 0:
        return f"it must have the shape (height, width), not {depth.shape}"
    if frame.image is not None:
        height, width = frame.image.shape[:2]
    else:
        header = frame_header(frame)
        width, height = header.width, header.height
    high, wide = depth.shape
    if abs(wide / high / (width / height) - 1) > _SHAPE_TOLERANCE:
        return f"it is of {wide}x{high}, the picture is {width}x{height}"
    return ""


def small_depth(frame: Frame) -> tuple[bytes, str]:
    """A frame's depth as a small, upright PNG file, and why there is none: empty without depth.

    Raises:
        DecodeError: the frame has no picture, or its header can't be read.
    """
    depth = frame.depth
    if depth is None:
        return b"", ""
    fault = depth_fault(frame) or _senseless(depth)
    if fault:
        return b"", fault
    upright = upright_depth(frame, depth)
    high, wide = upright.shape
    scale = min(1.0, WIDTH / wide, _HEIGHT / high)
    small = resampled(upright, max(1, int(wide * scale)), max(1, int(high * scale)))
    data = cv2.imencode(".png", np.ascontiguousarray(small))[1]
    return data.tobytes(), ""


def read_depth(png: bytes) -> Depth | None:
    """The depth picture in a PNG file that `small_depth` made; ``None`` if it is none."""
    if not png:
        return None
    try:
        depth = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error:
        return None
    if depth is None or depth.dtype != np.uint16 or depth.ndim != 2:
        return None
    return depth.astype(np.uint16, copy=False)


def upright_depth(frame: Frame, depth: Depth) -> Depth:
    """A frame's ``depth``, turned as its picture's EXIF orientation asks for.

    Raises:
        DecodeError: the frame's header can't be read.
    """
    if frame.encoded is None:
        return depth
    turn = TURNS.get(frame_header(frame).orientation)
    return depth if turn is None else np.asarray(turn(depth)).astype(np.uint16, copy=False)


def resampled(picture: npt.NDArray[Any], width: int, height: int) -> npt.NDArray[Any]:
    """A picture of ``width`` by ``height`` pixels, each the nearest one of ``picture``."""
    high, wide = picture.shape
    rows = ((np.arange(height) + 0.5) * high / height).astype(np.intp)
    columns = ((np.arange(width) + 0.5) * wide / width).astype(np.intp)
    picked: npt.NDArray[Any] = picture[rows[:, None], columns]
    return picked


def ranges_in(depth: Depth, box: Box, camera: Intrinsics) -> npt.NDArray[np.float64]:
    """The distances from the camera, along the lines of sight, that a box shows.

    Args:
        depth: (height, width), of the whole upright picture.
        box: in parts of the picture; it may reach beyond.
        camera: of the upright picture, at any size.

    Returns:
        One distance for each pixel in the box, at least one, in metres; 0 where nobody knows.
    """
    height, width = depth.shape
    top, bottom = _pixels(box.top, box.bottom, height)
    left, right = _pixels(box.left, box.right, width)
    x = ((np.arange(left, right) + 0.5) / width * camera.width - camera.cx) / camera.fx
    y = ((np.arange(top, bottom) + 0.5) / height * camera.height - camera.cy) / camera.fy
    ahead = depth[top:bottom, left:right] / 1000.0
    ranges: npt.NDArray[np.float64] = ahead * np.sqrt(1 + x[None, :] ** 2 + y[:, None] ** 2)
    return ranges


def _pixels(low: float, high: float, count: int) -> tuple[int, int]:
    """The first of ``count`` pixels in an interval, and the one after its last."""
    first = min(max(math.floor(low * count + 0.5), 0), count - 1)
    return first, max(min(math.floor(high * count + 0.5), count), first + 1)


def _senseless(depth: Depth) -> str:
    """Why what a depth picture shows can't be right; empty if it can."""
    known = depth[depth > 0]
    if not known.size:
        return "no pixel of it is known"
    nearest, farthest = int(known.min()), int(known.max())
    if nearest == farthest:
        return f"every pixel of it is {nearest} mm"
    if farthest < _NEAREST_MM:
        return f"its largest value is {farthest}: it must be in millimetres"
    if int(np.percentile(known, 1)) > _FARTHEST_MM:
        return f"everything in it is farther than {_FARTHEST_MM // 1000} m; is it in millimetres?"
    return ""
