"""What makers of free questions share: drafts, readings, and how a question names a thing.

A maker drafts a question from geometry and visibility. A reader gets what the question is about and
reads only the notes. `free_questions` in `making` compares the two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np

from sim_clips.questions.free.claims import Claim
from sim_clips.questions.free.standpoint import Standpoint
from sim_clips.questions.free.truth import Facts, Status
from sim_clips.questions.free.words import (
    COLOUR_SYNONYMS,
    colour_of,
    kind_of,
    plural,
    with_article,
    words_for,
)

Rng = np.random.Generator
T = TypeVar("T")

#: How often a question says "couch" for a sofa, leaves out a colour that is not needed, and says
#: "light blue" for cyan.
SYNONYM_SHARE, BARE_SHARE, COLOUR_SYNONYM_SHARE = 0.35, 0.5, 0.1
#: A list counts as complete from this part of it on.
LIST_SHARE = 2 / 3
#: More things than this at once need not be listed.
LONGEST_LIST = 5

#: Facts that no claim agrees with.
NOTHING_RIGHT = Facts()


@dataclass(frozen=True)
class Draft:
    """A question before it is put into words.

    Attributes:
        form: which phrasings and which reader.
        slots: what fills the phrasing.
        facts: from geometry and visibility.
        about: what the reader needs.
        subjects: names or, of absent things, words for what it is about.
        absent: what it is about was never in view.
        accepted: for a status that the notes may lead to, another that is as good.
    """

    form: str
    slots: Mapping[str, str] = field(default_factory=dict)
    facts: Facts = NOTHING_RIGHT
    about: Mapping[str, Any] = field(default_factory=dict)
    subjects: tuple[str, ...] = ()
    absent: bool = False
    accepted: Mapping[Status, Status] = field(default_factory=dict)


@dataclass(frozen=True)
class Reading:
    """What the notes say: a claim, and the views whose notes it rests on."""

    claim: Claim
    evidence: tuple[int, ...] = ()


Maker = Callable[[Standpoint, Rng], "Draft | None"]
#: ``None`` where the notes neither settle a question nor clearly leave it open.
Reader = Callable[[Standpoint, Mapping[str, Any]], "Reading | None"]

NOT_SEEN, CANNOT_TELL = Reading(Claim("not_seen")), Reading(Claim("cannot_tell"))


def pick(rng: Rng, items: Sequence[T]) -> T:
    """One of the items."""
    return items[int(rng.integers(len(items)))]


@dataclass(frozen=True)
class Naming:
    """How a question names a thing: by kind, and by colour unless ``colour`` is empty."""

    kind: str
    colour: str
    noun: str
    said_colour: str = ""

    @property
    def words(self) -> str:
        """As the question says it."""
        return f"{self.said_colour} {self.noun}".strip()

    @property
    def slots(self) -> dict[str, str]:
        """For phrasings: ``name``, ``a_name`` and ``names`` (plural)."""
        names = f"{self.said_colour} {plural(self.noun)}".strip()
        return {"name": self.words, "a_name": with_article(self.words), "names": names}

    @property
    def about(self) -> dict[str, str]:
        """For readers."""
        return {"kind": self.kind, "colour": self.colour}


def naming(rng: Rng, kind: str, colour: str = "") -> Naming:
    """A thing in everyday words."""
    words = words_for(kind)
    noun = words[0] if len(words) == 1 or rng.random() > SYNONYM_SHARE else pick(rng, words[1:])
    said = colour
    if colour in COLOUR_SYNONYMS and rng.random() < COLOUR_SYNONYM_SHARE:
        said = pick(rng, COLOUR_SYNONYMS[colour])
    return Naming(kind, colour, noun, said)


def naming_of(rng: Rng, standpoint: Standpoint, name: str) -> Naming:
    """A known thing in everyday words, without its colour where the kind alone tells."""
    bare = unique_kind(standpoint, kind_of(name)) and rng.random() < BARE_SHARE
    return naming(rng, kind_of(name), "" if bare else colour_of(name))


def unique_kind(standpoint: Standpoint, kind: str) -> bool:
    """Whether the world, and the notes, hold but one thing of a kind."""
    names = set(standpoint.journey.objects) | standpoint.traces
    return sum(kind_of(name) == kind for name in names) == 1


def matching(standpoint: Standpoint, about: Mapping[str, Any], prefix: str = "") -> list[str]:
    """The names in the notes that fit what a question says of a thing, in order of appearance."""
    kind, colour = about[f"{prefix}kind"], about[f"{prefix}colour"]
    names = dict.fromkeys(m.name for delta in standpoint.notes for m in delta.mentions)
    return [n for n in names if kind_of(n) == kind and (not colour or colour_of(n) == colour)]


def the_one(standpoint: Standpoint, about: Mapping[str, Any], prefix: str = "") -> str | None:
    """The one name in the notes that fits, ``None`` where none or several do."""
    names = matching(standpoint, about, prefix)
    return names[0] if len(names) == 1 else None


def prefixed(about: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """The same with other keys, for questions about several things."""
    return {f"{prefix}{key}": value for key, value in about.items()}


def ids(standpoint: Standpoint, indexes: Sequence[int]) -> frozenset[int]:
    """Keyframe ids of views."""
    return frozenset(standpoint.id(index) for index in indexes)


def named(names: Sequence[str] | frozenset[str]) -> tuple[frozenset[str], ...]:
    """A claim of names that mean exactly one thing each."""
    return tuple(frozenset([name]) for name in sorted(names))


def enough_of(count: int) -> int:
    """How many of so many things have to be listed."""
    count = min(count, LONGEST_LIST)
    return count if count <= 2 else math.ceil(LIST_SHARE * count)
