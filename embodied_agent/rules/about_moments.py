"""Answers about moments: first and last sightings, their order, and actions before and after them.

The docstring of a public function is a question that it answers.

Out of scope: where things are now (`about_places`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from embodied_agent.rules.about_things import fits, join_sayings
from embodied_agent.rules.absence import missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.speech import (
    LONGEST_LIST,
    MOST_CITED,
    Saying,
    capital,
    join_each,
    join_names,
    tell_action,
    the,
    where,
)
from embodied_agent.rules.times import before_now, since_start

#: At most this many of the things that a phrase means are described.
_MOST = 4


def _each(phrase: Phrase, notes: Notes, say: Callable[[Thing], Saying]) -> Saying:
    """Apply ``say`` to each thing that a phrase means, or explain why there is none."""
    result = match(phrase, notes)
    gap = missing(result, notes)
    return gap if gap is not None else join_sayings([say(thing) for thing in fits(result)[:_MOST]])


def first(asked: Asked, notes: Notes) -> Saying:
    """When, and where, did you first see the sofa?"""

    def say(thing: Thing) -> Saying:
        sighting = thing.first
        text = (
            f"I first saw {the(thing)} in {notes.cite(sighting.index)}, {where(sighting.mention)}"
        )
        if asked.timed:
            text += since_start(sighting.index, notes)
        return Saying(f"{text}.", (sighting.index,))

    return join_sayings([_each(phrase, notes, say) for phrase in asked.things])


def last(asked: Asked, notes: Notes) -> Saying:
    """When, and where, did you last see the sofa?"""

    def say(thing: Thing) -> Saying:
        sighting = thing.last
        text = f"I last saw {the(thing)} in {notes.cite(sighting.index)}, {where(sighting.mention)}"
        if asked.timed:
            text += before_now(sighting.index, notes)
        return Saying(f"{text}.", (sighting.index,))

    return join_sayings([_each(phrase, notes, say) for phrase in asked.things])


def when(asked: Asked, notes: Notes) -> Saying:
    """When did you see the sofa?"""

    def say(thing: Thing) -> Saying:
        indexes = sorted(set(thing.indexes))
        text = f"I saw {the(thing)} in {spans(indexes, notes)}."
        return Saying(text, tuple(indexes[:MOST_CITED]))

    return join_sayings([_each(phrase, notes, say) for phrase in asked.things])


def keyframes_of(asked: Asked, notes: Notes) -> Saying:
    """Which keyframes show the clock, and how many?"""

    def say(thing: Thing) -> Saying:
        indexes = sorted(set(thing.indexes))
        many = "One keyframe names" if len(indexes) == 1 else f"{len(indexes)} keyframes name"
        text = f"{many} {the(thing)}: {spans(indexes, notes)}."
        return Saying(text, tuple(indexes[:MOST_CITED]))

    return join_sayings([_each(phrase, notes, say) for phrase in asked.things])


def spans(indexes: Sequence[int], notes: Notes) -> str:
    """The keyframes of deltas in short form, such as ``#1, #4 to #7 and #9``."""
    spans: list[tuple[int, int]] = []
    breaks = set(notes.breaks)
    for index in indexes:
        if spans and spans[-1][1] == index - 1 and index not in breaks:
            spans[-1] = (spans[-1][0], index)
        else:
            spans.append((index, index))
    return join_each(spans, lambda span: _span_text(span, notes))


def _span_text(span: tuple[int, int], notes: Notes) -> str:
    """Keyframes in short form, such as ``#4 to #7``."""
    first, last = span
    return f"#{notes.id(first)} to {notes.cite(last)}" if first != last else notes.cite(first)


def _firsts(asked: Asked, notes: Notes) -> list[Thing] | Saying:
    """The thing that each phrase means, the earliest if there are several; or why there is none."""
    things = []
    for phrase in asked.things:
        result = match(phrase, notes)
        gap = missing(result, notes)
        if gap is not None:
            return gap
        things.append(min(fits(result), key=lambda t: t.first_index))
    return things


def where_when(asked: Asked, notes: Notes) -> Saying:
    """Where was the desk when you first saw the sink?"""
    things = _firsts(asked, notes)
    if isinstance(things, Saying):
        return things
    thing, other = things[:2]
    index = other.last_index if asked.reverse else other.first_index
    cited = f"when I {'last' if asked.reverse else 'first'} saw {the(other)} ({notes.cite(index)})"
    places = [where(mention) for one, mention in notes.in_view(index) if one is thing]
    if places:
        return Saying(f"{capital(the(thing))} was {places[0]}, {cited}.", (index,))
    text = f"I can't tell: {the(thing)} was not in view {cited}."
    return Saying(text, (index,), "cannot_tell")


def order(asked: Asked, notes: Notes) -> Saying:
    """Which did you see first? In which order did they appear?"""
    things = _firsts(asked, notes)
    if isinstance(things, Saying):
        return things
    named = sorted({id(t): t for t in things}.values(), key=lambda t: t.first_index)
    indexes = tuple(sorted({t.first_index for t in named}))
    if len(named) < 2:
        return Saying(
            f"My notes have only one such thing, {the(named[0])}.", indexes, "cannot_tell"
        )
    if len(indexes) < len(named):
        return _at_once(named, notes, indexes)
    names = [f"{the(t)} ({notes.cite(t.first_index)})" for t in named]
    if len(names) == 2:
        text = (
            f"I saw {names[1]} later, after {names[0]}."
            if asked.reverse
            else f"{names[0]} came first, before {names[1]}."
        )
    else:
        text = f"I first saw {', then '.join(names)}."
    return Saying(text[0].upper() + text[1:], indexes)


def _at_once(things: Sequence[Thing], notes: Notes, indexes: tuple[int, ...]) -> Saying:
    shared = [t for t in things if sum(o.first_index == t.first_index for o in things) > 1]
    text = (
        f"I can't tell: {join_names(the(t) for t in shared)} came into view at the same keyframe "
        f"({notes.cite(shared[0].first_index)})."
    )
    return Saying(text, indexes, "cannot_tell")


def is_order(asked: Asked, notes: Notes) -> Saying:
    """Did you see the sofa before the lamp?"""
    things = _firsts(asked, notes)
    if isinstance(things, Saying):
        return things
    one, other = things[0], things[1]
    indexes = tuple(sorted({one.first_index, other.first_index}))
    if len(indexes) < 2:
        return _at_once([one, other], notes, indexes)
    earlier, later = sorted((one, other), key=lambda t: t.first_index)
    right = (earlier is one) != asked.reverse
    facts = (
        f"I saw {the(earlier)} ({notes.cite(earlier.first_index)}) before {the(later)} "
        f"({notes.cite(later.first_index)})"
    )
    return Saying(f"{'Yes' if right else 'No'}, {facts}.", indexes)


def seen_after(asked: Asked, notes: Notes) -> Saying:
    """What new thing did you see next after the sofa?"""
    things = _firsts(asked, notes)
    if isinstance(things, Saying):
        return things
    since = things[0].first_index
    later = notes.first_seen_after(since)
    if not later:
        text = f"I can't tell: nothing new was noted after {the(things[0])} ({notes.cite(since)})."
        return Saying(text, (since,), "cannot_tell")
    index = later[0].first_index
    fresh = join_names(the(t) for t in later)
    return Saying(f"Next I saw {fresh} ({notes.cite(index)}).", (since, index))


def seen_before(asked: Asked, notes: Notes) -> Saying:
    """What did you see before the sofa?"""
    things = _firsts(asked, notes)
    if isinstance(things, Saying):
        return things
    until = things[0].first_index
    earlier = notes.first_seen_before(until)
    if not earlier:
        text = f"I can't tell: nothing was noted before {the(things[0])} ({notes.cite(until)})."
        return Saying(text, (until,), "cannot_tell")
    index = earlier[0].first_index
    fresh = join_names(the(t) for t in earlier)
    return Saying(f"Just before that, I first saw {fresh} ({notes.cite(index)}).", (index, until))


def seen_between(asked: Asked, notes: Notes) -> Saying:
    """What did you see between the door and the clock?"""
    things = _firsts(asked, notes)
    if isinstance(things, Saying):
        return things
    one, other = sorted(things[:2], key=lambda t: t.first.index)
    between = [t for t in notes.all_things() if one.first_index < t.first_index < other.first_index]
    ends = f"{the(one)} ({notes.cite(one.first.index)}) and {the(other)} ({notes.cite(other.first.index)})"
    indexes = {one.first.index, other.first.index}
    if not between:
        return Saying(f"Nothing new between {ends}.", tuple(sorted(indexes)))
    names = join_each(between, lambda t: f"{the(t)} ({notes.cite(t.first_index)})")
    indexes |= {t.first_index for t in between[:LONGEST_LIST]}
    return Saying(f"Between {ends} I first saw {names}.", tuple(sorted(indexes)))


def seen_until(asked: Asked, notes: Notes) -> Saying:
    """What did you see on your way to the door?"""
    things = _firsts(asked, notes)
    if isinstance(things, Saying):
        return things
    until = things[0].first.index
    earlier = [t for t in notes.all_things() if t.first_index < until]
    if not earlier:
        text = f"I can't tell: nothing was noted before {the(things[0])} ({notes.cite(until)})."
        return Saying(text, (until,), "cannot_tell")
    names = join_each(earlier, lambda t: f"{the(t)} ({notes.cite(t.first_index)})")
    indexes = {t.first_index for t in earlier[:LONGEST_LIST]} | {until}
    text = f"Before I first saw {the(things[0])} ({notes.cite(until)}), I saw {names}."
    return Saying(text, tuple(sorted(indexes)))


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
    thing, index = things[0], things[0].first_index + later
    since = notes.cite(thing.first_index)
    if index > notes.last:
        text = f"I can't tell yet: {the(thing)} came into view at the current keyframe ({since})."
        return Saying(text, (notes.last,), "cannot_tell")
    action = tell_action(notes.deltas[index])
    if index in notes.breaks:
        text = f"I can't tell: I was restarted before {notes.cite(index)}."
        return Saying(text, (thing.first_index, index), "cannot_tell")
    if not action and index == 0:
        text = f"I can't tell: {the(thing)} was in view from the start ({since})."
        return Saying(text, (0,), "cannot_tell")
    if not action:
        text = f"I can't tell: the motion to {notes.cite(index)} could not be measured."
        return Saying(text, (index,), "cannot_tell")
    if later:
        return Saying(f"I {action} ({notes.cite(index)}).", (thing.first_index, index))
    return Saying(f"I {action}; that brought {the(thing)} into view ({since}).", (index,))
