"""Baselines: random choice, the majority answer, the model without memory, a plain program.

Each returns one number in [0, 1] per episode, on the scale of `Mark.right`, or ``None`` if it does
not apply. Guesses are scored by their expected value, not by one random draw.
"""

from __future__ import annotations

import statistics
import string
from collections import Counter
from collections.abc import Callable, Sequence

from embodied_agent.reasoning.base import Prompt
from sim_clips.questions import MAKERS
from training import program
from training.episodes.rows import Episode
from training.evaluation.answering import Answerer
from training.rewards import mean_relative_accuracy, score


def chance(episodes: Sequence[Episode]) -> list[float]:
    """The expected score of a random choice; 0 for numbers and free text."""
    return [1 / len(e.choices) if e.choices else 0.0 for e in episodes]


def majority(episodes: Sequence[Episode], known: Sequence[Episode]) -> list[float]:
    """The score of the most frequent right choice of a category, or of the median of its numbers.

    Args:
        episodes: to answer.
        known: the training split, from which the majority is taken. If empty, each episode is
            answered from all others.
    """
    texts: dict[str, Counter[str]] = {}
    numbers: dict[str, list[float]] = {}
    for episode in known or episodes:
        if episode.kind == "number":
            numbers.setdefault(episode.category, []).append(float(episode.answer))
        else:
            texts.setdefault(episode.category, Counter())[episode.answer_text] += 1
    scores = []
    for episode in episodes:
        if episode.kind == "number":
            values = list(numbers.get(episode.category, ()))
            if not known:
                values.remove(float(episode.answer))
            guess = statistics.median(values) if values else 0.0
            scores.append(mean_relative_accuracy(guess, float(episode.answer)))
            continue
        counts = Counter(texts.get(episode.category, Counter()))
        if not known:
            counts[episode.answer_text] -= 1
        options = episode.choices or tuple(counts)
        highest = max((counts[option] for option in options), default=0)
        favourites = [option for option in options if counts[option] == highest]
        scores.append(float(episode.answer_text in favourites) / max(1, len(favourites)))
    return scores


def blind(
    episodes: Sequence[Episode],
    answerer: Answerer,
    prompt: Callable[[Episode], Prompt],
    max_tokens: int,
    on_progress: Callable[[int], None],
) -> list[float]:
    """The scores of the same model without memory: its transcript names no object."""
    prompts = [prompt(episode.without_memory()) for episode in episodes]
    replies = answerer.replies(prompts, max_tokens=max_tokens, on_progress=on_progress)
    return [
        score(reply.text, episode.answer_text, episode.choices)
        for reply, episode in zip(replies, episodes, strict=True)
    ]


def plain_program(episodes: Sequence[Episode]) -> list[float | None]:
    """The scores of `training.program` on the same deltas; ``None`` for other question types."""
    scores: list[float | None] = []
    for episode in episodes:
        world = next((w for w in ("house", "city", "warehouse") if w == episode.domain), None)
        if world is None or episode.category not in MAKERS or not episode.about:
            scores.append(None)
            continue
        row = {
            "type": episode.category,
            "about": dict(episode.about),
            "choices": list(episode.choices),
        }
        letter = program.answer(episode.deltas, row, world)  # type: ignore[arg-type]
        letters = string.ascii_uppercase[: len(episode.choices)]
        scores.append(float(letter == episode.answer and letter in letters))
    return scores
