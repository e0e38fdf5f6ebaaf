"""The same journey among other things: kinds and colours become words that no world shows.

Kinds and colours are renamed one by one, so that two sofas become two kettles and stay two. A
reasoner that is taught on such journeys reads names instead of knowing them.

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

#: How often a kind or a colour keeps its word.
_KEPT_SHARE = 0.2


def renamed_words(
    journey: Journey,
    notes: Sequence[Sequence[Delta]],
    rng: np.random.Generator,
    words: Wordings = "taught",
) -> tuple[Journey, list[list[Delta]]]:
    """The journey and all notes of it in the same other words.

    Args:
        journey: in the simulated vocabulary,
        notes: likewise; a perfect perceiver's and another's, for example.
        rng: chooses.
        words: "taught" leaves out the held-out words, "held_out" uses no others.
    """
    nouns = {"taught": NOUNS, "held_out": HELD_OUT_NOUNS, "both": (*NOUNS, *HELD_OUT_NOUNS)}[words]
    adjectives = {
        "taught": ADJECTIVES,
        "held_out": (*HELD_OUT_ADJECTIVES, *ADJECTIVES),
        "both": (*ADJECTIVES, *HELD_OUT_ADJECTIVES),
    }[words]
    every = {*journey.objects, *(m.name for deltas in notes for d in deltas for m in d.mentions)}
    kept = 0.0 if words == "held_out" else _KEPT_SHARE
    kinds = _mapped(sorted({kind_of(n) for n in every}), nouns, rng, kept)
    colours = _mapped(sorted({colour_of(n) for n in every}), adjectives, rng, kept)
    names = {n: f"{colours[colour_of(n)]} {kinds[kind_of(n)]}" for n in every}
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
    words: Sequence[str], others: Sequence[str], rng: np.random.Generator, kept: float
) -> Mapping[str, str]:
    drawn = rng.permutation(len(others))[: len(words)]
    return {
        word: word if rng.random() < kept else others[int(number)]
        for word, number in zip(words, drawn, strict=True)
    }
