"""What is measured of the things around the camera, and the words for it.

A position is told with one standard deviation: "about 2.4 m (±0.3)".

Out of scope: where positions come from (`embodied_agent.agent.survey`), the answers
(`about_measured`, `about_ways`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from embodied_agent.records import direction_at
from embodied_agent.rules.about_certainty import Certainties
from embodied_agent.rules.about_things import fits
from embodied_agent.rules.absence import missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing, name_key
from embodied_agent.rules.speech import Saying, capital, join_names, towards

#: Largest uncertainty of a direction that is told, in degrees, and of a distance, as a share of it.
BEARING_DEG, DISTANCE = 10.0, 0.35
#: The share of what is possible that must agree before something is stated.
SETTLED = 0.8
#: At most this many things are described.
MOST = 4
#: A smaller angle from straight ahead or straight behind is not told, in degrees.
STRAIGHT_DEG = 5.0


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


def named_spots(asked: Asked, notes: Notes, survey: Survey) -> list[tuple[Thing, Spot]] | None:
    """The things that a question names, with their spots; ``None`` unless all have one that agrees
    with what is in view now."""
    found: dict[str, tuple[Thing, Spot]] = {}
    for phrase in asked.things:
        result = match(phrase, notes)
        if missing(result, notes) is not None:
            return None
        for thing in fits(result):
            spot = spot_of(thing, notes, survey)
            if spot is None:
                return None
            found[name_key(thing.name)] = thing, spot
    return list(found.values()) or None


def spot_of(thing: Thing, notes: Notes, survey: Survey) -> Spot | None:
    """Where a thing is; ``None`` if that is not measured, or does not agree with the current view."""
    spot = survey.spot(name_key(thing.name))
    if spot is None or notes.index(spot.keyframe_id) is None:
        return None
    # What is in view now, and not where its position says, is not measured well.
    in_view = thing.last_index == notes.now
    return None if in_view and spot.keyframe_id != notes.id(notes.now) else spot


def is_far_known(spot: Spot) -> bool:
    """Whether the distance of a thing is known well enough to be told."""
    return spot.distance_std_m <= DISTANCE * spot.distance_m


def is_noted(spot: Spot, notes: Notes) -> bool:
    """Whether the current view says more of a thing than its position, which has no distance."""
    return spot.keyframe_id == notes.id(notes.now) and not is_far_known(spot)


def metres(distance_m: float, std_m: float) -> str:
    """A distance and how sure it is: ``about 2.4 m (±0.3)``."""
    digits = 1 if distance_m < 9.95 else 0
    return f"about {distance_m:.{digits}f} m (±{max(std_m, 10.0**-digits):.{digits}f})"


def in_degrees(spot: Spot) -> str:
    """The direction of a thing: ``to my left (80° left)``."""
    words = towards(direction_at(spot.bearing_deg))
    off = abs(spot.bearing_deg)
    if off < STRAIGHT_DEG or off > 180 - STRAIGHT_DEG:
        return words
    return f"{words} ({off:.0f}° {'left' if spot.bearing_deg > 0 else 'right'})"


def _seen(spots: Sequence[Spot], notes: Notes) -> str:
    """When the things were last seen."""
    cited = [notes.cite(index) for index in indexes_of(spots, notes)]
    if cited == [notes.cite(notes.now)] and spots[0].keyframe_id == notes.id(notes.now):
        return f", in view now ({cited[0]})."
    return f" (last seen in {join_names(cited)})."


def indexes_of(spots: Sequence[Spot], notes: Notes) -> tuple[int, ...]:
    """The indexes of the deltas that mention things last."""
    indexes = {notes.index(spot.keyframe_id) for spot in spots}
    return tuple(sorted(index for index in indexes if index is not None))


def say(text: str, spots: Sequence[Spot], notes: Notes) -> Saying:
    """A sentence about things, with when they were last seen."""
    return Saying(
        f"{capital(text)}{_seen(spots, notes)}", indexes_of(spots, notes), measured=len(spots)
    )


def place(spot: Spot) -> str:
    """Where a thing is: its direction, and its distance if it is known."""
    away = f", {metres(spot.distance_m, spot.distance_std_m)} away" if is_far_known(spot) else ""
    return f"{in_degrees(spot)}{away}"
