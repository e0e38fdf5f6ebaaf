"""The exact overlap of two views from a homography, and whether a homography is plausible.

A wide turn maps part of the frame to the last keyframe's horizon or beyond. That part is cut off
before mapping, so that the rest stays a convex polygon that can be clipped exactly.

Out of scope: estimating the homography (`robust`, `paper`).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
_Point = tuple[float, float]

#: Parts that map closer to the horizon than this, relative to the depth at the frame's centre, are
#: cut off.
_NEAR_HORIZON = 0.02
#: The largest plausible magnification in area around the frame's centre; a turn by 60 degrees
#: gives 8.
_MAX_MAGNIFICATION = 12.0
#: The largest plausible stretch in one direction relative to the other; the same turn gives 2.
_MAX_STRETCH = 6.0


def overlap_ratio(homography: Matrix, width: int, height: int) -> float:
    """The exact part of the last keyframe's view that the mapped frame covers, in [0, 1].

    Args:
        homography: (3, 3), from pixels of the frame to pixels of the last keyframe, at any scale.
        width: width of both, in pixels.
        height: height of both, in pixels.
    """
    mapped = _outline(homography, width, height)
    if mapped is None:
        return 0.0
    covered = _area(_clipped(mapped, width, height))
    return min(1.0, max(0.0, covered / (width * height)))


def _clipped(outline: list[_Point], width: float, height: float) -> list[_Point]:
    """The part of a convex polygon within (0, 0) to (width, height), by Sutherland and Hodgman.

    OpenCV's intersection of two convex polygons loses parts of them where their edges coincide, as
    those of a camera at rest do.
    """
    for axis, side, limit in ((0, 1.0, 0.0), (1, 1.0, 0.0), (0, -1.0, width), (1, -1.0, height)):
        kept: list[_Point] = []
        if not outline:
            break
        last = outline[-1]
        depth_last = side * (last[axis] - limit)
        for point in outline:
            depth = side * (point[axis] - limit)
            if (depth >= 0) != (depth_last >= 0):
                share = depth_last / (depth_last - depth)
                kept.append(
                    (
                        last[0] + share * (point[0] - last[0]),
                        last[1] + share * (point[1] - last[1]),
                    )
                )
            if depth >= 0:
                kept.append(point)
            last, depth_last = point, depth
        outline = kept
    return outline


def _area(outline: list[_Point]) -> float:
    """The area of a polygon (shoelace formula)."""
    total = 0.0
    for (x, y), (x_next, y_next) in zip(outline, (*outline[1:], *outline[:1]), strict=True):
        total += x * y_next - x_next * y
    return abs(total) / 2


def mapped_frame(homography: Matrix, width: int, height: int) -> Matrix | None:
    """The frame's outline (4 or 5, 2) in the last keyframe, without the part near its horizon.

    ``None`` if the homography maps the frame's centre to infinity.
    """
    outline = _outline(homography, width, height)
    return None if outline is None else np.array(outline, np.float64)


def _outline(homography: Matrix, width: int, height: int) -> list[_Point] | None:
    # Of so few numbers, plain floats are faster than arrays, and this runs for every frame.
    (a, b, c), (d, e, f), (g, h, i) = rows = homography.tolist()
    depth = g * width / 2 + h * height / 2 + i
    if not all(map(math.isfinite, (*rows[0], *rows[1], *rows[2]))) or depth == 0:
        return None
    points = [
        (
            (a * x + b * y + c) / depth,
            (d * x + e * y + f) / depth,
            (g * x + h * y + i) / depth,
        )
        for x, y in ((0, 0), (width, 0), (width, height), (0, height))
    ]
    outline = []
    for point, following in zip(points, (*points[1:], points[0]), strict=True):
        ahead, ahead_next = point[2] - _NEAR_HORIZON, following[2] - _NEAR_HORIZON
        if ahead >= 0:
            outline.append((point[0] / point[2], point[1] / point[2]))
        if (ahead >= 0) != (ahead_next >= 0):
            share = ahead / (ahead - ahead_next)
            u, v, w = (p + share * (q - p) for p, q in zip(point, following, strict=True))
            outline.append((u / w, v / w))
    return outline


def is_plausible(homography: Matrix, width: int, height: int) -> bool:
    """Whether a homography can relate two views of one camera: it neither mirrors nor collapses nor
    blows up the picture.

    Only its effect around the frame's centre counts.
    """
    x, y = width / 2, height / 2
    (a, b, c), (d, e, f), (g, h, i) = rows = homography.tolist()
    u, v, w = a * x + b * y + c, d * x + e * y + f, g * x + h * y + i
    if not all(map(math.isfinite, (*rows[0], *rows[1], *rows[2]))) or w == 0:
        return False
    # The derivatives of the mapping at the centre.
    u_x, u_y = (a - u / w * g) / w, (b - u / w * h) / w
    v_x, v_y = (d - v / w * g) / w, (e - v / w * h) / w
    area = u_x * v_y - u_y * v_x
    if not 1 / _MAX_MAGNIFICATION < area < _MAX_MAGNIFICATION:
        return False
    # For a 2×2 matrix, stretch + 1 / stretch is its squared norm over its determinant.
    norm = u_x * u_x + u_y * u_y + v_x * v_x + v_y * v_y
    return bool(norm / area < _MAX_STRETCH + 1 / _MAX_STRETCH)
