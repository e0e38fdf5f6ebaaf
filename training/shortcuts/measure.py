"""How far answers without a memory lie above chance, per type, and how sure that is.

Chance is what one gets who picks any option. The interval is clustered by scene; ``margin`` is two
standard deviations of what pure guessing would give at this size: a difference below it says
nothing.

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
    """Shares in [0, 1] of one type's questions."""

    type: str
    count: int
    scenes: int
    chance: float
    accuracy: float
    low: float
    high: float

    @property
    def excess(self) -> float:
        """How far the accuracy lies above chance."""
        return self.accuracy - self.chance

    @property
    def margin(self) -> float:
        """Two standard deviations of a guesser's accuracy."""
        return 2 * math.sqrt(self.chance * (1 - self.chance) / max(1, self.count))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready."""
        return {**asdict(self), "excess": self.excess, "margin": self.margin}


def measured(kind: str, questions: Sequence[Shown], answers: Sequence[int]) -> Measured:
    """The figures of some answers."""
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
    """Accuracy and chance over all questions."""
    count = sum(p.count for p in parts)
    accuracy = sum(p.count * p.accuracy for p in parts) / count
    return accuracy, sum(p.count * p.chance for p in parts) / count


def rows_of(
    named: Mapping[str, Sequence[Measured]], tolerance_points: float
) -> list[dict[str, str]]:
    """A table's rows, a type each and all together; per name accuracy with interval, and chance."""
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
