"""Intervals for shares of clustered questions: questions about one clip are not independent.

The variance of the share is estimated between clusters. Wilson's interval then uses the number of
independent questions with the same variance as its number of trials.

Out of scope: differences between models (`training.experiments.comparing`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from training.evaluation.marking import wilson


def clustered(values: Sequence[float], clusters: Sequence[Hashable]) -> tuple[float, float]:
    """The 95 % interval of the mean of ``values`` in [0, 1]; (0, 1) without values.

    Args:
        values: one per question.
        clusters: the clip or scene of each.
    """
    count = len(values)
    if count == 0:
        return 0.0, 1.0
    share = sum(values) / count
    return wilson(share, independent(values, clusters))


def independent(values: Sequence[float], clusters: Sequence[Hashable]) -> float:
    """The number of independent questions with the same variance, at most the number of values;
    the number of clusters if all values are equal."""
    count = len(values)
    share = sum(values) / count
    sums: dict[Hashable, float] = defaultdict(float)
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] += value - share
    number = len(sums)
    if number < 2:
        return 1.0
    # Variance between clusters, with the usual correction for a small number of them.
    variance = number / (number - 1) * sum(part * part for part in sums.values()) / count**2
    spread = share * (1 - share)
    if spread <= 0 or variance <= 0:
        return float(number)
    return min(float(count), max(1.0, spread / variance))
