"""Things by what they are good for: "somewhere to sit" is a sofa, "the way out" a door.

The uses and the things that serve them are in uses.yaml.

Out of scope: sentences about such things (`about_uses`).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources

import yaml

from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.vocabulary import FRAME

#: A question for a thing to do something with begins with one of these.
_SOUGHT = re.compile(
    r"\b(?:something|anything|somewhere|anywhere|(?:a |any |some |the )?(?:place|places|spot|thing)"
    r"|where (?:can|could|do|should|would|might|may) (?:i|we|one|you|he|she|they|somebody|someone)"
    r"|where (?:i|we|one|you|somebody|someone) (?:can|could|might|may|should)"
    r"|(?:what|which \w+) (?:can|could|should|would|do) (?:i|we|one|you) (?:use )?"
    r"|what (?:is|are) (?:good |there )?(?:for|to)"
    r"|(?:can|could|may|might) (?:i|we|one|somebody|someone) (?=(?:sit|lie|nap)\b)"
    r"|(?:i|we) (?:want|need|have|would like|am trying|are trying) to"
    r"|(?:is|are) there (?:a|any|some) (?:way|ways))\b"
)
_LONGEST_NAME = 4
#: The ways out and in are asked for by name.
_WAY_OUT = "leave by"
#: "How do I cook rice?" asks for a recipe, "how do I get out?" for a door.
_HOW = re.compile(r"\bhow (?:can|could|do|would|should) (?:i|we|one)\b")
_MEASURE = re.compile(r"\bhow (?:many|much|far|long|big|wide|high|old)\b")
#: What is put on a map is not put down.
_ON_PAPER = re.compile(r"\b(?:map|list|sketch|floor plan|drawing|diagram)\b")
_EXIT = re.compile(r"\b(?:exits?(?! signs?\b)|exit door|way out|entrances?|way in)\b")


@dataclass(frozen=True)
class Use:
    """A use, such as ``sit on``, and the kinds of things that serve it, the best first.

    ``signs`` are kinds that point to such things and don't serve it themselves.
    """

    name: str
    words: re.Pattern[str]
    kinds: tuple[str, ...]
    signs: tuple[str, ...] = ()


@lru_cache(maxsize=1)
def uses() -> tuple[Use, ...]:
    """All uses that are known, the more specific ones first."""
    text = resources.files("embodied_agent.rules").joinpath("uses.yaml").read_text("utf-8")
    members = lexicon().members
    return tuple(
        Use(
            entry["use"],
            re.compile(rf"\b(?:{_alternatives(entry['words'])})\b"),
            tuple(
                dict.fromkeys(
                    k for name in entry["things"] for k in sorted(members.get(name, (name,)))
                )
            ),
            tuple(entry.get("signs", ())),
        )
        for entry in yaml.safe_load(text)
    )


def _alternatives(words: str | list[str]) -> str:
    return words if isinstance(words, str) else "|".join(words)


def use_named(name: str) -> Use:
    """The use of that name. Raises KeyError if there is none."""
    return {use.name: use for use in uses()}[name]


def use_in(words: Sequence[str], memory_nouns: Collection[str]) -> Use | None:
    """The use that a question looks for a thing for; ``None`` if it looks for none.

    Args:
        words: of the question, by `tokens.tokens_of`.
        memory_nouns: names and nouns in the memory. A thing that was noted as an exit is asked for
            by its name.
    """
    text = " ".join(word for word in words if word != ",")
    if _MEASURE.search(text) or _ON_PAPER.search(text):
        return None
    way_out = _EXIT.search(text)
    if way_out and not any(name in memory_nouns for name in ("exit", "entrance")):
        return use_named(_WAY_OUT)
    sought = _SOUGHT.search(text)
    rest = text[sought.end() :] if sought else ""
    wanted = next((u for u in uses() if rest and u.words.search(rest)), None)
    unused = rest if wanted is None else wanted.words.sub(" ", rest)
    if _names_any(unused.split(), memory_nouns):
        return None  # "where should I drive to get to the car?" is about the car
    if wanted is not None:
        others = wanted.words.sub(" ", f"{text[: sought.start()]} {rest}" if sought else rest)
        if any(lexicon().known(word) for word in others.split() if word not in FRAME):
            return None  # "something to sit on: is there an armchair?" is about the armchair
    leaving = _HOW.search(text)
    if wanted is None and leaving is not None:
        out = use_named(_WAY_OUT)
        return out if out.words.search(text[leaving.end() :]) else None
    return wanted


def _names_any(words: Sequence[str], nouns: Collection[str]) -> bool:
    """Whether some of the words in a row are one of the nouns."""
    return any(
        " ".join(words[start:end]) in nouns
        for start in range(len(words))
        for end in range(start + 1, min(len(words), start + _LONGEST_NAME) + 1)
    )
