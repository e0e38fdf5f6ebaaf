"""Corners to track, and whether a picture has usable detail at all.

Out of scope: tracking them (`tracking`).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.records import Image

Points = npt.NDArray[np.float32]

#: Pictures at least this wide, in pixels, are tracked at half their size. Their positions are still
#: accurate to a fraction of a pixel, and a picture of a quarter of the pixels costs that much less.
_HALVED_FROM = 240
#: Minimum distance between corners, as a share of the width. In each cell of a grid, only the
#: strongest few are tracked; otherwise one bright object could take them all.
SPACING = 0.02
_CELLS_ACROSS, _PER_CELL = 8, 2
#: Corners weaker than this (smallest eigenvalue of the gradient matrix) are noise. None lie within
#: the rim, in pixels.
_CORNER_BLOCK, _CORNER_FLOOR, _RIM = 5, 2e-5, 2
#: Fewer corners than this can't reliably determine a homography.
_USABLE_CORNERS = 20
#: Limits of `softness`: below the first is noise, above the second a blur of about 3 pixels.
_NOISE, _BLUR = 0.03, 0.82
#: A picture is dark if its mean brightness plus two standard deviations is below this (of 255).
_DARK = 28.0


def tracked_size(grey: Image) -> Image:
    """A grey picture at the size at which its points are found and tracked."""
    height, width = grey.shape
    if width < _HALVED_FROM or height < 2:
        return grey
    size = width // 2, height // 2
    return np.asarray(cv2.resize(grey, size, interpolation=cv2.INTER_AREA), np.uint8)


def usable_corners(grey: Image) -> Points | None:
    """The corners (n, 2) of a picture with usable detail; ``None`` if it is dark, blurred, noise or
    flat."""
    mean, spread = cv2.meanStdDev(grey)
    if float(mean[0, 0]) + 2 * float(spread[0, 0]) < _DARK:
        return None
    if not _NOISE < softness(grey) < _BLUR:
        return None
    corners = strong_corners(grey)
    return corners if len(corners) >= _USABLE_CORNERS else None


def strong_corners(grey: Image) -> Points:
    """Corners (n, 2) above the noise level, spread over the picture; none in a flat picture.

    They are found at `tracked_size`, in pixels of ``grey``.
    """
    small = tracked_size(grey)
    height, width = small.shape
    if min(height, width) <= 2 * _RIM:
        return np.empty((0, 2), np.float32)
    strength = cv2.cornerMinEigenVal(small, _CORNER_BLOCK)
    reach = 2 * round(SPACING * width / 2) + 1
    peaks = cv2.compare(strength, cv2.dilate(strength, np.ones((reach, reach))), cv2.CMP_GE)
    # A flat picture has a peak everywhere.
    strong = cv2.compare(strength, _CORNER_FLOOR, cv2.CMP_GT)  # type: ignore[call-overload]
    peaks = cv2.bitwise_and(peaks, strong)
    peaks[:_RIM], peaks[-_RIM:], peaks[:, :_RIM], peaks[:, -_RIM:] = 0, 0, 0, 0
    places = cv2.findNonZero(peaks)
    if places is None:
        return np.empty((0, 2), np.float32)
    places = places.reshape(-1, 2)  # OpenCV 4 has another axis between
    column, row = places.T
    cell = row * _CELLS_ACROSS // width * _CELLS_ACROSS + column * _CELLS_ACROSS // width
    order = np.lexsort((-strength[row, column], cell))  # by cell, strongest first
    cell = cell[order]
    # One of the strongest unless that many places before it lies in the same cell.
    strongest = np.ones(len(cell), np.bool_)
    np.not_equal(cell[_PER_CELL:], cell[:-_PER_CELL], out=strongest[_PER_CELL:])
    best = order[strongest]
    scale = np.array((grey.shape[1] / width, grey.shape[0] / height), np.float32)
    corners = (places[best].astype(np.float32) + np.float32(0.5)) * scale - np.float32(0.5)
    return np.asarray(corners, np.float32)


def softness(grey: Image) -> float:
    """How blurred a picture is, regardless of its contrast: 0 is noise, 1 has no detail left.

    It is the share of gradient energy that survives a blur of 2 pixels. An edge that is already
    blurred by s pixels keeps s / sqrt(s² + 4) of it; white noise keeps almost nothing. A flat
    picture counts as 1.
    """
    smooth = cv2.GaussianBlur(grey, (9, 9), 2.0)
    before, after = (_gradient_energy(image) for image in (grey, smooth))
    return after / before if before > 0 else 1.0


def _gradient_energy(image: npt.NDArray[np.uint8] | cv2.typing.MatLike) -> float:
    """The sum of squared central differences, across and down."""
    energy = 0.0
    if image.shape[1] > 2:
        energy += cv2.norm(image[:, 2:], image[:, :-2], cv2.NORM_L2SQR)
    if image.shape[0] > 2:
        energy += cv2.norm(image[2:], image[:-2], cv2.NORM_L2SQR)
    return energy
