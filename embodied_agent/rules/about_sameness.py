"""Whether a thing is the same one as before, and whether it was moved, which notes can't tell: they
name things by colour and kind, and say how they were seen at each keyframe.

The docstring of a public function is a question that it answers.

Out of scope: which questions ask for it (`readers_of_sameness`), how views changed (`about_views`).
"""

from __future__ import annotations

from collections.abc import Sequence

from embodied_agent.rules.about_things import fits, last_seen
from embodied_agent.rules.absence import missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.speech import Saying, capital, join_each, the, where

#: Of more things than this, it is not told one by one when they were seen.
_MOST = 3


def same_one(asked: Asked, notes: Notes) -> Saying:
    """Is that the same lamp as before? Are the red lamp and the blue lamp the same?"""
    found: list[Thing] = []
    for phrase in asked.things[:2]:
        result = match(phrase, notes)
        gap = missing(result, notes)
        if gap is not None:
            return gap
        found += [thing for thing in fits(result) if thing not in found]
    if len(asked.things) > 1 and len(found) > 1:
        names = join_each(found, lambda thing: f"{the(thing)} ({notes.cite(thing.last_index)})")
        return Saying(f"No, my notes tell them apart: {names}.", last_seen(found))
    seen, evidence = _sightings(found, notes)
    text = (
        "I can't tell whether it is the same one: my notes name things by colour and kind only. "
        f"{seen}"
    )
    return Saying(text, evidence, "cannot_tell")


def moved(asked: Asked, notes: Notes) -> Saying:
    """Did somebody move the clock? Is the clock still where it was?"""
    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    if gap is not None:
        return gap
    things = fits(result)
    names = join_each(things, the)
    seen, evidence = _sightings(things, notes)
    verb = "was" if len(things) == 1 else "were"
    text = f"I can't tell: nothing in my notes says that {names} {verb} moved. {seen}"
    return Saying(text, evidence, "cannot_tell")


def _sightings(things: Sequence[Thing], notes: Notes) -> tuple[str, tuple[int, ...]]:
    """When each thing was seen first and last, and the deltas that say so."""
    if len(things) > _MOST:
        names = join_each(things, lambda thing: f"{the(thing)} ({notes.cite(thing.last_index)})")
        return f"I last saw {names}.", last_seen(things)
    texts, indexes = [], set()
    for thing in things:
        first, last = thing.first, thing.last
        indexes |= {first.index, last.index}
        text = f"{capital(the(thing))} was {where(first.mention)}, in {notes.cite(first.index)}"
        if last.index != first.index:
            text = f"{text}, and {where(last.mention)}, in {notes.cite(last.index)}"
        texts.append(f"{text}.")
    return " ".join(texts), tuple(sorted(indexes))
