"""What everyday words for things mean: synonyms, plurals, wider words, colours.

A kind is a thing's main name in lexicon.yaml ("sofa" for "couches"). Words that the lexicon does
not hold are kinds of their own, in the singular.

Out of scope: reading whole phrases (`phrases`), what the memory holds (`notes`).
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
    """Tables of words, all in lower case and the singular.

    Attributes:
        kinds: each word for a thing, with the kind that it means.
        members: the kinds that a group's name stands for, groups within it included.
        parents: the groups that hold a kind, the smallest first.
        askable: names of groups that people ask for.
        colours: each word for a colour, with the colour that it means.
        idle: adjectives that don't tell one thing from another.
        wide_kinds: kinds that people also ask for as a group.
        uncounted: words that take no article.
        false_heads: kinds that are not what their last word says.
        longest: most words in an entry.
    """

    kinds: Mapping[str, str]
    members: Mapping[str, frozenset[str]]
    parents: Mapping[str, tuple[str, ...]]
    askable: frozenset[str]
    colours: Mapping[str, str]
    idle: frozenset[str]
    wide_kinds: Mapping[str, str]
    uncounted: frozenset[str]
    false_heads: frozenset[str]
    longest: int

    def kind(self, noun: str) -> str:
        """The kind that a noun phrase without colour means, also where the lexicon holds none."""
        single = singular(noun)
        return self.kinds.get(noun) or self.kinds.get(single) or single

    def known(self, noun: str) -> bool:
        """Whether the lexicon holds the noun, in the singular or plural."""
        single = singular(noun)
        return noun in self.kinds or single in self.kinds or bool({noun, single} & self.askable)

    def group(self, noun: str) -> str | None:
        """The group that people mean by a noun, if there is one."""
        named = next((name for name in (noun, singular(noun)) if name in self.askable), None)
        return named or self.wide_kinds.get(self.kind(noun))

    def words(self, kind: str) -> tuple[str, ...]:
        """All words that mean a kind, its own first."""
        return (kind, *(word for word, meant in self.kinds.items() if meant == kind != word))

    def are_near(self, one: str, other: str) -> float:
        """How near two kinds are: 1 for the same, less the wider the word for both, else 0."""
        if one == other:
            return 1.0
        shared = [g for g in self.parents.get(one, ()) if other in self.members[g]]
        return 1.0 / len(self.members[shared[0]]) if shared else 0.0


@lru_cache(maxsize=1)
def lexicon() -> Lexicon:
    """The lexicon that comes with the package."""
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
    colours = {
        word: colour for colour, others in raw["colours"].items() for word in (colour, *others)
    }
    return Lexicon(
        kinds=kinds,
        members=members,
        parents={kind: tuple(names) for kind, names in parents.items()},
        askable=frozenset(members) - frozenset(raw["only_near"]),
        colours=colours,
        idle=frozenset(raw["idle_adjectives"]),
        wide_kinds=raw["wide_kinds"],
        uncounted=frozenset(raw["uncounted"]),
        false_heads=frozenset(raw["false_heads"]),
        longest=max(len(word.split()) for word in (*kinds, *members, *colours)),
    )


def _expanded(name: str, groups: Mapping[str, list[str]]) -> Iterable[str]:
    for member in groups[name]:
        if member in groups:
            yield from _expanded(member, groups)
        else:
            yield member


@lru_cache(maxsize=4096)
def singular(noun: str) -> str:
    """``fire extinguisher`` of ``fire extinguishers``: the last word in its base form."""
    head, _, last = noun.rpartition(" ")
    for ending in ("s", "es"):
        base = noun.removesuffix(ending)
        if base != noun and noun not in lexicon().kinds and base in lexicon().kinds:
            return base
    lemmas = getLemma(last, upos="NOUN") if last.isalpha() else ()
    base = str(lemmas[0]) if lemmas else last
    return f"{head} {base}".strip()


@lru_cache(maxsize=4096)
def plural(noun: str) -> str:
    """``fire extinguishers`` of ``fire extinguisher``: the last word in its plural."""
    head, _, last = noun.rpartition(" ")
    forms = getInflection(last, tag="NNS") if last.isalpha() else ()
    return f"{head} {forms[0] if forms else last + 's'}".strip()


def with_article(phrase: str) -> str:
    """``a red sofa``, ``an hour glass``; plurals and what is not counted get no article."""
    words = phrase.lower().split(" ")
    first, last = words[0], words[-1]
    uncounted = lexicon().uncounted
    if last in uncounted or " ".join(words[-2:]) in uncounted or is_plural(last):
        return phrase
    vowel = first[:1] in ("a", "e", "i", "o", "u") and not first.startswith(_CONSONANT_SOUND)
    return f"{'an' if vowel or first.startswith(_VOWEL_SOUND) else 'a'} {phrase}"


def is_plural(noun: str) -> bool:
    """Whether a noun is in the plural, and not in the singular as well."""
    base = singular(noun)
    return base != noun and plural(base) == noun
