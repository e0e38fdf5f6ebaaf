"""Feature extraction for the keyframe rules: reduced grey pictures, ORB, matching.

Out of scope: decoding (`embodied_agent.images`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.images import decode_grey, frame_size
from embodied_agent.records import Frame, Image

Points = npt.NDArray[np.float64]


def reduced_grey(frame: Frame, width: int) -> tuple[Image, float]:
    """The frame in grey, at most ``width`` pixels wide, and its scale relative to the original.

    A JPEG is decoded at a fraction of its size if that is still ``width`` pixels wide, which saves
    most of the work. The scale, ``small / original``, is the same for both axes.

    Raises:
        DecodeError: the bytes are not a picture, or the frame has no picture.
    """
    image = frame.image
    if image is None:
        full_width = frame_size(frame)[0]
        preview = frame.preview
        if preview is not None and preview.shape[1] >= min(width, full_width):
            image = preview
        else:
            image = decode_grey(frame, width)
    else:
        full_width = image.shape[1]
        if image.ndim == 3:
            image = np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    if image.shape[1] > width:
        image = _scaled(image, width)
    return image, image.shape[1] / full_width


def _scaled(image: Image, width: int) -> Image:
    height = max(1, round(image.shape[0] * width / image.shape[1]))
    return np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA), np.uint8)


@dataclass(frozen=True, eq=False)
class Features:
    """ORB features of one frame: ``points`` (n, 2) float64, in pixels, and their ``signs``.

    ``signs`` (n, 256) float32 are the descriptors' bits as ±1, so that one matrix product yields
    all Hamming distances, two to three times faster than OpenCV's brute-force matcher.
    """

    points: Points
    signs: npt.NDArray[np.float32]

    def __len__(self) -> int:
        return len(self.points)


#: Descriptors of one point in two views rarely differ in more bits (of 256) than this.
_FAR_BITS = 64


class Detector:
    """ORB for the reduced image, with few levels and a threshold that still detects soft
    textures."""

    def __init__(self, features: int) -> None:
        self._orb = cv2.ORB.create(
            nfeatures=features, scaleFactor=1.3, nlevels=5, edgeThreshold=20, fastThreshold=5
        )

    def detect(self, grey: Image) -> Features:
        """Features of a grey image, possibly none."""
        keypoints, descriptors = self._orb.detectAndCompute(grey, None)
        if descriptors is None or not len(keypoints):
            return Features(np.empty((0, 2)), np.empty((0, 256), np.float32))
        points = np.asarray(cv2.KeyPoint.convert(keypoints), np.float64).reshape(-1, 2)
        bits = np.unpackbits(np.asarray(descriptors, np.uint8), axis=1)
        return Features(points, bits.astype(np.float32) * 2 - 1)


def match(first: Features, second: Features) -> npt.NDArray[np.intp]:
    """Index pairs (m, 2) of features that are each other's nearest and close enough."""
    if not len(first) or not len(second):
        return np.empty((0, 2), np.intp)
    similarity = first.signs @ second.signs.T
    nearest, nearest_back = similarity.argmax(1), similarity.argmax(0)
    rows = np.arange(len(first))
    mutual = (nearest_back[nearest] == rows) & (similarity[rows, nearest] >= 256 - 2 * _FAR_BITS)
    return np.stack([rows[mutual], nearest[mutual]], axis=1)
