"""The published keyframe rule, decision for decision (Embodied-R, arXiv 2504.12680, and its
scripts).

It is intended for frames one second apart, and serves as a baseline: it measures areas by filling
polygons, trusts every homography, and keeps every frame that it can't match. The order of the
matches, the corners at (width, height) and the truncation of polygon corners to whole pixels are
all part of the rule, because RANSAC and the area depend on them.

Out of scope: the end and restarts of a source (`selector`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, TypeVar

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.images import decode, upright_intrinsics
from embodied_agent.keyframes.egomotion import egomotion
from embodied_agent.keyframes.overlap import overlap_ratio
from embodied_agent.records import Decision, Egomotion, Frame, Image, Reason
from embodied_agent.settings import KeyframeSettings

_Item = TypeVar("_Item")


class PaperRule:
    """The published rule. Of the frames, it keeps only the last keyframe's features."""

    def __init__(self, settings: KeyframeSettings) -> None:
        self._settings = settings
        self._orb = cv2.ORB.create()
        self._matcher = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
        self._reference: tuple[Sequence[cv2.KeyPoint], npt.NDArray[np.uint8] | None] | None = None
        self._motion: Egomotion | None = None

    def retune(self, settings: KeyframeSettings) -> None:
        """Apply these thresholds from the next frame on."""
        self._settings = settings

    def step(self, frame: Frame, force: Literal["asked", "last"] | None) -> Decision:
        """The published rule's decision on one frame; a forced frame becomes the reference."""
        grey = _grey(frame)
        keypoints, descriptors = self._orb.detectAndCompute(grey, None)
        current = keypoints, (None if descriptors is None else descriptors.astype(np.uint8))
        reason: Reason | None = None
        overlap: float | None = None
        homography: npt.NDArray[np.float64] | None = None
        matched: npt.NDArray[np.float32] | None = None
        matches = inliers = 0
        if self._reference is None:
            reason = "first"
        elif self._reference[1] is None or current[1] is None:
            reason = "no_features"
        else:
            # The published rule queries with the last keyframe, and orders matches best first.
            pairs = sorted(
                self._matcher.match(self._reference[1], current[1]), key=lambda m: m.distance
            )
            matches = len(pairs)
            if matches <= self._settings.min_matches:
                reason = "few_matches"
            else:
                last = np.array([self._reference[0][m.queryIdx].pt for m in pairs], np.float32)
                now = np.array([keypoints[m.trainIdx].pt for m in pairs], np.float32)
                estimate, mask = cv2.findHomography(
                    now.reshape(-1, 1, 2),
                    last.reshape(-1, 1, 2),
                    cv2.RANSAC,
                    self._settings.ransac_px,
                )
                if estimate is None:
                    reason = "no_homography"
                else:
                    homography = np.asarray(estimate, np.float64)
                    inliers = int(np.count_nonzero(mask))
                    matched = np.concatenate((now, last), axis=1)[mask.ravel() == 1]
                    overlap = rasterised_overlap(homography, grey.shape[1], grey.shape[0])
                    if overlap < self._settings.overlap_threshold:
                        reason = "overlap"
        reason = reason or force
        if reason is not None:
            self._reference = current
        self._motion = None
        if homography is not None:
            self._motion = egomotion(
                homography, grey.shape[1], grey.shape[0], upright_intrinsics(frame)
            )
        return Decision(
            index=frame.index,
            stamp_ns=frame.stamp_ns,
            keep=reason is not None,
            reason=reason,
            overlap_ratio=overlap,
            matches=matches,
            inliers=inliers,
            homography=homography,
            egomotion=self._motion,
            matched=matched,
        )

    def motion(self) -> Egomotion | None:
        """The motion from the last keyframe to the last frame, from the homography."""
        return self._motion


#: The rasteriser visits every row between a polygon's corners and counts them in 32 bits. For
#: corners further out, near the horizon, it would take many seconds, so the exact overlap is used.
_MAX_CORNER_PX = 1_000_000


def rasterised_overlap(homography: npt.NDArray[np.float64], width: int, height: int) -> float:
    """The part of the last keyframe that the mapped frame covers, in [0, 1], counted in pixels of a
    mask."""
    corners = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    mapped = cv2.perspectiveTransform(corners.reshape(-1, 1, 2), homography).reshape(-1, 2)
    if not np.isfinite(mapped).all():
        return 0.0
    if np.abs(mapped).max() > _MAX_CORNER_PX:
        return overlap_ratio(homography, width, height)
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [mapped.astype(np.int32)], (1,))
    # The last keyframe's own rectangle would fill the whole mask, so this mask is the intersection.
    return float(np.count_nonzero(mask)) / (width * height)


def subsample(
    items: Sequence[_Item], every: Sequence[_Item], low: int = 4, high: int = 32
) -> list[_Item]:
    """The published limits on the number of keyframes per source: from ``low`` to ``high``.

    Args:
        items: the keyframes that the rule selected.
        every: all frames that the rule saw; the keyframes are taken from these if ``items`` are too
            few.
        low: smallest number of keyframes, if there are that many frames.
        high: largest number of keyframes.

    Returns:
        ``items`` if their number is in range. Otherwise the first, the last and evenly spaced ones
        between them: of ``every`` if they are too few, of ``items`` if they are too many.
    """
    if len(items) < low:
        return _evenly(every, low)
    if len(items) > high:
        return _evenly(items, high)
    return list(items)


def _evenly(items: Sequence[_Item], count: int) -> list[_Item]:
    if len(items) <= count:
        return list(items)
    between = count - 2
    step = (len(items) - 2) / between
    return [items[0], *(items[round(i * step) + 1] for i in range(between)), items[-1]]


def _grey(frame: Frame) -> Image:
    # The published rule converts from colour; a JPEG's own grey plane differs by rounding.
    image = decode(frame) if frame.image is None else frame.image
    return (
        image if image.ndim == 2 else np.asarray(cv2.cvtColor(image, cv2.COLOR_BGR2GRAY), np.uint8)
    )
