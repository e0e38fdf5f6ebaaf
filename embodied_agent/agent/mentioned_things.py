"""Where each thing of a memory was mentioned: at once the first time, the rest when it matters.

Questions look at few of the names of a memory, so what is kept of the others is a few bytes in
lists: tens of thousands of objects would take as long to make as all else that is read.

Out of scope: reading mentions (`note_index`), the meaning of names (`embodied_agent.rules`).
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping

from embodied_agent.memory.noted import NotedName
from embodied_agent.rules.notes import name_key
from embodied_agent.rules.phrases import Phrase


class Mentions:
    """The mentions of one thing.

    Attributes:
        names: of the thing, which differ in case or spaces only.
        first: the index of the delta that mentions it first, and the rank in it; ``None`` where
            that is not known before all are loaded.
        phrase: read from its only name, once that was needed.
        loaded: whether the following are there.
        indexes: of the deltas that mention it, in order.
        ranks: in these deltas.
        spellings: by which of its names, as an index.
    """

    __slots__ = ("first", "indexes", "loaded", "names", "phrase", "ranks", "spellings")
    indexes: array[int]
    ranks: array[int]
    spellings: array[int]

    def __init__(self, names: tuple[str, ...], first: tuple[int, int] | None) -> None:
        self.names = names
        self.first = first
        self.phrase: Phrase | None = None
        self.loaded = False

    def load(self) -> None:
        """Begin to hold all mentions."""
        self.indexes, self.ranks, self.spellings = array("l"), array("l"), array("b")
        self.loaded = True


class MentionedThings(Mapping[str, Mentions]):
    """The mentions of all things by their key (`name_key`). Things are only ever added, by one
    thread at a time; any may look.

    Args:
        index_of: gives the index of a keyframe's delta; ``None`` where there is none.
    """

    def __init__(self, index_of: Callable[[int], int | None]) -> None:
        self._index_of = index_of
        self._numbers: dict[str, int] = {}  # of things in the lists below
        self._names: list[str] = []
        self._keyframes, self._ranks = array("q"), array("l")
        self._looked_at: dict[str, Mentions] = {}
        self._others: dict[str, list[NotedName]] = {}  # the first by each other spelling
        #: How many different names there are.
        self.spellings = 0

    def add(self, key: str, mention: NotedName) -> bool:
        """Take in a name, where it is new, by its first mention; returns whether it is."""
        number = self._numbers.get(key)
        if number is None:
            self._add(key, *mention)
            return True
        others = self._others.get(key, [])
        if mention.name in (self._names[number], *(other.name for other in others)):
            return False
        # What was read is dropped: views of an earlier moment look at the mentions by all names.
        self._others[key] = [*others, mention]
        self._looked_at.pop(key, None)
        self.spellings += 1
        return True

    def extend(self, mentions: Iterable[NotedName]) -> Iterator[tuple[str, str]]:
        """`add` all of these; gives each name that is new, and the key of its thing."""
        for mention in mentions:
            key = name_key(mention.name)
            if key not in self._numbers:
                self._add(key, *mention)
            elif not self.add(key, mention):
                continue
            yield mention.name, key

    def _add(self, key: str, name: str, keyframe_id: int, rank: int) -> None:
        self._keyframes.append(keyframe_id)
        self._ranks.append(rank)
        self._names.append(name)
        self._numbers[key] = len(self._names) - 1
        self.spellings += 1

    def __getitem__(self, key: str) -> Mentions:
        one = self._looked_at.get(key)
        if one is None:
            number = self._numbers[key]
            others = self._others.get(key, ())
            names = self._names[number], *(other.name for other in others)
            places = [self._place(self._keyframes[number], self._ranks[number])]
            places += [self._place(other.keyframe_id, other.rank) for other in others]
            known = [place for place in places if place is not None]
            first = min(known) if len(known) == len(places) else None
            one = self._looked_at.setdefault(key, Mentions(names, first))
        return one

    def __contains__(self, key: object) -> bool:
        return key in self._numbers

    def __iter__(self) -> Iterator[str]:
        return iter(self._numbers)

    def __len__(self) -> int:
        return len(self._numbers)

    def _place(self, keyframe_id: int, rank: int) -> tuple[int, int] | None:
        index = self._index_of(keyframe_id)
        return None if index is None else (index, rank)
