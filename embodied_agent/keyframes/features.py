"""Pixels to features for the keyframe rules: decoding, scaling, ORB, matching.

Decoding here serves the keyframer alone (grey, reduced); pictures for people and models are
decoded by the sources.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.errors import DecodeError
from embodied_agent.records import Frame, Image

Points = npt.NDArray[np.float64]


def decode_bgr(frame: Frame) -> Image:
    """The frame's picture at full size, BGR or grey as it came.

    Raises:
        DecodeError: the bytes are no picture, or the frame holds none.
    """
    if frame.image is not None:
        return frame.image
    return _imdecode(frame, cv2.IMREAD_COLOR)


def decode_grey(frame: Frame, width: int) -> tuple[Image, float]:
    """The frame in grey, at most about ``width`` pixels wide, and its scale against the original.

    A JPEG is decoded at half size where that still reaches ``width``, which skips most of the
    work. The scale is one number, ``small / original``, for both axes.

    Raises:
        DecodeError: the bytes are no picture, or the frame holds none.
    """
    if frame.image is not None:
        image = frame.image
        full_width = image.shape[1]
        if image.ndim == 3:
            if full_width > width:  # scale first: fewer pixels to convert
                image = _scaled(image, width)
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    elif _serves(frame, width):
        assert frame.preview is not None
        image = frame.preview
        full_width = jpeg_width(frame.encoded or b"") or image.shape[1]
    else:
        full_width = jpeg_width(frame.encoded or b"") or 0
        half = full_width >= 2 * width
        image = _imdecode(frame, cv2.IMREAD_REDUCED_GRAYSCALE_2 if half else cv2.IMREAD_GRAYSCALE)
        if not full_width:
            full_width = image.shape[1]
    if image.shape[1] > width:
        image = _scaled(image, width)
    return image, image.shape[1] / full_width


def _serves(frame: Frame, width: int) -> bool:
    """Whether the frame's preview is as wide as asked for, or as the picture itself."""
    if frame.preview is None:
        return False
    has = int(frame.preview.shape[1])
    return has >= width or has == jpeg_width(frame.encoded or b"")


def jpeg_width(data: bytes) -> int | None:
    """Width in pixels from a JPEG's header, ``None`` where the bytes are not a plain JPEG."""
    if data[:2] != b"\xff\xd8":
        return None
    at = 2
    while at + 9 <= len(data):
        if data[at] != 0xFF:
            return None
        marker = data[at + 1]
        if marker == 0xFF:  # fill byte
            at += 1
            continue
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):  # a start of frame
            return int.from_bytes(data[at + 7 : at + 9], "big")
        at += 2 + int.from_bytes(data[at + 2 : at + 4], "big")
    return None


def _imdecode(frame: Frame, flags: int) -> Image:
    data = np.frombuffer(frame.encoded or b"", np.uint8)
    try:
        image = cv2.imdecode(data, flags) if data.size else None
    except cv2.error:
        image = None
    if image is None:
        raise DecodeError(
            f"frame {frame.index} at {frame.stamp_ns} ns holds no readable JPEG or PNG "
            f"({data.size} bytes); skip it or check the recording"
        )
    return np.asarray(image, np.uint8)


def _scaled(image: Image, width: int) -> Image:
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True, eq=False)
class Features:
    """ORB features of one frame: ``points`` (n, 2) float64, in pixels, and their ``signs``.

    ``signs`` (n, 256) float32 are the descriptors' bits as ±1, so that one matrix product gives
    all Hamming distances: that is two to three times faster than OpenCV's brute force.
    """

    points: Points
    signs: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.points)


#: Descriptors of one point in two views rarely differ in more of their 256 bits.
_FAR_BITS = 64


class Detector:
    """ORB for the reduced image: few levels, and a threshold that still sees soft textures."""

    def __init__(self, features: int) -> None:
        self._orb = cv2.ORB.create(
            nfeatures=features, scaleFactor=1.3, nlevels=5, edgeThreshold=20, fastThreshold=5
        )

    def detect(self, grey: Image) -> Features:
        """Features of a grey image; possibly none."""
        keypoints, descriptors = self._orb.detectAndCompute(grey, None)
        if descriptors is None or not len(keypoints):
            return Features(np.empty((0, 2)), np.empty((0, 256), np.float32))
        points = np.asarray(cv2.KeyPoint.convert(keypoints), np.float64).reshape(-1, 2)
        bits = np.unpackbits(np.asarray(descriptors, np.uint8), axis=1)
        return Features(points, bits.astype(np.float32) * 2 - 1)


def match(first: Features, second: Features) -> npt.NDArray[np.intp]:
    """Index pairs (m, 2) of features that are each other's nearest and near enough."""
    if not len(first) or not len(second):
        return np.empty((0, 2), np.intp)
    likeness = first.signs @ second.signs.T
    nearest, back = likeness.argmax(1), likeness.argmax(0)
    rows = np.arange(len(first))
    mutual = (back[nearest] == rows) & (likeness[rows, nearest] >= 256 - 2 * _FAR_BITS)
    return np.stack([rows[mutual], nearest[mutual]], axis=1)
