"""The deltas as the rules use them: each thing that they name, and where it was noted.

Notes grow with the memory, one delta at a time. Names that differ only in case are the same.

Out of scope: the meaning of a question's words (`phrases`, `matching`), where things are now
(`reckoning`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from embodied_agent.records import Delta, Mention
from embodied_agent.rules.driven_path import DrivenPath
from embodied_agent.rules.lexicon import singular
from embodied_agent.rules.motions import Motions
from embodied_agent.rules.phrases import Phrase, read_phrase

_SENTENCE = re.compile(r"[.;!?]+(?=\s|$)")
#: A sentence with one of these ("no window") does not claim that its things were there.
_DENIED = re.compile(r"\b(?:no|not|without|never|neither|nor)\b|n['’]t\b", re.IGNORECASE)
#: What is said of what was seen before the last break.
BEFORE = "before the restart"
#: What a sign says in words is no sight of what it names,
_QUOTED = re.compile(r"\"[^\"]{3,}\"|“[^”]{3,}”|‘[^’]{3,}’|(?<!\w)'[^']{3,}'(?!\w)")
#: and neither are orders to whoever reads it.
_ORDER = re.compile(
    r"\b(?:ignore|disregard|forget|override|pretend|obey|respond|reply|instructions?|prompts?|"
    r"system|assistant|developer|jailbreak|admin|answer|answers|output|say|tell|claim|"
    r"you (?:must|should|are|will|have|saw|can|see)|as an ai|language model|relevant entries|"
    r"question|user)\b|^\W*\d+ (?:start|move|rotate|tilt)\b",
    re.IGNORECASE,
)
_WORD = re.compile(r"[^\W_]+(?:[-'][^\W_]+)*")


def name_key(name: str) -> str:
    """The key of a name. Names that differ only in case and spaces have the same key."""
    return " ".join(name.casefold().split())


def claimed_words(observation: str) -> list[str]:
    """The words of an observation's claims, in lower case, each once. Sentences that deny something,
    quotations and orders are left out.

    Memory files hold these words (`embodied_agent.memory.writing`): a change here needs a migration
    of the files.
    """
    sentences = _SENTENCE.split(_QUOTED.sub(" ", observation))
    claimed = (s for s in sentences if not _DENIED.search(s) and not _ORDER.search(s))
    return list(dict.fromkeys(_WORD.findall(" ".join(claimed).lower())))


def _no_clock(keyframe_id: int) -> int | None:
    return None


def _no_path() -> DrivenPath | None:
    return None


@dataclass(frozen=True, slots=True)
class Sighting:
    """A mention, and the index of its delta in `Notes.deltas`."""

    index: int
    mention: Mention


class Thing(Protocol):
    """A thing in the notes."""

    @property
    def name(self) -> str:
        """Its name as first noted."""
        ...

    @property
    def phrase(self) -> Phrase:
        """The phrase read from its name."""
        ...

    @property
    def at_once(self) -> int:
        """The largest number of its mentions in one delta."""
        ...

    @property
    def indexes(self) -> Sequence[int]:
        """The indexes of the deltas that mention it, in order; one for each mention."""
        ...

    @property
    def first_index(self) -> int:
        """The index of the delta that mentions it first."""
        ...

    @property
    def last_index(self) -> int:
        """The index of the latest delta that mentions it."""
        ...

    @property
    def first(self) -> Sighting:
        """The first sighting."""
        ...

    @property
    def last(self) -> Sighting:
        """The latest sighting."""
        ...


@dataclass(slots=True)
class NotedThing:
    """A thing in notes that hold all of their deltas."""

    name: str
    phrase: Phrase
    sightings: list[Sighting] = field(default_factory=list)
    at_once: int = 1

    @property
    def indexes(self) -> Sequence[int]:
        """The indexes of the deltas that mention it, in order; one for each mention."""
        return [sighting.index for sighting in self.sightings]

    @property
    def first_index(self) -> int:
        """The index of the delta that mentions it first."""
        return self.sightings[0].index

    @property
    def last_index(self) -> int:
        """The index of the latest delta that mentions it."""
        return self.sightings[-1].index

    @property
    def first(self) -> Sighting:
        """The first sighting."""
        return self.sightings[0]

    @property
    def last(self) -> Sighting:
        """The latest sighting."""
        return self.sightings[-1]


class Nouns(set[str]):
    """Names, nouns and kinds; `words` are the words in them."""

    def words(self) -> Collection[str]:
        """All words that occur in a noun."""
        return {word for noun in self for word in noun.split()}


class Notes:
    """Deltas in keyframe order, and an index of what they name.

    They may be those of several segments. Where one ends and the next begins lies a break, such as
    a restart: what was seen before it was seen, but directions and movements do not carry over it.
    The present is the part after the last break.

    Args:
        deltas: of one segment.
    """

    def __init__(self, deltas: Iterable[Delta] = ()) -> None:
        #: All of them; a slice may be read from the memory only when it is used.
        self.deltas: Sequence[Delta] = []
        #: How the camera moved from one to the next.
        self.motions = Motions()
        #: Indexes of deltas before which a break lies.
        self.breaks: list[int] = []
        #: Whether a break lies after the last delta: nothing has been perceived since.
        self.ended = False
        self.things: dict[str, NotedThing] = {}
        #: Names, nouns and kinds of all things, in lower case.
        self.nouns: Nouns = Nouns()
        #: Gives the stamp of a keyframe by its id, in nanoseconds; ``None`` if it is not known.
        self.clock: Callable[[int], int | None] = _no_clock
        #: Gives the path that the robot drove up to the present; ``None`` without poses.
        self.path: Callable[[], DrivenPath | None] = _no_path
        #: What phrases mean (`matched`), with the number of deltas that there were.
        self.matches: dict[Phrase, tuple[int, object]] = {}
        self._indexes: dict[int, int] = {}
        self._observed: dict[str, list[int]] = {}
        for delta in deltas:
            self.add(delta)

    def add(self, delta: Delta, *, after_break: bool = False) -> None:
        """Append a delta; ``after_break``: it begins another segment."""
        index = len(self.deltas)
        if after_break and index:
            self.breaks.append(index)
        assert isinstance(self.deltas, list)
        self.deltas.append(delta)
        self.motions.add(delta.action, delta.angle_deg, usable=delta.usable)
        self._indexes[delta.keyframe_id] = index
        here: dict[str, int] = {}
        for mention in delta.mentions:
            key = name_key(mention.name)
            thing = self.things.get(key)
            if thing is None:
                thing = self.things[key] = NotedThing(mention.name, read_phrase(mention.name))
                self.nouns.update(
                    filter(
                        None,
                        (key, thing.phrase.noun, singular(thing.phrase.noun), thing.phrase.kind),
                    )
                )
            thing.sightings.append(Sighting(index, mention))
            here[key] = here.get(key, 0) + 1
            thing.at_once = max(thing.at_once, here[key])
        for word in dict.fromkeys(map(singular, claimed_words(delta.observation))):
            self._observed.setdefault(word, []).append(index)

    def extended(self, delta: Delta, *, after_break: bool = False) -> Notes:
        """A copy with one more delta."""
        notes = Notes()
        notes.deltas, notes.breaks = list(self.deltas), list(self.breaks)
        notes.motions = self.motions.part(0, len(self.motions))
        notes.things = {
            key: replace(thing, sightings=list(thing.sightings))
            for key, thing in self.things.items()
        }
        notes.nouns, notes._indexes = Nouns(self.nouns), dict(self._indexes)
        notes._observed = {word: list(indexes) for word, indexes in self._observed.items()}
        notes.add(delta, after_break=after_break)
        return notes

    def part(self, first: int, last: int) -> Notes:
        """The deltas from index ``first`` to ``last``, both included, alone."""
        notes = Notes(self.deltas[first : last + 1])
        notes.clock, notes.path = self.clock, self.path
        return notes

    def since_break(self) -> Notes:
        """The deltas after the last break alone."""
        return self.part(self.start, self.last)

    def before_break(self) -> Notes:
        """The deltas before the last break alone."""
        notes = Notes()
        for index, delta in enumerate(self.deltas[: self.start]):
            notes.add(delta, after_break=index in self.breaks)
        notes.ended = True
        return notes

    @property
    def last(self) -> int:
        """Index of the last delta."""
        return len(self.deltas) - 1

    @property
    def start(self) -> int:
        """Index of the first delta after the last break; their number where there is none yet."""
        if self.ended:
            return len(self.deltas)
        return self.breaks[-1] if self.breaks else 0

    @property
    def now(self) -> int:
        """Index of the present delta; -1 where nothing has been perceived since the last break."""
        return self.last if self.last >= self.start else -1

    @property
    def hold_motion_only(self) -> bool:
        """Whether no delta names or describes anything, because no perceiver looked at the
        pictures."""
        return not self.things and not self._observed

    def id(self, index: int) -> int:
        """The id of a delta's keyframe."""
        return self.deltas[index].keyframe_id

    def stamp_ns(self, index: int) -> int | None:
        """The stamp of a delta's keyframe in nanoseconds; ``None`` if it is not known."""
        return self.clock(self.id(index))

    def cite(self, index: int) -> str:
        """A delta's keyframe as answers cite it: ``#12``, or ``#12 before the restart``."""
        number = f"#{self.id(index)}"
        return f"{number} {BEFORE}" if index < self.start else number

    def index(self, keyframe_id: int) -> int | None:
        """The index of a keyframe's delta; ``None`` if there is none."""
        return self._indexes.get(keyframe_id)

    def in_view(self, index: int) -> list[tuple[Thing, Mention]]:
        """The things that a delta names, in its order and without repeats."""
        seen: dict[str, tuple[Thing, Mention]] = {}
        for mention in self.deltas[index].mentions:
            key = name_key(mention.name)
            seen.setdefault(key, (self.thing(key), mention))
        return list(seen.values())

    def thing(self, key: str) -> Thing:
        """The thing of a name (`name_key`), which the notes must have."""
        return self.things[key]

    def all_things(self) -> list[Thing]:
        """All things, in the order of first appearance."""
        return list(self.things.values())  # a copy: another thread may add things

    def related_to(self, phrase: Phrase) -> list[Thing]:
        """At least all things that a phrase may mean or be a detail of, in any order."""
        return self.all_things()

    def akin_to(self, phrase: Phrase) -> list[Thing]:
        """At least all things whose kind resembles that of a phrase, in any order."""
        return self.all_things()

    def of_kinds(self, kinds: Collection[str]) -> list[Thing]:
        """At least all things of one of these kinds, in the order of first appearance."""
        return self.all_things()

    def spelt_in(self, text: str) -> list[Thing]:
        """At least all things whose name stands in a text, whatever its article, in the order of
        first appearance."""
        return self.all_things()

    def coloured(self, colours: Collection[str]) -> list[Thing]:
        """At least all things in one of these colours, in the order of first appearance."""
        return self.all_things()

    def in_order(self, things: Iterable[Thing]) -> list[Thing]:
        """Things in the order of first appearance; they come from one of the methods above."""
        return list(things)

    def latest(self, most: int) -> list[Thing]:
        """The things that were seen last, the latest first, and of those that were seen together
        the one that appeared first."""
        return sorted(self.all_things(), key=lambda thing: -thing.last_index)[:most]

    def first_seen_after(self, index: int) -> list[Thing]:
        """The next things that were seen for the first time after a delta."""
        later = [thing for thing in self.all_things() if thing.first_index > index]
        soonest = min((thing.first_index for thing in later), default=-1)
        return [thing for thing in later if thing.first_index == soonest]

    def first_seen_before(self, index: int) -> list[Thing]:
        """The last things that were seen for the first time before a delta."""
        earlier = [thing for thing in self.all_things() if thing.first_index < index]
        latest = max((thing.first_index for thing in earlier), default=-1)
        return [thing for thing in earlier if thing.first_index == latest]

    def named_in(self, text: str) -> list[str]:
        """At least the names, as they were noted, that stand in a text."""
        return sorted({mention.name for delta in self.deltas for mention in delta.mentions})

    def where_named(self, name: str) -> list[int]:
        """The indexes of the deltas that mention a thing by a name as it was noted, each once."""
        sightings = self.things[name_key(name)].sightings
        return list(dict.fromkeys(s.index for s in sightings if s.mention.name == name))

    def observed(self, noun: str) -> list[int]:
        """The indexes of the deltas whose observation contains all words of a noun, in the singular
        or plural."""
        index_sets = [set(self._observed.get(word, ())) for word in singular_words(noun)]
        return sorted(set.intersection(*index_sets)) if index_sets else []


def singular_words(text: str) -> list[str]:
    """The words of a text, each in the singular."""
    return [singular(word) for word in _WORD.findall(text.lower())]
