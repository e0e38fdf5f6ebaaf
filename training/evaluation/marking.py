"""Marks of replies, and intervals of their averages.

Choices are right or wrong; numbers get partial marks (mean relative accuracy). Both are scored by
the reward functions of training (`training.rewards`), which parse replies as the runtime does.
Intervals are Wilson's (1927), also for averages of numbers, for which they are slightly too wide.

Out of scope: the models (`answering`), the tables (`tables`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from embodied_agent.errors import ReplyError
from embodied_agent.reasoning.answer import parse_answer
from sim_clips.questions import NOT_TOLD
from training.episodes.rows import Episode
from training.evaluation.batched import Reply
from training.reference import Reference
from training.rewards import ConsistencyReward, has_format, score

#: Two-sided 95 % quantile of the normal distribution.
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Mark:
    """One reply and its marks. ``consistent`` is ``None`` if the answer was wrong or there was no
    reference; ``said`` is the parsed answer, empty if it could not be parsed; ``derivable`` as in
    `Episode`; ``offered``: whether `NOT_TOLD` was among the choices."""

    id: str
    scene: str
    split: str
    domain: str
    category: str
    right: float
    formatted: bool
    said: str
    truth: str
    tokens: int
    latency_s: float
    reply: str
    consistent: float | None = None
    derivable: bool | None = None
    offered: bool = False

    def as_dict(self) -> dict[str, Any]:
        """The fields as JSON-ready values."""
        return asdict(self)


def mark(
    episodes: Sequence[Episode], replies: Sequence[Reply], reference: Reference | None = None
) -> list[Mark]:
    """Mark the replies to ``episodes``, in order.

    Raises:
        ModelUnavailable: the reference's server stayed unreachable.
    """
    consistent: list[float | None] = [None] * len(episodes)
    if reference is not None:
        consistent = ConsistencyReward(reference)(
            [reply.text for reply in replies],
            question=[episode.question for episode in episodes],
            answer=[episode.answer_text for episode in episodes],
            choices=[episode.choices for episode in episodes],
        )
    return [
        Mark(
            id=episode.id,
            scene=episode.scene,
            split=episode.split,
            domain=episode.domain,
            category=episode.category,
            right=score(reply.text, episode.answer_text, episode.choices),
            formatted=has_format(reply.text),
            said=_parsed(reply.text, episode.choices),
            truth=episode.answer_text,
            tokens=reply.tokens,
            latency_s=reply.latency_s,
            reply=reply.text,
            consistent=agreed,
            derivable=episode.derivable,
            offered=NOT_TOLD in episode.choices,
        )
        for episode, reply, agreed in zip(episodes, replies, consistent, strict=True)
    ]


def _parsed(reply: str, choices: Sequence[str]) -> str:
    try:
        return parse_answer(reply, choices).text
    except ReplyError:
        return ""


def wilson(share: float, count: float) -> tuple[float, float]:
    """The 95 % interval of a share in ``count`` trials, all in [0, 1]; (0, 1) without trials."""
    if count == 0:
        return 0.0, 1.0
    z2 = _Z * _Z / count
    middle = (share + z2 / 2) / (1 + z2)
    half = _Z / (1 + z2) * math.sqrt(max(0.0, share * (1 - share) / count + z2 / (4 * count)))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def mean(values: Sequence[float]) -> float | None:
    """The mean; ``None`` without values."""
    return sum(values) / len(values) if values else None
