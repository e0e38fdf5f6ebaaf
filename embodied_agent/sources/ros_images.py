"""Pixels of a sensor_msgs/Image, from its plain fields, without ROS or a message class.

Both bags and the ROS node use it. Some drivers announce ``rgb8`` but send a JPEG; it is decoded as
JPEG.

Out of scope: compressed pictures (`embodied_agent.sources.picture_checks`), planar YUV (yuv.py).
"""

from __future__ import annotations

import re
import sys
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.images import MAX_PIXELS, BadImage, decode, read_header, to_8_bits
from embodied_agent.records import Frame, Image
from embodied_agent.sources.picture_checks import check_encoded
from embodied_agent.sources.rows import rows_of
from embodied_agent.sources.yuv import PACKED, PLANAR, packed_to_bgr, planar_to_bgr


class _Layout(NamedTuple):
    """How a pixel lies in the data, and the conversion to BGR (``None``: BGR or grey already)."""

    channels: int
    value_bytes: int = 1
    conversion: int | None = None


# OpenCV's older Bayer names give the pattern of the second row; these aliases give the first.
_BAYER = {
    "rggb": cv2.COLOR_BayerRGGB2BGR,
    "bggr": cv2.COLOR_BayerBGGR2BGR,
    "gbrg": cv2.COLOR_BayerGBRG2BGR,
    "grbg": cv2.COLOR_BayerGRBG2BGR,
}
_LAYOUTS: dict[str, _Layout] = {
    "bgr8": _Layout(3),
    "8uc3": _Layout(3),
    "rgb8": _Layout(3, 1, cv2.COLOR_RGB2BGR),
    "bgra8": _Layout(4, 1, cv2.COLOR_BGRA2BGR),
    "8uc4": _Layout(4, 1, cv2.COLOR_BGRA2BGR),
    "rgba8": _Layout(4, 1, cv2.COLOR_RGBA2BGR),
    "mono8": _Layout(1),
    "8uc1": _Layout(1),
    "mono16": _Layout(1, 2),
    "16uc1": _Layout(1, 2),
    **{f"mono{bits}": _Layout(1, 2) for bits in (10, 12, 14)},
    "bgr16": _Layout(3, 2),
    "rgb16": _Layout(3, 2, cv2.COLOR_RGB2BGR),
    **{f"bayer_{name}8": _Layout(1, 1, code) for name, code in _BAYER.items()},
    **{f"bayer_{name}16": _Layout(1, 2, code) for name, code in _BAYER.items()},
}
#: Encodings that `image_from_ros` reads, in lower case.
ENCODINGS = frozenset((*_LAYOUTS, *PACKED, *PLANAR))
#: Encodings in which depth is published. A picture can have them too, so a name decides as well.
DEPTH_ENCODINGS = re.compile(r"^\s*(16uc1|32fc1|64fc1)\b|compresseddepth", re.I)
_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"


def image_from_ros(
    data: npt.NDArray[np.uint8] | bytes,
    *,
    encoding: str,
    width: int,
    height: int,
    step: int,
    is_bigendian: bool = False,
) -> Image:
    """Pixels of a sensor_msgs/Image: BGR ``(height, width, 3)``, or grey ``(height, width)``.

    ``step`` is the length of a row in bytes, padding included. 16-bit values are brought to 8 bits
    by the sensor's range (`images.to_8_bits`). The result never shares memory with ``data``.

    Raises:
        DecodeError: unknown encoding, no data, a step below the width, too little data, or a JPEG
            in their place that is not of this size.
    """
    name = encoding.strip().lower()
    if name not in ENCODINGS:
        raise BadImage(
            "unknown_encoding",
            f"unknown image encoding {encoding!r}; known are {', '.join(sorted(ENCODINGS))}",
        )
    if width <= 0 or height <= 0 or len(data) == 0:
        raise BadImage("empty_image", f"the image is empty ({width}x{height}, {len(data)} bytes)")
    if width * height > MAX_PIXELS:
        raise BadImage("too_large", f"{width}x{height} pixels; at most {MAX_PIXELS} are read")
    flat = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    if holds_encoded(flat):
        return _encoded_in_raw(flat.tobytes(), encoding, width, height)
    if name in PLANAR:
        return planar_to_bgr(flat, name, width, height, step)
    if name in PACKED:
        return packed_to_bgr(flat, name, width, height, step)
    return _from_rows(flat, name, width, height, step, is_bigendian)


def holds_encoded(data: npt.NDArray[np.uint8] | bytes) -> bool:
    """Whether what should be pixels is a JPEG or PNG file."""
    head = bytes(data[:4096])
    if head.startswith(_PNG):
        return True
    if not head.startswith(_JPEG):
        return False
    # Three bytes of a raw picture can look like that by chance, a whole header can't.
    try:
        read_header(bytes(data[:65536]))
    except BadImage:
        return False
    return True


def _encoded_in_raw(data: bytes, encoding: str, width: int, height: int) -> Image:
    """The picture of a driver that sends a JPEG or PNG file under the name of raw pixels."""
    kind = "JPEG" if data.startswith(_JPEG) else "PNG"
    fault = f"the driver sends {kind} data but calls them {encoding!r}"
    try:
        if kind == "JPEG":
            # The buffer is often as long as the pixels would be: the rest of it is not the file's.
            data = data[: data.rfind(b"\xff\xd9") + 2] or data
        image = decode(check_encoded(Frame(0, encoded=data)))
    except BadImage as error:
        raise BadImage("encoded_in_raw", f"{fault}, and {error}") from error
    if image.shape[:2] != (height, width):
        raise BadImage(
            "encoded_in_raw",
            f"{fault}, and they hold {image.shape[1]}x{image.shape[0]} pixels where "
            f"{width}x{height} are announced: set the driver to publish compressed images",
        )
    return image


def _from_rows(
    flat: npt.NDArray[np.uint8], name: str, width: int, height: int, step: int, is_bigendian: bool
) -> Image:
    layout = _LAYOUTS[name]
    row = width * layout.channels * layout.value_bytes
    packed = rows_of(flat, name, height, row, step)
    if layout.value_bytes == 2:
        values = packed.view(np.uint16)
        if is_bigendian != (sys.byteorder == "big"):
            values = values.byteswap()
        packed = to_8_bits(values)
    image: npt.NDArray[np.uint8] = packed.reshape(
        (height, width) if layout.channels == 1 else (height, width, layout.channels)
    )
    if layout.conversion is None:
        return image.copy() if np.shares_memory(image, flat) else image
    try:
        return cv2.cvtColor(image, layout.conversion).astype(np.uint8, copy=False)
    except cv2.error as error:
        raise BadImage("undecodable", f"can't convert {width}x{height} {name}: {error}") from error
