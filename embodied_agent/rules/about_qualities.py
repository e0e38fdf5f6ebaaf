"""What a thing is made of, which notes say only in its name: "wooden table".

The docstring of a public function is a question that it answers.

Out of scope: which questions ask for it (`readers_of_qualities`), other things that notes never tell
(`about_things`).
"""

from __future__ import annotations

from embodied_agent.rules import about_things
from embodied_agent.rules.about_things import fits, last_seen
from embodied_agent.rules.absence import missing
from embodied_agent.rules.asked import Asked
from embodied_agent.rules.matching import match
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.readers_of_qualities import noted_material
from embodied_agent.rules.speech import Saying, a, join_each


def unnoted(asked: Asked, notes: Notes) -> Saying:
    """Is the table wood or plastic? What is the sofa made of? How heavy is it?"""
    if not asked.of_material or not asked.things:
        return about_things.unnoted(asked, notes)
    result = match(asked.things[0], notes)
    if missing(result, notes) is None:
        told = [thing for thing in fits(result) if noted_material(thing.name)]
        if told:
            names = join_each(told, lambda t: f"{a(t.name)} ({notes.cite(t.last_index)})")
            return Saying(f"My notes only say its name: {names}.", last_seen(told))
    return about_things.unnoted(asked, notes)
