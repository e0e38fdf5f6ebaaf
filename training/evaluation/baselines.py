"""What would be had without the model: by chance, by habit, without memory, by a plain program.

Each gives one number in [0, 1] per episode, on the scale of `Mark.right`; ``None`` where it does
not apply. Guessers are marked by what they would score on average, not by one throw of dice.
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
    """One of the choices at random; a number or free text can't be guessed."""
    return [1 / len(e.choices) if e.choices else 0.0 for e in episodes]


def majority(episodes: Sequence[Episode], known: Sequence[Episode]) -> list[float]:
    """The choice that was right most often in the category, the median of its numbers.

    Args:
        episodes: to be answered.
        known: where habits come from, the training split. Without any, each episode is guessed
            from all others.
    """
    texts: dict[str, Counter[str]] = {}
    numbers: dict[str, list[float]] = {}
    for episode in known or episodes:
        if episode.kind == "number":
            numbers.setdefault(episode.category, []).append(float(episode.answer))
        else:
            texts.setdefault(episode.category, Counter())[episode.answer_text] += 1
    found = []
    for episode in episodes:
        if episode.kind == "number":
            seen = list(numbers.get(episode.category, ()))
            if not known:
                seen.remove(float(episode.answer))
            guess = statistics.median(seen) if seen else 0.0
            found.append(mean_relative_accuracy(guess, float(episode.answer)))
            continue
        counts = Counter(texts.get(episode.category, Counter()))
        if not known:
            counts[episode.answer_text] -= 1
        options = episode.choices or tuple(counts)
        most = max((counts[option] for option in options), default=0)
        best = [option for option in options if counts[option] == most]
        found.append(float(episode.answer_text in best) / max(1, len(best)))
    return found


def blind(
    episodes: Sequence[Episode],
    answerer: Answerer,
    prompt: Callable[[Episode], Prompt],
    max_tokens: int,
    tell: Callable[[int], None],
) -> list[float]:
    """The same model, asked without memory: its transcript names nothing."""
    prompts = [prompt(episode.without_memory()) for episode in episodes]
    replies = answerer.replies(prompts, max_tokens=max_tokens, tell=tell)
    return [
        score(reply.text, episode.answer_text, episode.choices)
        for reply, episode in zip(replies, episodes, strict=True)
    ]


def plain_program(episodes: Sequence[Episode]) -> list[float | None]:
    """`training.program` on the same deltas; ``None`` for questions that are not its kind."""
    found: list[float | None] = []
    for episode in episodes:
        world = next((w for w in ("house", "city", "warehouse") if w == episode.domain), None)
        if world is None or episode.category not in MAKERS or not episode.about:
            found.append(None)
            continue
        row = {
            "type": episode.category,
            "about": dict(episode.about),
            "choices": list(episode.choices),
        }
        said = program.answer(episode.deltas, row, world)  # type: ignore[arg-type]
        letters = string.ascii_uppercase[: len(episode.choices)]
        found.append(float(said == episode.answer and said in letters))
    return found
