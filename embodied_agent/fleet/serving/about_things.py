"""Answers about things that robots saw, from the index of sightings.

Out of scope: reading questions (`reading`), the index (`sightings`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from embodied_agent.fleet.serving.reading import Window
from embodied_agent.fleet.serving.saying import Asking, Said, told_time
from embodied_agent.fleet.serving.sightings import (
    Sighting,
    latest_things,
    newest_of_each,
    observation_of,
    position_of,
    sightings,
)
from embodied_agent.rules.absence import negated_name
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Thing
from embodied_agent.rules.speech import a, join_names, number, the

#: Things in a list, at most.
_LISTED = 20


def about_thing(asking: Asking) -> Said:
    """What is said to a question about one thing."""
    asked = asking.asked
    assert asked.thing is not None
    ids = things_of(asking)
    seen = sightings(asking.db, asking.ids, ids, asked.window, first=asked.wanted == "first")
    if asked.wanted == "which_not":
        return _without(asking, seen)
    if not seen:
        return missing_thing(asking, ids)
    if asked.wanted == "which":
        return _which(asking, seen)
    one = seen[0]
    verb = "first saw" if asked.wanted == "first" else "last saw"
    text = f"{one.robot} {verb} {the(one.thing)}{_at(asking, one)}."
    others = newest_of_each(seen[1:])
    if len(seen) > 1 and others and others[0].thing != one.thing:
        text += (
            f" {others[0].robot} saw {the(others[0].thing)} {told_time(asking, others[0].seen_at)}."
        )
    return Said(text, "answered", seen)


def _which(asking: Asking, seen: Sequence[Sighting]) -> Said:
    by_robot = newest_of_each(seen, by_robot=True)
    told = [
        f"{one.robot} ({the(one.thing)}, last {told_time(asking, one.seen_at)})" for one in by_robot
    ]
    opening = "" if asking.asked.asks_who else "Yes: "
    return Said(f"{opening}{join_names(told)}.", "answered", by_robot)


def _without(asking: Asking, seen: Sequence[Sighting]) -> Said:
    assert asking.asked.thing is not None
    with_it = {one.robot for one in seen}
    names = [one.name for one in asking.robots if one.name not in with_it]
    thing = negated_name(asking.asked.thing)
    if not names:
        return Said(
            f"Each of the {number(len(asking.robots))} robots has seen {thing}{asking.when}.",
            "answered",
            newest_of_each(seen, by_robot=True),
        )
    have = "has" if len(names) == 1 else "have"
    text = f"{join_names(names)} {have} not seen {thing}{asking.when}."
    return Said(text, "answered", newest_of_each(seen, by_robot=True))


def things_of(asking: Asking) -> list[int]:
    """The ids of the names that the question's thing may have."""
    assert asking.asked.thing is not None
    found = match(asking.asked.thing, asking.notes.notes)
    return _ids(asking, (*found.things, *found.within))


def missing_thing(asking: Asking, ids: Sequence[int]) -> Said:
    """Why there is no sighting of these names: none in this time, another colour, no word of the
    colour, words in an observation, or nothing at all."""
    asked, db = asking.asked, asking.db
    assert asked.thing is not None
    found = match(asked.thing, asking.notes.notes)
    who = asking.robots[0].name if len(asking.robots) == 1 else "no robot"
    seen = f"{who} has {'not ' if len(asking.robots) == 1 else ''}seen"
    text = f"{seen[0].upper() if who == 'no robot' else seen[0]}{seen[1:]} "
    text += f"{negated_name(asked.thing)}{asking.when}."
    earlier = sightings(db, asking.ids, ids, Window())
    if earlier:
        one = earlier[0]
        text += f" {one.robot} last saw {the(one.thing)} {told_time(asking, one.seen_at)}."
        return Said(text, "not_seen", earlier[:1])
    doubtful = sightings(
        db, asking.ids, _ids(asking, (*found.no_colour, *found.unsaid)), asked.window
    )
    if doubtful:
        one = doubtful[0]
        what = "what colour it is" if not asked.thing.qualifiers else "more about it"
        return Said(
            f"I can't tell: {one.robot} saw {a(one.thing)} {told_time(asking, one.seen_at)}, but "
            f"its notes do not say {what}.",
            "cannot_tell",
            doubtful[:1],
        )
    words = [asked.thing.noun, *lexicon().words(asked.thing.kind)] if asked.thing.kind else []
    noted = observation_of(db, asking.ids, words, asked.window)
    if noted is not None and not found.is_known:
        one, observation = noted
        return Said(
            f"I can't tell: the notes of {one.robot} {told_time(asking, one.seen_at)} say: "
            f"“{' '.join(observation.split())[:160]}”",
            "cannot_tell",
            [one],
        )
    near = (*found.other_colour, *((found.nearest,) if found.nearest else ()))
    closest = sightings(db, asking.ids, _ids(asking, near), Window())
    if closest:
        one = closest[0]
        text += f" The closest match is {a(one.thing)}, which {one.robot} saw "
        text += f"{told_time(asking, one.seen_at)}."
    return Said(text, "not_seen", closest[:1])


def about_all_things(asking: Asking) -> Said:
    """What is said to the question what was seen."""
    found, more = latest_things(asking.db, asking.ids, asking.asked.window, _LISTED)
    subject = asking.robots[0].name if len(asking.robots) == 1 else "The robots"
    if not found:
        have = "has" if len(asking.robots) == 1 else "have"
        return Said(f"{subject} {have} seen nothing{asking.when}.", "not_seen")
    names = [a(one.thing) for one in found]
    rest = f" and {more} more" if more else ""
    listed = f"{', '.join(names)}{rest}" if more else join_names(names)
    text = f"{subject} saw{asking.when}, the latest first: {listed}."
    return Said(text, "answered", found)


def _at(asking: Asking, one: Sighting) -> str:
    """When it was, and where the robot was then."""
    position = position_of(asking.db, one)
    where = "" if position is None else f", from ({position[1]:.1f}, {position[2]:.1f}) m"
    frame = f" in {position[0]}" if position and position[0] else ""
    return f" {told_time(asking, one.seen_at)}{where}{frame}"


def _ids(asking: Asking, things: Iterable[Thing]) -> list[int]:
    keys = (" ".join(thing.name.casefold().split()) for thing in things)
    return [asking.notes.ids[key] for key in keys if key in asking.notes.ids]
