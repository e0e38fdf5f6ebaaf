"""Answers in metres and degrees, from measured positions: how far, where, which is nearer, how far
apart.

The docstring of a public function is a question that it answers. An answer is given where the
positions settle it, with one standard deviation: "about 2.4 m (±0.3)". Otherwise it is ``None``,
and the words of the notes (`about_places`) have to do.

Out of scope: where positions come from (`embodied_agent.agent.survey`), questions with choices
(`located`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np

from embodied_agent.records import direction_at, wrapped_deg
from embodied_agent.rules.about_certainty import Certainties
from embodied_agent.rules.about_places import ON_SIDE
from embodied_agent.rules.about_things import fits, join_sayings
from embodied_agent.rules.absence import missing
from embodied_agent.rules.asked import Asked, Family
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing, name_key
from embodied_agent.rules.speech import Saying, capital, join_names, the, towards

#: Largest uncertainty of a direction that is told, in degrees, and of a distance, as a share of it.
BEARING_DEG, DISTANCE = 10.0, 0.35
#: The share of what is possible that must agree before something is stated.
_SETTLED = 0.8
#: At most this many things are described, or named as equally near.
_MOST, _MOST_NEAREST = 4, 3
#: Things that may be the nearest are compared closely, at most.
_COMPARED = 12
#: A smaller angle from straight ahead or straight behind is not told, in degrees.
_STRAIGHT_DEG = 5.0
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


@dataclass(frozen=True, slots=True)
class Spot:
    """Where a thing is from the camera, with standard deviations: ``bearing_deg`` to the left of
    its heading, and ``distance_m``. ``keyframe_id`` shows it last."""

    name: str
    bearing_deg: float
    bearing_std_deg: float
    distance_m: float
    distance_std_m: float
    keyframe_id: int


class Survey(Certainties, Protocol):
    """What is measured of the things around the camera, in one map session. Things go by the keys
    of their names (`name_key`)."""

    def spot(self, key: str) -> Spot | None:
        """Where a thing is; ``None`` unless exactly one of this name has a position."""
        ...

    def keys(self) -> Sequence[str]:
        """The things that have a `spot`, the nearest first."""
        ...

    def share_nearer(self, key: str, other: str) -> float:
        """The share of what is possible in which the one is nearer than the other."""
        ...

    def apart(self, key: str, other: str) -> tuple[float, float]:
        """How far two things are from each other, and the standard deviation, in metres."""
        ...


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
    if asked.past or asked.keyframe is not None or asked.nth is not None or _OTHERWISE.search(text):
        return None
    if asked.family == "unnoted" and _METRES.search(text):
        asked = replace(asked, family="how_far")
    if asked.family in ("how_far", "related") and len(asked.things) == 2 and _APART.search(text):
        saying = how_far_apart(asked, notes, survey)
        return None if saying is None else (replace(asked, family="how_far"), saying)
    rule = _RULES.get(asked.family)
    saying = None if rule is None else rule(asked, notes, survey)
    return None if saying is None else (asked, saying)


def _named(asked: Asked, notes: Notes, survey: Survey) -> list[tuple[Thing, Spot]] | None:
    """The things that a question names, with their spots; ``None`` unless all have one that agrees
    with what is in view now."""
    found: dict[str, tuple[Thing, Spot]] = {}
    for phrase in asked.things:
        result = match(phrase, notes)
        if missing(result, notes) is not None:
            return None
        for thing in fits(result):
            spot = _spot(thing, notes, survey)
            if spot is None:
                return None
            found[name_key(thing.name)] = thing, spot
    return list(found.values()) or None


def _spot(thing: Thing, notes: Notes, survey: Survey) -> Spot | None:
    spot = survey.spot(name_key(thing.name))
    if spot is None or notes.index(spot.keyframe_id) is None:
        return None
    # What is in view now, and not where its position says, is not measured well.
    in_view = thing.last_index == notes.now
    return None if in_view and spot.keyframe_id != notes.id(notes.now) else spot


def _is_far_known(spot: Spot) -> bool:
    return spot.distance_std_m <= DISTANCE * spot.distance_m


def _is_noted(spot: Spot, notes: Notes) -> bool:
    """Whether the current view says more of a thing than its position, which has no distance."""
    return spot.keyframe_id == notes.id(notes.now) and not _is_far_known(spot)


def metres(distance_m: float, std_m: float) -> str:
    """A distance and how sure it is: ``about 2.4 m (±0.3)``."""
    digits = 1 if distance_m < 9.95 else 0
    return f"about {distance_m:.{digits}f} m (±{max(std_m, 10.0**-digits):.{digits}f})"


def _direction(spot: Spot) -> str:
    words = towards(direction_at(spot.bearing_deg))
    off = abs(spot.bearing_deg)
    if off < _STRAIGHT_DEG or off > 180 - _STRAIGHT_DEG:
        return words
    return f"{words} ({off:.0f}° {'left' if spot.bearing_deg > 0 else 'right'})"


def _seen(spots: Sequence[Spot], notes: Notes) -> str:
    """When the things were last seen."""
    cited = [notes.cite(index) for index in _indexes(spots, notes)]
    if cited == [notes.cite(notes.now)] and spots[0].keyframe_id == notes.id(notes.now):
        return f", in view now ({cited[0]})."
    return f" (last seen in {join_names(cited)})."


def _indexes(spots: Sequence[Spot], notes: Notes) -> tuple[int, ...]:
    indexes = {notes.index(spot.keyframe_id) for spot in spots}
    return tuple(sorted(index for index in indexes if index is not None))


def _say(text: str, spots: Sequence[Spot], notes: Notes) -> Saying:
    return Saying(
        f"{capital(text)}{_seen(spots, notes)}", _indexes(spots, notes), measured=len(spots)
    )


def how_far(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """How far away is the sofa?"""
    named = _named(asked, notes, survey)
    if named is None or len(named) > _MOST or not all(_is_far_known(spot) for _, spot in named):
        return None
    return join_sayings(
        [
            _say(
                f"{the(thing)} is {metres(spot.distance_m, spot.distance_std_m)} away",
                [spot],
                notes,
            )
            for thing, spot in named
        ]
    )


def where(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """Which way is the sofa?"""
    named = _named(asked, notes, survey)
    if named is None or len(named) > _MOST:
        return None
    if any(spot.bearing_std_deg > BEARING_DEG or _is_noted(spot, notes) for _, spot in named):
        return None
    return join_sayings(
        [_say(f"{the(thing)} is {_place(spot)}", [spot], notes) for thing, spot in named]
    )


def _place(spot: Spot) -> str:
    away = f", {metres(spot.distance_m, spot.distance_std_m)} away" if _is_far_known(spot) else ""
    return f"{_direction(spot)}{away}"


def is_side(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """Is the sofa behind you?"""
    named = _named(asked, notes, survey)
    if named is None or len(named) > _MOST:
        return None
    side = asked.side or "front"
    sayings = []
    if any(_is_noted(spot, notes) for _, spot in named):
        return None
    for thing, spot in named:
        spread = np.concatenate((_QUANTILES, -_QUANTILES)) * spot.bearing_std_deg
        there = [
            direction_at(wrapped_deg(spot.bearing_deg + off)) in ON_SIDE[side] for off in spread
        ]
        share = float(np.mean(there))
        if 1 - _SETTLED < share < _SETTLED:
            return None
        word = "yes" if share >= _SETTLED else "no"
        sayings.append(_say(f"{word}, {the(thing)} is {_place(spot)}", [spot], notes))
    return join_sayings(sayings)


def nearer(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """Which is nearer, the sofa or the lamp?"""
    named = _named(asked, notes, survey)
    return None if named is None else _nearest_of(named, asked, notes, survey)


def nearest_of(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """Where is the nearest table? Which lamp is farthest from you?"""
    named = _named(asked, notes, survey)
    if named is None:
        return None
    if len(named) == 1:
        return where(asked, notes, survey)
    return _nearest_of(named, asked, notes, survey)


def _nearest_of(
    named: list[tuple[Thing, Spot]], asked: Asked, notes: Notes, survey: Survey
) -> Saying | None:
    if not 2 <= len(named) <= _COMPARED:
        return None
    ranked = sorted(named, key=lambda one: one[1].distance_m, reverse=asked.reverse)
    (best, spot), others = ranked[0], ranked[1:]
    if not all(_is_nearer(spot, other, asked, survey) for _, other in others):
        return None
    than = join_names(
        (f"{the(t)}, {metres(s.distance_m, s.distance_std_m)}" for t, s in others[:_MOST]), "and"
    )
    word = "farther" if asked.reverse else "nearer"
    text = f"{the(best)} is {word}, {metres(spot.distance_m, spot.distance_std_m)}, than {than}"
    return _say(text, [spot, *(s for _, s in others)], notes)


def _is_nearer(one: Spot, other: Spot, asked: Asked, survey: Survey) -> bool:
    share = survey.share_nearer(name_key(one.name), name_key(other.name))
    return (1 - share if asked.reverse else share) >= _SETTLED


def nearest(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """What is nearest to you?"""
    in_view = [_spot(thing, notes, survey) for thing, _ in notes.in_view(notes.last)]
    if None in in_view:
        return None  # what is in view without a position may be the nearest
    keys = survey.keys()[::-1] if asked.reverse else survey.keys()
    spots = [spot for key in keys[:_COMPARED] if (spot := survey.spot(key)) is not None]
    if len(spots) < 2 or any(notes.index(spot.keyframe_id) is None for spot in spots):
        return None
    best, *others = spots
    even = [best, *(one for one in others if not _is_nearer(best, one, asked, survey))]
    if len(even) > _MOST_NEAREST or not all(map(_is_far_known, even)):
        return None
    names = "; and ".join(f"{the(one.name)}, {_place(one)}" for one in even)
    word = "farthest" if asked.reverse else "nearest"
    verb = "is" if len(even) == 1 else "are"
    return _say(f"of the things whose place I know, the {word} {verb} {names}", even, notes)


def how_far_apart(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """How far apart are the sofa and the lamp?"""
    named = _named(asked, notes, survey)
    if named is None or len(named) != 2:
        return None
    (one, first), (other, second) = named
    distance, std = survey.apart(name_key(first.name), name_key(second.name))
    if std > DISTANCE * distance:
        return None
    text = f"{the(one)} and {the(other)} are {metres(distance, std)} apart"
    return _say(text, [first, second], notes)


_RULES: dict[Family, Callable[[Asked, Notes, Survey], Saying | None]] = {
    "how_far": how_far,
    "where": where,
    "is_side": is_side,
    "nearer": nearer,
    "nearest_of": nearest_of,
    "nearest": nearest,
    "farthest": lambda asked, notes, survey: nearest(replace(asked, reverse=True), notes, survey),
}
