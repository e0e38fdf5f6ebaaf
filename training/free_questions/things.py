"""The things that an answer names, compared with those in the memory.

Out of scope: whether naming a thing is a claim (`reading`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Set
from dataclasses import dataclass

from sim_clips.questions.free.words import (
    ALL_COLOURS,
    colour_meant,
    colour_of,
    colour_pattern,
    kind_meant,
    kind_of,
    thing_pattern,
)

#: Words after a colour, or after "I saw a", that are not things.
_NO_THING = frozenset(
    re.findall(
        r"\w+",
        "a above after again ahead also an and another any appeared appears are area as at away "
        "back be been before behind below beside between big bit but by ceiling closer "
        "collection color colored colors colour coloured colours corner corridor couple "
        "different direction earlier eight far few first five floor for four frame from front "
        "furniture further glimpse ground group had hallway has have here i image in is it item "
        "items its just keyframe keyframes kind large last later left like little lot match me "
        "memory mid mix moment move my near nearer nearest next nine no not note notes nothing "
        "now number object objects of on once one ones only or other others picture piece "
        "pieces place range rather right road room rooms same scene second seen set seven shape "
        "shapes side sight single six sky small so some sort spot still street stuff such tall "
        "ten than that the them then there they thing things third this three to too total turn "
        "turns twice two type us variety view visible wall walls was way we were when where "
        "which while who with you your ",
    )
)
_COLOURED = re.compile(rf"(?<![\w-])({'|'.join(ALL_COLOURS)}) ([a-z]+(?:-[a-z]+)?)(?![\w-])")
_SEEN_A = re.compile(
    r"\b(?:saw|seen|see|spotted|noticed|there(?:'s| is| was| are| were)|remember|found|passed|"
    r"have) "
    r"(?:an? |some |two |three )([a-z]+)(?![\w-])"
)

#: A predicate about a thing other than the one whose colour is asked.
_PREDICATE = re.compile(r"\b(?:is|was|are|were|being) \w+$")
_O_CLOCK = re.compile(r"\bo'? ?clock\b")


@dataclass(frozen=True, slots=True)
class Thing:
    """A thing as named: ``colour`` is empty if it has none; ``kind`` is a known kind or, if
    ``known`` is false, the word itself; ``start`` is its position in the clause."""

    kind: str
    colour: str
    start: int
    known: bool = True

    def among(self, names: Set[str]) -> frozenset[str]:
        """The names that the thing may mean."""
        return frozenset(
            n for n in names if kind_of(n) == self.kind and self.colour in ("", colour_of(n))
        )


def things_in(text: str) -> list[Thing]:
    """Every thing that a clause names, in order."""
    things: list[Thing] = []

    def note(match: re.Match[str]) -> str:
        colour = match.group("colour")
        things.append(
            Thing(
                kind_meant(match.group("kind")),
                colour_meant(colour) if colour else "",
                match.start(),
            )
        )
        return " " * len(match.group())

    rest = thing_pattern().sub(note, _O_CLOCK.sub(lambda m: " " * len(m.group()), text))
    for match in _COLOURED.finditer(rest):
        if match.group(2) not in _NO_THING and match.group(2) not in ALL_COLOURS:
            things.append(Thing(match.group(2), match.group(1), match.start(), known=False))
    rest = _COLOURED.sub(lambda m: " " * len(m.group()), rest)
    for match in _SEEN_A.finditer(rest):
        word = match.group(1)
        if word not in _NO_THING and word not in ALL_COLOURS:
            things.append(Thing(word, "", match.start(1), known=False))
    return sorted(things, key=lambda thing: thing.start)


def loose_colours(text: str) -> list[str]:
    """The colours in a clause that don't belong to a named thing."""
    rest = thing_pattern().sub(lambda m: " " * len(m.group()), text)
    return [colour_meant(match.group()) for match in colour_pattern().finditer(rest)]


def colours_of(texts: Iterable[str], kinds: Set[str]) -> set[str]:
    """The colours that clauses give to things of ``kinds``, or without naming a thing."""
    colours: set[str] = set()
    for text in texts:
        things = things_in(text)
        others = bool(things) and not any(thing.kind in kinds for thing in things)
        colours.update(loose_colours(_PREDICATE.sub(" ", text) if others else text))
        colours.update(t.colour for t in things if t.colour and t.kind in kinds)
    return colours
