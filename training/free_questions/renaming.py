"""Rename the objects of a journey: kinds and colours become words that no world uses.

Each kind and each colour gets one new word, so that two sofas become two kettles. A reasoner
trained on such journeys learns to read names instead of memorising them.

Out of scope: the word lists (`sim_clips.questions.free.nouns`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np

from embodied_agent.records import Delta
from sim_clips.journey import Journey
from sim_clips.questions.free import Wordings
from sim_clips.questions.free.nouns import (
    ADJECTIVES,
    HELD_OUT_ADJECTIVES,
    HELD_OUT_NOUNS,
    NOUNS,
)
from sim_clips.questions.free.words import colour_of, kind_of

#: Probability that a kind or a colour keeps its word.
_KEPT_SHARE = 0.2


def renamed_words(
    journey: Journey,
    notes: Sequence[Sequence[Delta]],
    rng: np.random.Generator,
    words: Wordings = "taught",
) -> tuple[Journey, list[list[Delta]]]:
    """Rename the objects in a journey and in all its notes, consistently.

    Args:
        journey: with names in the simulated vocabulary.
        notes: one or more lists of deltas with such names.
        rng: draws the words.
        words: "taught" excludes held-out words; "held_out" uses held-out nouns only.
    """
    nouns = {"taught": NOUNS, "held_out": HELD_OUT_NOUNS, "both": (*NOUNS, *HELD_OUT_NOUNS)}[words]
    adjectives = {
        "taught": ADJECTIVES,
        "held_out": (*HELD_OUT_ADJECTIVES, *ADJECTIVES),
        "both": (*ADJECTIVES, *HELD_OUT_ADJECTIVES),
    }[words]
    all_names = {
        *journey.objects,
        *(m.name for deltas in notes for d in deltas for m in d.mentions),
    }
    kept_share = 0.0 if words == "held_out" else _KEPT_SHARE
    kinds = _mapped(sorted({kind_of(n) for n in all_names}), nouns, rng, kept_share)
    colours = _mapped(sorted({colour_of(n) for n in all_names}), adjectives, rng, kept_share)
    names = {n: f"{colours[colour_of(n)]} {kinds[kind_of(n)]}" for n in all_names}
    return (
        replace(
            journey,
            objects={names[n]: place for n, place in journey.objects.items()},
            views=tuple(
                replace(v, visible={names[n]: p for n, p in v.visible.items() if n in names})
                for v in journey.views
            ),
        ),
        [
            [
                replace(d, mentions=tuple(replace(m, name=names[m.name]) for m in d.mentions))
                for d in deltas
            ]
            for deltas in notes
        ],
    )


def _mapped(
    words: Sequence[str], others: Sequence[str], rng: np.random.Generator, kept_share: float
) -> Mapping[str, str]:
    picks = rng.permutation(len(others))[: len(words)]
    return {
        word: word if rng.random() < kept_share else others[int(number)]
        for word, number in zip(words, picks, strict=True)
    }
