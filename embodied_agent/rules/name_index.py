"""Which of thousands of names may match a phrase, by their words: plurals, synonyms, colours.

"chair" finds "wooden office chair", and "couch" finds "two green sofas". The result is a
superset of what `matching` finds, which property tests check. The index is never stored, so a new
lexicon does not invalidate memory files.

Out of scope: the match itself (`matching`), the notes (`notes`).
"""

from __future__ import annotations

import re
import threading
from collections.abc import Collection, Iterable, Iterator, Set
from functools import cache, lru_cache

from rapidfuzz import fuzz
from rapidfuzz.process import extract

from embodied_agent.rules.lexicon import lexicon, singular
from embodied_agent.rules.matching import ALIKE
from embodied_agent.rules.phrases import Phrase, may_end_noun, placing_words, words_of

_ARTICLE = re.compile(r"^(?:the|an?|some|any) ")
_SPELT = re.compile(r"\w+")
_COLOUR_ENDINGS = ("-coloured", "-colored")


class NameIndex:
    """The keys of things by the words of their names. Keys are never removed."""

    def __init__(self) -> None:
        self._keys: dict[str, list[str]] = {}  # by word
        self._nouns: dict[str, list[str]] = {}  # by word that their noun may end with
        self._ending: dict[str, list[str]] = {}  # by the last word as it is spelt
        self._words: dict[str, list[str]] = {}  # by stem
        self._unsorted: list[str] = []  # keys that are not in `_keys` yet
        self._lock = threading.Lock()  # of these: who looks, sorts them in

    def add(self, name: str, key: str) -> None:
        """Add another name of the thing ``key``."""
        spelt = _SPELT.findall(key)
        self._ending.setdefault(spelt[-1] if spelt else "", []).append(key)
        words, parts = words_of(name), key.split()
        if words == parts:
            nouns = may_end_noun(words)
        else:
            nouns = words = [*words, *parts]
        for word in dict.fromkeys(nouns):
            self._nouns.setdefault(word, []).append(key)
        for word in dict.fromkeys(words):
            self._known(word).append(key)

    def extend(self, names: Iterable[tuple[str, str]]) -> None:
        """`add` many names, each with the key of its thing.

        Most names are plain English words of which the last is the noun. Those need not be taken
        apart one by one.
        """
        placing, colours = placing_words(), _ends_of_colours()
        plain: list[str] = []
        for name, key in names:
            last = key.rpartition(" ")[2]
            if (
                last not in colours
                and name.isascii()
                and key.replace(" ", "").isalpha()
                and placing.isdisjoint(key.split(" "))
            ):
                self._ending.setdefault(last, []).append(key)
                self._nouns.setdefault(last, []).append(key)
                plain.append(key)
            else:
                self.add(name, key)
        for word in dict.fromkeys(" ".join(plain).split(" ")) if plain else ():
            self._known(word)
        with self._lock:
            self._unsorted += plain

    def words(self) -> Collection[str]:
        """The words of all names, as they stand and in the singular."""
        return _Words(self._keys, self._words)

    def with_word(self, word: str) -> set[str]:
        """The things whose names contain a word, as it stands or in the singular."""
        words = [w for w in self._words.get(word, ()) if word in (w, singular(w))]
        return self._with_words(words)

    def with_noun(self, noun: str) -> set[str]:
        """At least the things that have a noun, in the singular or plural, or a noun of that kind."""
        return {key for last in lasts_of(noun) for key in self.ending_in(last)}

    def ending_in(self, last: str) -> set[str]:
        """At least the things that have a noun with this last word, in any form."""
        return {key for word in self._words.get(last, ()) for key in self._nouns.get(word, ())}

    def related_to(self, phrase: Phrase) -> set[str]:
        """At least the things that mean what a phrase means, or have it as a detail.

        Args:
            phrase: it must name a kind.
        """
        table = lexicon()
        kinds = {phrase.kind}
        if phrase.group is not None:
            kinds |= table.members[phrase.group]
        # A high chair is a chair, by whatever name.
        kinds |= {kind for kind in _all_kinds() if kind.endswith(f" {phrase.kind}")}
        nouns = {word for kind in kinds for word in table.words(kind)}
        return self._with(nouns | {phrase.noun, singular(phrase.noun)})

    def akin_to(self, phrase: Phrase) -> set[str]:
        """At least the things whose kind resembles that of a phrase."""
        if phrase.is_generic:
            return set()
        table = lexicon()
        own = {phrase.kind} if phrase.group is None else table.members[phrase.group]
        kinds = {k for one in own for g in table.parents.get(one, ()) for k in table.members[g]}
        nouns = {word for kind in own | kinds for word in table.words(kind)}
        if phrase.group is None and not table.known(phrase.noun):
            nouns |= self._alike(singular(phrase.noun))
        return self._with(nouns)

    def of_kinds(self, kinds: Iterable[str]) -> set[str]:
        """At least the things of one of these kinds."""
        return self._with(word for kind in kinds for word in lexicon().words(kind))

    def spelt_in(self, text: str) -> set[str]:
        """At least the things whose name occurs in a text as it is spelt, whatever its article."""
        words = set(_SPELT.findall(text.casefold()))
        ending = {key for word in ("", *words) for key in self._ending.get(word, ())}
        return {key for key in ending if _spelt_words(key) <= words}

    def coloured(self, colours: Collection[str]) -> set[str]:
        """At least the things that have one of these colours, by their main names."""
        lasts = {_last_of(w) for w, colour in lexicon().colours.items() if colour in colours}
        return self._with_words({word for last in lasts for word in self._words.get(last, ())})

    def _known(self, word: str) -> list[str]:
        """The things of a word, which is taken in where it is new."""
        keys = self._keys.get(word)
        if keys is None:
            keys = self._keys[word] = []
            for stem in stems(word):
                self._words.setdefault(stem, []).append(word)
        return keys

    def _with_words(self, words: Iterable[str]) -> set[str]:
        """The things of whose names one of these words, as they stand, is one."""
        with self._lock:
            for key in self._unsorted:
                for word in key.split(" "):
                    self._keys[word].append(key)
            self._unsorted.clear()
        return {key for word in words for key in self._keys[word]}

    def _alike(self, noun: str) -> set[str]:
        """Words of names, and nouns of several words, that are spelt much like a noun."""
        spelt: set[str] = set()
        for words in (list(self._words), _long_nouns()):
            found = extract(noun, words, scorer=fuzz.ratio, score_cutoff=ALIKE, limit=None)
            spelt.update(word for word, _, _ in found)
        return spelt

    def _with(self, nouns: Iterable[str]) -> set[str]:
        """The things with the last word of one of these nouns, in any form."""
        words = {word for last in map(_last_of, nouns) for word in self._words.get(last, ())}
        return {key for word in words for key in self._nouns.get(word, ())}


class _Words(Set[str]):
    """Words as they stand, and in the singular."""

    def __init__(self, words: dict[str, list[str]], stemmed: dict[str, list[str]]) -> None:
        self._plain = words
        self._stemmed = stemmed

    def __contains__(self, word: object) -> bool:
        if word in self._plain:
            return True
        return any(singular(one) == word for one in self._stemmed.get(str(word), ()))

    def __iter__(self) -> Iterator[str]:
        return iter({*self._plain, *map(singular, self._plain)})

    def __len__(self) -> int:
        return sum(1 for _ in self)


def lasts_of(noun: str) -> set[str]:
    """The last words of a noun and of all others for the same kind."""
    return {_last_of(each) for each in (noun, *lexicon().words(noun))}


def _last_of(noun: str) -> str:
    return noun.rpartition(" ")[2]


@lru_cache(maxsize=65536)
def stems(word: str) -> frozenset[str]:
    """All forms under which a word is found: whatever `singular` makes of it as the last word of any
    noun, and without an ending that makes a colour of it."""
    forms = {word, singular(word), singular(f"\0 {word}").rpartition(" ")[2]}
    forms |= {word.removesuffix(ending) for ending in ("s", "es", *_COLOUR_ENDINGS)}
    return frozenset(forms)


@lru_cache(maxsize=65536)
def _spelt_words(key: str) -> frozenset[str]:
    """The words of a name without its article."""
    return frozenset(_SPELT.findall(_ARTICLE.sub("", key)))


@cache
def _ends_of_colours() -> frozenset[str]:
    return frozenset(map(_last_of, lexicon().colours))


@cache
def _all_kinds() -> frozenset[str]:
    return frozenset(lexicon().kinds.values())


@cache
def _long_nouns() -> frozenset[str]:
    """Nouns of several words that the lexicon knows, in the singular."""
    table = lexicon()
    known = {*table.kinds, *table.askable}
    return frozenset(n for noun in known if " " in noun for n in (noun, singular(noun)))
