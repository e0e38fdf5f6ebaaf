"""The decision on each frame, and the keyframes that were kept.

Out of scope: how the decision is taken (`embodied_agent.keyframes`), what a keyframe shows
(`deltas`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from embodied_agent.records.frames import Intrinsics, Mount, Pose
from embodied_agent.records.motion import Egomotion

#: Why a frame became a keyframe.
Reason = Literal[
    "first",
    "overlap",
    "no_features",
    "few_matches",
    "no_homography",
    "motion",
    "max_interval",
    "asked",
    "last",
]

#: Share of matches that agree with a homography. Below the first, the homography is worthless;
#: above the second, it can be relied on fully.
_NO_CONFIDENCE, _CONFIDENCE = 0.25, 0.85
#: The same of `Decision.support`, which counts lost points too, and half-way between the two.
_NO_SUPPORT, _SUPPORT = 0.46, 0.9
DOUBTFUL_SUPPORT = (_NO_SUPPORT + _SUPPORT) / 2
#: An overlap with a lower `Decision.confidence` is doubtful.
DOUBTFUL = 0.5


@dataclass(frozen=True, eq=False)
class Decision:
    """Whether a frame becomes a keyframe, and why.

    ``reason`` is ``None`` for a frame that is not kept. ``overlap_ratio`` in [0, 1] is the part of
    the last keyframe's view that this frame still shows, ``None`` if it could not be measured.
    ``homography`` (3, 3; float64) maps pixels of this frame to the last keyframe, ``None`` if none
    could be fitted; ``inliers`` counts the ``matches`` that agree with it. ``matched`` (n, 4;
    float32) are those points: x, y in this frame and x, y in the last keyframe, in pixels of the
    full picture. ``support`` in [0, 1] is the share of the last keyframe's points that should still
    be in view and are where the homography puts them; ``None`` from `paper`, which does not measure
    it. ``egomotion`` is measured for kept frames.
    """

    index: int
    stamp_ns: int
    keep: bool
    reason: Reason | None
    overlap_ratio: float | None = None
    matches: int = 0
    inliers: int = 0
    homography: npt.NDArray[np.float64] | None = None
    egomotion: Egomotion | None = None
    matched: npt.NDArray[np.float32] | None = None
    support: float | None = None

    @property
    def confidence(self) -> float | None:
        """How far the overlap can be relied on, from 0 to 1; ``None`` if it was not measured.

        A homography does not fit a scene with things at different depths (parallax) or moving
        things, and few of the points agree with it there. Below one half the overlap is doubtful:
        ``bench/keyframes.py --hard`` and ``--sequence`` measure how many of the wrong ones are.
        """
        if self.overlap_ratio is None or self.matches <= 0:
            return None
        if self.support is None:
            share, low, high = self.inliers / self.matches, _NO_CONFIDENCE, _CONFIDENCE
        else:
            share, low, high = self.support, _NO_SUPPORT, _SUPPORT
        return min(1.0, max(0.0, (share - low) / (high - low)))


@dataclass(frozen=True, eq=False)
class Keyframe:
    """A kept frame as the memory stores it. ``id`` grows by one per keyframe, from 0.

    ``jpeg`` is the upright picture as a JPEG file of ``width`` by ``height`` pixels; it is empty if
    it was not requested or retention has dropped it. ``segment`` counts restarts of the sensor's
    clock (bag loops, resets): stamps are ordered within a segment only. ``egomotion`` is relative
    to the previous keyframe of the segment. ``intrinsics`` are those of the upright picture,
    ``None`` without a calibration that can be trusted. ``mount`` is where the camera of the upright
    picture is on the body that ``pose`` is of; ``None`` where the pose counts as the camera's own.
    ``depth`` is a small depth picture as upright as the picture (a 16-bit PNG file, in millimetres
    along the camera's axis, 0 where nobody knows); empty without one, and wherever ``jpeg`` is.
    """

    id: int
    stamp_ns: int
    jpeg: bytes
    reason: Reason
    width: int
    height: int
    segment: int = 0
    frame_id: str = "camera"
    overlap_ratio: float | None = None
    inliers: int = 0
    egomotion: Egomotion | None = None
    pose: Pose | None = None
    intrinsics: Intrinsics | None = None
    mount: Mount | None = None
    depth: bytes = b""
