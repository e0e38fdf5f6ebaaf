"""Depth pictures whose distances are known, in the forms in which people have them."""

from __future__ import annotations

import struct
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.records import Depth
from tests.sources.builders.card import HEIGHT, WIDTH
from tests.sources.builders.ros import raw
from tests.support.sources import compressed

#: Of the card: the left half, the right half, and a corner of which nothing is known.
LEFT_M, RIGHT_M = 1.5, 3.25


def metres(width: int = WIDTH, height: int = HEIGHT) -> npt.NDArray[np.float32]:
    """Distances beside the card, NaN where there is none."""
    values = np.full((height, width), LEFT_M, np.float32)
    values[:, width // 2 :] = RIGHT_M
    values[: height // 4, : width // 4] = np.nan
    return values


def distances(
    width: int = WIDTH, height: int = HEIGHT, units_per_metre: int = 1000
) -> npt.NDArray[np.uint16]:
    """The same in whole numbers, 0 where there is none."""
    return np.rint(np.nan_to_num(metres(width, height)) * units_per_metre).astype(np.uint16)


def assert_card_distances(depth: Depth) -> None:
    """It holds those distances, to a centimetre."""
    assert depth.dtype == np.uint16
    height, width = depth.shape
    assert depth[0, 0] == 0
    assert abs(int(depth[height // 2, width // 4]) - 1000 * LEFT_M) <= 10
    assert abs(int(depth[height // 2, 3 * width // 4]) - 1000 * RIGHT_M) <= 10


def png(values: npt.NDArray[np.uint16]) -> bytes:
    """16-bit values as PNG."""
    done, data = cv2.imencode(".png", values)
    assert done
    return data.tobytes()


def packed(values: npt.NDArray[np.uint16] | npt.NDArray[np.float32]) -> bytes:
    """What compressed_depth_image_transport makes of an image: a header, and a PNG. Metres become
    inverse depth, with its defaults: a quantization of 100, and at most 10 m."""
    if values.dtype == np.uint16:
        return struct.pack("<iff", 0, 0.0, 0.0) + png(values.astype(np.uint16))
    quantum = 100.0 * (100.0 + 1.0)
    offset = 1.0 - quantum / 10.0
    with np.errstate(invalid="ignore"):
        inverse = quantum / values + offset
    whole = np.where(np.isfinite(inverse), inverse, 0).astype(np.uint16)
    return struct.pack("<iff", 0, quantum, offset) + png(whole)


def message(stamp_ns: int, form: str = "16UC1", frame_id: str = "cam", **size: int) -> Any:
    """A depth picture as a message: 16UC1, 32FC1, or either of them as compressedDepth."""
    values: Any = metres(**size) if form.startswith("32FC1") else distances(**size)
    if "compressedDepth" in form:
        result = compressed(stamp_ns, packed(values), form)
    else:
        result = raw(stamp_ns, values, form)
    result.header.frame_id = frame_id
    return result
