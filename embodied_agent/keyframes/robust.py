"""The default keyframe rule: exact overlap, one motion per pair, no floods.

A frame is kept where it shows too little of the last keyframe, where one motion of the camera ends,
or where time is up. A picture without usable detail (flat, dark, blurred, noise) never becomes the
reference, and few such pictures are kept: when a blind stretch ends, the next good frame is
compared with the last good keyframe.

Out of scope: ends and restarts of a source (`selector`), following points (`tracking`), measuring
the motion (`twoview`, `egomotion`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.images import upright_intrinsics
from embodied_agent.keyframes.egomotion import camera_matrix, describe
from embodied_agent.keyframes.features import reduced_grey
from embodied_agent.keyframes.overlap import is_plausible, overlap_ratio
from embodied_agent.keyframes.tracking import Points, Tracker, Tracks, strong_corners
from embodied_agent.keyframes.twoview import two_view
from embodied_agent.records import Decision, Egomotion, Frame, Image, Intrinsics, Reason
from embodied_agent.settings import KeyframeSettings

#: Fewer corners than this can't carry a homography with a margin.
_USABLE_CORNERS = 20
#: Limits of `softness` (see there): below is noise, above is a blur of about 3 pixels.
_NOISE, _BLUR = 0.03, 0.82
#: A picture that is hardly brighter than this (of 255) is dark.
_DARK = 28.0
#: A homography needs this many inliers and this share of the matches.
_MIN_INLIERS, _MIN_INLIER_SHARE = 10, 0.25
#: At most one keyframe without usable detail per this many frames, whatever their rate.
_BLIND_FRAMES = 100
#: Of frames that match nothing seen before, this many are kept at once, further ones this far
#: apart.
_UNMATCHED_AT_ONCE, _UNMATCHED_INTERVAL_S = 2, 1.0
#: A motion counts once the view has moved by this share of the width.
_MOVED_SHARE = 0.035
#: A motion ends where the view moves slower than this share of its fastest speed; what was never
#: faster than this share of the width per second is a drift, not a motion.
_REST_SHARE, _MOVING_SHARE = 0.25, 0.04
#: Speeds of frames closer than this are averaged.
_SPEED_SPAN_S = 0.08


@dataclass(frozen=True, eq=False)
class _View:
    """One frame against the reference: its tracks, and the homography where it is trusted."""

    grey: Image
    scale: float
    tracks: Tracks | None
    inliers: int = 0
    homography: npt.NDArray[np.float64] | None = None
    overlap: float | None = None
    matched: npt.NDArray[np.float32] | None = None

    @property
    def matches(self) -> int:
        return 0 if self.tracks is None else len(self.tracks.now)


class RobustRule:
    """Holds the reference's points and one reduced grey picture; see `tracking`."""

    def __init__(self, settings: KeyframeSettings) -> None:
        self._settings = settings
        self._tracker = Tracker(settings.features)
        self._has_reference = False
        self._last_kept_ns: int | None = None
        self._blind_ns: int | None = None
        self._frames_since_blind = 0
        self._unmatched = 0  # keyframes in a row that matched nothing
        self._last_seen_ns = 0
        self._speed = self._fastest = 0.0  # of the view, in pixels a second; fastest since kept
        self._last: tuple[_View, Intrinsics | None] | None = None

    def retune(self, settings: KeyframeSettings) -> None:
        """Use these thresholds from the next frame on; features and width stay as they were."""
        self._settings = settings

    def step(self, frame: Frame, force: Literal["asked", "last"] | None) -> Decision:
        """The decision on one frame; a forced frame becomes the reference where it is usable."""
        view = self._look(frame)
        self._last_seen_ns = frame.stamp_ns
        self._last = view, upright_intrinsics(frame)
        self._frames_since_blind += 1
        reason, corners = self._reason(frame, view)
        if reason is None and force is not None:
            reason, corners = force, usable_corners(view.grey)
        motion: Egomotion | None = None
        if reason is not None:
            motion = self.motion()
            self._keep(frame, view, corners)
        elif view.homography is not None:
            self._tracker.replenish(view.grey, view.homography)
        return Decision(
            index=frame.index,
            stamp_ns=frame.stamp_ns,
            keep=reason is not None,
            reason=reason,
            overlap_ratio=view.overlap,
            matches=view.matches,
            inliers=view.inliers,
            homography=None if view.homography is None else _rescaled(view.homography, view.scale),
            egomotion=motion,
            matched=view.matched,
        )

    def motion(self) -> Egomotion | None:
        """What the camera did from the reference to the last frame, as far as it was tracked."""
        if self._last is None:
            return None
        view, intrinsics = self._last
        if view.tracks is None:
            return None
        height, width = view.grey.shape
        seen = two_view(
            view.tracks.reference.astype(np.float64),
            view.tracks.now.astype(np.float64),
            camera_matrix(width, height, intrinsics),
        )
        return None if seen is None else describe(seen.rotation, seen.travel, seen.support)

    def _keep(self, frame: Frame, view: _View, corners: Points | None) -> None:
        self._last_kept_ns = frame.stamp_ns
        if corners is not None:
            self._tracker.start(view.grey, corners)
            self._has_reference = True
            self._fastest = 0.0
        else:
            self._blind_ns = frame.stamp_ns
            self._frames_since_blind = 0

    def _look(self, frame: Frame) -> _View:
        grey, scale = reduced_grey(frame, self._settings.detect_width)
        tracks = self._tracker.advance(grey) if self._has_reference else None
        if tracks is None or len(tracks.now) <= self._settings.min_matches:
            return _View(grey, scale, tracks)
        self._gauge_speed(frame.stamp_ns, tracks.step_px)
        estimate, mask = cv2.findHomography(
            tracks.now, tracks.reference, cv2.USAC_FAST, self._settings.ransac_px
        )
        if estimate is None:
            return _View(grey, scale, tracks)
        homography = np.asarray(estimate, np.float64)
        inliers = int(np.count_nonzero(mask))
        height, width = grey.shape
        if inliers < max(_MIN_INLIERS, _MIN_INLIER_SHARE * len(tracks.now)) or not is_plausible(
            homography, width, height
        ):
            return _View(grey, scale, tracks, inliers)
        overlap = overlap_ratio(homography, width, height)
        matched = np.concatenate((tracks.now, tracks.reference), axis=1)[mask.ravel() == 1]
        matched *= np.float32(1 / scale)
        return _View(grey, scale, tracks, inliers, homography, overlap, matched)

    def _reason(self, frame: Frame, view: _View) -> tuple[Reason | None, Points | None]:
        """Why to keep a frame, if at all, and its corners where it can become the reference."""
        if self._last_kept_ns is None:
            return "first", usable_corners(view.grey)
        since_s = (frame.stamp_ns - self._last_kept_ns) / 1e9
        reason = self._motive(view, since_s)
        lost = reason in ("few_matches", "no_homography")
        if not lost:
            self._unmatched = 0
        least_s = self._settings.min_interval_s
        if self._unmatched >= _UNMATCHED_AT_ONCE:
            least_s = max(least_s, _UNMATCHED_INTERVAL_S)
        if reason is None or since_s < least_s:
            return None, None
        corners = usable_corners(view.grey)
        if corners is not None:
            self._unmatched += lost
            return reason, corners
        return ("no_features" if self._may_keep_blind(frame.stamp_ns) else None), None

    def _motive(self, view: _View, since_s: float) -> Reason | None:
        """The reason for keeping this frame, provided that it is usable."""
        if not self._has_reference:
            return "no_features"
        if view.overlap is None:
            return "few_matches" if view.matches <= self._settings.min_matches else "no_homography"
        if view.overlap < self._settings.overlap_threshold:
            return "overlap"
        if self._settings.split_motions and view.tracks is not None and self._rests(view.tracks):
            return "motion"
        if 0 < self._settings.max_interval_s <= since_s:
            return "max_interval"
        return None

    def _rests(self, tracks: Tracks) -> bool:
        """Whether a motion that counts has just come to its end."""
        width = self._settings.detect_width
        if self._fastest < _MOVING_SHARE * width or self._speed > _REST_SHARE * self._fastest:
            return False
        moved = np.hypot(*(tracks.now - tracks.reference).T)
        return float(np.percentile(moved, 75)) > _MOVED_SHARE * width

    def _gauge_speed(self, stamp_ns: int, step_px: float | None) -> None:
        elapsed_s = (stamp_ns - self._last_seen_ns) / 1e9
        if step_px is None:  # a gap: the speed is unknown
            self._speed = 0.0
        elif elapsed_s > 0:
            weight = min(1.0, elapsed_s / _SPEED_SPAN_S)
            self._speed += weight * (step_px / elapsed_s - self._speed)
        self._fastest = max(self._fastest, self._speed)

    def _may_keep_blind(self, stamp_ns: int) -> bool:
        if self._blind_ns is None:
            return True
        waited_s = (stamp_ns - self._blind_ns) / 1e9
        return (
            self._frames_since_blind >= _BLIND_FRAMES
            and waited_s >= self._settings.blind_interval_s
        )


def usable_corners(grey: Image) -> Points | None:
    """Corners of a picture whose detail can be told from dark, blur and noise, else ``None``."""
    mean, spread = cv2.meanStdDev(grey)
    if float(mean[0, 0]) + 2 * float(spread[0, 0]) < _DARK:
        return None
    if not _NOISE < softness(grey) < _BLUR:
        return None
    corners = strong_corners(grey)
    return corners if len(corners) >= _USABLE_CORNERS else None


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
