"""Fits a homography to matched points, robustly and always with the same result.

Out of scope: whether it can be the camera's (`overlap.is_plausible`), what it says of the motion
(`egomotion`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

import cv2
import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float64]
Points = npt.NDArray[np.float32]


class Fit(NamedTuple):
    """A homography (3, 3), the pairs (n,) within the tolerance of it, and their number."""

    homography: Matrix
    agree: npt.NDArray[np.bool_]
    inliers: int


def fit_homography(source: Points, target: Points, tolerance_px: float) -> Fit | None:
    """The homography from ``source`` to ``target`` (n, 2) that most pairs agree on.

    ``None`` if there is none, as for points on a line. OpenCV's random numbers start anew with
    each call.
    """
    if len(source) < 4:
        return None
    estimate, mask = cv2.findHomography(source, target, cv2.USAC_FAST, tolerance_px)
    if estimate is None or mask is None:
        return None
    agree = mask.ravel().view(np.bool_)
    return Fit(np.asarray(estimate, np.float64), agree, int(np.count_nonzero(agree)))


def fit_affinity(source: Points, target: Points, tolerance_px: float) -> Matrix | None:
    """The affine map (3, 3) from ``source`` to ``target`` (n, 2), by least squares.

    A fraction of the work of `fit_homography`, for pairs of which none is wrong: ``None`` if a
    coordinate of any of them is off by more than the tolerance.
    """
    design = np.empty((len(source), 3), np.float64)
    design[:, :2] = source
    design[:, 2] = 1.0
    back = inverse(design.T @ design)
    if back is None:
        return None
    parts = back @ (design.T @ target)
    off = design @ parts
    off -= target
    if not np.abs(off, out=off).max() <= tolerance_px:
        return None
    affinity = np.empty((3, 3), np.float64)
    affinity[:2] = parts.T
    affinity[2] = 0.0, 0.0, 1.0
    return affinity


def inverse(matrix: Matrix) -> Matrix | None:
    """The inverse (3, 3), ``None`` if there is none; for one matrix, numpy's takes far longer."""
    (a, b, c), (d, e, f), (g, h, i) = matrix.tolist()
    first, second, third = e * i - f * h, f * g - d * i, d * h - e * g
    determinant = a * first + b * second + c * third
    if determinant == 0 or not math.isfinite(determinant):
        return None
    return np.array(
        (
            (first / determinant, (c * h - b * i) / determinant, (b * f - c * e) / determinant),
            (second / determinant, (a * i - c * g) / determinant, (c * d - a * f) / determinant),
            (third / determinant, (b * g - a * h) / determinant, (a * e - b * d) / determinant),
        ),
        np.float64,
    )


def mapped(points: Points, homography: Matrix) -> Points:
    """Points (n, 2) where a homography puts them."""
    places = cv2.perspectiveTransform(points.reshape(-1, 1, 2), homography)
    return np.asarray(places, np.float32).reshape(-1, 2)


def within(points: Points, width: int, height: int, rim: int) -> npt.NDArray[np.uint8]:
    """Which points (n, 2) are at least ``rim`` pixels inside a picture: 255, else 0."""
    low, high = (rim, rim), (width - 1 - rim, height - 1 - rim)
    return np.asarray(cv2.inRange(points.reshape(-1, 1, 2), low, high), np.uint8).ravel()
