"""Exact view overlap from a homography, and which homographies can be a camera's at all."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]

#: A view this much larger or smaller than the last one is no plausible step of a camera.
_AREA_RATIO = 10.0


def mapped_corners(homography: Matrix, width: int, height: int) -> npt.NDArray[np.float64] | None:
    """The frame's corners (4, 2) mapped; ``None`` where one lies on or beyond the horizon."""
    corners = np.array([[0, 0, 1], [width, 0, 1], [width, height, 1], [0, height, 1]], np.float64)
    mapped = corners @ homography.T
    depth = mapped[:, 2]
    centre = homography[2] @ np.array([width / 2, height / 2, 1.0])
    if not np.isfinite(mapped).all() or centre == 0 or (depth / centre <= 1e-6).any():
        return None
    return np.asarray(mapped[:, :2] / depth[:, None], np.float64)


def overlap_ratio(homography: Matrix, width: int, height: int) -> float:
    """Part of the last keyframe's view that the mapped frame covers, in [0, 1], exactly.

    Where a part of the frame maps beyond the horizon, the overlap is measured the other way
    round: the last keyframe's rectangle mapped into this frame.
    """
    rectangle = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32)
    quad = mapped_corners(homography, width, height)
    if quad is None:
        try:
            inverse = np.asarray(np.linalg.inv(homography), np.float64)
            quad = mapped_corners(inverse, width, height)
        except np.linalg.LinAlgError:
            return 0.0
        if quad is None:
            return 0.0
    polygon = quad.astype(np.float32)
    if not np.isfinite(polygon).all() or not cv2.isContourConvex(polygon):
        return 0.0
    area, _ = cv2.intersectConvexConvex(rectangle, polygon)
    return float(min(1.0, max(0.0, area / (width * height))))


def is_plausible(homography: Matrix, width: int, height: int) -> bool:
    """Whether a homography can be two views of one camera: no flip, no fold, no collapse."""
    if not np.isfinite(homography).all():
        return False
    quad = mapped_corners(homography, width, height)
    if quad is None:
        return False
    x, y = quad[:, 0], quad[:, 1]
    edge_x, edge_y = np.roll(x, -1) - x, np.roll(y, -1) - y
    turns = edge_x * np.roll(edge_y, -1) - edge_y * np.roll(edge_x, -1)
    if not (turns > 0).all():  # not convex, or mirrored
        return False
    area = 0.5 * float(np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)))
    return 1 / _AREA_RATIO < area / (width * height) < _AREA_RATIO
