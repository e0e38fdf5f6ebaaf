"""JPEG and PNG headers, and the checks of a frame that need no pixels.

Sizes are read from the header, so that a small file that claims a huge picture is refused before
any memory is allocated for it.

Out of scope: decoding (`embodied_agent.images.pixels`).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple
from typing import Literal, NamedTuple

import numpy as np

from embodied_agent.errors import DecodeError, FrameError
from embodied_agent.records import Frame, Intrinsics

#: Larger pictures are refused before decoding. No robot's camera has 64 megapixels.
MAX_PIXELS = 64_000_000
_JPEG_MAGIC = b"\xff\xd8\xff"
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
#: Start-of-frame markers. C4, C8 and CC lie in that range but mean something else.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
_JPEG_APP1 = 0xE1
_EXIF = b"Exif\0\0"
_ORIENTATION_TAG = 0x0112
#: EXIF orientations from this one on swap width and height.
_FIRST_TURNED = 5
#: Orientations that mirror the stored picture's columns (X) or rows (Y), before any transposition.
_MIRRORED_X, _MIRRORED_Y = frozenset((2, 3, 7, 8)), frozenset((3, 4, 6, 7))
#: Values per pixel by PNG's colour type; a palette counts as colour.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}


class BadImage(DecodeError):
    """One picture can't be used; ``reason`` is the short name under which it is counted."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Header(NamedTuple):
    """The header of a picture file, describing the picture as stored.

    ``width`` and ``height`` are in pixels, ``bits`` is per value, ``data_offset`` is the byte at
    which the data begin. ``orientation`` (EXIF, 1 to 8) says how to rotate the picture upright; 1
    means that it already is.
    """

    kind: Literal["jpeg", "png"]
    width: int
    height: int
    bits: int
    channels: int
    data_offset: int
    orientation: int = 1

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height of the picture that `decode` returns, in pixels."""
        turned = self.orientation >= _FIRST_TURNED
        return (self.height, self.width) if turned else (self.width, self.height)


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
            f"neither JPEG nor PNG (begins with {encoded[:8].hex(' ')}); use one of these formats",
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
    size: tuple[int, int, int, int] | None = None
    orientation = 1
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
        if marker in _JPEG_FRAMES and length >= 8 and at + 10 <= len(data):
            height = int.from_bytes(data[at + 5 : at + 7], "big")
            width = int.from_bytes(data[at + 7 : at + 9], "big")
            size = (width, height, data[at + 4], data[at + 9])
        if marker == _JPEG_APP1 and data[at + 4 : at + 10] == _EXIF:
            orientation = _exif_orientation(data[at + 10 : at + 2 + length])
        if marker == 0xDA and size is not None:
            return Header("jpeg", *size, at + 2 + length, orientation)
        at += 2 + length
    raise BadImage("truncated_image", f"JPEG ends within its header ({len(data)} bytes)")


def _read_png_header(data: bytes) -> Header:
    if len(data) < 33:
        raise BadImage("truncated_image", f"PNG ends within its header ({len(data)} bytes)")
    if data[12:16] != b"IHDR":
        raise BadImage("undecodable", "broken PNG header")
    width = int.from_bytes(data[16:20], "big")
    height = int.from_bytes(data[20:24], "big")
    channels = _PNG_CHANNELS.get(data[25], 3)
    return Header("png", width, height, data[24], channels, 33, _png_orientation(data))


def _png_orientation(data: bytes) -> int:
    """The orientation in a PNG's eXIf chunk, which precedes the pixels."""
    at = 8
    while at + 8 <= len(data):
        length = int.from_bytes(data[at : at + 4], "big")
        kind = data[at + 4 : at + 8]
        if kind == b"IDAT":
            break
        if kind == b"eXIf":
            return _exif_orientation(data[at + 8 : at + 8 + length])
        at += 12 + length
    return 1


def _exif_orientation(tiff: bytes) -> int:
    """The orientation tag of EXIF data (TIFF 6.0, tag 274); 1 if there is none."""
    order: Literal["little", "big"] | None = None
    if tiff[:2] == b"II":
        order = "little"
    elif tiff[:2] == b"MM":
        order = "big"
    if order is None or len(tiff) < 8:
        return 1
    first = int.from_bytes(tiff[4:8], order)
    count = int.from_bytes(tiff[first : first + 2], order)
    for at in range(first + 2, min(first + 2 + 12 * count, len(tiff) - 11), 12):
        if int.from_bytes(tiff[at : at + 2], order) == _ORIENTATION_TAG:
            value = int.from_bytes(tiff[at + 8 : at + 10], order)
            return value if 1 <= value <= 8 else 1
    return 1


def check_complete(encoded: bytes) -> Header:
    """The header of a JPEG or PNG file, after checking that the end marker is present.

    A truncated JPEG still decodes, with grey below the cut, and would be stored as a real scene.

    Raises:
        DecodeError: as `read_header`, or the end marker is missing.
    """
    header = read_header(encoded)
    # In JPEG's coded data FF is always followed by 00 or a restart marker, so FF D9 is the end.
    end = b"\xff\xd9" if header.kind == "jpeg" else b"IEND"
    if encoded.rfind(end, header.data_offset) < 0:
        raise BadImage(
            "truncated_image", f"{header.kind.upper()} is truncated after {len(encoded)} bytes"
        )
    return header


def image_size(encoded: bytes) -> tuple[int, int]:
    """``(width, height)`` in pixels of a JPEG or PNG file once decoded, read from its header.

    Raises:
        DecodeError: neither JPEG nor PNG, truncated, or above `MAX_PIXELS`.
    """
    return read_header(encoded).upright_size


def is_stamp(stamp_ns: int) -> bool:
    """Whether a stamp fits into the 64 bits that every clock and file has for it."""
    return -(1 << 63) <= stamp_ns < 1 << 63


def check_frame(frame: Frame) -> None:
    """Refuse a frame that does not match the documentation of `Frame`.

    Raises:
        FrameError: the stamp is not a 64-bit integer, there is no picture or there are two, or the
            array is not ``uint8`` of shape ``(height, width)`` or ``(height, width, 3)``.
    """
    if not isinstance(frame.stamp_ns, int):
        raise FrameError(
            f"stamp_ns must be an int of nanoseconds, not {frame.stamp_ns!r} "
            f"({type(frame.stamp_ns).__name__})"
        )
    if not is_stamp(frame.stamp_ns):
        raise FrameError(f"stamp_ns {frame.stamp_ns} does not fit into 64 bits")
    if (frame.image is None) == (frame.encoded is None):
        raise FrameError(
            "a frame needs exactly one of image (an array) and encoded (a JPEG or PNG file)"
        )
    image = frame.image
    if image is None:
        return
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8:
        kind = image.dtype if isinstance(image, np.ndarray) else type(image).__name__
        raise FrameError(f"a frame's image must be an array of uint8, not of {kind}")
    if image.ndim not in (2, 3) or image.shape[2:] not in ((), (3,)) or image.size == 0:
        raise FrameError(
            f"a frame's image must have the shape (height, width) for grey or (height, width, 3) "
            f"for BGR, not {image.shape}"
        )


def frame_size(frame: Frame) -> tuple[int, int]:
    """``(width, height)`` in pixels of a frame once decoded, without decoding it.

    Raises:
        DecodeError: the frame has no picture, or its header can't be read.
    """
    if frame.image is not None:
        return frame.image.shape[1], frame.image.shape[0]
    return frame_header(frame).upright_size


def frame_header(frame: Frame) -> Header:
    """The header of a frame's file.

    Raises:
        DecodeError: as `read_header`, or the frame has no file.
    """
    with frame_in_errors(frame):
        return read_header(encoded_picture(frame))


def upright_intrinsics(frame: Frame) -> Intrinsics | None:
    """The intrinsics of the upright picture that `decode` returns.

    ``frame.intrinsics`` describe the picture as the sensor took it.

    Raises:
        DecodeError: the frame's header can't be read.
    """
    camera = frame.intrinsics
    if camera is None or frame.encoded is None:
        return camera
    orientation = frame_header(frame).orientation
    fx, fy, cx, cy, width, height = astuple(camera)
    if orientation in _MIRRORED_X:
        cx = width - cx
    if orientation in _MIRRORED_Y:
        cy = height - cy
    if orientation >= _FIRST_TURNED:
        return Intrinsics(fy, fx, cy, cx, height, width)
    return Intrinsics(fx, fy, cx, cy, width, height)


@contextmanager
def frame_in_errors(frame: Frame) -> Iterator[None]:
    """Add the frame's index and stamp to the message of a `BadImage`."""
    try:
        yield
    except BadImage as error:
        raise BadImage(
            error.reason, f"frame {frame.index} at {frame.stamp_ns} ns: {error}"
        ) from error


def encoded_picture(frame: Frame) -> bytes:
    """The bytes of a frame's file.

    Raises:
        DecodeError: the frame has none.
    """
    if frame.encoded is None:
        raise BadImage("empty_image", "there is no picture: neither an array nor an encoded file")
    return frame.encoded
