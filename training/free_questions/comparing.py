"""Comparisons in an answer: the nearer thing, the earlier thing, or a whole order.

Out of scope: which clauses count (`roles`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from training.free_questions.directions import distances_in
from training.free_questions.things import Thing, things_in

_FARTHER = re.compile(
    r"\b(?:further|farther|furthest|farthest|more distant|longer (?:way|distance)|less near|not as "
    r"(?:close|near))\b"
)
_THAN = re.compile(
    r"\b(?:than|compared (?:to|with)|over|not(?! as))\b|(?<=near) as\b|(?<=close) as\b"
)
_BEFORE = re.compile(r"\b(?:before|earlier than|sooner than|prior to|ahead of|precede[ds]?|then)\b")
_AFTER = re.compile(r"\b(?:after|later than|following|followed(?! by))\b")
_LATER = re.compile(r"\b(?:later|second|last|afterwards|next|third|finally)\b")


def nearer_in(texts: Sequence[str]) -> tuple[list[Thing], list[Thing]]:
    """The things that an answer's clauses call nearer, and those that they call farther."""
    winners: list[Thing] = []
    losers: list[Thing] = []
    if any(distances_in(text) == {"near"} for text in texts):
        texts = [text for text in texts if distances_in(text) != {"far"}]
    for text in texts:
        than = _THAN.search(text)
        limit = than.start() if than else len(text)
        things = things_in(text)
        first = [thing for thing in things if thing.start < limit]
        second = [thing for thing in things if thing.start >= limit]
        if _FARTHER.search(text):
            first, second = second, first
        winners += first
        losers += second
    return winners, losers


def order_in(texts: Sequence[str]) -> list[Thing]:
    """The things in an answer's clauses, in the order that the clauses claim."""
    ordered: list[Thing] = []
    later: list[Thing] = []
    for text in texts:
        things = things_in(text)
        word = _AFTER.search(text)
        if word and len(things) == 2 and things[0].start < word.start() < things[1].start:
            things.reverse()
        elif _LATER.search(text) and len(things) == 1 and not _BEFORE.search(text) and ordered:
            later += things
            continue
        ordered += things
    unique: list[Thing] = []
    for thing in ordered + later:
        if not any(_same(thing, other) for other in unique):
            unique.append(thing)
    return unique


def _same(one: Thing, other: Thing) -> bool:
    return one.kind == other.kind and (
        "" in (one.colour, other.colour) or one.colour == other.colour
    )
