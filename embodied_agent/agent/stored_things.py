"""A thing in stored notes, whose mentions are read when they are needed; and the nouns of all.

Out of scope: the notes (`stored_notes`), which mentions there are (`note_index`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Protocol

from embodied_agent.agent.known_nouns import is_noun_of
from embodied_agent.agent.note_index import LostDelta, NoteIndex
from embodied_agent.records import Delta
from embodied_agent.rules.notes import Nouns, Sighting
from embodied_agent.rules.phrases import Phrase


class Holding(Protocol):
    """What things and nouns need from the notes that hold them.

    Attributes:
        first: the first delta of the index that is in the notes.
        stop: one more than the last.
    """

    first: int
    stop: int
    deltas: Sequence[Delta]
    index_of_names: NoteIndex

    def own_mentions(self, key: str) -> Sequence[tuple[int, int, str]]:
        """The mentions of a thing in the delta that is not in the memory."""

    def load(self, key: str) -> None:
        """Read the mentions of a thing, with those of others that are likely to be needed."""

    def have_noun(self, noun: str) -> bool:
        """Whether a thing has this noun (singular or plural) or is of this kind."""

    def words(self) -> Collection[str]:
        """All words that occur in a name."""


class StoredThing:
    """A thing in stored notes; see `Thing`. Which of its mentions are in the notes is read when it
    is needed.

    Args:
        notes: the notes that hold it.
        key: that of its name.
    """

    __slots__ = ("_begin", "_end", "_mentions", "_notes", "_own", "key")

    def __init__(self, notes: Holding, key: str) -> None:
        self.key = key
        self._notes = notes
        things = notes.index_of_names.things
        self._mentions = things.get(key)
        self._own = notes.own_mentions(key)
        self._begin = self._end = -1

    @property
    def place(self) -> tuple[int, int]:
        """The index of the delta that mentions it first, and its place in that delta."""
        known = self.known_place
        if known is not None:
            return known
        begin, end = self._bounds()
        if begin < end:
            assert self._mentions is not None
            at = self._mentions.indexes[begin] - self._notes.first
            return at, self._mentions.ranks[begin]
        return self._mentioned(0)[:2]

    @property
    def known_place(self) -> tuple[int, int] | None:
        """Its place; ``None`` if its mentions would have to be read."""
        if self._mentions is None:
            return self._own[0][:2] if self._own else None
        first = self._mentions.first
        return None if first is None or self._notes.first or first[0] >= self._notes.stop else first

    @property
    def is_settled(self) -> bool:
        """Whether `exists` is known without reading its mentions."""
        mentions = self._mentions
        return mentions is None or (mentions.first is not None and not self._notes.first)

    @property
    def exists(self) -> bool:
        """Whether the notes mention it."""
        if self.is_settled:
            return bool(self._own) or self.known_place is not None
        begin, end = self._bounds()
        return begin < end or bool(self._own)

    @property
    def name(self) -> str:
        """Its name, as first noted."""
        if self._mentions is not None and len(self._mentions.names) == 1 and not self._own:
            return self._mentions.names[0]
        return self._at(0)[2]

    @property
    def phrase(self) -> Phrase:
        """The phrase read from its name."""
        one = self._mentions
        if one is None or self._own or len(one.names) > 1:
            return self._notes.index_of_names.phrase_of(self.name)
        if one.phrase is None:
            one.phrase = self._notes.index_of_names.phrase_of(one.names[0])
        return one.phrase

    def may_have(self, noun: str) -> bool:
        """Whether one of its names, here or elsewhere in the memory, has a noun."""
        names = [name for _, _, name in self._own]
        names += self._mentions.names if self._mentions is not None else []
        phrase_of = self._notes.index_of_names.phrase_of
        return any(is_noun_of(noun, self.key, phrase_of(name)) for name in names)

    @property
    def at_once(self) -> int:
        """The largest number of its mentions in one delta."""
        return max(Counter(self.indexes).values())

    @property
    def indexes(self) -> Sequence[int]:
        """The indexes of the deltas that mention it, in order; one for each mention."""
        begin, end = self._bounds()
        stored: Sequence[int] = ()
        if self._mentions is not None:
            first = self._notes.first
            stored = [at - first for at in self._mentions.indexes[begin:end]]
        return [*stored, *(at for at, _, _ in self._own)]

    @property
    def first_index(self) -> int:
        """The index of the delta that mentions it first."""
        return self.place[0]

    @property
    def last_index(self) -> int:
        """The index of the latest delta that mentions it."""
        begin, end = self._bounds()
        if self._own or begin == end:
            return self._mentioned(-1)[0]
        assert self._mentions is not None
        return self._mentions.indexes[end - 1] - self._notes.first

    @property
    def first(self) -> Sighting:
        """The first sighting."""
        return self._sighting(0)

    @property
    def last(self) -> Sighting:
        """The latest sighting."""
        return self._sighting(-1)

    def all_mentions(self) -> list[tuple[int, int, str]]:
        """The delta's index, the place in it, and the name of each mention."""
        begin, end = self._bounds()
        return [self._stored(at) for at in range(begin, end)] + list(self._own)

    def _bounds(self) -> tuple[int, int]:
        """The numbers of the first of its mentions in the notes, and of the one after the last."""
        if self._mentions is None:
            return 0, 0
        if self._begin < 0:
            if not self._mentions.loaded:
                self._notes.load(self.key)
            indexes, first = self._mentions.indexes, self._notes.first
            self._begin = bisect_left(indexes, first) if first else 0
            self._end = len(indexes)
            if indexes and indexes[-1] >= self._notes.stop:
                self._end = bisect_left(indexes, self._notes.stop, self._begin)
        return self._begin, self._end

    def _stored(self, number: int) -> tuple[int, int, str]:
        one = self._mentions
        assert one is not None
        name = one.names[one.spellings[number]]
        return one.indexes[number] - self._notes.first, one.ranks[number], name

    def _at(self, number: int) -> tuple[int, int, str]:
        """The first mention (0) or the last one (-1)."""
        begin, end = self._bounds()
        if begin < end and (number == 0 or not self._own):
            return self._stored(begin if number == 0 else end - 1)
        return self._mentioned(number)

    def _mentioned(self, number: int) -> tuple[int, int, str]:
        """One of its own mentions.

        Raises:
            LostDelta: its mentions can't be found, because the file is damaged.
        """
        if not self._own:
            raise LostDelta(self.key)
        return self._own[number]

    def _sighting(self, number: int) -> Sighting:
        index, rank, _ = self._at(number)
        return Sighting(index, self._notes.deltas[index].mentions[rank])


def place_of(thing: StoredThing) -> tuple[int, int]:
    """The sort key of a thing: the index of the delta that mentions it first, and its place
    there."""
    return thing.place


class StoredNouns(Nouns):
    """The names, nouns and kinds in stored notes, found by their words and never listed."""

    def __init__(self, notes: Holding) -> None:
        super().__init__()
        self._notes = notes
        self._known: dict[str, bool] = {}

    def __contains__(self, noun: object) -> bool:
        if not isinstance(noun, str):
            return False
        known = self._known.get(noun)
        if known is None:
            known = self._known[noun] = self._notes.have_noun(noun)
        return known

    def words(self) -> Collection[str]:
        """All words that occur in a name."""
        return self._notes.words()
