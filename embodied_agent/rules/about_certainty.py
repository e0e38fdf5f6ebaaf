"""Answers to how sure a thing is: how often it was seen and missed, how well its place is known, and
how sure the perceiver was.

The docstring of a public function is a question that it answers.

Out of scope: how sure an answer is (`Answer.consistency`), positions (`about_measured`).
"""

from __future__ import annotations

import math
import statistics
from dataclasses import dataclass
from typing import Protocol

from embodied_agent.rules.about_things import fits, join_sayings
from embodied_agent.rules.absence import missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing, name_key
from embodied_agent.rules.speech import MOST_CITED, Saying, join_names, the, times

#: At most this many things are told of, and at most this many keyframes named.
_MOST, _MOST_NAMED = 3, 5


@dataclass(frozen=True, slots=True)
class Certainty:
    """How sure a thing's position is: ``std_m`` is its standard deviation in metres, in the least
    certain direction. ``missed`` counts how often in a row the thing should have been in view since
    it was last seen and was not, last in the keyframes ``missed_in``."""

    std_m: float
    missed: int = 0
    missed_in: tuple[int, ...] = ()


class Certainties(Protocol):
    """What is measured of how sure things are, by the keys of their names (`name_key`)."""

    def certainty(self, key: str) -> Certainty | None:
        """How sure a thing is; ``None`` unless exactly one of this name has a position."""
        ...


def certainty(asked: Asked, notes: Notes, measured: Certainties | None) -> Saying:
    """How sure are you about the sofa?"""
    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    if gap is not None:
        return gap
    return join_sayings([_told(thing, notes, measured) for thing in fits(result)[:_MOST]])


def _told(thing: Thing, notes: Notes, measured: Certainties | None) -> Saying:
    indexes = sorted(set(thing.indexes))
    seen = f"I saw {the(thing)} in {_keyframes(len(indexes))}, last in {notes.cite(indexes[-1])}"
    if len(indexes) > 1:
        seen = (
            f"I saw {the(thing)} in {_keyframes(len(indexes))}, from {notes.cite(indexes[0])} to "
            f"{notes.cite(indexes[-1])}"
        )
    evidence = {indexes[0], indexes[-1]}
    parts = [f"{seen}."]
    known = None if measured is None else measured.certainty(name_key(thing.name))
    if known is None:
        parts.append("Its position is not measured.")
    else:
        missed = [index for number in known.missed_in if (index := notes.index(number)) is not None]
        evidence.update(missed)
        cited = join_names(notes.cite(index) for index in missed[-_MOST_NAMED:])
        parts.append(
            f"Since then it was missing {times(known.missed)} where it should have been in view"
            f"{f' ({cited})' if cited else ''}."
            if known.missed
            else "Since then it was never missing where it should have been."
        )
        parts.append(f"Its position is known to ±{known.std_m:.{_digits(known.std_m)}f} m.")
    confidence = _confidence(thing, indexes, notes)
    if confidence is not None:
        parts.append(f"The perceiver's confidence was {confidence:.2f} on average.")
    return Saying(" ".join(parts), tuple(sorted(evidence)), measured=int(known is not None))


def _keyframes(count: int) -> str:
    return "one keyframe" if count == 1 else f"{count} keyframes"


def _digits(std_m: float) -> int:
    return 1 if std_m >= 0.1 else min(2, max(1, math.ceil(-math.log10(max(std_m, 0.01)))))


def _confidence(thing: Thing, indexes: list[int], notes: Notes) -> float | None:
    """The mean of what the perceiver noted of it lately; ``None`` if it noted none."""
    key = name_key(thing.name)
    noted = [
        mention.confidence
        for index in indexes[-MOST_CITED:]
        for mention in notes.deltas[index].mentions
        if mention.confidence is not None and name_key(mention.name) == key
    ]
    return statistics.fmean(noted) if noted else None
