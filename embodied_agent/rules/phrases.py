"""Reading a noun phrase: its kind of thing, its colours, its other qualifiers and details.

Phrases from questions ("that lovely couch") and names from a perceiver ("dark red sofa with
cushions") are read in the same way, so that they can be compared.

Out of scope: finding phrases in a question (`names`), matching them with the memory (`matching`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache, lru_cache

from embodied_agent.rules.lexicon import is_plural, lexicon, singular
from embodied_agent.rules.vocabulary import word_set

#: Nouns that can mean any thing.
GENERIC = frozenset({"thing", "object", "item", "stuff", "one", "something", "anything", "nothing"})
#: A letter or digit of any script, and what follows it, such as the vowel signs of some scripts.
_LETTERS = r"[^\W_](?:[^\W_]|[^\x00-\x7f\s‘’“”„«»…–—·、。，；：！？（）「」『』])*"
_WORD = re.compile(rf"{_LETTERS}(?:[-']{_LETTERS})*")
_ARTICLES = word_set(
    "a an the any some this that these those my your our his her its their no another every "
    "each other such one two three several many few all both"
)
#: The words after one of these are details of a thing, not its kind.
_JOINTS = word_set(
    "with without in on near next behind beside by at under over above below from to for that "
    "which and or against along around across inside outside between facing reading saying "
    "showing wearing holding carrying standing sitting lying parked hanging leaning mounted "
    "made covered filled containing attached"
)
#: Before "of", these only say how many: "a stack of books" is books, "a bottle of water" a bottle.
_GROUPING = word_set(
    "pair stack pile row group set bunch couple lot lots number kind type sort piece pieces "
    "bit collection series crowd part rows stacks piles pairs"
)
#: Before a colour, these name its shade.
_SHADES = frozenset({"dark", "light", "bright", "pale", "deep"})


@dataclass(frozen=True, slots=True)
class Phrase:
    """A noun phrase.

    Attributes:
        text: the phrase in lower case, without articles and idle adjectives.
        colours: its colours, by their main names.
        hues: its colours in its own words, such as "dark blue".
        base_colours: the colours that they are shades of; light blue is blue.
        qualifiers: its other adjectives and nouns, such as "wooden".
        noun: the words that name its kind; empty for "red things".
        kind: the kind that the noun means.
        group: the group that the noun names, if it names one.
        details: the words after "with", "in" and the like.
        plural: whether it is in the plural.
    """

    text: str
    colours: frozenset[str] = frozenset()
    hues: tuple[str, ...] = ()
    base_colours: frozenset[str] = frozenset()
    qualifiers: tuple[str, ...] = ()
    noun: str = ""
    kind: str = ""
    group: str | None = None
    details: tuple[str, ...] = ()
    plural: bool = False

    @property
    def is_generic(self) -> bool:
        """Whether it names no kind, as "things" and "red objects"."""
        return not self.kind


def words_of(text: str) -> list[str]:
    """The words of a noun phrase, in lower case."""
    return _WORD.findall(text.lower().replace("’", "'"))


def may_end_noun(words: list[str]) -> list[str]:
    """Of the words of a name (`words_of`), at least those with which its noun, or that of a detail,
    may end; where nothing but its place tells which that is, all of them."""
    table = lexicon()
    if not words or not placing_words().isdisjoint(words) or any(map(str.isdigit, words)):
        return words
    last = words[-1].removesuffix("-coloured").removesuffix("-colored")
    if last in table.colours or " ".join(words[-2:]) in table.colours:
        return words
    return words[-1:]


@cache
def placing_words() -> frozenset[str]:
    """Words by which the noun of a name may be another word than its last."""
    return _JOINTS | {"of"} | lexicon().idle


@lru_cache(maxsize=8192)
def read_phrase(text: str) -> Phrase:
    """Read a noun phrase, with or without an article."""
    words = words_of(text)
    while words and words[0] in _ARTICLES:
        words = words[1:]
    words = _grouped(words)
    named = _entry_end(words)
    cut = next(
        (i for i, word in enumerate(words) if i >= max(named, 1) and word in _JOINTS | {"of"}),
        len(words),
    )
    main, details = words[:cut], tuple(words[cut + 1 :])
    colours, hues, bases, rest = _without_colours(main)
    numbers = tuple(word for word in rest[1:] if word.isdigit())  # "gate 4": a gate
    rest = [word for i, word in enumerate(rest) if not i or not word.isdigit()]
    rest = [word for word in rest if word not in lexicon().idle] or rest[-1:]
    head = " ".join(word for word in main if word not in lexicon().idle) or " ".join(main)
    whole = " ".join((head, *words[cut:]))
    if not rest and main:
        # "an orange", "the lime": a colour on its own is a thing.
        return Phrase(whole, noun=main[-1], kind=singular(main[-1]), details=details)
    if rest and singular(rest[-1]) in GENERIC:
        return Phrase(whole, colours, hues, bases, tuple(rest[:-1]), plural=is_plural(rest[-1]))
    noun, qualifiers = _split(rest)
    return Phrase(
        text=whole,
        colours=colours,
        hues=hues,
        base_colours=bases,
        qualifiers=(*qualifiers, *numbers),
        noun=noun,
        kind=lexicon().kind(noun) if noun else "",
        group=lexicon().group(noun) if noun else None,
        details=details,
        plural=bool(noun) and is_plural(noun.split(" ")[-1]),
    )


def _grouped(words: list[str]) -> list[str]:
    """The words after "a pair of", "two stacks of"."""
    if len(words) > 2 and words[0] in _GROUPING and words[1] == "of":
        rest = words[2:]
        while len(rest) > 1 and rest[0] in _ARTICLES:
            rest = rest[1:]
        return rest
    return words


def _entry_end(words: list[str]) -> int:
    """The end of a lexicon entry that contains a joint, such as "chest of drawers" or "picture on
    the wall"; 0 if there is none."""
    joints = [i for i, word in enumerate(words) if word in _JOINTS or word == "of"]
    for start in range(len(words)):
        for end in range(min(len(words), start + lexicon().longest), start + 2, -1):
            spans = any(start < joint < end - 1 for joint in joints)
            if spans and " ".join(words[start:end]) in lexicon().kinds:
                return end
    return 0


def _without_colours(
    words: list[str],
) -> tuple[frozenset[str], tuple[str, ...], frozenset[str], list[str]]:
    """The colours among the words, their hues, their base colours, and the other words."""
    table = lexicon().colours
    colours: set[str] = set()
    bases: set[str] = set()
    hues: list[str] = []
    rest: list[str] = []
    i = 0
    while i < len(words):
        following = words[i + 1] if i + 1 < len(words) else ""
        word = words[i].removesuffix("-coloured").removesuffix("-colored")
        if f"{words[i]} {following}" in table:
            colours.add(table[f"{words[i]} {following}"])
            hues.append(f"{words[i]} {following}")
            bases.update([table[following]] if following in table else [])
            i += 2
            continue
        if word in table:
            colours.add(table[word])
            shade = words[i - 1] if i and words[i - 1] in _SHADES else ""
            hues.append(f"{shade} {word}".strip())
        elif word not in _SHADES or following not in table:
            rest.append(words[i])
        i += 1
    return frozenset(colours), tuple(dict.fromkeys(hues)), frozenset(bases), rest


def _split(words: list[str]) -> tuple[str, tuple[str, ...]]:
    """The noun, which is as many of the last words as the lexicon knows, and the words before
    it."""
    for start in range(max(0, len(words) - lexicon().longest), len(words)):
        noun = " ".join(words[start:])
        if lexicon().known(noun):
            return noun, tuple(words[:start])
    return (words[-1], tuple(words[:-1])) if words else ("", ())
