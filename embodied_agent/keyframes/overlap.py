"""Exact view overlap from a homography, and which homographies can come from a camera at all.

A wide turn brings part of the frame to the last keyframe's horizon or behind it. That part is cut
off before mapping, so that the rest stays a convex polygon that can be clipped exactly.

Out of scope: estimating the homography (`robust`, `paper`).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

#: What maps closer to the horizon than this, relative to the depth of the frame's middle, is cut
#: off.
_NEAR_HORIZON = 0.02
#: Around its middle a view is magnified at most this much, in area; a turn by 60 degrees gives 8.
_MAGNIFIED = 12.0
#: It is stretched at most this much in one direction against the other; the same turn gives 2.
_STRETCHED = 6.0


def overlap_ratio(homography: Matrix, width: int, height: int) -> float:
    """The part of the last keyframe's view that the mapped frame covers, in [0, 1], exactly.

    Args:
        homography: (3, 3), pixels of the frame into those of the last keyframe, any scale.
        width: of both, in pixels.
        height: of both, in pixels.
    """
    mapped = mapped_frame(homography, width, height)
    if mapped is None:
        return 0.0
    rectangle = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    area, _ = cv2.intersectConvexConvex(rectangle, mapped.astype(np.float32))
    return float(min(1.0, max(0.0, area / (width * height))))


def mapped_frame(homography: Matrix, width: int, height: int) -> Matrix | None:
    """The frame's outline (3 to 5, 2) in the last keyframe, without what lies at its horizon.

    ``None`` where the homography maps the frame's middle nowhere.
    """
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], np.float64)
    middle = float(homography[2] @ (width / 2, height / 2, 1.0))
    if not np.isfinite(homography).all() or middle == 0:
        return None
    points = corners @ (homography / middle).T
    ahead = points[:, 2] - _NEAR_HORIZON
    outline = []
    for i in range(4):
        j = (i + 1) % 4
        if ahead[i] >= 0:
            outline.append(points[i])
        if (ahead[i] >= 0) != (ahead[j] >= 0):
            share = ahead[i] / (ahead[i] - ahead[j])
            outline.append(points[i] + share * (points[j] - points[i]))
    polygon = np.array(outline)
    return np.asarray(polygon[:, :2] / polygon[:, 2:], np.float64)


def is_plausible(homography: Matrix, width: int, height: int) -> bool:
    """Whether a homography can relate two views of one camera: no mirror, no collapse, no blow-up.

    Only its effect around the middle of the frame counts.
    """
    x, y = width / 2, height / 2
    u, v, w = homography @ (x, y, 1.0)
    if not np.isfinite(homography).all() or w == 0:
        return False
    a = (homography[0, :2] - u / w * homography[2, :2]) / w
    b = (homography[1, :2] - v / w * homography[2, :2]) / w
    area = float(a[0] * b[1] - a[1] * b[0])
    if not 1 / _MAGNIFIED < area < _MAGNIFIED:
        return False
    # For a 2×2 matrix, stretch + 1 / stretch is its squared norm over its determinant.
    return float(a @ a + b @ b) / area < _STRETCHED + 1 / _STRETCHED
