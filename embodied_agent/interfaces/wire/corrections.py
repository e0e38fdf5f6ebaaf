"""Corrections and named places on the wire, for all interfaces.

Units are metres, degrees and nanoseconds of the sensor's clock.

Out of scope: the objects (`objects`), what a correction changes (`embodied_agent.agent`).
"""

from __future__ import annotations

from collections.abc import Sequence
from math import cos, radians, sin

from pydantic import Field

from embodied_agent.agent.corrections import MAX_CORNERS, MAX_NOTE
from embodied_agent.codec import to_values
from embodied_agent.errors import QuestionError
from embodied_agent.interfaces.wire.fields import By, FrozenReply, Id, Number, Stamp, StrictRequest
from embodied_agent.interfaces.wire.models import PoseReply
from embodied_agent.object_records import (
    Correction,
    CorrectionKind,
    MapSession,
    NamedPlace,
    Polygon,
)
from embodied_agent.records import Keyframe, Pose

#: Most keyframes that one correction names.
_MOST_KEYFRAMES = 10_000


class PlaceReply(FrozenReply):
    """A place that a person named: a pose, or a region (corners on the floor plan)."""

    name: str
    session: int
    frame: str
    pose: PoseReply | None
    region: list[tuple[float, float]]
    by: str
    at_s: float


class PlacesReply(FrozenReply):
    """All named places, by name."""

    places: list[PlaceReply]


class CorrectionReply(FrozenReply):
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


class CorrectionsReply(FrozenReply):
    """All corrections, in order."""

    corrections: list[CorrectionReply]


class CorrectionRequest(StrictRequest):
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
        """The correction as a record, not yet checked. ``by`` counts if the request names no
        person."""
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


class PlaceRequest(StrictRequest):
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
        """The place as a record, not yet checked. ``keyframe`` is the one that the request names.

        Raises:
            QuestionError: the request does not say where the place is, or says it twice.
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


def place_reply(place: NamedPlace) -> PlaceReply:
    """A named place."""
    values = to_values(place)
    return PlaceReply.model_validate({**values, "frame": values["frame_id"]})


def correction_reply(correction: Correction) -> CorrectionReply:
    """A stored correction."""
    return CorrectionReply.model_validate(to_values(correction))


def _level(position: list[float], yaw_deg: float, frame_id: str) -> Pose:
    """A level pose at x, y and, if given, z in metres, with this heading."""
    half = radians(yaw_deg) / 2
    x, y, z = (*position, 0.0)[:3]
    return Pose((x, y, z), (0.0, 0.0, sin(half), cos(half)), frame_id)
