"""Answers about people, and about moments of the way: "when I passed the door", "when I entered the
kitchen".

Notes name no rooms, so they can't say who or what was in one; a moment is known by the thing that
was passed then. The docstring of a public function is a question that it answers.

Out of scope: moments of first and last sightings (`about_moments`).
"""

from __future__ import annotations

from embodied_agent.records import DISTANCES
from embodied_agent.rules.about_places import is_side
from embodied_agent.rules.about_things import fits, inventory
from embodied_agent.rules.about_views import at_keyframe
from embodied_agent.rules.absence import missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes, Thing
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.rules.speech import Saying, capital, the

#: Keyframes of a thing that are looked at for the nearest view of it, the last ones.
_MOST_READ = 200


def people(asked: Asked, notes: Notes) -> Saying:
    """Who did you meet? Who is in the house? Who is behind you?"""
    things = (read_phrase("people"),)
    said = inventory(Asked("inventory", things=things), notes)
    if said.status == "not_seen":
        blind = notes.motions.unusable
        unseen = f" Of {len(notes.deltas)} keyframes, {blind} could not be perceived."
        return Saying(f"I have not seen any people.{unseen if blind else ''}", (), "not_seen")
    if asked.side is not None and said.status == "answered":
        return is_side(Asked("is_side", things=things, side=asked.side), notes)
    if asked.definite and said.status == "answered":
        return Saying(f"{said.text} My notes don't name rooms or places.", said.evidence)
    return said


def unplaced(asked: Asked, notes: Notes) -> Saying:
    """What was on your right when you entered the kitchen? (Notes don't name rooms.)"""
    text = (
        "I can't tell: my notes name no rooms or floors, and don't say when I came into one; they "
        "say what was in view at each keyframe."
    )
    return Saying(text, (), "cannot_tell")


def seen_when(asked: Asked, notes: Notes) -> Saying:
    """What was on your left when you passed the purple door?"""
    result = match(asked.things[0], notes)
    gap = missing(result, notes)
    if gap is not None:
        return gap
    things = fits(result)
    thing = max(things, key=lambda one: one.last_index)
    index = _nearest_view(thing, notes)
    seen = at_keyframe(Asked("at_keyframe", nth=index, side=asked.side), notes)
    text = f"{capital(the(thing))} was nearest in {notes.cite(index)}. {seen.text}"
    return Saying(text, seen.evidence, seen.status)


def _nearest_view(thing: Thing, notes: Notes) -> int:
    """The keyframe that noted a thing nearest, the last one of several."""
    ranks = {word: rank for rank, word in enumerate(DISTANCES)}
    noted = [
        (ranks.get(mention.distance, len(ranks)) if mention.distance else len(ranks), -index)
        for index in sorted(set(thing.indexes))[-_MOST_READ:]
        for seen, mention in notes.in_view(index)
        if seen.name == thing.name
    ]
    return -min(noted)[1] if noted else thing.last_index
