"""sensor_msgs/Image to pixels, from its plain fields: no ROS, no message class needed.

Used for bags and by the ROS node alike. Compressed pictures are in codec.py.
"""

from __future__ import annotations

import sys
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.images import MAX_PIXELS, BadImage, to_8_bits
from embodied_agent.records import Image


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
    "bgr16": _Layout(3, 2),
    "rgb16": _Layout(3, 2, cv2.COLOR_RGB2BGR),
    "uyvy": _Layout(2, 1, cv2.COLOR_YUV2BGR_UYVY),
    "yuv422": _Layout(2, 1, cv2.COLOR_YUV2BGR_UYVY),
    "yuyv": _Layout(2, 1, cv2.COLOR_YUV2BGR_YUYV),
    "yuv422_yuy2": _Layout(2, 1, cv2.COLOR_YUV2BGR_YUYV),
    **{f"bayer_{name}8": _Layout(1, 1, code) for name, code in _BAYER.items()},
    **{f"bayer_{name}16": _Layout(1, 2, code) for name, code in _BAYER.items()},
}
#: Encodings that `image_from_ros` reads, in lower case.
ENCODINGS = frozenset(_LAYOUTS)


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
    by the sensor's range (`codec.to_8_bits`). The result never shares memory with ``data``.

    Raises:
        DecodeError: unknown encoding, no data, a step below the width, or too little data.
    """
    layout = _LAYOUTS.get(encoding.strip().lower())
    if layout is None:
        raise BadImage(
            "unknown_encoding",
            f"unknown image encoding {encoding!r}; known are {', '.join(sorted(ENCODINGS))}",
        )
    if width <= 0 or height <= 0 or len(data) == 0:
        raise BadImage("empty_image", f"the image is empty ({width}x{height}, {len(data)} bytes)")
    if width * height > MAX_PIXELS:
        raise BadImage("too_large", f"{width}x{height} pixels; at most {MAX_PIXELS} are read")
    row = width * layout.channels * layout.value_bytes
    if step < row:
        raise BadImage(
            "bad_step",
            f"step of {step} bytes is less than {width} pixels of {encoding} need ({row} bytes)",
        )
    # The last row's padding may be left out.
    if len(data) < step * (height - 1) + row:
        raise BadImage(
            "truncated_image",
            f"{len(data)} bytes for {height} rows of {step} bytes: {step * height} were expected",
        )
    flat = np.frombuffer(data, np.uint8) if isinstance(data, bytes) else data
    rows = np.lib.stride_tricks.as_strided(flat, (height, row), (step * flat.strides[0], 1))
    packed = np.ascontiguousarray(rows)
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
        raise BadImage(
            "undecodable", f"can't convert {width}x{height} {encoding}: {error}"
        ) from error
