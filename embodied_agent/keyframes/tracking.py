"""Tracks a reference view's points from frame to frame, and recovers them after a gap.

Between neighbouring frames, points are tracked by optical flow, which is cheap, works on soft
textures and is accurate to a fraction of a pixel. If that fails (a jump, a low frame rate, the end
of a blind stretch), the frame is matched with the reference by ORB features. Memory is bounded:
three reduced grey pictures and one set of points.

Out of scope: decisions based on the tracks (`robust`), finding points (`corners`).
"""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.keyframes.arrays import median
from embodied_agent.keyframes.corners import SPACING, Points, strong_corners, tracked_size
from embodied_agent.keyframes.features import Detector, Features, match
from embodied_agent.keyframes.homography import (
    Matrix,
    fit_affinity,
    fit_homography,
    mapped,
    within,
)
from embodied_agent.records import Image

#: Below this number of points, new ones are added, but only every so many frames.
_FEW_POINTS, _FRESH_FRAMES = 50, 3
#: Flow is trusted if at least this many points, and this share of those tracked, move consistently.
_LEAST_POINTS, _LEAST_SHARE = 20, 0.5
#: A change of brightness below this share between frames is not corrected before optical flow.
_SAME_GAIN = 0.02
#: Points move consistently if they fit one homography between neighbouring frames within this share
#: of the width.
_STEP_TOLERANCE = 0.012
#: Optical flow: window in pixels of the tracked picture, levels of the image pyramid, and the least
#: texture (smallest eigenvalue). Most steps end near the expected place, where one level is enough;
#: if less than the share of all points is found there, the search is repeated with all levels.
_WINDOW, _LEVELS, _FLAT = (9, 9), 2, 2e-5
_NEAR_LEVELS, _NEAR_SHARE = 1, 0.75
_STOP = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 10, 0.02)
#: Where the error of a point would be measured, its texture is given, which is known anyway.
_FLAGS = cv2.OPTFLOW_USE_INITIAL_FLOW | cv2.OPTFLOW_LK_GET_MIN_EIGENVALS
_HALF = np.float32(0.5)


class Tracks(NamedTuple):
    """A reference's points (n, 2) and their current positions ``now`` (n, 2), in pixels.
    ``step_px`` is the median distance they moved since the last frame, ``None`` after a gap.

    ``own`` (n,) is True for points that the reference started with, False for those added later.
    ``start`` (m, 2) are all points that it started with, including lost ones; empty after a gap.
    """

    reference: Points
    now: Points
    step_px: float | None
    own: npt.NDArray[np.bool_]
    start: Points


class _Picture(NamedTuple):
    """A picture as it is tracked: ``pixels``, made of the reduced picture ``grey``. ``scale`` (2,)
    is the size of the reduced picture relative to it, ``mean`` its brightness."""

    grey: Image
    pixels: Image
    scale: npt.NDArray[np.float32]
    mean: float

    @classmethod
    def of(cls, grey: Image) -> _Picture:
        pixels = tracked_size(grey)
        scale = np.array(
            (grey.shape[1] / pixels.shape[1], grey.shape[0] / pixels.shape[0]), np.float32
        )
        return cls(grey, pixels, scale, float(cv2.mean(pixels)[0]))


class Tracker:
    """Tracks the points of one reference view through the frames."""

    def __init__(self, features: int) -> None:
        self._detector = Detector(features)
        self._reference_grey: Image | None = None
        self._reference_features: Features | None = None
        self._previous: _Picture | None = None
        self._reference: Points = np.empty((0, 2), np.float32)
        self._now: Points = self._reference
        self._start: Points = self._reference
        self._own = np.empty(0, np.bool_)
        self._step: Matrix | None = None
        self._since_fresh = 0

    def start(self, grey: Image, corners: Points) -> None:
        """Make a picture the reference, with its corners (n, 2)."""
        self._reference_grey = grey
        if self._previous is None or self._previous.grey is not grey:
            self._previous = _Picture.of(grey)
        self._reference_features = None
        self._reference = self._now = self._start = corners
        self._own = np.ones(len(corners), np.bool_)
        self._since_fresh = 0

    def advance(self, grey: Image) -> Tracks | None:
        """Track the points into the next frame; ``None`` if they are lost."""
        picture = _Picture.of(grey)
        tracks = self._flow(picture) or self._recover(grey)
        self._previous = picture
        if tracks is None:
            self._reference = self._now = self._start = np.empty((0, 2), np.float32)
            self._own = np.empty(0, np.bool_)
            self._step = None
        return tracks

    def replenish(self, grey: Image, homography: Matrix) -> None:
        """Add points from the current picture if few of the reference's points are left.

        ``homography`` (3, 3) maps the current picture to the reference.
        """
        self._since_fresh += 1
        if len(self._now) >= _FEW_POINTS or self._since_fresh < _FRESH_FRAMES:
            return
        self._since_fresh = 0
        fresh = strong_corners(grey)
        spacing = SPACING * grey.shape[1]
        if len(fresh) and len(self._now):
            across, down = np.abs(fresh.T[:, :, None] - self._now.T[:, None])
            fresh = fresh[np.maximum(across, down).min(1) > spacing]
        if not len(fresh):
            return
        self._reference = np.concatenate([self._reference, mapped(fresh, homography)])
        self._now = np.concatenate([self._now, fresh])
        self._own = np.concatenate([self._own, np.zeros(len(fresh), np.bool_)])

    def _flow(self, picture: _Picture) -> Tracks | None:
        previous = self._previous
        if (
            previous is None
            or previous.pixels.shape != picture.pixels.shape
            or len(self._now) < _LEAST_POINTS
        ):
            return None
        before = as_bright_as(picture, previous)
        step = _follow(before, picture, self._now, self._step, _NEAR_LEVELS)
        if step is None or step.consistent < _NEAR_SHARE * len(self._now):
            step = _follow(before, picture, self._now, self._step, _LEVELS)
        if step is None:
            return None
        now, places = self._now, step.places
        if step.consistent < len(now):
            kept = np.flatnonzero(step.kept)
            now, places = now.take(kept, axis=0), places.take(kept, axis=0)
            self._reference, self._own = self._reference.take(kept, axis=0), self._own.take(kept)
        moved = places - now
        self._now, self._step = places, step.homography
        step_px = median(np.hypot(moved[:, 0], moved[:, 1]))
        return Tracks(self._reference, self._now, step_px, self._own, self._start)

    def _recover(self, grey: Image) -> Tracks | None:
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
        self._own, self._start = np.zeros(len(pairs), np.bool_), np.empty((0, 2), np.float32)
        self._step = None
        return Tracks(self._reference, self._now, None, self._own, self._start)


class _Step(NamedTuple):
    """The places (n, 2) of points in the next picture, which of them (n,) moved consistently, their
    number, and the homography (3, 3) that they follow."""

    places: Points
    kept: npt.NDArray[np.bool_]
    consistent: int
    homography: Matrix


def _follow(
    before: Image, picture: _Picture, points: Points, last_step: Matrix | None, levels: int
) -> _Step | None:
    """Follow points (n, 2) from one picture to the next; ``None`` if too few move consistently.

    Args:
        before: pixels of the previous picture, as large and as bright as the next one.
        picture: the next picture.
        points: their places in the previous one, in pixels of the reduced picture.
        last_step: the homography of the step before. Cameras tend to keep their motion, so the
            search starts where it would lead.
        levels: of the image pyramid above the first; each doubles the reach.
    """
    expected = points if last_step is None else mapped(points, last_step)
    tracked, status, _ = cv2.calcOpticalFlowPyrLK(
        before,
        picture.pixels,
        (points + _HALF) / picture.scale - _HALF,
        (expected + _HALF) / picture.scale - _HALF,
        winSize=_WINDOW,
        maxLevel=levels,
        criteria=_STOP,
        flags=_FLAGS,
        minEigThreshold=_FLAT,
    )
    places = (np.asarray(tracked, np.float32) + _HALF) * picture.scale - _HALF
    height, width = picture.grey.shape
    kept = (np.asarray(status, np.uint8).ravel() & within(places, width, height, 1)).view(np.bool_)
    inside = int(np.count_nonzero(kept))
    if inside < _LEAST_POINTS:
        return None
    tolerance_px = _STEP_TOLERANCE * width
    source, target = points, places
    if inside < len(points):
        seen = np.flatnonzero(kept)
        source, target = points.take(seen, axis=0), places.take(seen, axis=0)
        expected = source if last_step is None else expected.take(seen, axis=0)
    # Where one affine map explains how all are off the expected place, a search for a homography
    # would keep the same points.
    change = fit_affinity(expected, target, tolerance_px)
    if change is not None:
        return _Step(places, kept, inside, change if last_step is None else change @ last_step)
    fit = fit_homography(source, target, tolerance_px)
    if fit is None or fit.inliers < max(_LEAST_POINTS, _LEAST_SHARE * inside):
        return None
    if fit.inliers < inside:
        kept[kept] = fit.agree
    return _Step(places, kept, fit.inliers, fit.homography)


def as_bright_as(picture: _Picture, previous: _Picture) -> Image:
    """The previous picture's pixels with the mean brightness of the next: optical flow takes both
    for equal, and a camera whose exposure follows the light makes them differ."""
    before, now = previous.mean, picture.mean
    if before < 1 or abs(now - before) <= _SAME_GAIN * before:
        return previous.pixels
    return np.asarray(cv2.convertScaleAbs(previous.pixels, alpha=now / before), np.uint8)
