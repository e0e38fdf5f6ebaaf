"""Answers about where things are from here: direction, distance, which is nearer, the way back.

The docstring of a public function is a question that it answers. A thing in the current view is
where the notes say. For any other, the position is estimated from where it was noted last and the
motion since, and stated only if the notes leave little doubt.

Out of scope: the estimate itself (`reckoning`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from embodied_agent.records import DISTANCES, Direction
from embodied_agent.rules.about_things import fits, join_sayings
from embodied_agent.rules.absence import MOTION_ONLY, missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import Phrase
from embodied_agent.rules.reckoning import Floats, Places, anywhere, carry, way_back
from embodied_agent.rules.speech import (
    Saying,
    capital,
    join_names,
    tell_motion,
    the,
    towards,
    where,
)

#: The share of a thing's possible places that must agree before its position is stated.
SETTLED = 0.7
#: The same share for each thing in an answer that lists several.
_NAMED = 0.8
#: An answer about a side considers this many things, those seen most recently.
AROUND = 60
#: From this share on, the answer leaves out "roughly".
_SURE = 0.92
#: At most this many of the things that a phrase means are described.
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
#: The directions that count as being on each side.
ON_SIDE: dict[str, tuple[Direction, ...]] = {
    "front": ("front", "front-left", "front-right"), "left": ("left", "front-left", "back-left"),
    "back": ("back", "back-left", "back-right"), "right": ("right", "front-right", "back-right"),
}  # fmt: skip
_ON_THE = {
    "front": "somewhere ahead", "left": "on my left", "back": "behind me", "right": "on my right",
}  # fmt: skip
SIDE_WORDS = {
    "front": "ahead of me", "left": "to my left", "back": "behind me", "right": "to my right",
}  # fmt: skip


def places_of(thing: Thing, notes: Notes) -> Places:
    """Where a thing may be now."""
    if thing.last_index < notes.start:
        return anywhere()  # directions do not carry over a restart
    return carry(thing.last.mention, notes.deltas[thing.last_index + 1 :])


def place(asked: Asked, notes: Notes) -> Saying:
    """Which way is the sofa?"""
    return each(asked, notes, lambda thing: placed(thing, notes))


def back_to(asked: Asked, notes: Notes) -> Saying:
    """How do I get back to the sofa?"""
    return each(asked, notes, lambda thing: way_to(thing, notes))


def each(asked: Asked, notes: Notes, say: Callable[[Thing], Saying]) -> Saying:
    """Apply ``say`` to each thing that a question names, or explain why there is none."""
    sayings = []
    for phrase in asked.things:
        result = match(phrase, notes)
        gap = missing(result, notes)
        if gap is not None:
            sayings.append(
                Saying(gap.text, gap.evidence, "cannot_tell") if result.observed else gap
            )
        else:
            sayings += [say(thing) for thing in fits(result)[:_MOST]]
    return join_sayings(sayings)


def placed(thing: Thing, notes: Notes) -> Saying:
    """Where a thing is from here, as far as the notes settle it."""
    last = thing.last
    evidence = (last.index,)
    if last.index == notes.now:
        shown = f"in view now ({notes.cite(last.index)})"
        return Saying(f"{capital(the(thing))} is {where(last.mention)}, {shown}.", evidence)
    direction, share = places_of(thing, notes).direction()
    seen = last_seen(thing, notes)
    if share < SETTLED:
        text = f"I can't tell where {the(thing)} is by now{_lost(thing, notes)}"
        text += f"{_at_least(thing, notes)}. {seen}."
        return Saying(text, evidence, "cannot_tell")
    roughly = "" if share >= _SURE else "roughly "
    return Saying(
        f"{capital(the(thing))} should now be {roughly}{towards(direction)}. {seen}.", evidence
    )


def last_seen(thing: Thing, notes: Notes) -> str:
    """Where a thing was last seen, and the motion since."""
    last = thing.last
    since = tell_motion(notes.motions, max(last.index + 1, notes.start))
    text = f"It was {where(last.mention)}, when I last saw it in {notes.cite(last.index)}"
    if last.index < notes.start:
        return text
    return f"{text}; since then I have {since}" if since else text


def _at_least(thing: Thing, notes: Notes) -> str:
    """The side that a thing is on, if the notes settle at least that."""
    places = places_of(thing, notes)
    shares = {side: places.share_on(side) for side in SIDE_WORDS}
    side = max(shares, key=lambda name: shares[name])
    return f", only that it should be {_ON_THE[side]}" if shares[side] >= _NAMED else ""


def _lost(thing: Thing, notes: Notes) -> str:
    """The reason why the place of a thing is unknown, if it was last seen before a restart."""
    return "" if thing.last_index >= notes.start else ", because I was restarted since"


def way_to(thing: Thing, notes: Notes) -> Saying:
    """The turn towards a thing, as far as the notes settle it."""
    last = thing.last
    evidence = (last.index,)
    if last.index == notes.now:
        direction, share = last.mention.direction, 1.0
    else:
        direction, share = places_of(thing, notes).direction()
    if share < SETTLED:
        text = f"I can't tell the direct way back to {the(thing)}{_lost(thing, notes)}. {last_seen(thing, notes)}."
        return Saying(text, evidence, "cannot_tell")
    roughly = "" if share >= _SURE else "roughly "
    text = (
        f"{capital(the(thing))} should be {roughly}{towards(direction)}: {_TURNS[direction]}. "
        f"{last_seen(thing, notes)}."
    )
    return Saying(text, evidence)


def back_to_start(asked: Asked, notes: Notes) -> Saying:
    """How do I get back to where we started?"""
    motions = notes.motions
    since = tell_motion(motions, 1, most=8)
    evidence = (0, notes.last) if notes.last else (0,)
    if motions.last_measured(1) is None:
        return Saying(
            "I can't tell: no motion was measured since the start.", evidence, "cannot_tell"
        )
    if motions.only_rotations(1):
        return Saying(f"This is where I started: I have only {since}.", evidence)
    direction, share = way_back(notes.deltas[1:]).direction()
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
        if last.index == notes.now:
            if last.mention.distance is None:
                text = f"I can't tell: the distance of {the(thing)} was not noted ({cited})."
                return Saying(text, evidence, "cannot_tell")
            distance = _range(last.mention.distance)
            return Saying(f"{capital(the(thing))} is {distance} ({cited}).", evidence)
        word, share = places_of(thing, notes).distance()
        if share < SETTLED or last.index < notes.start:
            return Saying(
                f"I can't tell how far {the(thing)} is by now{_lost(thing, notes)}. "
                f"{last_seen(thing, notes)}.",
                evidence,
                "cannot_tell",
            )
        text = (
            f"{capital(the(thing))} should now be {_range(word)}. I last saw it in "
            f"{notes.cite(last.index)}."
        )
        return Saying(text, evidence)

    return each(asked, notes, say)


def _range(word: str | None) -> str:
    return "at mid range" if word == "mid" else word or "somewhere"


def nearer(asked: Asked, notes: Notes) -> Saying:
    """Which is nearer, the sofa or the lamp?"""
    things: list[Thing] = []
    for phrase in asked.things:
        result = match(phrase, notes)
        gap = missing(result, notes)
        if gap is not None:
            return gap
        things += [t for t in fits(result)[:_MOST] if t not in things]
    if len(things) < 2:
        return Saying(
            f"My notes have only one such thing, {the(things[0])}.",
            (things[0].last_index,),
            "cannot_tell",
        )
    return _nearest_of(things, notes, reverse=asked.reverse)


def _nearest_of(things: Sequence[Thing], notes: Notes, *, reverse: bool) -> Saying:
    evidence = tuple(sorted({t.last_index for t in things}))
    lengths = {id(t): _lengths(t, notes) for t in things}

    def share(one: Thing, other: Thing) -> float:
        nearer_share = float(np.mean(lengths[id(one)] < lengths[id(other)]))
        return 1.0 - nearer_share if reverse else nearer_share

    best = max(things, key=lambda t: min(share(t, o) for o in things if o is not t))
    others = [o for o in things if o is not best]
    carried = all(t.last_index >= notes.start for t in things)
    if not carried or min(share(best, o) for o in others) < SETTLED:
        word = "farther" if reverse else "nearer"
        noted = join_names(
            f"{_range(t.last.mention.distance)} ({notes.cite(t.last_index)})" for t in things
        )
        text = f"I can't tell which is {word}: I last noted them as {noted}."
        return Saying(text, evidence, "cannot_tell")
    word = "farther" if reverse else "nearer"
    than = f" than {join_names((the(o) for o in others), 'or')}" if len(others) < 3 else ""
    return Saying(f"{capital(the(best))} is {word}{than}.", evidence)


def nearest_of(asked: Asked, notes: Notes) -> Saying:
    """Where is the nearest table? Which lamp is farthest from you?"""
    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    if gap is not None:
        return gap
    things = fits(result)[-AROUND:]
    if len(things) < 2:
        return placed(things[0], notes)
    chosen = _nearest_of(things, notes, reverse=asked.reverse)
    if chosen.status != "answered":
        return chosen
    best = next(t for t in things if chosen.text.startswith(capital(the(t))))
    return join_sayings([chosen, placed(best, notes)])


def visible_now(asked: Asked, notes: Notes) -> Saying:
    """Can you still see the bed? Do you see a bed or a lamp now?"""
    return join_sayings([_visible_now(phrase, notes) for phrase in asked.things])


def _visible_now(phrase: Phrase, notes: Notes) -> Saying:
    result = match(phrase, notes)
    gap = missing(result, notes)
    if gap is not None:
        return gap
    things = fits(result)
    shown = [t for t in things if t.last_index == notes.now]
    if shown:
        facts = join_names(f"{the(t)}, {where(t.last.mention)}" for t in shown)
        return Saying(f"Yes: {facts} ({notes.cite(notes.now)}).", (notes.now,))
    facts = join_names(f"{the(t)} in {notes.cite(t.last_index)}" for t in things[-_MOST:])
    indexes = {t.last_index for t in things[-_MOST:]} | {notes.last}
    return Saying(f"No, not now. I last saw {facts}.", tuple(sorted(indexes)))


def _lengths(thing: Thing, notes: Notes) -> Floats:
    return places_of(thing, notes).lengths


def nearest(asked: Asked, notes: Notes) -> Saying:
    """What is nearest to you?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    in_view = notes.in_view(notes.last)
    ranged = [(thing, m) for thing, m in in_view if m.distance is not None]
    if not ranged:
        text = (
            f"I can't tell: my notes on the current view ({notes.cite(notes.last)}) name nothing "
            f"with a distance."
        )
        return Saying(text, (notes.last,), "cannot_tell")
    ranked = sorted(
        ranged, key=lambda pair: DISTANCES.index(pair[1].distance or "far"), reverse=asked.reverse
    )
    distance = ranked[0][1].distance
    names = [f"{the(t)} ({where(m)})" for t, m in ranked if m.distance == distance]
    word = "farthest" if asked.reverse else "nearest"
    verb = "is" if len(names) == 1 else "are"
    text = (
        f"Of the things in view ({notes.cite(notes.last)}), the {word} {verb} {join_names(names)}."
    )
    return Saying(text, (notes.last,))


def around(asked: Asked, notes: Notes) -> Saying:
    """What is behind you?"""
    if notes.hold_motion_only:
        return Saying(MOTION_ONLY, (), "cannot_tell")
    side = asked.side or "front"
    there, since = [], set()
    for thing in notes.latest(AROUND):
        if asked.colours and not thing.phrase.colours & {*asked.colours}:
            continue
        if thing.last_index == notes.now:
            is_there = thing.last.mention.direction in ON_SIDE[side]
        else:
            is_there = places_of(thing, notes).share_on(side) >= _NAMED
        if is_there:
            there.append(thing)
            since.add(thing.last_index)
    words = SIDE_WORDS[side]
    if not there:
        kind = f" {join_names(asked.colours, 'or')}" if asked.colours else ""
        return Saying(
            f"I can't tell: my notes place nothing{kind} {words}.", (notes.last,), "cannot_tell"
        )
    names = join_names(f"{the(t)} ({notes.cite(t.last_index)})" for t in there)
    seen_now = all(t.last_index == notes.now for t in there)
    verb = ("is" if len(there) == 1 else "are") if seen_now else "should be"
    return Saying(f"{capital(words)} {verb} {names}.", tuple(sorted(since)))


def both_sides(asked: Asked, notes: Notes) -> Saying:
    """What is on your left and on your right? What is behind you and to the left?"""
    sides = asked.sides or ("left", "right")
    return join_sayings([around(replace(asked, side=side), notes) for side in sides])


def is_side(asked: Asked, notes: Notes) -> Saying:
    """Is the sofa behind you?"""
    side = asked.side or "front"

    def say(thing: Thing) -> Saying:
        evidence = (thing.last_index,)
        if thing.last_index == notes.now:
            share = 1.0 if thing.last.mention.direction in ON_SIDE[side] else 0.0
        else:
            share = places_of(thing, notes).share_on(side)
        if share >= SETTLED:
            verb = "is" if thing.last_index == notes.now else "should be"
            return Saying(
                f"Yes, {the(thing)} {verb} {SIDE_WORDS[side]}. {last_seen(thing, notes)}.", evidence
            )
        if share <= 1 - SETTLED:
            direction = placed(thing, notes)
            if direction.status == "answered":
                return Saying(f"No. {direction.text}", evidence)
        text = (
            f"I can't tell whether {the(thing)} is {SIDE_WORDS[side]} by now{_lost(thing, notes)}."
        )
        return Saying(f"{text} {last_seen(thing, notes)}.", evidence, "cannot_tell")

    return each(asked, notes, say)
