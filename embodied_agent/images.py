"""Pictures to and from bytes: JPEG and PNG headers, decoding, encoding.

Every stage decodes here, so that keyframer, perceiver, memory and page see the same pixels: turned
upright as the file's EXIF orientation says, and 16-bit values brought to 8 bits by the sensor's
range. Header sizes are read without decoding, so that a small file that claims a huge picture is
refused before any memory is allocated for it.

Out of scope: raw ROS images (`embodied_agent.sources.ros_images`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from typing import Literal, NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.errors import DecodeError, FrameError
from embodied_agent.records import Frame, Image, Intrinsics

#: Larger pictures are refused before decoding. No robot's camera has 64 megapixels.
MAX_PIXELS = 64_000_000
_JPEG_MAGIC = b"\xff\xd8\xff"
_PNG_MAGIC = b"\x89PNG\r\n\x1a\n"
#: Start-of-frame markers; C4, C8 and CC in that range mean something else.
_JPEG_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_JPEG_BARE = frozenset((0x01, *range(0xD0, 0xD9)))
_JPEG_APP1 = 0xE1
_EXIF = b"Exif\0\0"
_ORIENTATION_TAG = 0x0112
#: Orientations from this one on swap width and height.
_FIRST_TURNED = 5
#: How to turn a picture upright, by its EXIF orientation.
_TURNS: dict[int, Callable[[Image], cv2.typing.MatLike]] = {
    2: lambda image: cv2.flip(image, 1),
    3: lambda image: cv2.rotate(image, cv2.ROTATE_180),
    4: lambda image: cv2.flip(image, 0),
    5: cv2.transpose,
    6: lambda image: cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE),
    7: lambda image: cv2.flip(cv2.transpose(image), -1),
    8: lambda image: cv2.rotate(image, cv2.ROTATE_90_COUNTERCLOCKWISE),
}
#: Orientations that mirror the stored picture's columns, and its rows, before any transposition.
_MIRRORED_X, _MIRRORED_Y = frozenset((2, 3, 7, 8)), frozenset((3, 4, 6, 7))
#: Values per pixel by PNG's colour type; a palette counts as colour.
_PNG_CHANNELS = {0: 1, 2: 3, 3: 3, 4: 2, 6: 4}
#: Bits per value of the sensors that are stored in 16-bit images.
_SENSOR_BITS = (8, 10, 12, 14, 16)


class BadImage(DecodeError):
    """One picture can't be used; ``reason`` is the short name under which it is counted."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Header(NamedTuple):
    """What a picture's header says of the picture as it is stored.

    ``width`` and ``height`` are in pixels, ``bits`` is per value, ``data_offset`` is where the data
    begin. ``orientation`` (EXIF, 1 to 8) says how to turn the picture upright; 1: it is.
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
        """Width and height of the picture that `decode` gives, in pixels."""
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
            f"neither JPEG nor PNG (begins with {encoded[:8].hex(' ')}); use one of the two",
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
    """The orientation in a PNG's eXIf chunk, which stands before the pixels."""
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
    """The orientation tag of EXIF data (TIFF 6.0, tag 274); 1 where there is none."""
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
    """The header of a JPEG or PNG file whose end mark is there, too.

    A truncated JPEG still decodes, with grey below the cut, and would enter the memory as a scene.

    Raises:
        DecodeError: as `read_header`, or the end mark is missing.
    """
    header = read_header(encoded)
    # Within JPEG's coded data, FF is always followed by 00 or a restart marker: FF D9 is the end.
    end = b"\xff\xd9" if header.kind == "jpeg" else b"IEND"
    if encoded.rfind(end, header.data_offset) < 0:
        raise BadImage(
            "truncated_image", f"{header.kind.upper()} is truncated after {len(encoded)} bytes"
        )
    return header


def image_size(encoded: bytes) -> tuple[int, int]:
    """``(width, height)`` in pixels of what `decode` gives for a JPEG or PNG file, read from its
    header.

    Raises:
        DecodeError: neither JPEG nor PNG, truncated, or above `MAX_PIXELS`.
    """
    return read_header(encoded).upright_size


def check_frame(frame: Frame) -> None:
    """Refuse a frame that is not what `Frame` documents.

    Raises:
        FrameError: the stamp is not an integer, there is no picture or there are two, or the array
            is not ``uint8`` of shape ``(height, width)`` or ``(height, width, 3)``.
    """
    if not isinstance(frame.stamp_ns, int):
        raise FrameError(
            f"stamp_ns must be an int of nanoseconds, not {frame.stamp_ns!r} "
            f"({type(frame.stamp_ns).__name__})"
        )
    if (frame.image is None) == (frame.encoded is None):
        raise FrameError("give a frame either image, an array, or encoded, a JPEG or PNG file")
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


def decode(frame: Frame) -> Image:
    """The frame's pixels, upright, BGR, ``(height, width, 3)`` uint8.

    Raises:
        DecodeError: the frame holds no picture or one that can't be decoded.
    """
    image = _pixels(frame, cv2.IMREAD_COLOR)
    return image if image.ndim == 3 else _as_uint8(cv2.cvtColor(image, cv2.COLOR_GRAY2BGR))


def decode_grey(frame: Frame, min_width: int | None = None) -> Image:
    """The frame's pixels, upright, grey, ``(height, width)`` uint8.

    With ``min_width``, a JPEG may come back at a half, a quarter or an eighth of its size, never
    narrower than ``min_width`` pixels, which is several times cheaper than decoding it whole.

    Raises:
        DecodeError: the frame holds no picture or one that can't be decoded.
    """
    preview = frame.preview
    if preview is not None:
        has, full = preview.shape[1], frame_size(frame)[0]
        if has == full or (min_width is not None and has >= min_width):
            return preview
    flag = cv2.IMREAD_GRAYSCALE
    if min_width is not None and frame.encoded is not None:
        header = _header(frame)
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
        DecodeError: the array is of another shape or type, or too large for JPEG.
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


def as_jpeg(frame: Frame, quality: int) -> tuple[bytes, tuple[int, int]]:
    """The frame as a JPEG file that any viewer shows as `decode` does, and its width and height.

    A JPEG that is upright, grey or colour stays as it came; everything else is encoded anew.

    Raises:
        DecodeError: the frame holds no picture or one that can't be decoded.
    """
    if frame.encoded is not None:
        header = _header(frame)
        if header.kind == "jpeg" and header.orientation == 1 and header.channels in (1, 3):
            return frame.encoded, header.upright_size
    image = decode(frame)
    return encode_jpeg(image, quality), (image.shape[1], image.shape[0])


def scaled_jpeg(frame: Frame, width: int, quality: int, *, height: int | None = None) -> bytes:
    """`as_jpeg`, at most ``width`` (and ``height``) pixels large; proportions stay.

    Raises:
        DecodeError: the frame holds no picture or one that can't be decoded.
    """
    jpeg, (full_width, full_height) = as_jpeg(frame, quality)
    scale = width / full_width if height is None else min(width / full_width, height / full_height)
    if scale >= 1:
        return jpeg
    size = max(1, round(full_width * scale)), max(1, round(full_height * scale))
    small = cv2.resize(decode(frame), size, interpolation=cv2.INTER_AREA)
    return encode_jpeg(_as_uint8(small), quality)


def upright_intrinsics(frame: Frame) -> Intrinsics | None:
    """The camera of the picture that `decode` gives: ``frame.intrinsics`` are the sensor's own.

    Raises:
        DecodeError: the frame holds no picture.
    """
    camera = frame.intrinsics
    if camera is None or frame.encoded is None:
        return camera
    orientation = _header(frame).orientation
    fx, fy, cx, cy, width, height = astuple(camera)
    if orientation in _MIRRORED_X:
        cx = width - cx
    if orientation in _MIRRORED_Y:
        cy = height - cy
    if orientation >= _FIRST_TURNED:
        return Intrinsics(fy, fx, cy, cx, height, width)
    return Intrinsics(fx, fy, cx, cy, width, height)


def to_8_bits(values: npt.NDArray[np.uint16]) -> Image:
    """16-bit values as 8-bit ones, by the range of the sensor that made them.

    Cameras of 10, 12 or 14 bits keep their own range within 16-bit images. The smallest range that
    holds the largest value is assumed, and its upper 8 bits are kept. That is monotone, and
    steadier from frame to frame than stretching each picture to its own contrast. Only where a
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


def frame_size(frame: Frame) -> tuple[int, int]:
    """``(width, height)`` in pixels of what `decode` gives for a frame, without decoding it.

    Raises:
        DecodeError: the frame holds no picture, or one whose header can't be read.
    """
    if frame.image is not None:
        return frame.image.shape[1], frame.image.shape[0]
    return _header(frame).upright_size


def _header(frame: Frame) -> Header:
    with _naming(frame):
        return read_header(_encoded(frame))


def _encoded(frame: Frame) -> bytes:
    if frame.encoded is None:
        raise BadImage("empty_image", "there is no picture: neither an array nor an encoded file")
    return frame.encoded


@contextmanager
def _naming(frame: Frame) -> Iterator[None]:
    """Say of which frame an error is."""
    try:
        yield
    except BadImage as error:
        raise BadImage(
            error.reason, f"frame {frame.index} at {frame.stamp_ns} ns: {error}"
        ) from error


def _pixels(frame: Frame, flag: int) -> Image:
    if frame.image is not None:
        return frame.image
    with _naming(frame):
        return _decoded(_encoded(frame), flag)


def _decoded(encoded: bytes, flag: int) -> Image:
    header = read_header(encoded)
    # Turned here and not by OpenCV, whose versions differ in which files they turn.
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
    """``image`` turned as its EXIF orientation says."""
    turn = _TURNS.get(orientation)
    return image if turn is None else _as_uint8(turn(image))


def _as_uint8(image: npt.NDArray[np.generic]) -> Image:
    return image.astype(np.uint8, copy=False)
