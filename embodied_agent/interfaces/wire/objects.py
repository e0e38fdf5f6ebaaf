"""Objects, places, corrections, standing questions and alerts on the wire, for all interfaces.

Units are metres and nanoseconds of the sensor's clock. Positions hold within one map session: those
of different sessions can't be compared.

Out of scope: everything else that goes over the wire (`models`), the records
(`embodied_agent.object_records`).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians, sin
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from embodied_agent.agent.corrections import MAX_CORNERS, MAX_NOTE
from embodied_agent.codec import encodable, to_values
from embodied_agent.errors import QuestionError
from embodied_agent.interfaces.wire.from_records import picture_path, pose_reply
from embodied_agent.interfaces.wire.models import GoalReply, PoseReply
from embodied_agent.object_records import (
    Alert,
    AlertEvent,
    Correction,
    CorrectionKind,
    MapSession,
    Measured,
    NamedPlace,
    Polygon,
    SeenObject,
    SessionReason,
    StandingQuestion,
)
from embodied_agent.records import Goal, Keyframe, Pose
from embodied_agent.support.redaction import without_credentials

_INT64 = 2**63 - 1
#: Most keyframes that one correction names.
_MOST_KEYFRAMES = 10_000

Number = Annotated[float, Field(ge=-1e9, le=1e9, allow_inf_nan=False)]
Id = Annotated[int, Field(ge=0, le=_INT64)]
Stamp = Annotated[int, Field(ge=-_INT64, le=_INT64)]
By = Annotated[str, StringConstraints(max_length=200)]


class _Request(BaseModel):
    # Strict: "12" is not a number and 1 is not a text; such requests are refused.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True)


class ObjectPlaceReply(_Reply):
    """Where an object was before it moved."""

    position: tuple[float, float, float]
    first_seen_ns: int
    last_seen_ns: int


class ObjectReply(_Reply):
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


class MapSessionReply(_Reply):
    """A span of the memory within which positions can be compared."""

    id: int
    frame: str
    started_ns: int
    keyframe_id: int
    segment: int
    measured: Measured
    reason: SessionReason


class ObjectsReply(_Reply):
    """Objects: of the latest map session first, those still there first, last seen first."""

    objects: list[ObjectReply]
    sessions: list[MapSessionReply]


class PlaceReply(_Reply):
    """A place that a person named: a pose, or a region (corners on the floor plan)."""

    name: str
    session: int
    frame: str
    pose: PoseReply | None
    region: list[tuple[float, float]]
    by: str
    at_s: float


class PlacesReply(_Reply):
    """All named places, by name."""

    places: list[PlaceReply]


class CorrectionReply(_Reply):
    """What a person said about the memory: ``by`` whom, and ``at_s``, seconds since 1970."""

    id: int
    kind: CorrectionKind
    by: str
    at_s: float
    object_id: int | None
    other_id: int | None
    text: str
    keyframes: list[int]
    from_ns: int | None
    to_ns: int | None
    region: list[tuple[float, float]]
    session: int | None


class CorrectionsReply(_Reply):
    """All corrections, in order."""

    corrections: list[CorrectionReply]


class CorrectionRequest(_Request):
    """A correction; ``kind`` says which fields it needs.

    - ``forget``: one of ``object_id``, ``from_ns`` with ``to_ns``, and ``region`` with ``session``.
      What it names is removed from the memory file, pictures included, and does not come back.
    - ``relabel``: ``object_id`` and ``text``, its new name.
    - ``merge``: ``other_id`` is the same object as ``object_id``.
    - ``split``: what ``keyframes`` show as ``object_id`` is another object.
    - ``annotate``: ``object_id`` and ``text``, a note; "" removes it.
    """

    kind: CorrectionKind
    by: By = Field("", description="who says so; default: whoever sends the request")
    object_id: Id | None = None
    other_id: Id | None = None
    text: str = Field("", max_length=MAX_NOTE)
    keyframes: list[Id] = Field(default_factory=list, max_length=_MOST_KEYFRAMES)
    from_ns: Stamp | None = None
    to_ns: Stamp | None = None
    region: list[list[Number]] = Field(
        default_factory=list, max_length=MAX_CORNERS, description="corners as [x, y], in metres"
    )
    session: Id | None = None

    def to_correction(self, by: str) -> Correction:
        """The correction as a record; not yet checked. ``by`` counts where the request names
        nobody."""
        return Correction(
            kind=self.kind,
            by=self.by.strip() or by,
            object_id=self.object_id,
            other_id=self.other_id,
            text=self.text,
            keyframes=tuple(self.keyframes),
            from_ns=self.from_ns,
            to_ns=self.to_ns,
            region=_polygon(self.region),
            session=self.session,
        )


class StandingQuestionRequest(_Request):
    """A wish to be told: ``text`` in plain words, or ``name`` and ``event``."""

    text: str = Field("", max_length=2000, description='"tell me when you see a fire extinguisher"')
    name: str = Field("", max_length=200, description="what to look for")
    event: AlertEvent = Field("seen", description="it comes into view, or is no longer there")
    place: str = Field("", max_length=200, description="only at this named place; empty: anywhere")
    webhook: str = Field(
        "", max_length=2000, description="address that alerts are posted to (alerts.webhooks)"
    )
    by: By = Field("", description="who asks; default: whoever sends the request")


class StandingQuestionReply(_Reply):
    """A standing question; ``text`` are the words in which it was asked."""

    id: int
    name: str
    event: AlertEvent
    place: str
    text: str
    by: str
    at_s: float
    webhook: str


class StandingQuestionsReply(_Reply):
    """All standing questions, in the order in which they were asked."""

    questions: list[StandingQuestionReply]


class AlertReply(_Reply):
    """What a standing question waited for has happened; ``text`` says it in a sentence. The
    keyframe's picture lies at ``picture``."""

    id: int
    question_id: int
    event: AlertEvent
    name: str
    text: str
    keyframe_id: int
    stamp_ns: int
    pose: PoseReply | None
    object_id: int | None
    at_s: float
    picture: str


class AlertsReply(_Reply):
    """Alerts in order of ids."""

    alerts: list[AlertReply]


class PlaceRequest(_Request):
    """A named place: where the robot was at a keyframe, a pose on the floor plan, or a region."""

    by: By = Field("", description="who says so; default: whoever sends the request")
    session: Id | None = Field(None, description="the map session; default: the latest")
    keyframe_id: Id | None = Field(None, description="the place is where this keyframe was taken")
    position: list[Number] | None = Field(
        None, min_length=2, max_length=3, description="x, y and maybe z, in metres"
    )
    yaw_deg: Number = Field(0.0, description="heading at that position, positive to the left")
    region: list[list[Number]] = Field(
        default_factory=list, max_length=MAX_CORNERS, description="corners as [x, y], in metres"
    )

    def to_place(
        self, name: str, by: str, sessions: Sequence[MapSession], keyframe: Keyframe | None
    ) -> NamedPlace:
        """The place as a record; not yet checked. ``keyframe`` is the one that it names.

        Raises:
            QuestionError: it says nothing, or too much, of where the place is.
        """
        ways = (self.keyframe_id is not None, self.position is not None, bool(self.region))
        if sum(ways) != 1:
            raise QuestionError("a place needs exactly one of keyframe_id, position and region")
        session = _session_of(self, sessions)
        pose: Pose | None = None
        if self.keyframe_id is not None:
            if keyframe is None or keyframe.pose is None:
                raise QuestionError(f"keyframe {self.keyframe_id} is unknown or has no pose")
            pose = keyframe.pose
        elif self.position is not None:
            pose = _level(self.position, self.yaw_deg, session.frame_id)
        return NamedPlace(
            name=name,
            session=session.id,
            frame_id=session.frame_id,
            by=self.by.strip() or by,
            pose=pose,
            region=_polygon(self.region),
        )


def _session_of(request: PlaceRequest, sessions: Sequence[MapSession]) -> MapSession:
    """The map session that a place belongs to: the one it names, or that of its keyframe, or the
    latest."""
    if not sessions:
        raise QuestionError("nothing was seen yet, so there is no map to name a place on")
    if request.session is not None:
        for session in sessions:
            if session.id == request.session:
                return session
        raise QuestionError(f"there is no map session {request.session}")
    if request.keyframe_id is not None:
        before = [one for one in sessions if one.keyframe_id <= request.keyframe_id]
        return before[-1] if before else sessions[0]
    return sessions[-1]


def _polygon(corners: list[list[float]]) -> Polygon:
    if any(len(corner) != 2 for corner in corners):
        raise QuestionError("each corner of a region is two numbers: x and y, in metres")
    return tuple((corner[0], corner[1]) for corner in corners)


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


def place_reply(place: NamedPlace) -> PlaceReply:
    """A named place."""
    values = to_values(place)
    return PlaceReply.model_validate({**values, "frame": values["frame_id"]})


def correction_reply(correction: Correction) -> CorrectionReply:
    """A correction that is stored."""
    return CorrectionReply.model_validate(to_values(correction))


def standing_reply(question: StandingQuestion) -> StandingQuestionReply:
    """A standing question that is stored; credentials in its webhook are not shown."""
    values = {**to_values(question), "webhook": without_credentials(question.webhook)}
    return StandingQuestionReply.model_validate(values)


def alert_reply(alert: Alert) -> AlertReply:
    """An alert that is stored."""
    return AlertReply.model_validate(
        {
            **to_values(alert),
            "pose": pose_reply(alert.pose),
            "picture": picture_path(alert.keyframe_id),
        }
    )


def goal_reply(goal: Goal) -> GoalReply:
    """A pose to stand and look from."""
    return GoalReply.model_validate(to_values(goal))


def _level(position: list[float], yaw_deg: float, frame_id: str) -> Pose:
    """A pose at x, y and maybe z in metres, with that heading."""
    half = radians(yaw_deg) / 2
    x, y, z = (*position, 0.0)[:3]
    return Pose((x, y, z), (0.0, 0.0, sin(half), cos(half)), frame_id)
