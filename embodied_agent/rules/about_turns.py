"""Answers about what would be in view after a motion that has not been made.

A turn moves what the notes place around the camera; where a move would lead to, they do not say. The
docstring of a public function is a question that it answers.

Out of scope: where things are now (`about_places`), turns that were made (`about_motion`).
"""

from __future__ import annotations

from embodied_agent.rules.about_places import (
    AROUND,
    SETTLED,
    SIDE_WORDS,
    each,
    last_seen,
    places_of,
)
from embodied_agent.rules.absence import MOTION_ONLY
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.speech import Saying, capital, join_names, the, towards

#: From this share of a thing's possible places on, it is named among what would be on a side.
_NAMED = 0.8


def after_turn(asked: Asked, notes: Notes) -> Saying:
    """What would you see if you turned left by 45 degrees? Would the bed be ahead of you?"""
    if asked.things:
        return each(asked, notes, lambda thing: _is_there(thing, asked, notes))
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    side = asked.side or "front"
    there = [
        thing
        for thing in notes.latest(AROUND)
        if places_of(thing, notes).turned(asked.turn_deg).share_on(side) >= _NAMED
    ]
    if not there:
        text = (
            f"I can't tell: my notes place nothing that would be {SIDE_WORDS[side]} {_then(asked)}."
        )
        return Saying(text, (notes.last,), "cannot_tell")
    names = join_names(f"{the(thing)} ({notes.cite(thing.last_index)})" for thing in there)
    evidence = tuple(sorted({thing.last_index for thing in there}))
    return Saying(f"{capital(_then(asked))}, {names} should be {SIDE_WORDS[side]}.", evidence)


def where_after_turn(asked: Asked, notes: Notes) -> Saying:
    """Where would the bed be if you turned around?"""
    return each(asked, notes, lambda thing: _placed(thing, asked, notes))


def after_move(asked: Asked, notes: Notes) -> Saying:
    """Go forward and tell me what you see. (Notes don't say what lies ahead of them.)"""
    text = (
        "I can't tell what I would see after that: I answer from what I have seen, and don't move when "
        "asked to."
    )
    return Saying(text, (), "cannot_tell")


def _is_there(thing: Thing, asked: Asked, notes: Notes) -> Saying:
    """Whether a thing would be on a side after a turn."""
    side = asked.side or "front"
    share = places_of(thing, notes).turned(asked.turn_deg).share_on(side)
    evidence = (thing.last_index,)
    if share >= SETTLED:
        text = f"Yes: {_then(asked)}, {the(thing)} should be {SIDE_WORDS[side]}."
        return Saying(f"{text} {last_seen(thing, notes)}.", evidence)
    elsewhere = _placed(thing, asked, notes)
    if share <= 1 - SETTLED and elsewhere.status == "answered":
        return Saying(f"No. {elsewhere.text}", evidence)
    text = f"I can't tell whether {the(thing)} would be {SIDE_WORDS[side]} {_then(asked)}."
    return Saying(f"{text} {last_seen(thing, notes)}.", evidence, "cannot_tell")


def _placed(thing: Thing, asked: Asked, notes: Notes) -> Saying:
    """Where a thing would be after a turn, as far as the notes settle it."""
    direction, share = places_of(thing, notes).turned(asked.turn_deg).direction()
    evidence = (thing.last_index,)
    if share < SETTLED:
        text = f"I can't tell where {the(thing)} would be {_then(asked)}."
        return Saying(f"{text} {last_seen(thing, notes)}.", evidence, "cannot_tell")
    text = f"{capital(_then(asked))}, {the(thing)} should be {towards(direction)}."
    return Saying(f"{text} {last_seen(thing, notes)}.", evidence)


def _then(asked: Asked) -> str:
    """The turn that a question supposes: ``if I turned left by 45 degrees``."""
    size = abs(asked.turn_deg)
    if size == 180:
        return "if I turned around"
    by = "" if size == 90 else f" by {size:g} degrees"
    return f"if I turned {'left' if asked.turn_deg > 0 else 'right'}{by}"
