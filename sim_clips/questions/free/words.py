"""How people name things: synonyms, plurals, articles, and reading a name back from their words.

A thing's name is its colour and its kind, "red sofa"; the kind may be more than one word.

Out of scope: which things there are (`sim_clips.scene`, `nouns`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from sim_clips.questions.free.nouns import (
    ADJECTIVES,
    HELD_OUT_ADJECTIVES,
    HELD_OUT_NOUNS,
    NOUNS,
)
from sim_clips.scene import CITY_KINDS, COLOURS, HOUSE_KINDS

SIMULATED_KINDS = (*HOUSE_KINDS, *CITY_KINDS)
KINDS: tuple[str, ...] = tuple(dict.fromkeys((*SIMULATED_KINDS, *NOUNS, *HELD_OUT_NOUNS)))

#: Other everyday words for a kind.
SYNONYMS: dict[str, tuple[str, ...]] = {
    "sofa": ("couch", "settee"),
    "bookshelf": ("bookcase", "shelf", "shelving unit"),
    "plant": ("potted plant", "houseplant", "pot plant"),
    "lamp": ("light", "floor lamp"),
    "barrel": ("drum", "cask"),
    "door": ("doorway",),
    "table": ("coffee table", "dining table"),
    "car": ("automobile", "vehicle"),
    "billboard": ("hoarding", "advertising board"),
    "building": ("office block", "block of flats"),
    "dome": ("cupola", "rotunda"),
    "crane": ("construction crane",),
    "fountain": ("water fountain",),
    "bicycle": ("bike", "push bike"),
    "motorcycle": ("motorbike",),
    "trash can": ("garbage can", "dustbin", "rubbish bin", "bin", "wastebasket"),
    "fridge": ("refrigerator",),
    "television": ("tv", "telly"),
    "truck": ("lorry",),
    "vacuum cleaner": ("hoover", "vacuum"),
    "washing machine": ("washer",),
    "phone": ("telephone",),
    "loudspeaker": ("speaker",),
    "photocopier": ("copier", "copy machine"),
    "wardrobe": ("closet",),
    "cup": ("teacup",),
    "rug": ("carpet",),
    "coffee machine": ("coffee maker",),
    "laptop": ("notebook computer",),
    "painting": ("picture on the wall",),
    "lawnmower": ("lawn mower",),
    "hairdryer": ("hair dryer",),
    "crib": ("baby bed",),
    "aquarium": ("fish tank",),
    "shopping cart": ("shopping trolley",),
    "traffic light": ("stoplight",),
}  # fmt: skip

#: Other words for a colour; answers may use them, questions do.
COLOUR_SYNONYMS: dict[str, tuple[str, ...]] = {
    "cyan": ("aqua", "light blue"),
    "purple": ("lilac",),
    "grey": ("gray",),
    "golden": ("gold",),
    "silver": ("silvery",),
}
ALL_COLOURS: tuple[str, ...] = (*COLOURS, *ADJECTIVES, *HELD_OUT_ADJECTIVES)

#: Things that answers name and no list above holds. None of them is ever in a memory.
_OTHER_THINGS = (
    "window", "cabinet", "stop sign", "street sign", "bush", "flower", "person", "man", "woman",
    "child", "people", "bird", "fence", "bridge", "van", "container", "book", "computer",
    "monitor", "poster", "carton", "bag", "pot", "tv stand", "nightstand", "staircase", "stairs",
    "gate", "church", "skyscraper", "streetlight", "street lamp", "lamppost", "bed frame",
    "clothes", "plate", "towel", "bin bag", "cow", "tiger", "fish",
)  # fmt: skip

_IRREGULAR = {
    "bookshelf": "bookshelves", "bus": "buses", "shelf": "shelves",
    "man": "men", "woman": "women", "child": "children", "person": "people", "people": "people",
    "sheep": "sheep", "fish": "fish", "clothes": "clothes", "stairs": "stairs", "mailbox":
    "mailboxes", "block of flats": "blocks of flats", "picture on the wall":
    "pictures on the wall",
}  # fmt: skip


def kind_of(name: str) -> str:
    """The kind in a name: ``sofa`` of ``red sofa``."""
    return name.partition(" ")[2]


def colour_of(name: str) -> str:
    """The colour in a name: ``red`` of ``red sofa``."""
    return name.partition(" ")[0]


def plural(noun: str) -> str:
    """``bookcases``, ``dome lights``, ``benches``."""
    if noun in _IRREGULAR:
        return _IRREGULAR[noun]
    if noun.endswith(("s", "x", "z", "ch", "sh")):
        return f"{noun}es"
    if noun.endswith("y") and noun[-2] not in "aeiou":
        return f"{noun[:-1]}ies"
    return f"{noun}s"


def with_article(phrase: str) -> str:
    """``a red sofa``, ``an orange lamp``."""
    vowel = phrase[0] in "aeio" or (phrase[0] == "u" and not phrase.startswith(("uni", "use")))
    return f"{'an' if vowel else 'a'} {phrase}"


def words_for(kind: str) -> tuple[str, ...]:
    """A kind's own word and its synonyms."""
    return (kind, *SYNONYMS.get(kind, ()))


@lru_cache(maxsize=1)
def _canonical() -> dict[str, str]:
    """Every word for a thing, singular and plural, with the kind that it means."""
    table: dict[str, str] = {}
    for kind in (*KINDS, *_OTHER_THINGS):
        for word in words_for(kind):
            table.setdefault(word, kind)
            table.setdefault(plural(word), kind)
    return table


@lru_cache(maxsize=1)
def _colour_table() -> dict[str, str]:
    table = {colour: colour for colour in ALL_COLOURS}
    for colour, others in COLOUR_SYNONYMS.items():
        table.update(dict.fromkeys(others, colour))
    return table


def _alternatives(words: Iterable[str]) -> str:
    return "|".join(re.escape(w).replace(r"\ ", r"[ -]?") for w in sorted(words, key=len)[::-1])


@lru_cache(maxsize=1)
def thing_pattern() -> re.Pattern[str]:
    """Finds things in lower-case text; groups ``colour`` (may be missing) and ``kind``."""
    colours = _alternatives(_colour_table())
    return re.compile(
        rf"(?<![\w-])(?:(?P<colour>{colours})(?:-coloured|-colored)?,? )?"
        rf"(?:(?:big|small|large|little|tall|old|nice|bright|dark) )?"
        rf"(?P<kind>{_alternatives(_canonical())})(?![\w-])"
    )


@lru_cache(maxsize=1)
def colour_pattern() -> re.Pattern[str]:
    """Finds colour words in lower-case text."""
    return re.compile(rf"(?<![\w-])(?:{_alternatives(_colour_table())})(?:ish)?(?![\w-])")


def _key(word: str, table: dict[str, str]) -> str:
    plain = word.replace("-", " ")
    if plain in table:
        return table[plain]
    squeezed = {key.replace(" ", ""): value for key, value in table.items()}
    return squeezed[plain.replace(" ", "")]


def kind_meant(word: str) -> str:
    """The kind that a word found by `thing_pattern` means."""
    return _key(word, _canonical())


def colour_meant(word: str) -> str:
    """The colour that a word found by `colour_pattern` means."""
    return _key(word.removesuffix("ish"), _colour_table())
