"""What is kept in RAM of each delta and each name, so that questions need not read all deltas.

It has a few bytes per delta: the keyframe, the start of a segment, the camera's motion. For a name,
it has the deltas that mention it, once a question needs them. New deltas are added at the next
question.

Out of scope: a view of it as notes (`stored_notes`), the tables (`embodied_agent.memory.noted`).
"""

from __future__ import annotations

import operator
import threading
from array import array
from bisect import bisect_left
from collections.abc import Collection, Iterable, Iterator
from itertools import chain, compress, count, groupby

from embodied_agent.agent.known_nouns import KnownNouns
from embodied_agent.agent.mentioned_things import MentionedThings
from embodied_agent.errors import StoreError
from embodied_agent.memory.file import DAMAGE
from embodied_agent.memory.noted import NotedName
from embodied_agent.memory.query import Reader
from embodied_agent.records import Action, Delta
from embodied_agent.rules.lexicon import singular
from embodied_agent.rules.motions import Motions
from embodied_agent.rules.name_index import NameIndex
from embodied_agent.rules.notes import claimed_words, name_key
from embodied_agent.rules.phrases import Phrase, read_phrase

#: Most deltas that are kept once they were read.
_KEPT = 4096
#: Deltas that are read together.
_AT_ONCE = 64
_ACTIONS: dict[str | None, Action | None] = {None: None, **{one.value: one for one in Action}}


class LostDelta(Exception):
    """A delta that the index knows of can't be read: the file is damaged."""


class NoteIndex:
    """The deltas of one recording, or of the whole memory. Every method may be called from any
    thread.

    Args:
        memory: the store, with `NotedTables`.
        source: the recording whose keyframes count; ``None``: all do.
    """

    def __init__(self, memory: Reader, source: str | None) -> None:
        self._memory = memory
        self._source = source
        self._deltas: dict[int, Delta] = {}  # by index
        self._claims: dict[str, list[str]] | None = None  # words as written, by their singular
        self._observed: dict[str, list[int]] = {}
        #: Keyframe ids and segments of the deltas.
        self.ids, self.segments = array("q"), array("q")
        self.motions = Motions()
        #: Indexes of the deltas that begin a new segment.
        self.breaks: list[int] = []
        self.things = MentionedThings(self.index)
        self.names = NameIndex()
        self._nouns = KnownNouns(
            self.names, self.things, lambda key: self.phrase_of(self._first_name(key))
        )
        self._phrases: dict[str, Phrase] = {}
        self._lock = threading.RLock()  # notes are read while the reasoner works on other questions
        self.refresh()

    def refresh(self) -> None:
        """Add the deltas that were committed since the last call.

        Raises:
            StoreError: the memory can't be read.
        """
        with self._lock:
            self._refresh()

    def _refresh(self) -> None:
        tables, since = self._memory.noted, self.ids[-1] + 1 if self.ids else 0
        new = tables.motions(since, self._source)
        ids, segments = new.keyframe_ids, new.segments
        if not ids:
            return
        last = self.segments[-1] if self.segments else segments[0]
        begins = map(operator.ne, segments, chain((last,), segments))
        self.breaks += compress(count(len(self.ids)), begins)
        self.ids.extend(ids)
        self.segments.extend(segments)
        self.motions.extend(
            [_ACTIONS[action] for action in new.actions], new.angles_deg, new.usable
        )
        if since:
            mentions = [
                one for one in tables.mentions(since) if self.index(one.keyframe_id) is not None
            ]
            for one in mentions:
                self._add_name(one)
            self._append(one for one in mentions if self.things[name_key(one.name)].loaded)
            self._add_claims(range(len(self.ids) - len(ids), len(self.ids)))
        else:
            self.names.extend(self.things.extend(tables.first_mentions(self._source)))

    def index(self, keyframe_id: int) -> int | None:
        """The index of a keyframe's delta; ``None`` if there is none."""
        ids = self.ids
        place = keyframe_id - ids[0] if ids else 0  # where none is missing before it
        if not (0 <= place < len(ids) and ids[place] == keyframe_id):
            place = bisect_left(ids, keyframe_id)
        return place if place < len(ids) and ids[place] == keyframe_id else None

    def delta(self, index: int) -> Delta:
        """One delta, read together with those around it.

        Raises:
            LostDelta: it can't be read.
        """
        return self.read(index, index + 1)[0]

    def read(self, start: int, stop: int) -> list[Delta]:
        """The deltas from ``start`` up to ``stop``, exclusive.

        Raises:
            LostDelta: one can't be read.
        """
        with self._lock:
            return self._read(start, stop)

    def _read(self, start: int, stop: int) -> list[Delta]:
        missing = [index for index in range(start, stop) if index not in self._deltas]
        if len(self._deltas) + len(missing) > _KEPT:
            self._deltas.clear()
            missing = list(range(start, stop))
        for at in range(0, len(missing), _AT_ONCE):
            some = missing[at : at + _AT_ONCE]
            ids = [self.ids[index] for index in some]
            read = {delta.keyframe_id: delta for delta in self._memory.deltas_of(ids)}
            for index, number in zip(some, ids, strict=True):
                if number not in read:
                    raise LostDelta(number)
                self._deltas[index] = read[number]
        return [self._deltas[index] for index in range(start, stop)]

    def load(self, keys: Collection[str] | None = None) -> None:
        """Read the mentions of these things, or of all, unless they were read before."""
        with self._lock:
            self._load(keys)

    def _load(self, keys: Collection[str] | None) -> None:
        things = self.things if keys is None else keys
        missing = [one for key in things if not (one := self.things[key]).loaded]
        if not missing:
            return
        if len(missing) == len(self.things):
            mentions = self._memory.noted.mentions()
        else:
            mentions = self._memory.noted.mentions_of(n for one in missing for n in one.names)
            if any(len(one.names) > 1 for one in missing):
                mentions.sort(key=lambda mention: (mention.keyframe_id, mention.rank))
        for one in missing:
            one.load()
        self._append(mentions)

    def observed(self, noun_words: Iterable[str]) -> list[int]:
        """The indexes of the deltas whose observations claim something with all of these words,
        given in the singular."""
        with self._lock:
            sets = [self._claiming(word) for word in noun_words]
        return sorted(set(sets[0]).intersection(*sets[1:])) if sets else []

    def names_or_claims(self, start: int, stop: int) -> bool:
        """Whether a delta from ``start`` up to ``stop``, exclusive, names or claims something."""
        if start >= stop:
            return False
        if (start, stop) == (0, len(self.ids)) and self.things:
            return True
        first, last = self.ids[start], self.ids[stop - 1]
        return self._memory.noted.name_or_claim(first, last, lambda n: self.index(n) is not None)

    def keys(self) -> list[str]:
        """The keys of all things."""
        with self._lock:
            return list(self.things)

    def phrase_of(self, name: str) -> Phrase:
        """The phrase read from a name in the memory."""
        phrase = self._phrases.get(name)
        if phrase is None:
            phrase = self._phrases[name] = read_phrase(name)
        return phrase

    def have_noun(self, noun: str) -> bool:
        """Whether a thing has this noun (singular or plural) or is of this kind."""
        with self._lock:
            return self._nouns.have(noun, self.things.spellings)

    def _first_name(self, key: str) -> str:
        """The name by which a thing was noted first."""
        thing = self.things[key]
        if len(thing.names) > 1:
            self._load([key])
            return thing.names[thing.spellings[0]]
        return thing.names[0]

    def latest_mentions(self, until: int) -> Iterator[NotedName]:
        """The mentions in the deltas up to an index, latest first."""
        return self._memory.noted.latest_mentions(self.ids[until])

    def _add_name(self, mention: NotedName) -> None:
        """Add a name by its first mention, unless it is known."""
        key = name_key(mention.name)
        if self.things.add(key, mention):
            self.names.add(mention.name, key)

    def _append(self, mentions: Iterable[NotedName]) -> None:
        for name, some in groupby(mentions, operator.attrgetter("name")):
            thing = self.things.get(name_key(name))
            if thing is None:
                continue
            spelling = thing.names.index(name)
            for _, keyframe_id, rank in some:
                index = self.index(keyframe_id)
                if index is not None:  # else of another recording, or of a later delta
                    thing.indexes.append(index)
                    thing.ranks.append(rank)
                    thing.spellings.append(spelling)

    def _claiming(self, word: str) -> list[int]:
        indexes = self._observed.get(word)
        if indexes is None:
            if self._claims is None:
                self._claims = {}
                for each in self._memory.noted.claimed_words():
                    self._claims.setdefault(singular(each), []).append(each)
            words = self._claims.get(word, [])
            ids = self._memory.noted.claiming(words) if words else []
            indexes = [index for index in map(self.index, ids) if index is not None]
            self._observed[word] = indexes
        return indexes

    def _add_claims(self, indexes: range) -> None:
        """Add what new deltas claim, for the words that were looked for before."""
        if self._claims is None:
            return
        for index in indexes:
            for each in claimed_words(self.delta(index).observation):
                word = singular(each)
                words = self._claims.setdefault(word, [])
                if each not in words:
                    words.append(each)
                if word in self._observed and self._observed[word][-1:] != [index]:
                    self._observed[word].append(index)


def indexed(memory: Reader, source: str | None) -> NoteIndex | None:
    """The index of a memory; ``None`` if its file has none, or is damaged.

    Raises:
        StoreError: the memory can't be read.
    """
    if not memory.noted.exist or any("delta" in name for name in memory.damage.names()):
        return None
    try:
        return NoteIndex(memory, source)
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        memory.damage.note("the index of deltas", error)
    except StoreError as error:
        if not isinstance(error.__cause__, DAMAGE):
            raise
        memory.damage.note("the index of deltas", error)
    return None
