"""Rows that teach a language model to restate questions: a question in, its plain form out.

    python -m training.sft --config training/configs/smollm2-restating-sft.yaml --out runs/restating

A row is the conversation that `embodied_agent.reasoning.restating` holds with the model.

Out of scope: the phrasings (`bank`), measuring (`measure`).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from embodied_agent.reasoning.restating import messages
from training.intents import AFTER, BEFORE
from training.restating.authors import Phrasing
from training.restating.bank import filled, taught

#: The category of these rows.
RESTATED = "restated"
#: So many consecutive rows become one sequence, in which their common beginning is read once.
_TOGETHER = 16
#: How often words are put before or after a question, and how often it is typed in a hurry.
_BEFORE_SHARE, _AFTER_SHARE, _HASTY_SHARE = 0.12, 0.06, 0.2
#: How often a form is drawn follows its number of phrasings to this power.
_EVENNESS = 0.6
#: How often a word outside the slots has a typing error, of words with so many letters.
_MISTYPED_SHARE, _MISTYPED_LETTERS = 0.08, 5
#: Forms that are drawn more often than that.
_OFTEN = {"as_put": 2.0}


def restating_rows(count: int, *, seed: int) -> list[dict[str, Any]]:
    """``count`` rows, as those of `training.rows`; ``scene`` groups `_TOGETHER` of them.

    Args:
        count: of questions.
        seed: draws phrasings and names; equal seeds give equal rows.
    """
    rng = np.random.default_rng([seed, 31])
    rows = []
    for number, phrasing in enumerate(_drawn(taught(), count, rng)):
        if rng.random() < _MISTYPED_SHARE:
            phrasing = replace(phrasing, text=mistyped(phrasing.text, rng))
        question, reply = filled(phrasing, rng)
        question = as_typed(question, rng)
        rows.append(
            {
                "prompt": messages(question),
                "question": question,
                "choices": [],
                "answer": reply,
                "category": RESTATED,
                "scene": f"restated {number // _TOGETHER}",
                "reasoned": True,
                "reply": reply,
            }
        )
    return rows


def _drawn(phrasings: Sequence[Phrasing], count: int, rng: np.random.Generator) -> list[Phrasing]:
    """``count`` phrasings in a random order, those of a form in turn."""
    by_form: dict[str, list[Phrasing]] = defaultdict(list)
    for phrasing in phrasings:
        by_form[phrasing.form].append(phrasing)
    forms = sorted(by_form)
    share = np.array([_OFTEN.get(f, 1.0) * len(by_form[f]) ** _EVENNESS for f in forms])
    decks: dict[str, list[Phrasing]] = {form: [] for form in forms}
    drawn = []
    for index in rng.choice(len(forms), count, p=share / share.sum()):
        form = forms[int(index)]
        if not decks[form]:
            decks[form] = [by_form[form][int(i)] for i in rng.permutation(len(by_form[form]))]
        drawn.append(decks[form].pop())
    return drawn


def mistyped(text: str, rng: np.random.Generator) -> str:
    """A phrasing with two letters of a word swapped, or one left out; slots stay."""
    words = text.split(" ")
    long = [i for i, w in enumerate(words) if w.isalpha() and len(w) >= _MISTYPED_LETTERS]
    if not long:
        return text
    at = long[int(rng.integers(len(long)))]
    word, place = words[at], int(rng.integers(1, len(words[at]) - 1))
    swapped = rng.random() < 0.5
    middle = word[place + 1] + word[place] if swapped else word[place + 1]
    words[at] = word[:place] + middle + word[place + 2 :]
    return " ".join(words)


def as_typed(question: str, rng: np.random.Generator) -> str:
    """A question as people type it: with words around it, or in a hurry."""
    if rng.random() < _BEFORE_SHARE:
        question = BEFORE[int(rng.integers(len(BEFORE)))] + question
    if rng.random() < _AFTER_SHARE:
        question = question.rstrip(".?!") + AFTER[int(rng.integers(len(AFTER)))]
    if rng.random() < _HASTY_SHARE:
        return question.lower().rstrip("?.!")
    return question[0].upper() + question[1:] if rng.random() < 0.5 else question
