"""Answers about where things are from here: direction, distance, which is nearer, the way back.

What is in the present view is told as it was noted. Everything else is reckoned from where it was
noted last and what was done since; it is stated only where the notes leave little doubt.

Out of scope: the reckoning itself (`reckoning`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from embodied_agent.records import DISTANCES, Direction
from embodied_agent.rules.about_things import fits, join_sayings
from embodied_agent.rules.absence import MOTION_ONLY, missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.reckoning import Floats, Places, carry, way_back
from embodied_agent.rules.speech import Saying, join_names, tell_motion, the, towards, where

#: Of the places where something may be, the share that has to agree.
SETTLED = 0.7
#: Where several things are named at once, each has to be this sure.
_NAMED = 0.8
#: Things that are looked for around the camera, the latest seen.
_MOST_AROUND = 60
#: From here on, "roughly" is left out.
_SURE = 0.92
#: Of several things that a phrase means, so many are told about.
_MOST = 4
_TURNS: dict[Direction, str] = {
    "front": "move forward", "front-left": "turn left by about 40 degrees and move forward",
    "left": "turn left by about 90 degrees and move forward",
    "back-left": "turn left by about 140 degrees and move forward",
    "back": "turn around and move forward",
    "back-right": "turn right by about 140 degrees and move forward",
    "right": "turn right by about 90 degrees and move forward",
    "front-right": "turn right by about 40 degrees and move forward",
}  # fmt: skip
#: The direction words that lie on each side.
_ON_SIDE: dict[str, tuple[Direction, ...]] = {
    "front": ("front", "front-left", "front-right"), "left": ("left", "front-left", "back-left"),
    "back": ("back", "back-left", "back-right"), "right": ("right", "front-right", "back-right"),
}  # fmt: skip
_SIDE_WORDS = {
    "front": "ahead of me",
    "left": "to my left",
    "back": "behind me",
    "right": "to my right",
}


def _now(thing: Thing, notes: Notes) -> Places:
    """Where a thing may be by now."""
    return carry(thing.last.mention, notes.deltas[thing.last.index + 1 :])


def place(asked: Asked, notes: Notes) -> Saying:
    """Which way is the sofa?"""
    return _each(asked, notes, lambda thing: _placed(thing, notes))


def back_to(asked: Asked, notes: Notes) -> Saying:
    """How do I get back to the sofa?"""
    return _each(asked, notes, lambda thing: _way_to(thing, notes))


def _each(asked: Asked, notes: Notes, say: Callable[[Thing], Saying]) -> Saying:
    sayings = []
    for phrase in asked.things:
        found = match(phrase, notes)
        gap = missing(found, notes)
        if gap is not None:
            sayings.append(Saying(gap.text, gap.evidence, "cannot_tell") if found.observed else gap)
        else:
            sayings += [say(thing) for thing in fits(found)[:_MOST]]
    return join_sayings(sayings)


def _placed(thing: Thing, notes: Notes) -> Saying:
    last = thing.last
    evidence = (last.index,)
    if last.index == notes.last:
        shown = f"in view now ({notes.cite(last.index)})"
        return Saying(f"{_capital(the(thing))} is {where(last.mention)}, {shown}.", evidence)
    direction, share = _now(thing, notes).direction()
    seen = _seen(thing, notes)
    if share < SETTLED:
        text = f"I can't tell where {the(thing)} is by now. {seen}."
        return Saying(text, evidence, "cannot_tell")
    roughly = "" if share >= _SURE else "roughly "
    return Saying(
        f"{_capital(the(thing))} should now be {roughly}{towards(direction)}. {seen}.", evidence
    )


def _seen(thing: Thing, notes: Notes) -> str:
    """Where a thing was seen last, and what was done since."""
    last = thing.last
    since = tell_motion(notes.deltas[last.index + 1 :])
    text = f"It was {where(last.mention)}, when I last saw it in {notes.cite(last.index)}"
    return f"{text}; since then I have {since}" if since else text


def _way_to(thing: Thing, notes: Notes) -> Saying:
    last = thing.last
    evidence = (last.index,)
    if last.index == notes.last:
        direction, share = last.mention.direction, 1.0
    else:
        direction, share = _now(thing, notes).direction()
    if share < SETTLED:
        text = f"I can't tell the direct way back to {the(thing)}. {_seen(thing, notes)}."
        return Saying(text, evidence, "cannot_tell")
    roughly = "" if share >= _SURE else "roughly "
    text = (
        f"{_capital(the(thing))} should be {roughly}{towards(direction)}: {_TURNS[direction]}. "
        f"{_seen(thing, notes)}."
    )
    return Saying(text, evidence)


def back_to_start(asked: Asked, notes: Notes) -> Saying:
    """How do I get back to where we started?"""
    later = notes.deltas[1:]
    since = tell_motion(later, most=8)
    evidence = (0, notes.last) if notes.last else (0,)
    if not any(delta.action is not None for delta in later):
        return Saying(
            "I can't tell: no motion was measured since the start.", evidence, "cannot_tell"
        )
    if all(delta.action is None or delta.action.is_rotation for delta in later):
        return Saying(f"This is where I started: I have only {since}.", evidence)
    direction, share = way_back(later).direction()
    if share < SETTLED:
        text = f"I can't tell in which direction the start lies. Since then I have {since}."
        return Saying(text, evidence, "cannot_tell")
    roughly = "" if share >= _SURE else "roughly "
    text = (
        f"The start should be {roughly}{towards(direction)}: {_TURNS[direction]}. Since "
        f"then I have {since}."
    )
    return Saying(text, evidence)


def how_far(asked: Asked, notes: Notes) -> Saying:
    """How far away is the sofa?"""

    def say(thing: Thing) -> Saying:
        last = thing.last
        evidence, cited = (last.index,), notes.cite(last.index)
        if last.index == notes.last:
            if last.mention.distance is None:
                text = f"I can't tell: the distance of {the(thing)} was not noted ({cited})."
                return Saying(text, evidence, "cannot_tell")
            distance = _range(last.mention.distance)
            return Saying(f"{_capital(the(thing))} is {distance} ({cited}).", evidence)
        word, share = _now(thing, notes).distance()
        if share < SETTLED:
            return Saying(
                f"I can't tell how far {the(thing)} is by now. {_seen(thing, notes)}.",
                evidence,
                "cannot_tell",
            )
        text = (
            f"{_capital(the(thing))} should now be {_range(word)}. I last saw it in "
            f"{notes.cite(last.index)}."
        )
        return Saying(text, evidence)

    return _each(asked, notes, say)


def _range(word: str | None) -> str:
    return "at mid range" if word == "mid" else word or "somewhere"


def nearer(asked: Asked, notes: Notes) -> Saying:
    """Which is nearer, the sofa or the lamp?"""
    things: list[Thing] = []
    for phrase in asked.things:
        found = match(phrase, notes)
        gap = missing(found, notes)
        if gap is not None:
            return gap
        things += [t for t in fits(found)[:_MOST] if t not in things]
    if len(things) < 2:
        return Saying(
            f"My notes hold but one such thing, {the(things[0])}.",
            (things[0].last.index,),
            "cannot_tell",
        )
    return _nearest_of(things, notes, reverse=asked.reverse)


def _nearest_of(things: Sequence[Thing], notes: Notes, *, reverse: bool) -> Saying:
    evidence = tuple(sorted({t.last.index for t in things}))
    lengths = {id(t): _lengths(t, notes) for t in things}

    def share(one: Thing, other: Thing) -> float:
        nearer_share = float(np.mean(lengths[id(one)] < lengths[id(other)]))
        return 1.0 - nearer_share if reverse else nearer_share

    best = max(things, key=lambda t: min(share(t, o) for o in things if o is not t))
    others = [o for o in things if o is not best]
    if min(share(best, o) for o in others) < SETTLED:
        word = "farther" if reverse else "nearer"
        noted = join_names(
            f"{_range(t.last.mention.distance)} ({notes.cite(t.last.index)})" for t in things
        )
        text = f"I can't tell which is {word}: I last noted them as {noted}."
        return Saying(text, evidence, "cannot_tell")
    word = "farther" if reverse else "nearer"
    than = f" than {join_names((the(o) for o in others), 'or')}" if len(others) < 3 else ""
    return Saying(f"{_capital(the(best))} is {word}{than}.", evidence)


def _lengths(thing: Thing, notes: Notes) -> Floats:
    return _now(thing, notes).lengths


def nearest(asked: Asked, notes: Notes) -> Saying:
    """What is nearest to you?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    shown = notes.in_view(notes.last)
    known = [(thing, m) for thing, m in shown if m.distance is not None]
    if not known:
        text = (
            f"I can't tell: the present view ({notes.cite(notes.last)}) names nothing "
            f"whose distance was noted."
        )
        return Saying(text, (notes.last,), "cannot_tell")
    ranked = sorted(
        known, key=lambda pair: DISTANCES.index(pair[1].distance or "far"), reverse=asked.reverse
    )
    distance = ranked[0][1].distance
    names = join_names(f"{the(t)} ({where(m)})" for t, m in ranked if m.distance == distance)
    word = "farthest" if asked.reverse else "nearest"
    return Saying(f"Of what is in view ({notes.cite(notes.last)}), {word}: {names}.", (notes.last,))


def around(asked: Asked, notes: Notes) -> Saying:
    """What is behind you?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    side = asked.side or "front"
    there, since = [], set()
    latest = sorted(notes.things.values(), key=lambda t: -t.last.index)[:_MOST_AROUND]
    for thing in latest:
        if thing.last.index == notes.last:
            is_there = thing.last.mention.direction in _ON_SIDE[side]
        else:
            is_there = _now(thing, notes).share_on(side) >= _NAMED
        if is_there:
            there.append(thing)
            since.add(thing.last.index)
    words = _SIDE_WORDS[side]
    if not there:
        return Saying(f"I can't tell: my notes put nothing {words}.", (notes.last,), "cannot_tell")
    names = join_names(f"{the(t)} ({notes.cite(t.last.index)})" for t in there)
    seen_now = all(t.last.index == notes.last for t in there)
    verb = (
        ("is" if seen_now else "should be")
        if len(there) == 1
        else ("are" if seen_now else "should be")
    )
    return Saying(f"{_capital(words)} {verb} {names}.", tuple(sorted(since)))


def is_side(asked: Asked, notes: Notes) -> Saying:
    """Is the sofa behind you?"""
    side = asked.side or "front"

    def say(thing: Thing) -> Saying:
        evidence = (thing.last.index,)
        if thing.last.index == notes.last:
            share = 1.0 if thing.last.mention.direction in _ON_SIDE[side] else 0.0
        else:
            share = _now(thing, notes).share_on(side)
        if share >= SETTLED:
            verb = "is" if thing.last.index == notes.last else "should be"
            return Saying(
                f"Yes, {the(thing)} {verb} {_SIDE_WORDS[side]}. {_seen(thing, notes)}.", evidence
            )
        if share <= 1 - SETTLED:
            told_where = _placed(thing, notes)
            if told_where.status == "answered":
                return Saying(f"No. {told_where.text}", evidence)
        text = f"I can't tell whether {the(thing)} is {_SIDE_WORDS[side]} by now."
        return Saying(f"{text} {_seen(thing, notes)}.", evidence, "cannot_tell")

    return _each(asked, notes, say)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
