"""Pixels of a frame: decoding, turning upright, encoding as JPEG.

Every stage decodes here, so that keyframer, perceiver, memory and page see the same pixels: rotated
upright according to the file's EXIF orientation, with 16-bit values scaled to 8 bits by the
sensor's range.

Out of scope: headers (`embodied_agent.images.headers`), raw ROS images
(`embodied_agent.sources.ros_images`).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.errors import DecodeError
from embodied_agent.images.headers import (
    BadImage,
    encoded_picture,
    frame_header,
    frame_in_errors,
    frame_size,
    read_header,
)
from embodied_agent.records import Frame, Image

#: How to rotate a picture upright, by its EXIF orientation; colour, grey or depth.
TURNS: dict[int, Callable[[npt.NDArray[Any]], cv2.typing.MatLike]] = {
    2: lambda image: cv2.flip(image, 1),
    3: lambda image: cv2.rotate(image, cv2.ROTATE_180),
    4: lambda image: cv2.flip(image, 0),
    5: cv2.transpose,
    6: lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    7: lambda image: cv2.flip(cv2.transpose(image), -1),
    8: lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
#: Bits per value of the sensors that are stored in 16-bit images.
_SENSOR_BITS = (8, 10, 12, 14, 16)


def decode(frame: Frame) -> Image:
    """The frame's pixels, upright, BGR, ``(height, width, 3)`` uint8.

    Raises:
        DecodeError: the frame has no picture, or one that can't be decoded.
    """
    image = _pixels(frame, cv2.IMREAD_COLOR)
    return image if image.ndim == 3 else _as_uint8(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))


def decode_grey(frame: Frame, min_width: int | None = None) -> Image:
    """The frame's pixels, upright, grey, ``(height, width)`` uint8.

    With ``min_width``, a JPEG may be returned at a half, a quarter or an eighth of its size, but
    never narrower than ``min_width`` pixels. That is several times cheaper than a full decode.

    Raises:
        DecodeError: the frame has no picture, or one that can't be decoded.
    """
    preview = frame.preview
    if preview is not None:
        preview_width, full_width = preview.shape[1], frame_size(frame)[0]
        if preview_width == full_width or (min_width is not None and preview_width >= min_width):
            return preview
    flag = cv2.IMREAD_GRAYSCALE
    if min_width is not None and frame.encoded is not None:
        header = frame_header(frame)
        if header.kind == "jpeg":
            for factor, reduced in (
                (8, cv2.IMREAD_REDUCED_GRAYSCALE_8),
                (4, cv2.IMREAD_REDUCED_GRAYSCALE_4),
                (2, cv2.IMREAD_REDUCED_GRAYSCALE_2),
            ):
                if header.upright_size[0] >= min_width * factor:
                    flag = reduced
                    break
    image = _pixels(frame, flag)
    return image if image.ndim == 2 else _as_uint8(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def encode_jpeg(image: Image, quality: int) -> bytes:
    """A BGR or grey uint8 picture as a JPEG file; ``quality`` from 1 to 100.

    Raises:
        DecodeError: the array has another shape or type, or is too large for JPEG.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.size == 0:
        raise DecodeError(
            f"can't encode an array of shape {image.shape} and type {image.dtype}: "
            "give uint8, (height, width) or (height, width, 3)"
        )
    try:
        ok, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error as error:
        raise DecodeError(f"can't encode a picture of shape {image.shape}: {error}") from error
    if not ok:
        raise DecodeError(f"can't encode a picture of shape {image.shape} as JPEG")
    return data.tobytes()


def as_jpeg(frame: Frame, quality: int) -> tuple[bytes, tuple[int, int]]:
    """The frame as a JPEG file that any viewer shows as `decode` does, with its width and height.

    An upright grey or colour JPEG is returned unchanged; everything else is re-encoded.

    Raises:
        DecodeError: the frame has no picture, or one that can't be decoded.
    """
    if frame.encoded is not None:
        header = frame_header(frame)
        if header.kind == "jpeg" and header.orientation == 1 and header.channels in (1, 3):
            return frame.encoded, header.upright_size
    image = decode(frame)
    return encode_jpeg(image, quality), (image.shape[1], image.shape[0])


def scaled_jpeg(frame: Frame, width: int, quality: int, *, height: int | None = None) -> bytes:
    """`as_jpeg`, at most ``width`` (and ``height``) pixels large, with its proportions kept.

    Raises:
        DecodeError: the frame has no picture, or one that can't be decoded.
    """
    jpeg, (full_width, full_height) = as_jpeg(frame, quality)
    scale = width / full_width if height is None else min(width / full_width, height / full_height)
    if scale >= 1:
        return jpeg
    size = max(1, round(full_width * scale)), max(1, round(full_height * scale))
    small = cv2.resize(decode(frame), size, interpolation=cv2.INTER_AREA)
    return encode_jpeg(_as_uint8(small), quality)


def to_8_bits(values: npt.NDArray[np.uint16]) -> Image:
    """16-bit values scaled to 8 bits by the range of the sensor that took them.

    Cameras with 10, 12 or 14 bits use only that range of a 16-bit image. The smallest range that
    contains the largest value is assumed, and its upper 8 bits are kept. That is monotone, and
    steadier from frame to frame than stretching each picture to its own contrast. Only a picture
    that uses less than an eighth of the range, as from a thermal camera, is stretched: otherwise
    nothing would be visible in it.
    """
    largest = int(values.max(initial=0))
    bits = next(bits for bits in _SENSOR_BITS if largest < 1 << bits)
    span = largest - int(values.min(initial=largest))
    if bits > 8 and 8 * span < 1 << bits and span > 0:
        low, high = (float(v) for v in np.percentile(values, (0.5, 99.5)))
        scale = 255.0 / max(high - low, 1.0)
        stretched: Image = np.clip((values - low) * scale, 0, 255).astype(np.uint8)
        return stretched
    return (values >> (bits - 8)).astype(np.uint8)


def _pixels(frame: Frame, flag: int) -> Image:
    if frame.image is not None:
        return frame.image
    with frame_in_errors(frame):
        return _decoded(encoded_picture(frame), flag)


def _decoded(encoded: bytes, flag: int) -> Image:
    header = read_header(encoded)
    # `_upright` rotates, not OpenCV, whose versions differ in which files they rotate.
    mode = cv2.IMREAD_UNCHANGED if header.bits == 16 else flag | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(encoded, np.uint8), mode)
    except cv2.error as error:
        raise BadImage("undecodable", f"can't decode {header.kind.upper()}: {error}") from error
    if image is None:
        raise BadImage(
            "undecodable",
            f"can't decode {header.kind.upper()} of {header.width}x{header.height} pixels, "
            f"{len(encoded)} bytes",
        )
    if image.dtype == np.uint16:
        image = to_8_bits(image.astype(np.uint16, copy=False))
    if image.ndim == 3 and image.shape[2] == 4:
        image = image[:, :, :3].copy()
    return _upright(_as_uint8(image), header.orientation)


def _upright(image: Image, orientation: int) -> Image:
    """``image`` rotated according to its EXIF orientation."""
    turn = TURNS.get(orientation)
    return image if turn is None else _as_uint8(turn(image))


def _as_uint8(image: npt.NDArray[np.generic]) -> Image:
    return image.astype(np.uint8, copy=False)
