"""Tracks a reference view's points from frame to frame, and finds them again after a gap.

Between neighbouring frames points are tracked by optical flow, which is cheap, works on soft
textures and is exact to a fraction of a pixel. Where that fails (a jump, a low frame rate, the end
of a blind stretch) the frame is matched with the reference by ORB features. Memory is bounded: two
reduced grey pictures and one set of points.

Out of scope: what follows from the tracks (`robust`).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.keyframes.features import Detector, Features, match
from embodied_agent.records import Image

Points = npt.NDArray[np.float32]

#: Least distance between corners, as a share of the width. In each cell of a grid only the
#: strongest few are tracked, or one bright object would have them all.
_SPACING = 0.02
_CELLS_ACROSS, _PER_CELL = 8, 2
#: Corners weaker than this (smallest eigenvalue of the gradient matrix) are noise.
_CORNER_BLOCK, _CORNER_FLOOR = 5, 2e-5
#: With fewer points than this, new ones are added, at most every so many frames.
_FEW_POINTS, _FRESH_FRAMES = 50, 3
#: Flow is trusted while this many points, and this share of those tracked, move consistently.
_LEAST_POINTS, _LEAST_SHARE = 20, 0.5
#: Neighbouring frames' points agree with one homography within this share of the width.
_STEP_TOLERANCE = 0.012
_FLAT = 2e-5
_WINDOW, _LEVELS = (11, 11), 3


@dataclass(frozen=True, eq=False)
class Tracks:
    """Where a reference's points (n, 2) lie now (n, 2), in pixels. ``step_px`` is how far they
    moved since the last frame (median), ``None`` after a gap."""

    reference: Points
    now: Points
    step_px: float | None


class Tracker:
    """Points of one reference view, tracked through the frames."""

    def __init__(self, features: int) -> None:
        self._detector = Detector(features)
        self._reference_grey: Image | None = None
        self._reference_features: Features | None = None
        self._previous: Image | None = None
        self._reference: Points = np.empty((0, 2), np.float32)
        self._now: Points = self._reference
        self._step: npt.NDArray[np.float64] | None = None
        self._since_fresh = 0

    def start(self, grey: Image, corners: Points) -> None:
        """Make a picture the reference, with its corners (n, 2)."""
        self._reference_grey = self._previous = grey
        self._reference_features = None
        self._reference = self._now = corners
        self._since_fresh = 0

    def advance(self, grey: Image) -> Tracks | None:
        """Where the reference's points lie in the next frame; ``None`` where they are lost."""
        tracks = self._flow(grey) or self._find(grey)
        self._previous = grey
        if tracks is None:
            self._reference = self._now = np.empty((0, 2), np.float32)
            self._step = None
        return tracks

    def replenish(self, grey: Image, homography: npt.NDArray[np.float64]) -> None:
        """Add points of the picture just tracked; a homography gives their places in the reference.

        For views in which too few points of the reference are left, or too weak ones.
        """
        self._since_fresh += 1
        if len(self._now) >= _FEW_POINTS or self._since_fresh < _FRESH_FRAMES:
            return
        self._since_fresh = 0
        fresh = strong_corners(grey)
        apart = _SPACING * grey.shape[1]
        if len(fresh) and len(self._now):
            gaps = np.abs(fresh[:, None] - self._now[None]).max(2).min(1)
            fresh = fresh[gaps > apart]
        if not len(fresh):
            return
        there = cv2.perspectiveTransform(fresh[:, None], homography)[:, 0].astype(np.float32)
        self._reference = np.concatenate([self._reference, there])
        self._now = np.concatenate([self._now, fresh])

    def _flow(self, grey: Image) -> Tracks | None:
        if (
            self._previous is None
            or self._previous.shape != grey.shape
            or len(self._now) < _LEAST_POINTS
        ):
            return None
        # Cameras tend to keep moving as before, so the search starts where the last step points.
        guess = self._now
        if self._step is not None:
            ahead = cv2.perspectiveTransform(guess[:, None], self._step)[:, 0]
            guess = np.asarray(ahead, np.float32)
        places, status, _ = cv2.calcOpticalFlowPyrLK(
            self._previous,
            grey,
            self._now,
            guess.copy(),
            winSize=_WINDOW,
            maxLevel=_LEVELS,
            criteria=(cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.03),
            flags=cv2.OPTFLOW_USE_INITIAL_FLOW,
            minEigThreshold=_FLAT,
        )
        height, width = grey.shape
        inside = (
            (status.ravel() == 1)
            & (places >= 1).all(1)
            & (places[:, 0] < width - 1)
            & (places[:, 1] < height - 1)
        )
        if np.count_nonzero(inside) < _LEAST_POINTS:
            return None
        before, after = self._now[inside], places[inside]
        homography, mask = cv2.findHomography(
            before, after, cv2.USAC_FAST, _STEP_TOLERANCE * width, maxIters=200, confidence=0.99
        )
        if homography is None:
            return None
        good = mask.ravel() == 1
        if np.count_nonzero(good) < max(_LEAST_POINTS, _LEAST_SHARE * len(good)):
            return None
        self._reference = self._reference[inside][good]
        self._now = after[good]
        self._step = np.asarray(homography, np.float64)
        step = np.hypot(*(self._now - before[good]).T)
        return Tracks(self._reference, self._now, float(np.median(step)))

    def _find(self, grey: Image) -> Tracks | None:
        if self._reference_grey is None or self._reference_grey.shape != grey.shape:
            return None
        if self._reference_features is None:
            self._reference_features = self._detector.detect(self._reference_grey)
        current = self._detector.detect(grey)
        pairs = match(self._reference_features, current)
        if len(pairs) < _LEAST_POINTS:
            return None
        self._reference = self._reference_features.points[pairs[:, 0]].astype(np.float32)
        self._now = current.points[pairs[:, 1]].astype(np.float32)
        self._step = None
        return Tracks(self._reference, self._now, None)


def strong_corners(grey: Image) -> Points:
    """Corners (n, 2) above noise level, spread over the picture; none in a flat one."""
    width = grey.shape[1]
    strength = cv2.cornerMinEigenVal(grey, _CORNER_BLOCK)
    reach = 2 * round(_SPACING * width / 2) + 1
    peaks = cv2.compare(strength, cv2.dilate(strength, np.ones((reach, reach))), cv2.CMP_GE)
    rim = _WINDOW[0] // 2
    peaks[:rim], peaks[-rim:], peaks[:, :rim], peaks[:, -rim:] = 0, 0, 0, 0
    row, column = np.nonzero(peaks)
    value = strength[row, column]
    strong = value > _CORNER_FLOOR
    row, column, value = row[strong], column[strong], value[strong]
    cell = row * _CELLS_ACROSS // width * _CELLS_ACROSS + column * _CELLS_ACROSS // width
    order = np.lexsort((-value, cell))  # cell by cell, strongest first
    cell = cell[order]
    best = order[_rank_in_run(cell) < _PER_CELL]
    return np.stack([column[best], row[best]], axis=1).astype(np.float32)


def _rank_in_run(labels: npt.NDArray[np.intp]) -> npt.NDArray[np.intp]:
    """Position of each element in its run of equal labels, from 0."""
    at = np.arange(len(labels))
    begins = np.ones(len(labels), np.bool_)
    begins[1:] = labels[1:] != labels[:-1]
    return at - np.maximum.accumulate(np.where(begins, at, 0))
