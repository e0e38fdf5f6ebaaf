"""Intervals for shares of questions that come in clusters: those of one clip are not independent.

The variance of the share is estimated between clusters, and what Wilson's interval takes for the
number of trials is the number of independent questions that would vary as much.

Out of scope: differences between models (`training.experiments.comparing`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Sequence

from training.evaluation.marking import wilson


def clustered(values: Sequence[float], clusters: Sequence[Hashable]) -> tuple[float, float]:
    """The 95 % interval of the average of ``values`` in [0, 1]; (0, 1) of none.

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
    """How many independent questions would vary as much, at most as many as there are; where all
    values are alike, as many as there are clusters."""
    count = len(values)
    share = sum(values) / count
    sums: dict[Hashable, float] = defaultdict(float)
    for value, cluster in zip(values, clusters, strict=True):
        sums[cluster] += value - share
    number = len(sums)
    if number < 2:
        return 1.0
    # Between clusters, with the usual correction for few of them.
    variance = number / (number - 1) * sum(part * part for part in sums.values()) / count**2
    spread = share * (1 - share)
    if spread <= 0 or variance <= 0:
        return float(number)
    return min(float(count), max(1.0, spread / variance))
