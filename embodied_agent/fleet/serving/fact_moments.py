"""As of which moment of each robot a question about facts is answered, and how that is said.

Out of scope: reading questions (`fact_reading`), the values (`noted`), sentences about them
(`about_facts`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from embodied_agent.fleet.serving.about_things import missing_thing, things_of
from embodied_agent.fleet.serving.fact_reading import FleetFactAsked
from embodied_agent.fleet.serving.reading import Window
from embodied_agent.fleet.serving.saying import Asking, Said, told_time
from embodied_agent.fleet.serving.sightings import (
    Sighting,
    keyframe_of,
    newest_of_each,
    sightings,
)
from embodied_agent.rules.speech import join_names, the


@dataclass(frozen=True)
class AsOf:
    """The moments that values are told of.

    Attributes:
        moments: of each robot, by its id; ``None``: now.
        opening: how an answer about them begins; empty: now.
        evidence: the keyframes that they were taken from.
    """

    moments: Mapping[int, datetime | None]
    opening: str = ""
    evidence: Sequence[Sighting] = ()

    @property
    def verb(self) -> str:
        """``was``, or ``is`` for now."""
        return "was" if self.opening else "is"

    def opened(self, sentence: str) -> str:
        """A sentence that begins with the moment."""
        if not self.opening:
            return sentence
        if sentence.startswith(("The ", "No ", "Nothing ")):
            sentence = f"{sentence[:1].lower()}{sentence[1:]}"
        return f"{self.opening}, {sentence}"


def as_of(asking: Asking, asked: FleetFactAsked) -> AsOf | Said:
    """The moments that a question is about, or what is said if there are none."""
    if asked.thing is not None:
        return _sighting(asking, asked)
    if asked.keyframe is not None:
        return _keyframe(asking, asked.keyframe)
    moments = dict.fromkeys(asking.ids, asked.at)
    if asked.at is None:
        return AsOf(moments)
    told = told_time(asking, asked.at)
    return AsOf(moments, f"{told[:1].upper()}{told[1:]}")


def _sighting(asking: Asking, asked: FleetFactAsked) -> AsOf | Said:
    """The moment at which each robot saw a thing first or last."""
    thing = asked.thing
    about = asking._replace(asked=replace(asking.asked, thing=thing, window=Window()))
    names = things_of(about)
    seen = sightings(asking.db, asking.ids, names, Window(), first=asked.first)
    if not seen:
        return missing_thing(about, names)
    by_robot = newest_of_each(seen, by_robot=True)
    moments = {one.robot_id: one.seen_at for one in by_robot}
    order = "first" if asked.first else "last"
    things = {one.thing for one in by_robot}
    name = the(things.pop()) if len(things) == 1 else "it"
    if len(by_robot) == 1:
        one = by_robot[0]
        opening = f"When {one.robot} {order} saw {name}, {told_time(asking, one.seen_at)}"
    else:
        robots = join_names(one.robot for one in by_robot)
        opening = f"When {robots} each {order} saw {name}"
    return AsOf(moments, opening, by_robot)


def _keyframe(asking: Asking, keyframe_id: int) -> AsOf | Said:
    if len(asking.robots) != 1:
        return Said(
            f"I can't tell: each robot has its own keyframe #{keyframe_id}. Name one robot.",
            "cannot_tell",
        )
    robot = asking.robots[0]
    keyframe = keyframe_of(asking.db, robot.id, keyframe_id)
    if keyframe is None:
        return Said(
            f"I can't tell: I have no keyframe #{keyframe_id} of {robot.name}.", "cannot_tell"
        )
    told = told_time(asking, keyframe.seen_at)
    return AsOf({robot.id: keyframe.seen_at}, f"At #{keyframe_id}, {told}", [keyframe])
