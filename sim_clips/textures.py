"""Grey patterns for floors, walls and windows, generated from fixed seeds as in-memory PNG files.

They give the keyframer corners to track, and are grey so that only objects have colour; a scene
tints them.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

_SIDE = 256
Grey = npt.NDArray[np.float32]

FLOORS = 5
WALLS = 4


def _noise(rng: np.random.Generator, cells: int, amplitude: float, side: int = _SIDE) -> Grey:
    """Tileable smooth noise with ``cells`` blobs per side."""
    small = rng.uniform(-1.0, 1.0, (cells, cells)).astype(np.float32)
    tiled = np.tile(small, (3, 3))
    big = cv2.resize(tiled, (3 * side, 3 * side), interpolation=cv2.INTER_CUBIC)
    out: Grey = amplitude * np.asarray(big[side : 2 * side, side : 2 * side], np.float32)
    return out


def _floor(style: int) -> Grey:
    rng = np.random.default_rng(100 + style)
    base = np.full((_SIDE, _SIDE), 0.86, np.float32) + _noise(rng, 64, 0.05) + _noise(rng, 9, 0.05)
    if style == 0:  # planks
        for row in range(8):
            shade = float(rng.uniform(-0.1, 0.1))
            base[row * 32 : row * 32 + 32] += shade
            base[row * 32 : row * 32 + 2] -= 0.25
            at = int(rng.integers(0, _SIDE - 3))
            base[row * 32 : row * 32 + 32, at : at + 3] -= 0.25
    elif style == 1:  # tiles
        for row in range(4):
            for col in range(4):
                base[row * 64 : row * 64 + 64, col * 64 : col * 64 + 64] += rng.uniform(-0.07, 0.07)
        for at in range(0, _SIDE, 64):
            base[at : at + 3] -= 0.3
            base[:, at : at + 3] -= 0.3
    elif style == 2:  # carpet
        base += _noise(rng, 128, 0.09) + _noise(rng, 20, 0.1)
    elif style == 3:  # checker
        tile = (np.add.outer(np.arange(_SIDE) // 64, np.arange(_SIDE) // 64) % 2).astype(np.float32)
        base -= 0.17 * tile
    else:  # concrete with stains
        base += _noise(rng, 6, 0.12) + _noise(rng, 30, 0.08)
    return base


def _wall(style: int) -> Grey:
    rng = np.random.default_rng(200 + style)
    base = np.full((_SIDE, _SIDE), 0.9, np.float32) + _noise(rng, 40, 0.035) + _noise(rng, 7, 0.04)
    if style == 1:  # stripes
        for at in range(0, _SIDE, 32):
            base[:, at : at + 16] -= 0.08
    elif style == 2:  # bricks
        for row in range(8):
            base[row * 32 : row * 32 + 3] -= 0.14
            for col in range(4):
                at = (col * 64 + 32 * (row % 2)) % _SIDE
                base[row * 32 : row * 32 + 32, at : at + 3] -= 0.14
                base[row * 32 : row * 32 + 32, at : at + 64] += rng.uniform(-0.05, 0.05)
    elif style == 3:  # panels
        for at in range(0, _SIDE, 64):
            base[:, at : at + 4] -= 0.16
        base[150:156] -= 0.16
    return base


def _windows() -> Grey:
    """The side of a building: 4 by 6 dark windows on a light wall."""
    rng = np.random.default_rng(300)
    base = np.full((_SIDE, _SIDE), 0.97, np.float32) + _noise(rng, 32, 0.03)
    for row in range(6):
        for col in range(4):
            y, x = 10 + row * 41, 16 + col * 60
            base[y : y + 24, x : x + 36] = 0.1 + float(rng.uniform(0.0, 0.12))
    return base


def _png(grey: Grey) -> bytes:
    pixels = np.clip(grey * 255.0, 0, 255).astype(np.uint8)
    return cv2.imencode(".png", cv2.cvtColor(pixels, cv2.COLOR_GRAY2BGR))[1].tobytes()


def texture_files() -> dict[str, bytes]:
    """Every texture as PNG data, by file name."""
    files = {f"floor{n}.png": _png(_floor(n)) for n in range(FLOORS)}
    files |= {f"wall{n}.png": _png(_wall(n)) for n in range(WALLS)}
    files["windows.png"] = _png(_windows())
    files["roof.png"] = _png(np.full((_SIDE, _SIDE), 0.92, np.float32))
    return files
