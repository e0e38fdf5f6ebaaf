"""What was right, and how sure that is.

Choices are right or wrong, numbers are right to some degree (mean relative accuracy); both by the
functions that training pays by (`training.rewards`), which read replies as the runtime does.
Intervals are Wilson's (1927), also for averages of numbers, where they are a little too wide.

Not here: who answered (`answering`), the table (`tables`).
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

#: Two-sided 95 %.
_Z = 1.959964


@dataclass(frozen=True, slots=True)
class Mark:
    """One reply and what it is worth. ``consistent`` is ``None`` where the answer was wrong, or no
    reference was asked; ``said`` is the answer in words, empty where none could be read;
    ``derivable`` as in `Episode`; ``offered``: whether `NOT_TOLD` was among the choices."""

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
        """JSON-ready."""
        return asdict(self)


def mark(
    episodes: Sequence[Episode], replies: Sequence[Reply], reference: Reference | None = None
) -> list[Mark]:
    """Marks of replies, in order.

    Raises:
        ModelUnavailable: the reference stayed away.
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
            said=_said(reply.text, episode.choices),
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


def _said(reply: str, choices: Sequence[str]) -> str:
    try:
        return parse_answer(reply, choices).text
    except ReplyError:
        return ""


def wilson(share: float, count: float) -> tuple[float, float]:
    """The 95 % interval of a share out of ``count`` trials, both in [0, 1]; (0, 1) of none."""
    if count == 0:
        return 0.0, 1.0
    z2 = _Z * _Z / count
    middle = (share + z2 / 2) / (1 + z2)
    half = _Z / (1 + z2) * math.sqrt(max(0.0, share * (1 - share) / count + z2 / (4 * count)))
    return max(0.0, min(share, middle - half)), min(1.0, max(share, middle + half))


def mean(values: Sequence[float]) -> float | None:
    """The average, ``None`` of nothing."""
    return sum(values) / len(values) if values else None
