"""YUV pictures to BGR: packed 4:2:2 and planar 4:2:0, of any width and height.

OpenCV converts these only if width and height are even. A picture of odd size shares its last
chroma values with a missing column or row, which is added and cut off again.

Colours are those of video: BT.601, luma from 16 to 235, as in cameras and OpenCV.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.images import BadImage
from embodied_agent.records import Image
from embodied_agent.sources.rows import rows_of

_Bytes = npt.NDArray[np.uint8]
#: Packed 4:2:2: two pixels in four bytes.
PACKED: dict[str, int] = {
    "uyvy": cv2.COLOR_YUV2BGR_UYVY,
    "yuv422": cv2.COLOR_YUV2BGR_UYVY,
    "yuyv": cv2.COLOR_YUV2BGR_YUYV,
    "yuv422_yuy2": cv2.COLOR_YUV2BGR_YUYV,
    "yvyu": cv2.COLOR_YUV2BGR_YVYU,
}
#: Planar 4:2:0: all luma, then chroma at half the width and height.
PLANAR: dict[str, int] = {
    "nv12": cv2.COLOR_YUV2BGR_NV12,
    "nv21": cv2.COLOR_YUV2BGR_NV21,
    "i420": cv2.COLOR_YUV2BGR_I420,
    "yuv420": cv2.COLOR_YUV2BGR_I420,
    "yuv420p": cv2.COLOR_YUV2BGR_I420,
    "yv12": cv2.COLOR_YUV2BGR_YV12,
}


def packed_to_bgr(flat: _Bytes, name: str, width: int, height: int, step: int) -> Image:
    """A packed picture whose rows lie ``step`` bytes apart.

    Raises:
        BadImage: the step is below the width, or there is too little data.
    """
    even = width + width % 2
    # The last pair of an odd row may be whole or have one chroma value only.
    row = 2 * even if step >= 2 * even else 2 * width
    rows = rows_of(flat, name, height, row, step)
    if row < 2 * even:
        rows = np.pad(rows, ((0, 0), (0, 2 * even - row)))
        luma, chroma = (1, 0) if name in ("uyvy", "yuv422") else (0, 1)
        rows[:, -2 + luma] = rows[:, -4 + luma]
        # The chroma value that is missing is taken from the pair before.
        rows[:, -2 + chroma] = rows[:, -6 + chroma] if width > 1 else 128
    image = _converted(rows.reshape(height, even, 2), PACKED[name], name)
    return np.ascontiguousarray(image[:, :width])


def planar_to_bgr(flat: _Bytes, name: str, width: int, height: int, step: int) -> Image:
    """A planar picture; ``step`` is the length of a luma row in bytes.

    Raises:
        BadImage: the step is below the width, or there is too little data.
    """
    if step < width:
        raise BadImage("bad_step", f"a step of {step} bytes is less than {width} pixels of {name}")
    half_width, half_height = (width + 1) // 2, (height + 1) // 2
    luma = rows_of(flat, name, height, width, step)
    rest = flat[step * height :]
    if name in ("nv12", "nv21"):
        stride = max(step, 2 * half_width)
        chroma = rows_of(rest, name, half_height, 2 * half_width, stride)
    else:
        stride = max((step + 1) // 2, half_width)
        first = rows_of(rest, name, half_height, half_width, stride)
        second = rows_of(rest[stride * half_height :], name, half_height, half_width, stride)
        chroma = np.concatenate((first, second))
    luma = np.pad(luma, ((0, height % 2), (0, width % 2)), mode="edge")
    # OpenCV wants one array as wide as the luma.
    whole = np.concatenate((luma.ravel(), chroma.ravel()))
    shape = (3 * half_height, 2 * half_width)
    image = _converted(whole.reshape(shape), PLANAR[name], name)
    return np.ascontiguousarray(image[:height, :width])


def _converted(pixels: _Bytes, code: int, name: str) -> Image:
    try:
        return cv2.cvtColor(pixels, code).astype(np.uint8, copy=False)
    except cv2.error as error:
        raise BadImage("undecodable", f"can't convert {name}: {error}") from error
