"""Answers about when: first and last sightings, what came before what, what was done then.

Out of scope: where things are by now (`about_places`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from embodied_agent.rules.about_things import fits, join_sayings
from embodied_agent.rules.absence import missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.speech import Saying, join_names, tell_action, the, where

#: Of several things that a phrase means, so many are told about.
_MOST = 4


def _each(phrase: Phrase, notes: Notes, say: Callable[[Thing], Saying]) -> Saying:
    """What is to say of each thing that a phrase means, or why nothing is."""
    found = match(phrase, notes)
    gap = missing(found, notes)
    return gap if gap is not None else join_sayings([say(thing) for thing in fits(found)[:_MOST]])


def first(asked: Asked, notes: Notes) -> Saying:
    """When, and where, did you first see the sofa?"""

    def say(thing: Thing) -> Saying:
        sighting = thing.first
        text = (
            f"I first saw {the(thing)} in {notes.cite(sighting.index)}, {where(sighting.mention)}."
        )
        return Saying(text, (sighting.index,))

    return join_sayings([_each(phrase, notes, say) for phrase in asked.things])


def last(asked: Asked, notes: Notes) -> Saying:
    """When, and where, did you last see the sofa?"""

    def say(thing: Thing) -> Saying:
        sighting = thing.last
        text = (
            f"I last saw {the(thing)} in {notes.cite(sighting.index)}, {where(sighting.mention)}."
        )
        return Saying(text, (sighting.index,))

    return join_sayings([_each(phrase, notes, say) for phrase in asked.things])


def when(asked: Asked, notes: Notes) -> Saying:
    """When did you see the sofa?"""

    def say(thing: Thing) -> Saying:
        indexes = sorted({s.index for s in thing.sightings})
        return Saying(f"I saw {the(thing)} in {_spans(indexes, notes)}.", tuple(indexes))

    return join_sayings([_each(phrase, notes, say) for phrase in asked.things])


def _spans(indexes: Sequence[int], notes: Notes) -> str:
    """``#1, #4 to #7 and #9``."""
    spans: list[list[int]] = []
    for index in indexes:
        if spans and spans[-1][-1] == index - 1:
            spans[-1].append(index)
        else:
            spans.append([index])
    return join_names(
        notes.cite(span[0]) + (f" to {notes.cite(span[-1])}" if len(span) > 1 else "")
        for span in spans
    )


def _firsts(asked: Asked, notes: Notes) -> list[Thing] | Saying:
    """The one thing that each phrase means, the earliest seen of several; or why there is none."""
    things = []
    for phrase in asked.things:
        found = match(phrase, notes)
        gap = missing(found, notes)
        if gap is not None:
            return gap
        things.append(min(fits(found), key=lambda t: t.first.index))
    return things


def order(asked: Asked, notes: Notes) -> Saying:
    """Which did you see first? In which order did they appear?"""
    things = _firsts(asked, notes)
    if isinstance(things, Saying):
        return things
    named = sorted({id(t): t for t in things}.values(), key=lambda t: t.first.index)
    indexes = tuple(sorted({t.first.index for t in named}))
    if len(named) < 2:
        return Saying(f"My notes hold but one such thing, {the(named[0])}.", indexes, "cannot_tell")
    if len(indexes) < len(named):
        return _at_once(named, notes, indexes)
    said = [f"{the(t)} ({notes.cite(t.first.index)})" for t in named]
    if len(said) == 2:
        text = (
            f"I saw {said[1]} later, after {said[0]}."
            if asked.reverse
            else f"{said[0]} came first, before {said[1]}."
        )
    else:
        text = f"I first saw {', then '.join(said)}."
    return Saying(text[0].upper() + text[1:], indexes)


def _at_once(things: Sequence[Thing], notes: Notes, indexes: tuple[int, ...]) -> Saying:
    shared = [t for t in things if sum(o.first.index == t.first.index for o in things) > 1]
    text = (
        f"I can't tell: {join_names(the(t) for t in shared)} came into view at the same keyframe "
        f"({notes.cite(shared[0].first.index)})."
    )
    return Saying(text, indexes, "cannot_tell")


def is_order(asked: Asked, notes: Notes) -> Saying:
    """Did you see the sofa before the lamp?"""
    things = _firsts(asked, notes)
    if isinstance(things, Saying):
        return things
    one, other = things[0], things[1]
    indexes = tuple(sorted({one.first.index, other.first.index}))
    if len(indexes) < 2:
        return _at_once([one, other], notes, indexes)
    earlier, later = sorted((one, other), key=lambda t: t.first.index)
    right = (earlier is one) != asked.reverse
    facts = (
        f"I saw {the(earlier)} ({notes.cite(earlier.first.index)}) before {the(later)} "
        f"({notes.cite(later.first.index)})"
    )
    return Saying(f"{'Yes' if right else 'No'}, {facts}.", indexes)


def seen_after(asked: Asked, notes: Notes) -> Saying:
    """What new thing did you see next after the sofa?"""
    things = _firsts(asked, notes)
    if isinstance(things, Saying):
        return things
    since = things[0].first.index
    later = [t for t in notes.things.values() if t.first.index > since]
    if not later:
        text = f"I can't tell: nothing new was noted after {the(things[0])} ({notes.cite(since)})."
        return Saying(text, (since,), "cannot_tell")
    index = min(t.first.index for t in later)
    fresh = join_names(the(t) for t in later if t.first.index == index)
    return Saying(f"Next I saw {fresh} ({notes.cite(index)}).", (since, index))


def seen_before(asked: Asked, notes: Notes) -> Saying:
    """What did you see before the sofa?"""
    things = _firsts(asked, notes)
    if isinstance(things, Saying):
        return things
    until = things[0].first.index
    earlier = [t for t in notes.things.values() if t.first.index < until]
    if not earlier:
        text = f"I can't tell: nothing was noted before {the(things[0])} ({notes.cite(until)})."
        return Saying(text, (until,), "cannot_tell")
    index = max(t.first.index for t in earlier)
    fresh = join_names(the(t) for t in earlier if t.first.index == index)
    return Saying(f"Just before that I first saw {fresh} ({notes.cite(index)}).", (index, until))


def did_before(asked: Asked, notes: Notes) -> Saying:
    """What did you do just before you first saw the sofa?"""
    return _did(asked, notes, 0)


def did_after(asked: Asked, notes: Notes) -> Saying:
    """What did you do right after you first saw the sofa?"""
    return _did(asked, notes, 1)


def _did(asked: Asked, notes: Notes, later: int) -> Saying:
    things = _firsts(asked, notes)
    if isinstance(things, Saying):
        return things
    thing, index = things[0], things[0].first.index + later
    since = notes.cite(thing.first.index)
    if index > notes.last:
        text = f"I can't tell yet: {the(thing)} came into view at the present keyframe ({since})."
        return Saying(text, (notes.last,), "cannot_tell")
    action = tell_action(notes.deltas[index])
    if not action and index == 0:
        text = f"I can't tell: {the(thing)} was in view from the start ({since})."
        return Saying(text, (0,), "cannot_tell")
    if not action:
        text = f"I can't tell: the motion to {notes.cite(index)} could not be measured."
        return Saying(text, (index,), "cannot_tell")
    if later:
        return Saying(f"I {action} ({notes.cite(index)}).", (thing.first.index, index))
    return Saying(f"I {action}; that brought {the(thing)} into view ({since}).", (index,))
