"""The default keyframe rule: exact overlap, one motion per pair of keyframes, no floods of them.

A frame is kept if it shows too little of the last keyframe, if a motion of the camera ends, or if
the maximum interval has passed. A picture without usable detail (flat, dark, blurred, noise) never
becomes the reference, and few such pictures are kept: when a blind stretch ends, the next good
frame is compared with the last good keyframe.

Out of scope: the end and restarts of a source (`selector`), tracking points (`tracking`), measuring
the motion (`twoview`, `egomotion`).
"""

from __future__ import annotations

from typing import Literal, NamedTuple

import numpy as np
import numpy.typing as npt

from embodied_agent.images import upright_intrinsics
from embodied_agent.keyframes.arrays import lengths
from embodied_agent.keyframes.corners import Points, usable_corners
from embodied_agent.keyframes.egomotion import camera_matrix, describe
from embodied_agent.keyframes.features import reduced_grey
from embodied_agent.keyframes.homography import Fit, fit_homography, inverse, mapped, within
from embodied_agent.keyframes.overlap import is_plausible, overlap_ratio
from embodied_agent.keyframes.tracking import Tracker, Tracks
from embodied_agent.keyframes.twoview import two_view
from embodied_agent.records import (
    DOUBTFUL_SUPPORT,
    Decision,
    Egomotion,
    Frame,
    Image,
    Intrinsics,
    Reason,
)
from embodied_agent.settings import KeyframeSettings

#: A homography needs at least this many inliers, and this share of the matches.
_MIN_INLIERS, _MIN_INLIER_SHARE = 10, 0.25
#: `support_of` counts lost points from this many expected ones on; a point is expected if the
#: homography puts it this far inside the picture, in pixels.
_LEAST_EXPECTED, _RIM = 8, 8
#: A doubtful overlap counts as lost if less than this share of the threshold is certainly in view.
_LOST_SHARE = 0.6
#: At most one keyframe without usable detail is kept per this many frames, at any frame rate.
_BLIND_FRAMES = 100
#: So many frames in a row that match nothing are kept at once, further ones only at this interval.
_UNMATCHED_AT_ONCE, _UNMATCHED_INTERVAL_S = 2, 1.0
#: A motion counts once the view has moved by this share of the width.
_MOVED_SHARE = 0.035
#: A motion ends when the view's speed drops below this share of its maximum. A view that never
#: moved faster than this share of the width per second drifts; that is not a motion.
_REST_SHARE, _MOVING_SHARE = 0.25, 0.04
#: Speeds of frames closer together than this are averaged, in seconds.
_SPEED_SPAN_S = 0.08


class _View(NamedTuple):
    """One frame compared with the reference: its tracks, and the homography if it is trusted."""

    grey: Image
    scale: float
    tracks: Tracks | None
    inliers: int = 0
    homography: npt.NDArray[np.float64] | None = None
    overlap: float | None = None
    support: float | None = None
    matched: npt.NDArray[np.float32] | None = None

    @property
    def matches(self) -> int:
        return 0 if self.tracks is None else len(self.tracks.now)


class RobustRule:
    """The default rule. Of the frames, it keeps the reference's points and four reduced grey
    pictures (`tracking`)."""

    def __init__(self, settings: KeyframeSettings) -> None:
        self._settings = settings
        self._tracker = Tracker(settings.features)
        self._has_reference = False
        self._last_kept_ns: int | None = None
        self._blind_ns: int | None = None
        self._frames_since_blind = 0
        self._unmatched = 0  # keyframes in a row that matched nothing
        self._last_seen_ns = 0
        # The view's speed, now and at most since the last keyframe, in pixels per second.
        self._speed = self._fastest = 0.0
        self._last: tuple[_View, Intrinsics | None] | None = None

    def retune(self, settings: KeyframeSettings) -> None:
        """Apply these thresholds from the next frame on; ``features`` and ``detect_width`` stay."""
        self._settings = settings

    def step(self, frame: Frame, force: Literal["asked", "last"] | None) -> Decision:
        """The decision on one frame; a forced frame becomes the reference if it is usable."""
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
            support=view.support,
        )

    def motion(self) -> Egomotion | None:
        """The motion from the reference to the last frame, as far as it was tracked."""
        if self._last is None:
            return None
        view, intrinsics = self._last
        if view.tracks is None:
            return None
        height, width = view.grey.shape
        motion = two_view(
            view.tracks.reference.astype(np.float64),
            view.tracks.now.astype(np.float64),
            camera_matrix(width, height, intrinsics),
        )
        return None if motion is None else describe(motion.rotation, motion.travel, motion.support)

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
        self._update_speed(frame.stamp_ns, tracks.step_px)
        fit = fit_homography(tracks.now, tracks.reference, self._settings.ransac_px)
        if fit is None:
            return _View(grey, scale, tracks)
        height, width = grey.shape
        least = max(_MIN_INLIERS, _MIN_INLIER_SHARE * len(tracks.now))
        if fit.inliers < least or not is_plausible(fit.homography, width, height):
            return _View(grey, scale, tracks, fit.inliers)
        matched = np.concatenate((tracks.now, tracks.reference), axis=1)
        if fit.inliers < len(matched):
            matched = matched.take(np.flatnonzero(fit.agree), axis=0)
        matched *= np.float32(1 / scale)
        return _View(
            grey=grey,
            scale=scale,
            tracks=tracks,
            inliers=fit.inliers,
            homography=fit.homography,
            overlap=overlap_ratio(fit.homography, width, height),
            support=support_of(fit, tracks, width, height),
            matched=matched,
        )

    def _reason(self, frame: Frame, view: _View) -> tuple[Reason | None, Points | None]:
        """The reason to keep a frame, if any, and its corners if it can become the reference."""
        if self._last_kept_ns is None:
            return "first", usable_corners(view.grey)
        since_s = (frame.stamp_ns - self._last_kept_ns) / 1e9
        reason = self._motive(view, since_s)
        lost = reason in ("few_matches", "no_homography")
        if not lost:
            self._unmatched = 0
        interval_s = self._settings.min_interval_s
        if self._unmatched >= _UNMATCHED_AT_ONCE:
            interval_s = max(interval_s, _UNMATCHED_INTERVAL_S)
        if reason is None or since_s < interval_s:
            return None, None
        corners = usable_corners(view.grey)
        if corners is not None:
            self._unmatched += lost
            return reason, corners
        return ("no_features" if self._may_keep_blind(frame.stamp_ns) else None), None

    def _motive(self, view: _View, since_s: float) -> Reason | None:
        """The reason to keep this frame, assuming that it is usable."""
        if not self._has_reference:
            return "no_features"
        if view.overlap is None:
            return "few_matches" if view.matches <= self._settings.min_matches else "no_homography"
        if view.overlap < self._settings.overlap_threshold:
            return "overlap"
        if since_s >= _UNMATCHED_INTERVAL_S and self._is_lost(view):
            return "few_matches"
        if (
            self._settings.split_motions
            and view.tracks is not None
            and self._motion_ended(view.tracks)
        ):
            return "motion"
        if 0 < self._settings.max_interval_s <= since_s:
            return "max_interval"
        return None

    def _is_lost(self, view: _View) -> bool:
        """Whether a doubtful overlap may really be below the threshold.

        If a homography is the wrong model (parallax, a large moving foreground), the overlap may be
        anything, but at least the share of the view whose points agree with it is still in view.
        """
        assert view.overlap is not None
        if view.support is None or view.support >= DOUBTFUL_SUPPORT:
            return False
        return view.overlap * view.support < _LOST_SHARE * self._settings.overlap_threshold

    def _motion_ended(self, tracks: Tracks) -> bool:
        """Whether a motion large enough to count has just ended."""
        width = self._settings.detect_width
        if self._fastest < _MOVING_SHARE * width or self._speed > _REST_SHARE * self._fastest:
            return False
        moved = np.sort(lengths(tracks.now - tracks.reference))
        return float(moved[3 * len(moved) // 4]) > _MOVED_SHARE * width

    def _update_speed(self, stamp_ns: int, step_px: float | None) -> None:
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


def support_of(fit: Fit, tracks: Tracks, width: int, height: int) -> float:
    """Of the points that a homography says are in view, the share that is seen where it says.

    Args:
        fit: the homography, pixels of the frame into those of the reference.
        tracks: the points that it was fitted to.
        width: of both, in pixels.
        height: of both, in pixels.

    Returns:
        A number in [0, 1]. Without the reference's own points (after a gap), or with few of them
        expected, it is the share of the tracked points that fit.
    """
    share = fit.inliers / len(fit.agree)
    back = inverse(fit.homography)
    if len(tracks.start) < _LEAST_EXPECTED or back is None:
        return share
    places = mapped(tracks.start, back)
    expected = int(np.count_nonzero(within(places, width, height, _RIM)))
    if expected < _LEAST_EXPECTED:
        return share
    return min(share, int(np.count_nonzero(tracks.own & fit.agree)) / expected)


def _rescaled(homography: npt.NDArray[np.float64], scale: float) -> npt.NDArray[np.float64]:
    """A homography between scaled images, converted to the original images."""
    (a, b, c), (d, e, f), (g, h, i) = (homography / homography[2, 2]).tolist()
    return np.array([[a, b, c / scale], [d, e, f / scale], [g * scale, h * scale, i]], np.float64)
