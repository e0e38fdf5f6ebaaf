"""Objects, map sessions and goals on the wire, for all interfaces.

Units are metres and nanoseconds of the sensor's clock. Positions hold within one map session: those
of different sessions can't be compared.

Out of scope: what people say about them (`corrections`), standing questions and alerts
(`standing`), everything else that goes over the wire (`models`), the records
(`embodied_agent.object_records`).
"""

from __future__ import annotations

from pydantic import Field

from embodied_agent.codec import encodable, to_values
from embodied_agent.interfaces.wire.fields import FrozenReply
from embodied_agent.interfaces.wire.models import GoalReply
from embodied_agent.object_records import MapSession, Measured, SeenObject, SessionReason
from embodied_agent.records import Goal


class ObjectPlaceReply(FrozenReply):
    """Where an object was before it moved."""

    position: tuple[float, float, float]
    first_seen_ns: int
    last_seen_ns: int


class ObjectReply(FrozenReply):
    """One object in the world, as the memory knows it.

    ``position`` is that of its middle, in ``frame`` and within the map session ``session``; null
    while it can't be located. ``std_m`` is the standard deviation in its least certain direction,
    and ``covariance_m2`` the whole matrix, row by row. Measured by "egomotion", a position is
    rough."""

    id: int
    name: str
    color: str
    kind: str
    position: tuple[float, float, float] | None
    frame: str
    session: int
    std_m: float | None
    covariance_m2: list[float] | None
    measured: Measured
    first_seen_ns: int
    last_seen_ns: int
    seen: int = Field(description="keyframes that show it")
    missed: int = Field(description="times in a row that it should have been in view and was not")
    gone_since_ns: int | None = Field(description="null while it is thought to be there")
    evidence: list[int] = Field(description="ids of keyframes that show it, newest last")
    missed_in: list[int] = Field(description="ids of keyframes that should show it and don't")
    places: list[ObjectPlaceReply] = Field(description="where it was before it moved")
    label: str = Field(description="a person's name for it; empty: none")
    note: str = Field(description="a person's note; empty: none")


class MapSessionReply(FrozenReply):
    """A span of the memory within which positions can be compared."""

    id: int
    frame: str
    started_ns: int
    keyframe_id: int
    segment: int
    measured: Measured
    reason: SessionReason


class ObjectsReply(FrozenReply):
    """Objects: of the latest map session first, those still there first, last seen first."""

    objects: list[ObjectReply]
    sessions: list[MapSessionReply]


def object_reply(one: SeenObject) -> ObjectReply:
    """An object, as all interfaces show it."""
    return ObjectReply(
        id=one.id,
        name=encodable(one.name),
        color=encodable(one.color),
        kind=encodable(one.kind),
        position=one.position_m,
        frame=encodable(one.frame_id),
        session=one.session,
        std_m=one.std_m,
        covariance_m2=None if one.covariance_m2 is None else list(one.covariance_m2),
        measured=one.measured,
        first_seen_ns=one.first_seen_ns,
        last_seen_ns=one.last_seen_ns,
        seen=one.seen,
        missed=one.missed,
        gone_since_ns=one.gone_since_ns,
        evidence=list(one.evidence),
        missed_in=list(one.missed_in),
        places=[
            ObjectPlaceReply(
                position=place.position_m,
                first_seen_ns=place.first_seen_ns,
                last_seen_ns=place.last_seen_ns,
            )
            for place in one.places
        ],
        label=encodable(one.label),
        note=encodable(one.note),
    )


def session_reply(session: MapSession) -> MapSessionReply:
    """A map session."""
    return MapSessionReply(
        id=session.id,
        frame=encodable(session.frame_id),
        started_ns=session.started_ns,
        keyframe_id=session.keyframe_id,
        segment=session.segment,
        measured=session.measured,
        reason=session.reason,
    )


def objects_reply(found: list[SeenObject], sessions: list[MapSession]) -> ObjectsReply:
    """Objects, with the map sessions that they belong to."""
    ids = {one.session for one in found}
    return ObjectsReply(
        objects=[object_reply(one) for one in found],
        sessions=[session_reply(session) for session in sessions if session.id in ids],
    )


def goal_reply(goal: Goal) -> GoalReply:
    """A pose to stand and look from."""
    return GoalReply.model_validate(to_values(goal))
