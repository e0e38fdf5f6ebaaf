"""Meanings of everyday words for things: synonyms, plurals, generic terms, colours.

A kind is a thing's main name in lexicon.yaml ("sofa" for "couches"). A word that is not in the
lexicon is a kind of its own, in the singular.

Out of scope: reading whole phrases (`phrases`), the contents of the memory (`notes`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml
from lemminflect import getInflection, getLemma

_VOWEL_SOUND = ("hour", "honest", "heir", "x-ray", "mp3", "led ", "lcd ", "suv", "atm", "mri")
_CONSONANT_SOUND = ("uni", "use", "usu", "eu", "one", "once", "ukulele", "utensil")


@dataclass(frozen=True)
class Lexicon:
    """Tables of words, all in lower case and in the singular.

    Attributes:
        kinds: maps each word for a thing to its kind.
        members: maps each group to its kinds, including those of groups within it.
        parents: maps each kind to the groups that contain it, the smallest first.
        askable: the names of groups that people use in questions.
        colours: maps each word for a colour to the colour's main name.
        idle: adjectives that don't distinguish one thing from another.
        wide_words: maps words, or kinds, that people also use for things of other kinds to the
            groups that they may mean.
        uncounted: words that take no article.
        false_heads: kinds that are not what their last word says.
        longest: the number of words in the longest entry.
    """

    kinds: Mapping[str, str]
    members: Mapping[str, frozenset[str]]
    parents: Mapping[str, tuple[str, ...]]
    askable: frozenset[str]
    colours: Mapping[str, str]
    idle: frozenset[str]
    wide_words: Mapping[str, str]
    uncounted: frozenset[str]
    false_heads: frozenset[str]
    longest: int

    def kind(self, noun: str) -> str:
        """The kind of a noun phrase without colour; if it is not in the lexicon, its singular."""
        single = singular(noun)
        return self.kinds.get(noun) or self.kinds.get(single) or single

    def known(self, noun: str) -> bool:
        """Whether the noun is in the lexicon, in the singular or plural."""
        single = singular(noun)
        return noun in self.kinds or single in self.kinds or bool({noun, single} & self.askable)

    def group(self, noun: str) -> str | None:
        """The group that a noun names or may stand for; ``None`` if there is none."""
        forms = noun, singular(noun)
        named = next((name for name in forms if name in self.askable), None)
        if named is not None:
            return named
        wide = (self.wide_words.get(form) for form in (*forms, self.kind(noun)))
        return next(filter(None, wide), None)

    def words(self, kind: str) -> tuple[str, ...]:
        """All words that the shipped lexicon has for a kind, its main name first."""
        return (kind, *_words_by_kind().get(kind, ()))

    def are_near(self, one: str, other: str) -> float:
        """How similar two kinds are: 1 for the same, less for members of one group, the larger it
        is, and otherwise 0."""
        if one == other:
            return 1.0
        shared = [g for g in self.parents.get(one, ()) if other in self.members[g]]
        return 1.0 / len(self.members[shared[0]]) if shared else 0.0


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The lexicon that is shipped with the package."""
    text = resources.files("embodied_agent.rules").joinpath("lexicon.yaml").read_text("utf-8")
    raw = yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    kinds: dict[str, str] = {}
    for kind, others in raw["kinds"].items():
        for word in (kind, *others):
            kinds.setdefault(word, kind)
    members = {name: frozenset(_expanded(name, raw["groups"])) for name in raw["groups"]}
    parents: dict[str, list[str]] = {}
    for name in sorted(members, key=lambda n: (len(members[n]), n)):
        for kind in members[name]:
            parents.setdefault(kind, []).append(name)
    wide_words: dict[str, str] = {}
    for word, meant in raw["wide_words"].items():
        wide_words[word] = meant if isinstance(meant, str) else f"any {word}"
        if not isinstance(meant, str):
            members[f"any {word}"] = frozenset(meant)
    colours = {
        word: colour for colour, others in raw["colours"].items() for word in (colour, *others)
    }
    return Lexicon(
        kinds=kinds,
        members=members,
        parents={kind: tuple(names) for kind, names in parents.items()},
        askable=frozenset(raw["groups"]) - frozenset(raw["only_near"]),
        colours=colours,
        idle=frozenset(raw["idle_adjectives"]),
        wide_words=wide_words,
        uncounted=frozenset(raw["uncounted"]),
        false_heads=frozenset(raw["false_heads"]),
        longest=max(len(word.split()) for word in (*kinds, *members, *colours)),
    )


@lru_cache(maxsize=1)
def _words_by_kind() -> Mapping[str, tuple[str, ...]]:
    """The other words for each kind."""
    words: dict[str, list[str]] = {}
    for word, kind in lexicon().kinds.items():
        if word != kind:
            words.setdefault(kind, []).append(word)
    return {kind: tuple(others) for kind, others in words.items()}


def _expanded(name: str, groups: Mapping[str, list[str]]) -> Iterable[str]:
    for member in groups[name]:
        if member in groups:
            yield from _expanded(member, groups)
        else:
            yield member


@lru_cache(maxsize=4096)
def singular(noun: str) -> str:
    """A noun with its last word in the singular: ``fire extinguisher``."""
    head, _, last = noun.rpartition(" ")
    for ending in ("s", "es"):
        base = noun.removesuffix(ending)
        if base != noun and noun not in lexicon().kinds and base in lexicon().kinds:
            return base
    return f"{head} {_lemma(last)}".strip()


@lru_cache(maxsize=4096)
def _lemma(word: str) -> str:
    lemmas = getLemma(word, upos="NOUN") if word.isalpha() else ()
    return str(lemmas[0]) if lemmas else word


@lru_cache(maxsize=4096)
def plural(noun: str) -> str:
    """A noun with its last word in the plural: ``fire extinguishers``."""
    head, _, last = noun.rpartition(" ")
    forms = getInflection(last, tag="NNS") if last.isalpha() else ()
    return f"{head} {forms[0] if forms else last + 's'}".strip()


def with_article(phrase: str) -> str:
    """A phrase with its article: ``a red sofa``, ``an hour glass``. Plurals and uncountable nouns
    get none."""
    words = phrase.lower().split(" ")
    first, last = words[0], words[-1]
    uncounted = lexicon().uncounted
    if last in uncounted or " ".join(words[-2:]) in uncounted or is_plural(last):
        return phrase
    vowel = first[:1] in ("a", "e", "i", "o", "u") and not first.startswith(_CONSONANT_SOUND)
    return f"{'an' if vowel or first.startswith(_VOWEL_SOUND) else 'a'} {phrase}"


def is_plural(noun: str) -> bool:
    """Whether a noun is in the plural and differs from its singular."""
    base = singular(noun)
    return base != noun and plural(base) == noun
