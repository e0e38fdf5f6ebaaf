"""The context of a question, its answer in words, and the reply that is sent.

Out of scope: what is said (`answering`, `about_things`, `about_places`, `about_facts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from embodied_agent.fleet.replies import FactValue, FleetEvidence, FleetReply
from embodied_agent.fleet.serving.database import Db
from embodied_agent.fleet.serving.noted import Noted
from embodied_agent.fleet.serving.reading import FleetAsked
from embodied_agent.fleet.serving.sightings import Sighting
from embodied_agent.fleet.serving.vocabulary import FleetNotes, Robot
from embodied_agent.records import AnswerStatus

#: Keyframes that are named as evidence, at most.
_EVIDENCE = 6


class Asking(NamedTuple):
    """A question that is being answered: the robots that the asker may ask about (``allowed``),
    those that it is about, and the present."""

    db: Db
    allowed: list[Robot]
    robots: list[Robot]
    now: datetime
    asked: FleetAsked
    notes: FleetNotes

    @property
    def ids(self) -> list[int]:
        return [robot.id for robot in self.robots]

    @property
    def when(self) -> str:
        """The question's time as the end of a sentence: `` today``."""
        return f" {self.asked.window.words}" if self.asked.window.words else ""


class Said(NamedTuple):
    """An answer in words, its status, and what it rests on."""

    text: str
    status: AnswerStatus = "answered"
    evidence: Sequence[Sighting] = ()
    facts: Sequence[Noted] = ()


def told_time(asking: Asking, moment: datetime) -> str:
    """When it was, as people say it: ``today at 14:02:05``."""
    local = moment.astimezone(asking.now.tzinfo)
    days = (asking.now.date() - local.date()) // timedelta(days=1)
    day = {0: "today", 1: "yesterday"}.get(days, f"on {local:%Y-%m-%d}")
    return f"{day} at {local:%H:%M:%S}"


def reply_to(question: str, said: Said) -> FleetReply:
    """The answer as it is sent."""
    evidence = {(one.robot, one.memory, one.keyframe_id): one for one in said.evidence}
    return FleetReply(
        question=question,
        status=said.status,
        text=said.text,
        evidence=[evidence_of(one) for one in list(evidence.values())[:_EVIDENCE]],
        facts=[value_of(one) for one in said.facts],
    )


def evidence_of(one: Sighting) -> FleetEvidence:
    """A keyframe as it is named to the asker."""
    return FleetEvidence(
        robot=one.robot,
        memory=one.memory,
        keyframe_id=one.keyframe_id,
        seen_at_s=one.seen_at.timestamp(),
        note=one.thing,
        thumbnail=thumbnail_address(one.robot, one.memory, one.keyframe_id),
    )


def thumbnail_address(robot: str, memory: str, keyframe_id: int) -> str:
    """Where a keyframe's thumbnail is, on this server."""
    return f"/api/robots/{robot}/memories/{memory}/keyframes/{keyframe_id}.jpg"


def value_of(one: Noted) -> FactValue:
    """A noted value as it is named to the asker."""
    return FactValue(
        robot=one.robot,
        name=one.name,
        value=one.value,
        noted_at_s=one.noted_at.timestamp(),
        by=one.by,
    )
