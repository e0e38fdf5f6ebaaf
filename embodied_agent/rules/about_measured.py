"""Answers in metres and degrees, from measured positions: how far, where, which is nearer, how far
apart.

The docstring of a public function is a question that it answers. An answer is given where the
positions settle it, with one standard deviation: "about 2.4 m (±0.3)". Otherwise it is ``None``,
and the words of the notes (`about_places`) have to do.

Out of scope: what a position is told as (`surveyed`), the way to a thing (`about_ways`), what is
nearest of all (`about_nearness`), questions with choices (`located`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from embodied_agent.records import direction_at, wrapped_deg
from embodied_agent.rules.about_nearness import is_nearer, nearest, within, within_in
from embodied_agent.rules.about_places import ON_SIDE
from embodied_agent.rules.about_things import join_sayings
from embodied_agent.rules.about_ways import steps_to, way, where
from embodied_agent.rules.asked import Asked, Family
from embodied_agent.rules.notes import Notes, Thing, name_key
from embodied_agent.rules.speech import Saying, join_names, the
from embodied_agent.rules.surveyed import (
    BEARING_DEG,
    DISTANCE,
    MOST,
    SETTLED,
    Spot,
    Survey,
    is_far_known,
    is_noted,
    metres,
    named_spots,
    place,
    say,
)

#: At most this many things are compared.
_COMPARED = 12
#: Quantiles of a normal distribution, in standard deviations.
_QUANTILES = np.array([-1.96, -1.44, -1.15, -0.93, -0.76, -0.6, -0.45, -0.32, -0.19, -0.06])
#: Not about now, or not about here.
_OTHERWISE = re.compile(r"\b(?:was|were|been|had|did|would|if|when|before|after)\b", re.IGNORECASE)
_APART = re.compile(
    r"\bapart\b|\bdistance\b.*\bbetween\b|\bfrom (?:each other|one another)\b"
    r"|\bhow (?:far|close)\b.*\b(?:from|to) (?!here\b|me\b|you\b|us\b|there\b)",
    re.IGNORECASE,
)
_METRES = re.compile(r"\bhow many (?:met(?:er|re)s)\b", re.IGNORECASE)
#: Words of politeness, which suppose nothing.
_POLITE = re.compile(
    r"^\W*(?:please\W+)?would you\b|\bhow would (?:i|you|we)\b|\bif (?:possible|you (?:please|can|could))\b",
    re.IGNORECASE,
)
#: Asks for the way there, not only for the direction.
_WAY = re.compile(
    r"\bhow (?:do|can|could|should|shall|would|will|to)\b.*\b(?:get|go|reach|walk|drive|come|return)\b|"
    r"\b(?:take|lead|guide|bring|direct|navigate|get|steer) (?:me|us|you)\b|"
    r"\b(?:way|route|path|directions|course|road) (?:back )?(?:to|towards?)\b|"
    r"\b(?:go|navigate|drive|walk|return|head) (?:back )?(?:to|towards?)\b",
    re.IGNORECASE,
)
_IS_NEARER = re.compile(r"^\W*(?:and |so )?(?:is|are)\b(?!.*\bor\b).*\bthan\b", re.IGNORECASE)


def answer_by_measure(
    text: str, asked: Asked, notes: Notes, survey: Survey
) -> tuple[Asked, Saying] | None:
    """The question as understood here and the answer, where measured positions settle it.

    Args:
        text: the question.
        asked: the same, as understood.
        notes: the memory, with at least one delta.
        survey: of the things around the camera.
    """
    supposes = _OTHERWISE.search(_POLITE.sub(" ", text))
    if asked.past or asked.keyframe is not None or asked.nth is not None or supposes:
        return None
    reach_m = within_in(text)
    if reach_m is not None and asked.family != "out_of_scope":
        saying = within(reach_m, asked, notes, survey)
        return None if saying is None else (replace(asked, family="how_far"), saying)
    if asked.family == "unnoted" and _METRES.search(text):
        asked = replace(asked, family="how_far")
    if asked.family in ("how_far", "related") and len(asked.things) == 2 and _APART.search(text):
        saying = how_far_apart(asked, notes, survey)
        return None if saying is None else (replace(asked, family="how_far"), saying)
    rule = _RULES.get(asked.family)
    if asked.family in ("where", "nearest_of") and _WAY.search(text):
        rule = way if asked.family == "where" else way_to_nearest
    if asked.family == "nearer" and _IS_NEARER.search(text):
        rule = is_nearer_than
    saying = None if rule is None else rule(asked, notes, survey)
    return None if saying is None else (asked, saying)


def how_far(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """How far away is the sofa?"""
    named = named_spots(asked, notes, survey)
    if named is None or len(named) > MOST or not all(is_far_known(spot) for _, spot in named):
        return None
    return join_sayings(
        [
            say(
                f"{the(thing)} is {metres(spot.distance_m, spot.distance_std_m)} away",
                [spot],
                notes,
            )
            for thing, spot in named
        ]
    )


def is_side(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """Is the sofa behind you?"""
    named = named_spots(asked, notes, survey)
    if named is None or len(named) > MOST:
        return None
    side = asked.side or "front"
    sayings = []
    if any(is_noted(spot, notes) for _, spot in named):
        return None
    for thing, spot in named:
        spread = np.concatenate((_QUANTILES, -_QUANTILES)) * spot.bearing_std_deg
        there = [
            direction_at(wrapped_deg(spot.bearing_deg + off)) in ON_SIDE[side] for off in spread
        ]
        share = float(np.mean(there))
        if 1 - SETTLED < share < SETTLED:
            return None
        word = "yes" if share >= SETTLED else "no"
        sayings.append(say(f"{word}, {the(thing)} is {place(spot)}", [spot], notes))
    return join_sayings(sayings)


def nearer(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """Which is nearer, the sofa or the lamp?"""
    named = named_spots(asked, notes, survey)
    return None if named is None else _nearest_of(named, asked, notes, survey)


def is_nearer_than(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """Is the sofa nearer than the lamp?"""
    saying = nearer(asked, notes, survey)
    named = named_spots(asked, notes, survey)
    if saying is None or named is None or len(named) != 2:
        return saying
    word = "Yes" if saying.text.lower().startswith(f"{the(named[0][0])} is ".lower()) else "No"
    return replace(saying, text=f"{word}, {saying.text[:1].lower()}{saying.text[1:]}")


def nearest_of(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """Where is the nearest table? Which lamp is farthest from you?"""
    named = named_spots(asked, notes, survey)
    if named is None:
        return None
    if len(named) == 1:
        return where(asked, notes, survey)
    return _nearest_of(named, asked, notes, survey)


def way_to_nearest(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """Take me to the nearest table."""
    named = named_spots(asked, notes, survey)
    if named is None or len(named) == 1:
        return way(asked, notes, survey)
    saying = _nearest_of(named, asked, notes, survey)
    thing, spot = _ranked(named, asked)[0]
    if saying is None or spot.bearing_std_deg > BEARING_DEG:
        return None
    steps = steps_to(thing, spot, notes)
    return replace(saying, text=f"{saying.text} {steps}")


def _nearest_of(
    named: list[tuple[Thing, Spot]], asked: Asked, notes: Notes, survey: Survey
) -> Saying | None:
    if not 2 <= len(named) <= _COMPARED:
        return None
    (best, spot), *others = _ranked(named, asked)
    if not all(is_nearer(spot, other, asked, survey) for _, other in others):
        return None
    than = join_names(
        (f"{the(t)}, {metres(s.distance_m, s.distance_std_m)}" for t, s in others[:MOST]), "and"
    )
    word = "farther" if asked.reverse else "nearer"
    text = f"{the(best)} is {word}, {metres(spot.distance_m, spot.distance_std_m)}, than {than}"
    return say(text, [spot, *(s for _, s in others)], notes)


def _ranked(named: list[tuple[Thing, Spot]], asked: Asked) -> list[tuple[Thing, Spot]]:
    """Things by their distance, the nearest first, or the farthest."""
    return sorted(named, key=lambda one: one[1].distance_m, reverse=asked.reverse)


def how_far_apart(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """How far apart are the sofa and the lamp?"""
    named = named_spots(asked, notes, survey)
    if named is None or len(named) != 2:
        return None
    (one, first), (other, second) = named
    distance, std = survey.apart(name_key(first.name), name_key(second.name))
    if std > DISTANCE * distance:
        return None
    text = f"{the(one)} and {the(other)} are {metres(distance, std)} apart"
    return say(text, [first, second], notes)


_RULES: dict[Family, Callable[[Asked, Notes, Survey], Saying | None]] = {
    "how_far": how_far,
    "where": where,
    "way_back": way,
    "is_side": is_side,
    "nearer": nearer,
    "nearest_of": nearest_of,
    "nearest": nearest,
    "farthest": lambda asked, notes, survey: nearest(replace(asked, reverse=True), notes, survey),
}
