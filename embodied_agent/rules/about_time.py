"""Answers about time: how long ago, at what time, for how long.

The docstring of a public function is a question that it answers.

Out of scope: finding the part of the notes that a time means (`spans`), the wording of times
(`times`).
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

from embodied_agent.rules.about_moments import spans
from embodied_agent.rules.about_things import fits, join_sayings
from embodied_agent.rules.absence import missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.speech import MOST_CITED, Saying, capital, the, where
from embodied_agent.rules.times import before_now, by_the_clock, length, since_start

_NO_TIMES = "I can't tell: these notes have no times."
#: At most this many of the things that a phrase means are described.
_MOST = 4


def ago(asked: Asked, notes: Notes) -> Saying:
    """How long ago did you see the bed?"""

    def say(thing: Thing) -> Saying:
        index = thing.last_index
        if index == notes.now:
            return Saying(f"{capital(the(thing))} is in view now ({notes.cite(index)}).", (index,))
        seen = f"I last saw {the(thing)} in {notes.cite(index)}, {where(thing.last.mention)}"
        if index < notes.start:
            text = f"I can't tell how long ago that was, because I was restarted since. {seen}."
            return Saying(text, (index,), "cannot_tell")
        return Saying(f"{seen}{before_now(index, notes)}.", (index,))

    return _each(asked, notes, say)


def clock_time(asked: Asked, notes: Notes) -> Saying:
    """At what time did you see the sofa?"""

    def say(thing: Thing) -> Saying:
        indexes = sorted(set(thing.indexes))
        index = indexes[-1] if asked.reverse else indexes[0]
        word = "last" if asked.reverse else "first"
        clock = by_the_clock(index, notes)
        text = f"I {word} saw {the(thing)} in {notes.cite(index)}{since_start(index, notes)}"
        text += f", {clock}" if clock else ""
        if len(indexes) > 1:
            text += f"; it was in view in {spans(indexes, notes)}"
        return Saying(f"{text}.", tuple(indexes[:MOST_CITED]))

    return _each(asked, notes, say)


def duration(asked: Asked, notes: Notes) -> Saying:
    """How long was the walk? When did you start?"""
    first, last = notes.start, notes.last
    begin, end = notes.stamp_ns(first), notes.stamp_ns(last)
    if begin is None or end is None:
        return Saying(_NO_TIMES, (first, last), "cannot_tell")
    since = "since the restart" if notes.start else "so far"
    text = f"{capital(length(end - begin))} {since}, from {notes.cite(first)} to {notes.cite(last)}"
    clock = by_the_clock(first, notes)
    return Saying(f"{text}; I started {clock}." if clock else f"{text}.", (first, last))


def in_view_for(asked: Asked, notes: Notes) -> Saying:
    """For how long did you see the clock?"""

    def say(thing: Thing) -> Saying:
        indexes = sorted(set(thing.indexes))
        total = 0
        for one, other in pairwise(indexes):
            begin, end = notes.stamp_ns(one), notes.stamp_ns(other)
            if begin is None or end is None:
                return Saying(_NO_TIMES, (one,), "cannot_tell")
            if other == one + 1 and other not in notes.breaks:
                total += max(0, end - begin)
        seen = f"I noted {the(thing)} in {spans(indexes, notes)}"
        if not total:
            text = f"I can't tell for how long: {seen}, in no two keyframes in a row."
            return Saying(text, tuple(indexes[:MOST_CITED]), "cannot_tell")
        return Saying(f"For about {length(total)}: {seen}.", tuple(indexes[:MOST_CITED]))

    return _each(asked, notes, say)


def _each(asked: Asked, notes: Notes, say: Callable[[Thing], Saying]) -> Saying:
    sayings = []
    for phrase in asked.things:
        result = match(phrase, notes)
        gap = missing(result, notes)
        sayings += [gap] if gap is not None else [say(thing) for thing in fits(result)[:_MOST]]
    return join_sayings(sayings)
