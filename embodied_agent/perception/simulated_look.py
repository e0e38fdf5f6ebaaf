"""Whether pictures look like the simulated worlds, by how smooth, clean and gaudy they are.

A rendered picture has flat surfaces without a sensor's noise, hard edges, and few but saturated
colours on grey. A logistic regression over such numbers gives the odds; its weights come with the
package, and were fitted by ``python -m training.simulated_look``.

Out of scope: which perceiver follows from it (`auto`).
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.records import Image

Floats = npt.NDArray[np.float64]

#: Pictures are squared to this before they are looked at, in pixels.
_SIDE = 192
#: Side of the blocks whose spread tells of texture and noise, in pixels.
_BLOCK = 8
_WEIGHTS = "simulated_look.json"
NAMES: tuple[str, ...] = (
    "flat_blocks", "clean_blocks", "quiet_blocks", "block_spread_low", "block_spread_mid",
    "residue_low", "residue_mid", "residue_high", "still_gradients", "steep_gradients",
    "gradient_ratio", "gaudy", "vivid", "grey", "saturation_spread", "hue_entropy",
    "colour_bins", "colour_entropy", "grey_entropy", "chroma_noise", "dark", "bright",
)  # fmt: skip


def features(image: Image) -> Floats:
    """The numbers of `NAMES` for a BGR or grey picture."""
    if image.ndim == 2:
        image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR).astype(np.uint8, copy=False)
    small = cv2.resize(image, (_SIDE, _SIDE), interpolation=cv2.INTER_AREA)
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32)
    hsv = cv2.cvtColor(small, cv2.COLOR_BGR2HSV).astype(np.float32)
    lab = cv2.cvtColor(small, cv2.COLOR_BGR2LAB).astype(np.float32)
    spread = _block_spread(grey)
    chroma = np.maximum(_block_spread(lab[:, :, 1]), _block_spread(lab[:, :, 2]))
    residue = np.abs(grey - cv2.medianBlur(grey.astype(np.uint8), 3).astype(np.float32))
    steep = np.hypot(
        cv2.Sobel(grey, cv2.CV_32F, 1, 0, ksize=3), cv2.Sobel(grey, cv2.CV_32F, 0, 1, ksize=3)
    )
    saturation, value = hsv[:, :, 1] / 255.0, hsv[:, :, 2] / 255.0
    vivid = (saturation > 0.55) & (value > 0.25)
    hues = np.bincount((hsv[:, :, 0][vivid] / 10.0).astype(int), minlength=18)
    bins = (small // 16).astype(np.int32)
    colours = np.bincount((bins[:, :, 0] * 256 + bins[:, :, 1] * 16 + bins[:, :, 2]).ravel())
    levels = np.bincount(grey.astype(int).ravel(), minlength=256)
    low, mid, high = np.percentile(residue, (50, 80, 95))
    p50, p90 = np.percentile(steep, (50, 90))
    return np.array(
        [
            np.mean(spread < 1.0),
            np.mean(spread < 2.0),
            np.mean(spread < 4.0),
            np.log1p(np.percentile(spread, 20)),
            np.log1p(np.percentile(spread, 50)),
            np.log1p(low),
            np.log1p(mid),
            np.log1p(high),
            np.mean(steep < 8.0),
            np.mean(steep > 160.0),
            np.log((p90 + 1.0) / (p50 + 1.0)),
            np.mean((saturation > 0.8) & (value > 0.3)),
            np.mean(vivid),
            np.mean(saturation < 0.15),
            np.std(saturation),
            _entropy(hues),
            np.log1p(np.count_nonzero(colours > 4)),
            _entropy(colours),
            _entropy(levels),
            np.log1p(np.percentile(chroma, 40)),
            np.mean(value < 0.2),
            np.mean(value > 0.95),
        ],
        np.float64,
    )


def odds(image: Image) -> float:
    """Log-odds that the picture is a simulated one; above 0 it looks like one."""
    mean, scale, weights, bias = _fitted()
    standard = np.clip((features(image) - mean) / scale, -4.0, 4.0)
    return float(with_squares(standard) @ weights + bias)


def with_squares(standard: Floats) -> Floats:
    """Standardised features and their squares, which the weights go with."""
    return np.concatenate([standard, standard**2], axis=-1)


@lru_cache(maxsize=1)
def _fitted() -> tuple[Floats, Floats, Floats, float]:
    text = resources.files("embodied_agent.perception").joinpath(_WEIGHTS).read_text("utf-8")
    values = json.loads(text)
    mean, scale, weights = (np.array(values[key]) for key in ("mean", "scale", "weights"))
    return mean, scale, weights, float(values["bias"])


def _block_spread(channel: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """The standard deviation within each block."""
    count = _SIDE // _BLOCK
    blocks = channel.reshape(count, _BLOCK, count, _BLOCK)
    spread: npt.NDArray[np.float32] = blocks.std(axis=(1, 3))
    return spread


def _entropy(counts: npt.NDArray[np.int64]) -> float:
    """Entropy of a histogram, in bits; 0 for an empty one."""
    total = counts.sum()
    if not total:
        return 0.0
    shares = counts[counts > 0] / total
    return float(-(shares * np.log2(shares)).sum())
