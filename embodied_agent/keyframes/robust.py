"""The default keyframe rule: exact overlap, no trust in bad homographies, no floods.

A frame is usable where it has enough features and is neither a blur nor noise. Unusable frames
never become the reference, so a blank stretch ends where it began: the next usable frame is
compared with the last good keyframe.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.egomotion import egomotion
from embodied_agent.keyframes.features import Detector, Features, decode_grey
from embodied_agent.keyframes.overlap import is_plausible, overlap_ratio
from embodied_agent.records import Decision, Egomotion, Frame, Image, Reason
from embodied_agent.settings import KeyframeSettings

#: Fewer features than this can't carry a homography with a margin.
_USABLE_FEATURES = 30
#: Limits of `softness` (see there): below is noise, above is a blur of about 3 pixels.
_NOISE, _BLUR = 0.10, 0.82
#: A homography needs this many inliers and this share of the matches.
_MIN_INLIERS, _MIN_INLIER_SHARE = 10, 0.25
#: One keyframe without usable features per so many frames, whatever their rate.
_BLIND_FRAMES = 100
#: Usable frames that match neither the reference nor their neighbour are kept this far apart.
_UNMATCHED_INTERVAL_S = 1.0


@dataclass(frozen=True, eq=False)
class _View:
    """What is kept of a frame: its features, the size they were taken at, and whether usable."""

    features: Features
    width: int
    height: int
    scale: float
    usable: bool


@dataclass(frozen=True, eq=False)
class _Comparison:
    """A frame against a view: counts, and the homography (compared pixels) where trusted."""

    matches: int = 0
    inliers: int = 0
    homography: npt.NDArray[np.float64] | None = None
    overlap: float | None = None


class RobustRule:
    """Holds the features of the last good keyframe and of the previous frame."""

    def __init__(self, settings: KeyframeSettings) -> None:
        self._settings = settings
        self._detector = Detector(settings.features)
        self._reference: _View | None = None
        self._previous: _View | None = None
        self._kept_ns: int | None = None
        self._blind_ns: int | None = None
        self._frames_since_blind = 0

    def step(self, frame: Frame, force: Literal["asked", "last"] | None) -> Decision:
        """The decision on one frame; a forced frame becomes the reference where it is usable."""
        grey, scale = decode_grey(frame, self._settings.detect_width)
        view = self._view(grey, scale)
        self._frames_since_blind += 1
        comparison = _Comparison()
        if self._reference is not None and self._reference.usable and view.usable:
            comparison = self._compare(self._reference, view)
        reason = self._reason(frame, view, comparison) or force
        if reason is not None:
            self._kept_ns = frame.stamp_ns
            if view.usable or self._reference is None or not self._reference.usable:
                self._reference = view
            if not view.usable:
                self._blind_ns = frame.stamp_ns
                self._frames_since_blind = 0
        self._previous = view
        motion: Egomotion | None = None
        homography = comparison.homography
        if homography is not None:
            homography = _rescaled(homography, scale)
            motion = egomotion(
                homography,
                round(view.width / scale),
                round(view.height / scale),
                frame.intrinsics,
            )
        return Decision(
            index=frame.index,
            stamp_ns=frame.stamp_ns,
            keep=reason is not None,
            reason=reason,
            overlap_ratio=comparison.overlap,
            matches=comparison.matches,
            inliers=comparison.inliers,
            homography=homography,
            egomotion=motion,
        )

    def _reason(self, frame: Frame, view: _View, comparison: _Comparison) -> Reason | None:
        if self._reference is None or self._kept_ns is None:
            return "first"
        if not view.usable:
            return "no_features" if self._may_keep_blind(frame.stamp_ns) else None
        since_s = (frame.stamp_ns - self._kept_ns) / 1e9
        if since_s < self._settings.min_interval_s:
            return None
        if not self._reference.usable:
            return "no_features"
        if comparison.overlap is None:
            if since_s < _UNMATCHED_INTERVAL_S and not self._continues(view):
                return None
            few = comparison.matches <= self._settings.min_matches
            return "few_matches" if few else "no_homography"
        if comparison.overlap < self._settings.overlap_threshold:
            return "overlap"
        if 0 < self._settings.max_interval_s <= since_s:
            return "max_interval"
        return None

    def _may_keep_blind(self, stamp_ns: int) -> bool:
        if self._blind_ns is None:
            return True
        waited_s = (stamp_ns - self._blind_ns) / 1e9
        return (
            self._frames_since_blind >= _BLIND_FRAMES
            and waited_s >= self._settings.blind_interval_s
        )

    def _continues(self, view: _View) -> bool:
        """Whether a frame shows the same as the one before it: a stable view, not a glitch."""
        return (
            self._previous is not None
            and self._previous.usable
            and self._compare(self._previous, view).overlap is not None
        )

    def _view(self, grey: Image, scale: float) -> _View:
        features = self._detector.detect(grey)
        usable = len(features) >= _USABLE_FEATURES and _NOISE < softness(grey) < _BLUR
        return _View(features, grey.shape[1], grey.shape[0], scale, usable)

    def _compare(self, reference: _View, view: _View) -> _Comparison:
        if (reference.width, reference.height) != (view.width, view.height):
            return _Comparison()
        pairs = self._detector.match(reference.features, view.features)
        if len(pairs) <= self._settings.min_matches:
            return _Comparison(matches=len(pairs))
        last = reference.features.points[pairs[:, 0]]
        now = view.features.points[pairs[:, 1]]
        found, mask = cv2.findHomography(
            now.reshape(-1, 1, 2), last.reshape(-1, 1, 2), cv2.RANSAC, self._settings.ransac_px
        )
        if found is None:
            return _Comparison(matches=len(pairs))
        homography = np.asarray(found, np.float64)
        inliers = int(np.count_nonzero(mask))
        if (
            inliers < max(_MIN_INLIERS, _MIN_INLIER_SHARE * len(pairs))
            or not is_plausible(homography, view.width, view.height)
        ):
            return _Comparison(matches=len(pairs), inliers=inliers)
        overlap = overlap_ratio(homography, view.width, view.height)
        return _Comparison(len(pairs), inliers, homography, overlap)


def softness(grey: Image) -> float:
    """How blurred a picture is, whatever its contrast: 0 is noise, 1 has no detail left.

    The share of gradient energy that survives a blur of 2 pixels. An edge that is already blurred
    by s pixels keeps s / sqrt(s² + 4) of it; white noise keeps next to nothing. A flat picture
    counts as 1.
    """
    smooth = cv2.GaussianBlur(grey, (9, 9), 2.0)
    before, after = (_gradient_energy(image) for image in (grey, smooth))
    return after / before if before > 0 else 1.0


def _gradient_energy(image: npt.NDArray[np.uint8] | cv2.typing.MatLike) -> float:
    across = cv2.Sobel(image, cv2.CV_16S, 1, 0, ksize=1)
    down = cv2.Sobel(image, cv2.CV_16S, 0, 1, ksize=1)
    return float(cv2.norm(across, cv2.NORM_L2SQR) + cv2.norm(down, cv2.NORM_L2SQR))


def _rescaled(homography: npt.NDArray[np.float64], scale: float) -> npt.NDArray[np.float64]:
    """A homography between scaled images, for the originals."""
    up = np.diag([1 / scale, 1 / scale, 1.0])
    full = up @ homography @ np.linalg.inv(up)
    return np.asarray(full / full[2, 2], np.float64)
