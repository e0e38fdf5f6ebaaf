"""Where the built-in perceiver sees what it names: box, confidence and range from its vision tower.

The tower gives a feature vector for each patch of the picture. A small network reads from each of
them the kind and the colour of the object there, the edges of its box, and its range. For a name
such as "red sofa", the patches that show that kind and colour best, and those next to them, vote
for the box. The network is in ``locator/locator.safetensors`` below the checkpoint, because vLLM
treats every weight file beside a checkpoint as a part of it. A checkpoint without it measures
nothing.

Out of scope: training it (`training.locator`), angles (`measuring`).
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from embodied_agent.errors import ModelError
from embodied_agent.perception.measuring import usable_box
from embodied_agent.records import Box

FILE = "locator/locator.safetensors"
#: Numbers per patch after kinds and colours: distances to the four edges of the box, as fractions
#: of the picture, and the logarithm of the range in metres.
EDGES, RANGES = 4, 1
#: The best patch shows the named object with at least this probability, else it is not measured.
_LEAST = 0.3
#: Patches vote that show it at least this much as well as the best one.
_VOTES = 0.5

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Place:
    """Where an object is: its box, how sure that is in [0, 1], and its range in metres."""

    box: Box
    confidence: float
    range_m: float


class Locator:
    """Reads patch features. Use `Locator.load`.

    Args:
        layers: weights and biases of two layers, ``(hidden, width)``, ``(hidden,)``,
            ``(numbers, hidden)``, ``(numbers,)``, and mean and scale of the features ``(width,)``.
        kinds: that it knows; its first number per patch stands for no object.
        colours: that it knows.
    """

    def __init__(
        self, layers: dict[str, Floats], kinds: tuple[str, ...], colours: tuple[str, ...]
    ) -> None:
        self._layers = layers
        self.kinds, self.colours = kinds, colours

    @classmethod
    def load(cls, folder: Path) -> Locator | None:
        """The locator of a checkpoint's folder; ``None`` if it has none.

        Raises:
            ModelError: the file is damaged.
        """
        path = folder / FILE
        if not path.is_file():
            return None
        from safetensors import SafetensorError, safe_open

        try:
            with safe_open(str(path), "np") as file:
                meta = file.metadata() or {}
                layers = {
                    name: file.get_tensor(name).astype(np.float32) for name in sorted(file.keys())
                }
            kinds, colours = (tuple(json.loads(meta[key])) for key in ("kinds", "colours"))
            numbers = 1 + len(kinds) + len(colours) + EDGES + RANGES
            if layers["out.weight"].shape[0] != numbers:
                raise ValueError(f"{layers['out.weight'].shape[0]} numbers per patch")
        except (SafetensorError, OSError, KeyError, ValueError) as error:
            raise ModelError(f"can't read {path}: {error}; delete it, or train it again") from error
        return cls(layers, kinds, colours)

    def places(self, features: Floats, names: list[str]) -> list[Place | None]:
        """Where the named objects are; ``None`` for those that are not seen clearly.

        Args:
            features: of the picture's patches, row by row, (n * n, width).
            names: colour and kind of each, such as "red sofa".
        """
        kinds, colours, edges, ranges = self.read(features)
        side = math.isqrt(len(features))
        found: list[Place | None] = []
        for name in names:
            colour, _, kind = name.partition(" ")
            if kind not in self.kinds or colour not in self.colours:
                found.append(None)
                continue
            score = kinds[:, 1 + self.kinds.index(kind)] * colours[:, self.colours.index(colour)]
            found.append(_place(score.reshape(side, side), edges, ranges))
        return found

    def read(self, features: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Per patch: probabilities of no object and each kind, of each colour, box edges (left,
        top, right, bottom) in fractions of the picture, and the range in metres."""
        layers = self._layers
        hidden = (features - layers["mean"]) / layers["scale"]
        hidden = hidden @ layers["hidden.weight"].T + layers["hidden.bias"]
        hidden = hidden * (1 / (1 + np.exp(-np.clip(hidden, -60, 60))))  # SiLU
        out = hidden @ layers["out.weight"].T + layers["out.bias"]
        first, second = 1 + len(self.kinds), 1 + len(self.kinds) + len(self.colours)
        offsets = out[:, second : second + EDGES]
        x, y = centres(math.isqrt(len(features)))
        edges = np.stack([x, y, x, y], 1) + offsets * np.array([-1, -1, 1, 1])
        return (
            _softmax(out[:, :first]),
            _softmax(out[:, first:second]),
            edges.astype(np.float32),
            np.exp(np.clip(out[:, second + EDGES], -5, 8)),
        )


def centres(side: int) -> tuple[Floats, Floats]:
    """x and y of the middles of patches, row by row, as fractions of the picture."""
    line = (np.arange(side, dtype=np.float32) + 0.5) / side
    y, x = np.meshgrid(line, line, indexing="ij")
    return x.ravel().astype(np.float32), y.ravel().astype(np.float32)


def _place(score: Floats, edges: Floats, ranges: Floats) -> Place | None:
    """The box that the patches around the best one vote for."""
    peak = float(score.max())
    if not peak >= _LEAST:
        return None
    chosen = _connected(score >= _VOTES * peak, int(score.argmax()))
    weights = score.ravel()[chosen]
    weights = weights / weights.sum()
    box = usable_box(Box(*(float(v) for v in np.clip(weights @ edges[chosen], 0, 1))))
    if box is None:
        return None
    log_range = float(weights @ np.log(ranges[chosen]))
    return Place(box, min(1.0, peak), math.exp(log_range))


def _connected(mask: npt.NDArray[Any], start: int) -> list[int]:
    """The patches of ``mask`` that are joined to ``start``, also over corners."""
    side = mask.shape[1]
    waiting, seen = [start], {start}
    while waiting:
        row, column = divmod(waiting.pop(), side)
        for r in range(max(0, row - 1), min(mask.shape[0], row + 2)):
            for c in range(max(0, column - 1), min(side, column + 2)):
                if mask[r, c] and r * side + c not in seen:
                    seen.add(r * side + c)
                    waiting.append(r * side + c)
    return sorted(seen)


def _softmax(values: Floats) -> Floats:
    powers = np.exp(values - values.max(1, keepdims=True))
    shares: Floats = (powers / powers.sum(1, keepdims=True)).astype(np.float32)
    return shares
