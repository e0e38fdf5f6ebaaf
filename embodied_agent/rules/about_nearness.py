"""Answers about what is nearest of all, and what is within some metres, from measured positions.

The docstring of a public function is a question that it answers. Things whose distance is known
only roughly are named as such.

Out of scope: which of two things is nearer (`about_measured`), the same without measured positions
(`about_places`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import replace

from embodied_agent.rules.about_things import join_sayings
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.notes import Notes, name_key
from embodied_agent.rules.speech import Saying, join_names, number, number_in, the
from embodied_agent.rules.surveyed import (
    MOST,
    SETTLED,
    Spot,
    Survey,
    in_degrees,
    indexes_of,
    is_far_known,
    is_noted,
    metres,
    named_spots,
    place,
    say,
    spot_of,
)

#: At most this many things are named as equally near.
_MOST_NEAREST = 3
#: Things that may be the nearest are compared closely, at most.
_COMPARED = 12
_UNITS_M = {"m": 1.0, "c": 0.01, "f": 0.3048, "y": 0.9144}
_WITHIN = re.compile(
    r"\b(?:within|(?:in|inside) a (?:radius|distance) of|less than|closer than|nearer than|at most|"
    r"no more than|not more than|under)(?: about)? (?P<number>\d+(?:[.,]\d+)?|half a|an?|one|two|three|four|five|six|"
    r"seven|eight|nine|ten) ?(?P<unit>m|met(?:er|re)s?|cm|centimet(?:er|re)s?|feet|foot|ft|yards?)\b"
    r"(?! (?:of|from|to) (?!me\b|you\b|us\b|here\b))",
    re.IGNORECASE,
)


def within_in(text: str) -> float | None:
    """The distance from the camera, in metres, within which a question asks for things; ``None``
    if it doesn't."""
    found = _WITHIN.search(text)
    if found is None:
        return None
    words = found["number"].lower()
    unit = _UNITS_M[found["unit"][0].lower()]
    if words.startswith(("half", "a")):
        return unit * (0.5 if words.startswith("half") else 1.0)
    if words[0].isdigit():
        return unit * float(words.replace(",", "."))
    return unit * (number_in(words) or 1)


def is_nearer(one: Spot, other: Spot, asked: Asked, survey: Survey) -> bool:
    """Whether one thing certainly is nearer than another; farther, if the question asks for that."""
    share = survey.share_nearer(name_key(one.name), name_key(other.name))
    return (1 - share if asked.reverse else share) >= SETTLED


def nearest(asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """What is nearest to you?"""
    spots = _spots(notes, survey, reverse=asked.reverse)
    known = [spot for spot in spots if is_far_known(spot)]
    if len(spots) < 2 or not known:
        return None
    best, *others = known
    even = [best, *(one for one in others if not is_nearer(best, one, asked, survey))]
    rough = [one for one in spots if not is_far_known(one)]
    rough = [one for one in rough if not is_nearer(best, one, asked, survey)]
    in_view = [the(spot.name) for spot in rough if is_noted(spot, notes)]
    in_view += _unplaced(notes, survey)
    if in_view and any(mention.distance for _, mention in notes.in_view(notes.last)):
        return None  # the notes say more of what is in view
    word = "farther" if asked.reverse else "nearer"
    saying = _nearest(even, asked, notes)
    if in_view:
        text = (
            f"I can't tell: how far {_are(in_view)}, in view now, I don't know well. {saying.text}"
        )
        saying = replace(saying, text=text, status="cannot_tell")
    return _with(saying, _roughly(rough, word, notes), rough, notes)


def _nearest(spots: Sequence[Spot], asked: Asked, notes: Notes) -> Saying:
    shown = spots[:_MOST_NEAREST]
    word = "farthest" if asked.reverse else "nearest"
    verb = "is" if len(spots) == 1 else "are"
    names = "; and ".join(f"{the(one.name)}, {place(one)}" for one in shown)
    if len(spots) > len(shown):
        names += f"; and {number(len(spots) - len(shown))} more that may be as {word[:-3]}"
    return say(f"of the things whose place I know, the {word} {verb} {names}", shown, notes)


def within(reach_m: float, asked: Asked, notes: Notes, survey: Survey) -> Saying | None:
    """Is anything within two metres? Is the sofa?"""
    if asked.things:
        named = named_spots(asked, notes, survey)
        if named is None or len(named) > MOST:
            return None
        return _are_within(reach_m, [spot for _, spot in named], notes)
    spots = _spots(notes, survey, reverse=False)
    if not spots:
        return None
    shares = [_share_within(reach_m, spot) for spot in spots]
    there = [spot for spot, share in zip(spots, shares, strict=True) if share >= SETTLED]
    unsure = [
        spot for spot, share in zip(spots, shares, strict=True) if 1 - SETTLED < share < SETTLED
    ]
    reach = f"within {reach_m:g} m"
    notice = _roughly(unsure, reach, notes)
    unplaced = _unplaced(notes, survey)
    if unplaced:
        notice += f" How far {_are(unplaced)}, in view now, I don't know."
    if there:
        names = "; and ".join(f"{the(one.name)}, {_at(one)}" for one in there)
        saying = say(f"{reach}, of the things whose place I know: {names}", there, notes)
        return _with(saying, notice, unsure, notes)
    if unsure or unplaced:
        text = f"I can't tell: of the things whose place I know, none certainly is {reach}."
        return _with(Saying(text, (), "cannot_tell"), notice, unsure, notes)
    best = spots[0]
    text = f"of the things whose place I know, none is {reach}; the nearest is {the(best.name)}"
    return say(f"{text}, {_at(best)}", [best], notes)


def _are_within(reach_m: float, spots: Sequence[Spot], notes: Notes) -> Saying | None:
    sayings = []
    for spot in spots:
        share = _share_within(reach_m, spot)
        if 1 - SETTLED < share < SETTLED:
            return None
        word = "yes" if share >= SETTLED else "no"
        sayings.append(say(f"{word}, {the(spot.name)} is {_at(spot)}", [spot], notes))
    return join_sayings(sayings)


def _share_within(reach_m: float, spot: Spot) -> float:
    """The share of what is possible in which a thing is within a distance."""
    std_m = max(spot.distance_std_m, 1e-3)
    return 0.5 * (1.0 + math.erf((reach_m - spot.distance_m) / (std_m * math.sqrt(2.0))))


def _spots(notes: Notes, survey: Survey, *, reverse: bool) -> list[Spot]:
    """The nearest things, or the farthest, that have a spot; none if the notes lack one of them."""
    keys = survey.keys()[::-1] if reverse else survey.keys()
    spots = [spot for key in keys[:_COMPARED] if (spot := survey.spot(key)) is not None]
    return spots if all(notes.index(spot.keyframe_id) is not None for spot in spots) else []


def _unplaced(notes: Notes, survey: Survey) -> list[str]:
    """The things in view that have no spot, or not where they are seen."""
    return [
        the(thing)
        for thing, _ in notes.in_view(notes.last)
        if spot_of(thing, notes, survey) is None
    ]


def _at(spot: Spot) -> str:
    """Where a thing is, with its distance however rough that is."""
    if is_far_known(spot):
        return place(spot)
    return f"{in_degrees(spot)}, {metres(spot.distance_m, spot.distance_std_m)} away"


def _roughly(spots: Sequence[Spot], perhaps: str, notes: Notes) -> str:
    """A sentence that names things whose distance is known only roughly; empty if there are none."""
    if not spots:
        return ""
    names = "; and ".join(f"{the(one.name)}, {_at(one)}" for one in spots[:MOST])
    return say(f"perhaps {perhaps}: {names}", spots[:MOST], notes).text


def _are(names: Sequence[str]) -> str:
    return f"{join_names(names)} {'is' if len(names) == 1 else 'are'}"


def _with(saying: Saying, notice: str, spots: Sequence[Spot], notes: Notes) -> Saying:
    """A saying, and a sentence about more spots."""
    shown = spots[:MOST]
    return replace(
        saying,
        text=f"{saying.text} {notice.strip()}".strip(),
        evidence=tuple(sorted({*saying.evidence, *indexes_of(shown, notes)})),
        measured=saying.measured + len(shown),
    )
