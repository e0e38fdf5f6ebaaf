"""Depth pictures: from a ROS image, image_transport's compressedDepth or a PNG file to `Depth`.

The result is sub-sampled to at most `MAX_WIDTH` pixels by taking the nearest one, never by a mean:
between a thing and the wall behind it there is nothing. Distances are whole millimetres, and 0 is
where the sensor saw none.

Out of scope: which depth belongs to a camera (registration.py), and to which of its pictures
(depth_track.py).
"""

from __future__ import annotations

import struct
import sys
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.images import MAX_PIXELS, BadImage, read_header
from embodied_agent.records import Depth, Frame
from embodied_agent.sources.picture_checks import png_is_whole
from embodied_agent.sources.rows import rows_of

#: A wider depth picture is sub-sampled to this.
MAX_WIDTH = 320
#: A value that sensors write where they saw nothing, besides 0; also what 16 bits can't hold.
_UNKNOWN = 65_535
#: Names of sensor_msgs/Image encodings, in lower case, and their values.
_VALUES: dict[str, type[np.generic]] = {
    "16uc1": np.uint16,
    "mono16": np.uint16,
    "32fc1": np.float32,
}
#: Of whole numbers, by REP-118.
UNITS_PER_METRE = 1000.0
_PNG = b"\x89PNG\r\n\x1a\n"
#: compressed_depth_image_transport's ConfigHeader: its format, and two parameters.
_HEADER = struct.Struct("<iff")
#: Proportions of a depth picture and its colour picture may differ by this part.
_SHAPE_TOLERANCE = 0.02


class _Packed(NamedTuple):
    """A PNG with depth, as messages hold it."""

    png: bytes
    #: Parameters of the inverse depth; ``None`` where values are distances.
    inverse: tuple[float, float] | None


def reads_encoding(encoding: str) -> bool:
    """Whether an Image encoding, the format of a CompressedImage or a kind of file is depth that
    is read."""
    name = encoding.strip().lower()
    if name in _VALUES or name == "png16":
        return True
    return name.startswith(("16uc1;", "32fc1;")) and "jpeg" not in name and "rvl" not in name


def depth_from_raw(
    data: npt.NDArray[np.uint8] | bytes,
    *,
    encoding: str,
    width: int,
    height: int,
    step: int,
    is_bigendian: bool = False,
    units_per_metre: float = UNITS_PER_METRE,
) -> Depth:
    """Depth of a sensor_msgs/Image: 16UC1 in units, 32FC1 in metres.

    Raises:
        BadImage: another encoding, no data, a step below the width, or too little data.
    """
    name = encoding.strip().lower()
    kind = _VALUES.get(name)
    if kind is None:
        raise BadImage("unknown_encoding", f"depth in encoding {encoding!r} is not read")
    if width <= 0 or height <= 0 or width * height > MAX_PIXELS:
        raise BadImage("empty_image", f"a depth picture of {width}x{height} pixels")
    flat = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    dtype = np.dtype(kind)
    values = rows_of(flat, name, height, width * dtype.itemsize, step).view(dtype)
    values = _subsampled(values)
    if is_bigendian != (sys.byteorder == "big"):
        values = values.byteswap()
    return _metric(values, 1.0 if dtype.kind == "f" else units_per_metre)


def depth_from_compressed(
    data: bytes, encoding: str, *, units_per_metre: float = UNITS_PER_METRE
) -> Depth:
    """Depth of a sensor_msgs/CompressedImage: image_transport's compressedDepth, or a 16-bit PNG.

    ``encoding`` is the message's format, such as ``32FC1; compressedDepth png``.

    Raises:
        BadImage: another format, or a damaged picture.
    """
    packed = _unpacked(data, encoding)
    values = _subsampled(_decoded(packed.png))
    if packed.inverse is None:
        return _metric(values, units_per_metre)
    quantum, offset = packed.inverse
    metres = np.full(values.shape, np.nan)
    known = values != 0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        metres[known] = quantum / (values[known].astype(np.float64) - offset)
    return _metric(metres, 1.0)


def depth_from_png(data: bytes, *, units_per_metre: float = UNITS_PER_METRE) -> Depth:
    """Depth of a 16-bit PNG file.

    Raises:
        BadImage: it is damaged, or holds no 16-bit values of one channel.
    """
    return _metric(_subsampled(_decoded(data)), units_per_metre)


def packed_size(data: bytes, encoding: str) -> tuple[int, int] | None:
    """Width and height in pixels of a compressed depth picture; ``None``: they can't be had."""
    try:
        header = read_header(_unpacked(data, encoding).png)
    except BadImage:
        return None
    return header.width, header.height


def size_as_taken(frame: Frame) -> tuple[int, int] | None:
    """Width and height of a frame's picture in pixels, as the sensor sent it; ``None`` where its
    header can't be read."""
    if frame.image is not None:
        return frame.image.shape[1], frame.image.shape[0]
    try:
        header = read_header(frame.encoded or b"")
    except BadImage:
        return None
    return header.width, header.height


def fits(depth: Depth, size: tuple[int, int]) -> bool:
    """Whether a depth picture has the proportions of a picture of ``size`` (width, height)."""
    height, width = depth.shape
    return same_proportions((width, height), size)


def same_proportions(one: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes (width, height) are those of one view, up to rounding."""
    if min(*one, *other) <= 0:
        return False
    # Rounding to whole pixels moves the proportions of small pictures by more.
    tolerance = _SHAPE_TOLERANCE + 0.5 / min(*one, *other)
    return abs(one[0] * other[1] / (one[1] * other[0]) - 1) <= tolerance


def _unpacked(data: bytes, encoding: str) -> _Packed:
    name = encoding.strip().lower()
    if data.startswith(_PNG):
        return _Packed(data, None)
    if data[_HEADER.size :].startswith(_PNG):
        _, quantum, offset = _HEADER.unpack_from(data)
        if not name.startswith("32fc1"):
            return _Packed(data[_HEADER.size :], None)
        if not (np.isfinite(quantum) and np.isfinite(offset) and quantum > 0):
            raise BadImage("undecodable", f"an inverse depth of {quantum:g} / (value - {offset:g})")
        return _Packed(data[_HEADER.size :], (quantum, offset))
    if "rvl" in name:
        raise BadImage("unknown_encoding", f"depth in encoding {encoding!r} is not read")
    raise BadImage("undecodable", f"a depth picture of {len(data)} bytes holds no PNG")


def _decoded(png: bytes) -> npt.NDArray[np.uint16]:
    header = read_header(png)
    if header.kind != "png" or header.bits != 16 or header.channels != 1:
        raise BadImage(
            "unknown_encoding",
            f"depth as {header.kind.upper()} of {header.bits} bits and {header.channels} channels: "
            "16 bits and one channel are read",
        )
    if not png_is_whole(png):
        raise BadImage("truncated_image", f"the depth picture is cut short after {len(png)} bytes")
    try:
        values = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_UNCHANGED)
    except cv2.error as error:
        raise BadImage("undecodable", f"can't decode a depth picture: {error}") from error
    if values is None or values.ndim != 2 or values.dtype != np.uint16:
        raise BadImage("undecodable", f"can't decode a depth picture of {len(png)} bytes")
    return values.astype(np.uint16, copy=False)


def _subsampled(values: npt.NDArray[np.generic]) -> npt.NDArray[np.generic]:
    """The values nearest to the middles of at most `MAX_WIDTH` columns and as many rows as fit."""
    height, width = values.shape
    if width <= MAX_WIDTH:
        return values
    rows = max(1, round(height * MAX_WIDTH / width))
    y = ((np.arange(rows) + 0.5) * height / rows).astype(np.intp)
    x = ((np.arange(MAX_WIDTH) + 0.5) * width / MAX_WIDTH).astype(np.intp)
    sampled: npt.NDArray[np.generic] = values[y[:, None], x]
    return sampled


def _metric(values: npt.NDArray[np.generic], units_per_metre: float) -> Depth:
    """Millimetres; 0 where a value is not a distance that 16 bits can hold."""
    if values.dtype == np.uint16 and units_per_metre == UNITS_PER_METRE:
        whole: Depth = values.astype(np.uint16)
        whole[whole == _UNKNOWN] = 0
        return whole
    millimetres = values.astype(np.float64) * (1000.0 / units_per_metre)
    known = np.isfinite(millimetres) & (millimetres > 0) & (millimetres < _UNKNOWN)
    if values.dtype == np.uint16:
        known &= values != _UNKNOWN
    return np.where(known, np.rint(millimetres), 0).astype(np.uint16)
