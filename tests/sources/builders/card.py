"""A picture whose colours are known: four quarters, and a white bar that moves."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

Picture = npt.NDArray[np.uint8]
WIDTH, HEIGHT = 96, 64
#: BGR by row and column of the quarter.
QUARTERS: dict[tuple[int, int], tuple[int, int, int]] = {
    (0, 0): (30, 40, 200),
    (0, 1): (40, 180, 50),
    (1, 0): (200, 60, 40),
    (1, 1): (128, 128, 128),
}


def card(number: int = 0, width: int = WIDTH, height: int = HEIGHT) -> Picture:
    """The card, BGR; its bar stands at ``number``."""
    picture = np.zeros((height, width, 3), np.uint8)
    for (row, column), colour in QUARTERS.items():
        rows = slice(row * height // 2, (row + 1) * height // 2)
        picture[rows, column * width // 2 : (column + 1) * width // 2] = colour
    at = 4 + number % 8
    picture[4 : height - 4, at : at + 2] = 255
    return picture


def scene(number: int = 0, width: int = 320, height: int = 240) -> Picture:
    """A picture full of texture, as cameras give."""
    noise = np.random.default_rng(number).integers(0, 256, (height, width, 3), np.uint8)
    return np.asarray(cv2.GaussianBlur(noise, (0, 0), 2), np.uint8)


def grey_card(number: int = 0) -> Picture:
    """The card in grey."""
    return np.asarray(cv2.cvtColor(card(number), cv2.COLOR_BGR2GRAY), np.uint8)


def encoded(suffix: str, picture: Picture, *parameters: int) -> bytes:
    """A picture as a file, by OpenCV."""
    done, data = cv2.imencode(suffix, picture, list(parameters))
    assert done
    return data.tobytes()


def jpeg(picture: Picture, quality: int = 95) -> bytes:
    """A picture as JPEG."""
    return encoded(".jpg", picture, cv2.IMWRITE_JPEG_QUALITY, quality)


def assert_colours(picture: Picture, tolerance: int = 24) -> None:
    """The middles of the quarters have their colours, within what compression changes."""
    height, width = picture.shape[:2]
    for (row, column), colour in QUARTERS.items():
        y = (2 * row + 1) * height // 4
        x = (2 * column + 1) * width // 4
        patch = picture[y - 3 : y + 3, x - 3 : x + 3].reshape(-1, 3).astype(int).mean(axis=0)
        assert np.abs(patch - colour).max() <= tolerance, (row, column, patch, colour)
