"""The colour of an object, named from the pixels in its box.

Each pixel in the middle of the box is named by its hue, saturation and value. The most frequent
colour wins, after subtracting the colours of the rim around the box, which is background. The names
are those that people use: red, orange, yellow, green, cyan, blue, purple, pink, brown, white, grey,
black.

Light is not corrected for: under coloured light, white looks tinted. If no colour dominates, none
is named.

Out of scope: where the object is (`detector`), colour words in questions (`embodied_agent.rules`).
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.records import Box, Image

#: Names in the order of the numbers that `_named` gives.
NAMES = (
    *("red", "orange", "yellow", "green", "cyan", "blue", "purple", "pink"),
    *("brown", "white", "grey", "black"),
)
_FIRST_TONE = NAMES.index("white")
#: Upper ends of hues in degrees, and the name of each; above the last, red again.
_HUES: tuple[tuple[float, str], ...] = (
    (14.0, "red"), (44.0, "orange"), (68.0, "yellow"), (164.0, "green"), (198.0, "cyan"),
    (262.0, "blue"), (305.0, "purple"), (345.0, "pink"),
)  # fmt: skip
#: Limits of tones: value of black, saturation of white and grey, value of white.
_BLACK_VALUE, _TONE_SATURATION, _WHITE_VALUE = 0.2, 0.2, 0.78
#: Dark or dull orange and red are brown; pale red is pink.
_BROWN_VALUE, _BROWN_SATURATION, _PALE_SATURATION, _PALE_VALUE = 0.62, 0.75, 0.6, 0.7
#: The part of the box, by side, that counts as its middle, and the width of the rim around it.
_MIDDLE, _RIM = 0.7, 0.25
#: How much the rim takes from a colour, and what share of the middle a colour needs.
_RIM_WEIGHT, _LEAST_SHARE = 0.6, 0.12
#: A tone, which walls and shadows have too, counts this much of a colour.
_TONE_WEIGHT = 0.5
#: Larger middles are thinned to about this side, in pixels.
_SIDE = 64


def colour_of(image: Image, box: Box) -> str:
    """The colour's name; empty if none stands out or the picture is grey.

    Args:
        image: BGR (h, w, 3) or grey (h, w).
        box: within the picture.
    """
    if image.ndim != 3:
        return ""
    middle = _shares(_cut(image, _resized(box, _MIDDLE)))
    if middle is None:
        return ""
    outer = _shares(_cut(image, _resized(box, 1 + 2 * _RIM)))
    inner = _shares(_cut(image, box))
    rim = np.zeros(len(NAMES))
    if outer is not None and inner is not None:
        # The rim alone: what the larger box has beyond the box itself.
        part = 1 / (1 + 2 * _RIM) ** 2
        rim = np.clip((outer - part * inner) / (1 - part), 0, 1)
    score = middle - _RIM_WEIGHT * rim
    score[_FIRST_TONE:] = _TONE_WEIGHT * middle[_FIRST_TONE:]
    best = int(score.argmax())
    if middle[best] < _LEAST_SHARE or score[best] <= 0:
        return ""
    return NAMES[best]


def _resized(box: Box, factor: float) -> Box:
    x, y = (box.left + box.right) / 2, (box.top + box.bottom) / 2
    dx, dy = (box.right - box.left) / 2 * factor, (box.bottom - box.top) / 2 * factor
    return Box(max(0.0, x - dx), max(0.0, y - dy), min(1.0, x + dx), min(1.0, y + dy))


def _cut(image: Image, box: Box) -> Image:
    height, width = image.shape[:2]
    left, top = int(box.left * width), int(box.top * height)
    right = max(left + 1, round(box.right * width))
    bottom = max(top + 1, round(box.bottom * height))
    part = image[top:bottom, left:right]
    step = max(1, min(part.shape[:2]) // _SIDE)
    thinned: Image = np.ascontiguousarray(part[::step, ::step])
    return thinned


def _shares(part: Image) -> npt.NDArray[np.float64] | None:
    """The share of each of `NAMES` among the pixels; ``None`` without pixels."""
    if not part.size:
        return None
    names = _named(part)
    shares: npt.NDArray[np.float64] = np.bincount(names, minlength=len(NAMES)) / names.size
    return shares


def _named(part: Image) -> npt.NDArray[np.int64]:
    """The index in `NAMES` of each pixel."""
    hsv = cv2.cvtColor(part, cv2.COLOR_BGR2HSV).reshape(-1, 3).astype(np.float32)
    hue, saturation, value = hsv[:, 0] * 2, hsv[:, 1] / 255, hsv[:, 2] / 255
    ends = [end for end, _ in _HUES]
    table = np.array([NAMES.index(name) for _, name in _HUES] + [NAMES.index("red")])
    names: npt.NDArray[np.int64] = table[np.searchsorted(ends, hue, side="right")]
    reddish = (hue < 20) | (hue > 335)
    names[reddish & (saturation < _PALE_SATURATION) & (value > _PALE_VALUE)] = NAMES.index("pink")
    brownish = (hue < 44) & (hue >= 8) & (value < _BROWN_VALUE) & (saturation < _BROWN_SATURATION)
    names[brownish] = NAMES.index("brown")
    # Dark pixels of a colour need more saturation to show it.
    tone = saturation < _TONE_SATURATION + 0.2 * np.clip(0.5 - value, 0, 1)
    names[tone] = NAMES.index("grey")
    names[tone & (value > _WHITE_VALUE)] = NAMES.index("white")
    names[value < _BLACK_VALUE] = NAMES.index("black")
    return names
