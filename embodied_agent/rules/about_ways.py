"""Where things are and which way leads to them, in degrees and metres, from measured positions.

The docstring of a public function is a question that it answers. A thing that a question means and
that is not measured well gets the words of the notes (`about_places`).

Out of scope: distances and comparisons (`about_measured`), the way back to the start
(`about_places`), whether a way is free, which nothing notes.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from embodied_agent.rules.about_places import placed, way_to
from embodied_agent.rules.about_things import fits, join_sayings
from embodied_agent.rules.absence import missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.speech import Saying, the
from embodied_agent.rules.surveyed import (
    BEARING_DEG,
    MOST,
    STRAIGHT_DEG,
    Spot,
    Survey,
    is_far_known,
    is_noted,
    metres,
    place,
    say,
    spot_of,
)


def where(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """Which way is the sofa?"""
    return _each(asked, notes, survey, placed, lambda saying, thing, spot: saying)


def way(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """How do I get to the sofa? Take me to it."""

    def with_steps(saying: Saying, thing: Thing, spot: Spot) -> Saying:
        # Where it is has a sentence of its own, so that it is told once among several answers.
        return replace(saying, text=f"{saying.text} {steps_to(thing, spot, notes)}")

    return _each(asked, notes, survey, way_to, with_steps)


def _each(
    asked: Asked,
    notes: Notes,
    survey: Survey,
    noted: Callable[[Thing, Notes], Saying],
    measured: Callable[[Saying, Thing, Spot], Saying],
) -> Saying | None:
    """What is said of each thing that a question names; ``None`` if none of them is measured well."""
    things: dict[int, Thing] = {}
    for phrase in asked.things:
        result = match(phrase, notes)
        if missing(result, notes) is not None:
            return None
        things |= {id(thing): thing for thing in fits(result)}
    if len(things) > MOST:
        return None
    sayings = []
    for thing in things.values():
        spot = spot_of(thing, notes, survey)
        if spot is None or spot.bearing_std_deg > BEARING_DEG or is_noted(spot, notes):
            sayings.append(noted(thing, notes))
        else:
            there = say(f"{the(thing)} is {place(spot)}", [spot], notes)
            sayings.append(measured(there, thing, spot))
    return join_sayings(sayings) if any(saying.measured for saying in sayings) else None


def steps_to(thing: Thing, spot: Spot, notes: Notes) -> str:
    """The turn, and the way ahead: ``turn left by about 55 degrees, then go about 4.4 m ahead``."""
    off = abs(spot.bearing_deg)
    side = "left" if spot.bearing_deg > 0 else "right"
    known = is_far_known(spot)
    far = f"{metres(spot.distance_m, spot.distance_std_m).split(' (')[0]} " if known else ""
    if off < STRAIGHT_DEG:
        steps = f"go {far}straight ahead"
    elif off > 180 - STRAIGHT_DEG:
        steps = f"turn around, then go {far}ahead"
    else:
        steps = f"turn {side} by about {5 * round(off / 5)} degrees, then go {far}ahead"
    if not known:
        steps += "; I can't tell how far"
    left, right, _ = notes.motions.summary(max(thing.last_index + 1, notes.start))
    line = " in a straight line (I came another way)" if left or right else ""
    return f"To get to {the(thing)}{line}, {steps}."
