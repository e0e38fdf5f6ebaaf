"""Notes that hold no deltas: the rules' view of a memory that was kept for days.

They give the same answers as `Notes` of the same deltas; tests compare the two. Deltas are read
when a question needs them, and names are found by their words.

Out of scope: what is kept in RAM (`note_index`), one thing of these notes (`stored_things`), which
deltas a question may know of (`segment_view`).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Sequence

from embodied_agent.agent.known_nouns import is_noun_of
from embodied_agent.agent.note_index import NoteIndex
from embodied_agent.agent.stored_deltas import AllWords, StoredDeltas, WordsInView
from embodied_agent.agent.stored_things import StoredNouns, StoredThing, place_of
from embodied_agent.records import Delta
from embodied_agent.rules.lexicon import singular
from embodied_agent.rules.name_index import NameIndex
from embodied_agent.rules.notes import Notes, Thing, claimed_words, name_key, singular_words
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.speech import LONGEST_LIST


class StoredNotes(Notes):
    """The deltas of an index from ``start`` up to ``stop``, exclusive, as notes.

    Args:
        index: of the memory. It may grow; the notes don't.
        start: the first delta.
        stop: one more than the last; by default, up to the last that there is now.
        extra: another delta after these, which is not in the memory.
        extra_after_break: whether ``extra`` begins another segment.
    """

    def __init__(
        self,
        index: NoteIndex,
        start: int = 0,
        stop: int | None = None,
        *,
        extra: Delta | None = None,
        extra_after_break: bool = False,
    ) -> None:
        stop = len(index.ids) if stop is None else stop
        super().__init__()
        self.index_of_names = self._index = index
        self.first, self.stop = start, stop
        self._extra = () if extra is None else (extra,)
        self._extra_after_break = extra_after_break
        self._kept: dict[str, StoredThing] = {}
        self._likely: set[str] = set()  # things whose mentions are looked up together
        self.deltas = StoredDeltas(index, start, stop, self._extra)
        self.motions = index.motions.part(start, stop)
        self.breaks = [at - start for at in index.breaks if start < at < stop]
        self.nouns = StoredNouns(self)
        self._own = NameIndex()  # names in the extra delta
        self._own_keys: dict[str, list[tuple[int, int, str]]] = {}
        if extra is not None:
            if extra_after_break and stop > start:
                self.breaks.append(stop - start)
            self.motions.add(extra.action, extra.angle_deg, usable=extra.usable)
            for rank, mention in enumerate(extra.mentions):
                key = name_key(mention.name)
                self._own.add(mention.name, key)
                self._own_keys.setdefault(key, []).append((stop - start, rank, mention.name))

    def extended(self, delta: Delta, *, after_break: bool = False) -> Notes:
        """These notes and one more delta."""
        notes = StoredNotes(
            self._index, self.first, self.stop, extra=delta, extra_after_break=after_break
        )
        notes.clock, notes.path = self.clock, self.path
        return notes

    def part(self, first: int, last: int) -> Notes:
        """The notes of the deltas from index ``first`` to ``last``, both included."""
        stored = self.stop - self.first
        begin = min(self.first + first, self.stop)
        extra = self._extra[0] if self._extra and first <= stored <= last else None
        end = max(begin, min(self.first + last + 1, self.stop))
        notes = StoredNotes(self._index, begin, end, extra=extra)
        notes.breaks = []
        notes.clock, notes.path = self.clock, self.path
        return notes

    def before_break(self) -> Notes:
        """The notes of the deltas before the last break."""
        whole = self.start > self.stop - self.first
        notes = StoredNotes(
            self._index,
            self.first,
            min(self.first + self.start, self.stop),
            extra=self._extra[0] if whole and self._extra else None,
            extra_after_break=self._extra_after_break,
        )
        notes.ended = True
        notes.clock, notes.path = self.clock, self.path
        return notes

    @property
    def hold_motion_only(self) -> bool:
        """Whether no delta names or describes anything, because no model looked at the pictures."""
        if self._own_keys or any(claimed_words(delta.observation) for delta in self._extra):
            return False
        return not self._index.names_or_claims(self.first, self.stop)

    def id(self, index: int) -> int:
        """The id of a delta's keyframe."""
        stored = self.stop - self.first
        at = range(len(self.deltas))[index]
        return (
            self._extra[at - stored].keyframe_id
            if at >= stored
            else self._index.ids[self.first + at]
        )

    def index(self, keyframe_id: int) -> int | None:
        """The index of a keyframe's delta; ``None`` if there is none."""
        if any(delta.keyframe_id == keyframe_id for delta in self._extra):
            return self.stop - self.first
        at = self._index.index(keyframe_id)
        return at - self.first if at is not None and self.first <= at < self.stop else None

    def thing(self, key: str) -> StoredThing:
        """The thing of a name (`name_key`), which the notes must have."""
        thing = self._kept.get(key)
        if thing is None:
            thing = self._kept[key] = StoredThing(self, key)
        return thing

    def all_things(self) -> list[Thing]:
        """All things, in the order of first appearance."""
        self._index.load()
        return self.in_order(self._things({*self._index.keys(), *self._own_keys}))

    def related_to(self, phrase: Phrase) -> list[Thing]:
        """All things that a phrase may mean or be a detail of, possibly with others, in any
        order."""
        if phrase.is_generic:
            return self.all_things()
        return self._listed(self._index.names.related_to(phrase) | self._own.related_to(phrase))

    def akin_to(self, phrase: Phrase) -> list[Thing]:
        """All things whose kind resembles that of a phrase, possibly with others, in any order."""
        return self._listed(self._index.names.akin_to(phrase) | self._own.akin_to(phrase))

    def of_kinds(self, kinds: Collection[str]) -> list[Thing]:
        """All things of one of these kinds, possibly with others, in the order of first
        appearance."""
        keys = self._index.names.of_kinds(kinds) | self._own.of_kinds(kinds)
        return self.in_order(self._things(keys))

    def spelt_in(self, text: str) -> list[Thing]:
        """All things whose name is in a text, whatever its article, possibly with others, in the
        order of first appearance."""
        keys = self._index.names.spelt_in(text) | self._own.spelt_in(text)
        return self.in_order(self._things(keys))

    def coloured(self, colours: Collection[str]) -> list[Thing]:
        """All things in one of these colours, possibly with others, in the order of first
        appearance."""
        keys = self._index.names.coloured(colours) | self._own.coloured(colours)
        return self.in_order(self._things(keys))

    def in_order(self, things: Iterable[Thing]) -> list[Thing]:
        """Sort things, which one of the methods above gave, by their first appearance."""
        stored = [thing for thing in things if isinstance(thing, StoredThing)]
        self._load(thing for thing in stored if thing.known_place is None)
        stored.sort(key=place_of)
        # Answers name the first of them; an answer that needs more needs all.
        self._load(stored[:LONGEST_LIST])
        known = self._index.things
        self._likely.update(one.key for one in stored[LONGEST_LIST:] if one.key in known)
        return list[Thing](stored)

    def latest(self, most: int) -> list[Thing]:
        """The things that were seen last, latest first; of those seen together, in the order of
        first appearance."""
        last_indexes: dict[str, int] = dict.fromkeys(self._own_keys, self.stop - self.first)
        if self.stop > self.first:
            for name, number, _ in self._index.latest_mentions(self.stop - 1):
                at = self._index.index(number)
                if at is None:
                    continue
                if at < self.first or (
                    len(last_indexes) >= most and at - self.first not in last_indexes.values()
                ):
                    break
                last_indexes.setdefault(name_key(name), at - self.first)
        ordered = self.in_order(map(self.thing, last_indexes))
        return sorted(ordered, key=lambda thing: -thing.last_index)[:most]

    def observed(self, noun: str) -> list[int]:
        """The indexes of the deltas whose observation contains all words of a noun, in the singular
        or plural."""
        words = set(singular_words(noun))
        positions = self._index.observed(words)
        begin, end = bisect_left(positions, self.first), bisect_left(positions, self.stop)
        indexes = [at - self.first for at in positions[begin:end]]
        for delta in self._extra:
            if words and words <= set(map(singular, claimed_words(delta.observation))):
                indexes.append(self.stop - self.first)
        return indexes

    def named_in(self, text: str) -> list[str]:
        """The names of things, as noted, that may occur in a text."""
        keys = self._index.names.spelt_in(text) | self._own.spelt_in(text)
        things = self._things(keys)
        self._load(things)
        return sorted({name for thing in things for _, _, name in thing.all_mentions()})

    def where_named(self, name: str) -> list[int]:
        """The indexes of the deltas that mention a thing by a name as noted, each once."""
        mentions = self.thing(name_key(name)).all_mentions()
        return list(dict.fromkeys(at for at, _, noted in mentions if noted == name))

    # -- for its things and nouns ----------------------------------------------------------------

    def own_mentions(self, key: str) -> Sequence[tuple[int, int, str]]:
        """The mentions of a thing in the delta that is not in the memory."""
        return self._own_keys.get(key, ())

    def load(self, key: str) -> None:
        """Read the mentions of a thing, and those of all that `in_order` sorted with it."""
        self._index.load({key, *self._likely})
        self._likely.clear()

    def have_noun(self, noun: str) -> bool:
        """Whether a thing has this noun (singular or plural) or is of this kind."""
        if not self._extra and self._is_whole():
            return self._index.have_noun(noun)
        keys = self._index.names.with_noun(noun) | self._own.with_noun(noun)
        if noun in self._index.things or noun in self._own_keys:
            keys.add(noun)
        # Mentions are read only of things that have the noun by one of their names.
        called = [thing for thing in map(self.thing, keys) if thing.may_have(noun)]
        self._load(thing for thing in called if not thing.is_settled)
        return any(t.exists and is_noun_of(noun, t.key, t.phrase) for t in called)

    def words(self) -> Collection[str]:
        """All words that occur in a name."""
        words = self._index.names.words()
        if not self._is_whole():
            words = WordsInView(words, self._have_word)
        return AllWords(words, self._own.words())

    def _load(self, things: Iterable[StoredThing]) -> None:
        self._index.load([t.key for t in things if t.key in self._index.things])

    def _have_word(self, word: str) -> bool:
        return bool(self._things(self._index.names.with_word(word)))

    def _is_whole(self) -> bool:
        """Whether these are all deltas that the index has now."""
        return self.first == 0 and self.stop == len(self._index.ids)

    def _listed(self, keys: Iterable[str]) -> list[Thing]:
        return list[Thing](self._things(keys))

    def _things(self, keys: Iterable[str]) -> list[StoredThing]:
        """Those of the things that the notes mention."""
        things = [self.thing(key) for key in keys]
        if self._is_whole():
            return things
        self._load(thing for thing in things if not thing.is_settled)
        return [thing for thing in things if thing.exists]
