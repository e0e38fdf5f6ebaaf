"""How far the accuracy without a memory is above chance, per type, with its uncertainty.

Chance is the accuracy of a random choice. The interval is clustered by scene. ``margin`` is two
standard deviations of random guessing with this number of questions: a smaller difference is
meaningless.

Out of scope: the answers themselves (`classifier`, `blind`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from training.evaluation.clustered import clustered
from training.shortcuts.sample import Shown


@dataclass(frozen=True, slots=True)
class Measured:
    """The figures of one type; shares are in [0, 1]."""

    type: str
    count: int
    scenes: int
    chance: float
    accuracy: float
    low: float
    high: float

    @property
    def excess(self) -> float:
        """Accuracy minus chance."""
        return self.accuracy - self.chance

    @property
    def margin(self) -> float:
        """Two standard deviations of the accuracy of random guessing."""
        return 2 * math.sqrt(self.chance * (1 - self.chance) / max(1, self.count))

    def as_dict(self) -> dict[str, Any]:
        """The figures as JSON-ready values."""
        return {**asdict(self), "excess": self.excess, "margin": self.margin}


def measured(kind: str, questions: Sequence[Shown], answers: Sequence[int]) -> Measured:
    """The figures of the answers to questions of one type."""
    right = [float(a == q.answer) for q, a in zip(questions, answers, strict=True)]
    scenes = [q.scene for q in questions]
    low, high = clustered(right, scenes)
    count = len(questions)
    return Measured(
        type=kind,
        count=count,
        scenes=len(set(scenes)),
        chance=sum(1 / len(q.choices) for q in questions) / max(1, count),
        accuracy=sum(right) / max(1, count),
        low=low,
        high=high,
    )


def together(parts: Sequence[Measured]) -> tuple[float, float]:
    """Accuracy and chance over the questions of all types."""
    count = sum(p.count for p in parts)
    accuracy = sum(p.count * p.accuracy for p in parts) / count
    return accuracy, sum(p.count * p.chance for p in parts) / count


def rows_of(
    named: Mapping[str, Sequence[Measured]], tolerance_points: float
) -> list[dict[str, str]]:
    """Table rows, one per type and one for all: per name, accuracy with interval, and chance."""
    rows: dict[str, dict[str, str]] = {}
    for name, parts in named.items():
        for p in parts:
            row = rows.setdefault(p.type, {"type": p.type.replace("_", " ")})
            above = 100 * p.excess > tolerance_points
            row[name] = (
                f"{100 * p.accuracy:.1f} ({100 * p.low:.1f}–{100 * p.high:.1f}), "
                f"{100 * p.excess:+.1f}{' !' if above else ''}"
            )
            row[f"chance ({name})"] = f"{100 * p.chance:.1f}"
            row[f"n ({name})"] = str(p.count)
        accuracy, chance = together(parts)
        row = rows.setdefault("", {"type": "all"})
        row[name] = f"{100 * accuracy:.1f}, {100 * (accuracy - chance):+.1f}"
        row[f"chance ({name})"] = f"{100 * chance:.1f}"
        row[f"n ({name})"] = str(sum(p.count for p in parts))
    return [row for kind, row in rows.items() if kind] + [rows[""]]
