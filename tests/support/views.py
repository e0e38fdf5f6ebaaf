"""Pictures with known overlap, for whatever takes frames."""

from __future__ import annotations

import cv2
import numpy as np


def panorama_views(count: int, *, step_px: int = 24, width: int = 320) -> list[np.ndarray]:
    """Views that slide along one wide random picture: full of corners, with known overlap."""
    rng = np.random.default_rng(5)
    height = width * 3 // 4
    wide = np.full((height, width + step_px * count, 3), 110, np.uint8)
    for _ in range(wide.shape[1] * 2):
        x, y = int(rng.integers(wide.shape[1])), int(rng.integers(height))
        size = int(rng.integers(4, 18))
        colour = tuple(int(c) for c in rng.integers(0, 255, 3))
        cv2.rectangle(wide, (x, y), (x + size, y + size), colour, -1)
    return [wide[:, i * step_px : i * step_px + width].copy() for i in range(count)]
