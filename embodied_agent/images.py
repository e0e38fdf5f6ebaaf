"""Pictures in and out of bytes: JPEG and PNG headers, decoding, encoding.

Header sizes are read without decoding, so that a small file that claims a huge picture is refused
before any memory is given to it. Raw ROS images are in ros_images.py.
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.errors import DecodeError
from embodied_agent.records import Frame, Image

#: Larger pictures are refused unseen. 64 megapixels is above any robot's camera.
MAX_PIXELS = 64_000_000
_JPEG_MAGIC = b"\xff\xd8\xff"
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
#: Start-of-frame markers; C4, C8 and CC in that range mean something else.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
#: Bits per value of the sensors that are stored in 16-bit images.
_SENSOR_BITS = (8, 10, 12, 14, 16)


class BadImage(DecodeError):
    """One picture can't be used; ``reason`` is the short name that skips are counted under."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Header(NamedTuple):
    """What a picture's header says: size in pixels, bits per value, where its data start."""

    kind: Literal["jpeg", "png"]
    width: int
    height: int
    bits: int
    data_offset: int


def read_header(encoded: bytes) -> Header:
    """The header of a JPEG or PNG file, without decoding it.

    Raises:
        DecodeError: neither JPEG nor PNG, truncated, or above `MAX_PIXELS`.
    """
    if not encoded:
        raise BadImage("empty_image", "the picture is empty (0 bytes)")
    if encoded.startswith(_JPEG_MAGIC):
        header = _read_jpeg_header(encoded)
    elif encoded.startswith(_PNG_MAGIC):
        header = _read_png_header(encoded)
    else:
        raise BadImage(
            "unknown_encoding",
            f"neither JPEG nor PNG (begins with {encoded[:8].hex(' ')}); record one of the two",
        )
    if header.width == 0 or header.height == 0:
        raise BadImage("empty_image", f"the picture has no size ({header.width}x{header.height})")
    if header.width * header.height > MAX_PIXELS:
        raise BadImage(
            "too_large",
            f"{header.width}x{header.height} pixels; at most {MAX_PIXELS // 1_000_000} "
            "megapixels are decoded",
        )
    return header


def _read_jpeg_header(data: bytes) -> Header:
    size: tuple[int, int, int] | None = None
    at = 2
    while at + 4 <= len(data):
        if data[at] != 0xFF:
            raise BadImage("undecodable", f"broken JPEG header at byte {at}")
        marker = data[at + 1]
        if marker == 0xFF:  # padding before a marker
            at += 1
            continue
        if marker in _JPEG_BARE:
            at += 2
            continue
        if marker == 0xD9:
            break
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if length < 2:
            raise BadImage("undecodable", f"broken JPEG segment at byte {at}")
        if marker in _JPEG_FRAMES and length >= 8 and at + 9 <= len(data):
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            width = int.from_bytes(data[at + 7 : at + 9], "big")
            size = (width, height, data[at + 4])
        if marker == 0xDA and size is not None:
            return Header("jpeg", *size, at + 2 + length)
        at += 2 + length
    raise BadImage("truncated_image", f"JPEG ends within its header ({len(data)} bytes)")


def _read_png_header(data: bytes) -> Header:
    if len(data) < 33:
        raise BadImage("truncated_image", f"PNG ends within its header ({len(data)} bytes)")
    if data[12:16] != b"IHDR":
        raise BadImage("undecodable", "broken PNG header")
    width = int.from_bytes(data[16:20], "big")
    height = int.from_bytes(data[20:24], "big")
    return Header("png", width, height, data[24], 33)


def check_complete(encoded: bytes) -> Header:
    """The header of a JPEG or PNG file that also has its end mark.

    A cut JPEG still decodes, with grey below the cut, and would enter the memory as a scene.

    Raises:
        DecodeError: as `read_header`, or the end mark is missing.
    """
    header = read_header(encoded)
    # Within JPEG's coded data, FF is always followed by 00 or a restart mark: FF D9 is the end.
    end = b"\xff\xd9" if header.kind == "jpeg" else b"IEND"
    if encoded.rfind(end, header.data_offset) < 0:
        raise BadImage(
            "truncated_image", f"{header.kind.upper()} is cut short after {len(encoded)} bytes"
        )
    return header


def image_size(encoded: bytes) -> tuple[int, int]:
    """``(width, height)`` in pixels of a JPEG or PNG file, read from its header.

    Raises:
        DecodeError: neither JPEG nor PNG, truncated, or above `MAX_PIXELS`.
    """
    header = read_header(encoded)
    return header.width, header.height


def decode(frame: Frame) -> Image:
    """The frame's pixels, BGR, ``(height, width, 3)`` uint8.

    Raises:
        DecodeError: the frame holds no picture or one that can't be decoded.
    """
    image = _pixels(frame, cv2.IMREAD_COLOR)
    return image if image.ndim == 3 else _as_uint8(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))


def decode_grey(frame: Frame, min_width: int | None = None) -> Image:
    """The frame's pixels, grey, ``(height, width)`` uint8.

    With ``min_width``, a JPEG may come back at a half, quarter or eighth of its size, never
    narrower than ``min_width`` pixels: several times cheaper than decoding it whole.

    Raises:
        DecodeError: the frame holds no picture or one that can't be decoded.
    """
    flag = cv2.IMREAD_GRAYSCALE
    if min_width is not None and frame.encoded is not None:
        header = read_header(frame.encoded)
        if header.kind == "jpeg":
            for factor, reduced in (
                (8, cv2.IMREAD_REDUCED_GRAYSCALE_8),
                (4, cv2.IMREAD_REDUCED_GRAYSCALE_4),
                (2, cv2.IMREAD_REDUCED_GRAYSCALE_2),
            ):
                if header.width >= min_width * factor:
                    flag = reduced
                    break
    image = _pixels(frame, flag)
    return image if image.ndim == 2 else _as_uint8(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY))


def encode_jpeg(image: Image, quality: int) -> bytes:
    """A BGR or grey uint8 picture as a JPEG file; ``quality`` from 1 to 100.

    Raises:
        DecodeError: the array is no such picture, or too large for JPEG.
    """
    if image.dtype != np.uint8 or image.ndim not in (2, 3) or image.size == 0:
        raise DecodeError(
            f"can't encode an array of shape {image.shape} and type {image.dtype}: "
            "give uint8, (height, width) or (height, width, 3)"
        )
    try:
        done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])
    except cv2.error as error:
        raise DecodeError(f"can't encode a picture of shape {image.shape}: {error}") from error
    if not done:
        raise DecodeError(f"can't encode a picture of shape {image.shape} as JPEG")
    return data.tobytes()


def to_8_bits(values: npt.NDArray[np.uint16]) -> Image:
    """16-bit values as 8-bit ones, by the range of the sensor that made them.

    Cameras of 10, 12 or 14 bits keep their own range within 16-bit images. The smallest of these
    that holds the largest value is taken, and its upper 8 bits are kept: monotone, and steady from
    frame to frame, which stretching each picture to its own contrast would not be. Only where a
    picture uses less than an eighth of the range, as thermal cameras do, it is stretched, or
    nothing could be seen in it.
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
    if frame.encoded is None:
        raise DecodeError(f"frame {frame.index} at {frame.stamp_ns} ns holds no picture")
    header = read_header(frame.encoded)
    # Pixels stay as the sensor delivered them: intrinsics and homographies refer to those.
    mode = cv2.IMREAD_UNCHANGED if header.bits == 16 else flag | cv2.IMREAD_IGNORE_ORIENTATION
    try:
        image = cv2.imdecode(np.frombuffer(frame.encoded, np.uint8), mode)
    except cv2.error as error:
        raise BadImage("undecodable", f"can't decode {header.kind.upper()}: {error}") from error
    if image is None:
        raise BadImage(
            "undecodable",
            f"can't decode {header.kind.upper()} of {header.width}x{header.height} pixels, "
            f"{len(frame.encoded)} bytes",
        )
    if image.dtype == np.uint16:
        image = to_8_bits(image.astype(np.uint16, copy=False))
    if image.ndim == 3 and image.shape[2] == 4:
        image = image[:, :, :3].copy()
    return _as_uint8(image)


def _as_uint8(image: npt.NDArray[np.generic]) -> Image:
    return image.astype(np.uint8, copy=False)
