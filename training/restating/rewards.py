"""The rewards of restating a question, as functions for trl: format and accuracy.

There is no reward for consistency: a restatement has no reasoning that could disagree with it.

Out of scope: the rewards of answers (`training.rewards`), what a restatement means (`meaning`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from embodied_agent.rules.plain import read_restated
from training.restating.meaning import means_the_same
from training.rewards import Completion, Rewards, text_of


def format_reward(
    completions: Sequence[Completion], *, question: Sequence[str], **_: Any
) -> Rewards:
    """1.0 for a plain form that the runtime accepts, else 0.0.

    Args:
        completions: the replies.
        question: the question of each, in free words.
    """
    return [
        float(read_restated(text_of(completion).strip(), asked) is not None)
        for completion, asked in zip(completions, question, strict=True)
    ]


def accuracy_reward(
    completions: Sequence[Completion], *, question: Sequence[str], answer: Sequence[str], **_: Any
) -> Rewards:
    """1.0 for a restatement that leads to the same answer as the right one, else 0.0.

    Args:
        completions: the replies.
        question: the question of each, in free words.
        answer: the right restatement of each.
    """
    return [
        float(means_the_same(text_of(completion).strip(), right, asked))
        for completion, asked, right in zip(completions, question, answer, strict=True)
    ]


format_reward.__name__, accuracy_reward.__name__ = "format", "accuracy"
