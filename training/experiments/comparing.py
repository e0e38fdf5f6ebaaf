"""Differences with intervals: between models on the same questions, and between arms over seeds.

Out of scope: the experiments that compare them.
"""

from __future__ import annotations

import math
import statistics
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from training.evaluation.clustered import clustered
from training.evaluation.marking import Mark, mean

#: Two-sided 95 % quantiles of Student's t for 1 to 9 degrees of freedom; the last for more.
_T = (12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262)
_DRAWS = 4000

#: A question's scene and id, which identify it across models.
Key = tuple[str, str]


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference of two shares, with its 95 % interval."""

    value: float
    low: float
    high: float

    @property
    def decided(self) -> bool:
        """Whether the interval excludes zero."""
        return self.low > 0 or self.high < 0

    def __str__(self) -> str:
        """The difference in percentage points, marked if it is inconclusive."""
        if self.low == self.high == 0.0:
            return "no difference at all"
        verdict = "" if self.decided else "; inconclusive"
        return (
            f"{100 * self.value:+.1f} points (95 % interval {100 * self.low:+.1f} to "
            f"{100 * self.high:+.1f}{verdict})"
        )


def over_seeds(first: Sequence[float], second: Sequence[float]) -> Difference | None:
    """``second`` minus ``first``, trained with the same seeds, with Student's t interval over the
    seeds' differences; ``None`` with fewer than two seeds."""
    each = [b - a for a, b in zip(first, second, strict=True)]
    if len(each) < 2:
        return None
    half = _T[min(len(each) - 2, len(_T) - 1)] * statistics.stdev(each) / math.sqrt(len(each))
    value = statistics.fmean(each)
    return Difference(value, value - half, value + half)


def paired(first: Mapping[Key, float], second: Mapping[Key, float]) -> Difference:
    """``second`` minus ``first`` on the questions in both, with an interval from bootstrapping
    scenes, because questions of one scene are not independent.

    Raises:
        ValueError: they share no question.
    """
    each: dict[str, list[float]] = defaultdict(list)
    for key in first.keys() & second.keys():
        each[key[0]].append(second[key] - first[key])
    if not each:
        raise ValueError("no question is in both")
    sums = np.array([sum(each[scene]) for scene in sorted(each)])
    counts = np.array([len(each[scene]) for scene in sorted(each)])
    rng = np.random.default_rng(0)
    samples = rng.integers(len(sums), size=(_DRAWS, len(sums)))
    low, high = np.quantile(sums[samples].sum(1) / counts[samples].sum(1), (0.025, 0.975))
    return Difference(float(sums.sum() / counts.sum()), float(low), float(high))


def accuracy(marks: Sequence[Mark]) -> float:
    """The share of right answers."""
    return mean([m.right for m in marks]) or 0.0


def consistency(marks: Sequence[Mark]) -> float:
    """The share of right answers whose reasoning leads the reference to the same answer; 0 without
    right answers."""
    return mean([m.consistent for m in marks if m.consistent is not None]) or 0.0


def formatted(marks: Sequence[Mark]) -> float:
    """The share of replies in the required format."""
    return mean([float(m.formatted) for m in marks]) or 0.0


def derivable(marks: Sequence[Mark], follows: bool = True) -> list[Mark]:
    """The marks of derivable questions or, if ``follows`` is false, of the others."""
    return [m for m in marks if m.derivable is follows]


def cells(marks: Sequence[Mark]) -> dict[str, str]:
    """Table columns for the share of right answers: with its interval clustered by scene or clip,
    and for derivable and other questions with their numbers."""
    low, high = clustered([m.right for m in marks], [m.scene for m in marks])
    columns = {
        "accuracy": f"{100 * accuracy(marks):.1f}",
        "95 % interval": f"{100 * low:.1f} to {100 * high:.1f}",
    }
    for name, follows in (("derivable", True), ("not derivable", False)):
        group = derivable(marks, follows)
        columns[name] = f"{100 * accuracy(group):.1f} (n {len(group)})" if group else "–"
    return columns


#: The columns of a table of arms.
MEASURES: Mapping[str, Callable[[Sequence[Mark]], float]] = {
    "accuracy": accuracy,
    "derivable": lambda marks: accuracy(derivable(marks)),
    "not derivable": lambda marks: accuracy(derivable(marks, False)),
    "consistency": consistency,
    "format": formatted,
}


def by_question(marks: Sequence[Mark], measure: str = "right") -> dict[Key, float]:
    """Each question's ``measure`` (an attribute of `Mark`), unless it is ``None``."""
    values = {(m.scene, m.id): getattr(m, measure) for m in marks}
    return {key: float(value) for key, value in values.items() if value is not None}
