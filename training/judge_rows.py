"""Training rows for a judge of a general model's size: question and reasoning in, answer out.

    python -m training.sft --config training/configs/smollm2-judge-sft.yaml --out runs/smollm2-judge

A row is the message that `training.reference` sends in the ``full`` style. Some of the reasonings
are redirected (`training.redirect`), so that a judge can't learn to guess from the question, and
some name objects with words that no simulated world uses.

Out of scope: measuring a judge (`training.judge_skill`), the built-in one (`training.judge`).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from embodied_agent.reasoning.prompts import lettered
from embodied_agent.records import Question
from sim_clips.questions.free.nouns import ADJECTIVES, NOUNS
from sim_clips.splits import FIRST_TRAINING_SEED, TRAINED_WORLDS, refuse_held_out
from training.judge import REDIRECTED, varied
from training.judge_skill import bases
from training.reference import Reasoned, full_text

#: Names that no simulated world uses.
_WORDS = tuple(f"{adjective} {noun}" for noun in NOUNS for adjective in ADJECTIVES)
#: So many consecutive rows become one sequence, in which their common beginning is read once.
_TOGETHER = 8


def judge_rows(count: int, *, words_share: float, seed: int) -> list[dict[str, Any]]:
    """``count`` rows, as those of `training.rows`; ``scene`` groups `_TOGETHER` of them.

    Args:
        count: of questions with a reasoning.
        words_share: share of the rows with names from `sim_clips.questions.free.nouns`.
        seed: draws scenes, questions and names; equal seeds give equal rows.

    Raises:
        HeldOutError: a scene is held out (`sim_clips.splits`).
    """
    first = FIRST_TRAINING_SEED + (seed << 20)
    refuse_held_out(TRAINED_WORLDS[0], first)
    rng = np.random.default_rng([seed, 29])
    rows = []
    for number, base in enumerate(bases(count, first, seed, TRAINED_WORLDS)):
        names = _WORDS if rng.random() < words_share else None
        item, answer = varied(base, rng, REDIRECTED, names)
        rows.append(_row(item, answer, f"reasonings {number // _TOGETHER}"))
    return rows


def _row(item: Reasoned, answer: str, scene: str) -> dict[str, Any]:
    options = lettered(Question(item.question, item.choices))
    said = next((letter for letter, choice in options if choice == answer), answer)
    return {
        "prompt": [{"role": "user", "content": full_text(item)}],
        "question": item.question,
        "choices": list(item.choices),
        "answer": answer,
        "category": "judged",
        "scene": scene,
        "reasoned": True,
        "reply": f"<answer> {said}</answer>",
    }
