"""The deltas as rules look at them: each thing that they name, and where it was noted.

Grows with the memory, one delta at a time. Two names that differ in case only are one.

Out of scope: what a question's words mean (`phrases`, `matching`), where things are by now
(`reckoning`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from embodied_agent.records import Delta, Mention
from embodied_agent.rules.lexicon import singular
from embodied_agent.rules.phrases import Phrase, read_phrase

_SENTENCE = re.compile(r"[.;!?]+(?=\s|$)")
#: "No window" speaks of no window.
_DENIED = re.compile(r"\b(?:no|not|without|never|neither|nor)\b|n['’]t\b", re.IGNORECASE)
_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")


@dataclass(frozen=True, slots=True)
class Sighting:
    """A mention, and the index in `Notes.deltas` of the delta that holds it."""

    index: int
    mention: Mention


@dataclass(slots=True)
class Thing:
    """What the notes name: the name as it was first noted, its reading, where it was noted.

    ``at_once`` is how many mentions of it one delta held at most.
    """

    name: str
    phrase: Phrase
    sightings: list[Sighting] = field(default_factory=list)
    at_once: int = 1

    @property
    def first(self) -> Sighting:
        """The first sighting."""
        return self.sightings[0]

    @property
    def last(self) -> Sighting:
        """The latest sighting."""
        return self.sightings[-1]


class Notes:
    """The deltas of one segment in keyframe order, and an index of what they name."""

    def __init__(self, deltas: Iterable[Delta] = ()) -> None:
        self.deltas: list[Delta] = []
        self.things: dict[str, Thing] = {}
        #: Names, nouns and kinds of all things, in lower case.
        self.nouns: set[str] = set()
        self._indexes: dict[int, int] = {}
        self._observed: dict[str, list[int]] = {}
        for delta in deltas:
            self.add(delta)

    def add(self, delta: Delta) -> None:
        """Append a delta."""
        index = len(self.deltas)
        self.deltas.append(delta)
        self._indexes[delta.keyframe_id] = index
        here: dict[str, int] = {}
        for mention in delta.mentions:
            key = " ".join(mention.name.casefold().split())
            thing = self.things.get(key)
            if thing is None:
                thing = self.things[key] = Thing(mention.name, read_phrase(mention.name))
                self.nouns.update(
                    filter(
                        None,
                        (key, thing.phrase.noun, singular(thing.phrase.noun), thing.phrase.kind),
                    )
                )
            thing.sightings.append(Sighting(index, mention))
            here[key] = here.get(key, 0) + 1
            thing.at_once = max(thing.at_once, here[key])
        claimed = [s for s in _SENTENCE.split(delta.observation) if not _DENIED.search(s)]
        for word in dict.fromkeys(_words(" ".join(claimed))):
            self._observed.setdefault(word, []).append(index)

    @property
    def last(self) -> int:
        """Index of the present delta."""
        return len(self.deltas) - 1

    @property
    def hold_motion_only(self) -> bool:
        """Whether nobody looked at the pictures: no delta names or describes anything."""
        return not self.things and not self._observed

    def id(self, index: int) -> int:
        """The keyframe's id of a delta."""
        return self.deltas[index].keyframe_id

    def cite(self, index: int) -> str:
        """A delta's keyframe as answers cite it: ``#12``."""
        return f"#{self.deltas[index].keyframe_id}"

    def index(self, keyframe_id: int) -> int | None:
        """The delta's index of a keyframe, ``None`` where there is none."""
        return self._indexes.get(keyframe_id)

    def in_view(self, index: int) -> list[tuple[Thing, Mention]]:
        """What a delta names, in its order, each thing once."""
        seen: dict[str, tuple[Thing, Mention]] = {}
        for mention in self.deltas[index].mentions:
            key = " ".join(mention.name.casefold().split())
            seen.setdefault(key, (self.things[key], mention))
        return list(seen.values())

    def observed(self, noun: str) -> list[int]:
        """The deltas whose observation holds all words of a noun, in the singular or plural."""
        found = [set(self._observed.get(word, ())) for word in _words(noun)]
        return sorted(set.intersection(*found)) if found else []


def _words(text: str) -> list[str]:
    return [singular(word) for word in _WORD.findall(text.lower())]
