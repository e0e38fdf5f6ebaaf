"""What goes over the wire: one set of JSON models for HTTP, MQTT, MCP and ``--json``.

Requests refuse fields they don't know and values that are too large. A reply holds a record as
`embodied_agent.codec` writes it, and additions such as the address of its picture. Units
are in the names; stamps are nanoseconds of the sensor's clock (JavaScript rounds them to 256 ns).

Out of scope: making replies from records (`from_records`) and reading them back (`to_records`), how
a message travels (`embodied_agent.interfaces.web`, `embodied_agent.interfaces.mqtt`).
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, StringConstraints, model_validator

from embodied_agent.agent.answerer import MAX_CHOICES, MAX_QUESTION
from embodied_agent.agent.status import (
    KeyframerStatus,
    PerceptionStatus,
    QueueStatus,
    ReasoningStatus,
)
from embodied_agent.interfaces.status import AnyInterfaceStatus, MqttStatus
from embodied_agent.interfaces.wire.fields import FrozenReply, StrictRequest
from embodied_agent.memory.counts import MemoryStatus
from embodied_agent.records import AnswerStatus, Question

_INT64 = 2**63 - 1

ChoiceText = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class AskRequest(StrictRequest):
    """A question."""

    id: str = Field(
        "",
        max_length=128,
        pattern=r"^[A-Za-z0-9._:-]*$",
        description="the client's own id, returned with the answer",
    )
    question: str = Field(min_length=1, max_length=MAX_QUESTION, description="what to ask")
    choices: list[ChoiceText] = Field(
        default_factory=list, max_length=MAX_CHOICES, description="option texts without letters"
    )
    at_ns: int | None = Field(
        None,
        ge=-_INT64,
        le=_INT64,
        description="answer as of this stamp, in nanoseconds: nothing seen later is used",
    )
    timeout_s: float | None = Field(
        None,
        gt=0,
        le=3600,
        allow_inf_nan=False,
        description="in seconds, including the wait in the queue; default: "
        "the setting reasoning.timeout_s",
    )
    stream: bool = Field(False, description="send the reply piece by piece as it is generated")

    def to_question(self, default_timeout_s: float) -> Question:
        """The question as a record; not yet checked (`check_question`)."""
        return Question(
            text=self.question,
            choices=tuple(self.choices),
            at_ns=self.at_ns,
            timeout_s=default_timeout_s if self.timeout_s is None else self.timeout_s,
            id=self.id,
        )


class PoseReply(FrozenReply):
    """Where the camera was."""

    position_m: tuple[float, float, float]
    orientation_xyzw: tuple[float, float, float, float]
    frame_id: str


class EgomotionReply(FrozenReply):
    """What the camera did since the keyframe before."""

    action: str | None
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    translation: tuple[float, float, float]
    confidence: float
    angle_deg: float | None


class BoxReply(FrozenReply):
    """A rectangle in an upright picture, in fractions of its width and height: (0, 0) is the top
    left corner, (1, 1) the bottom right one."""

    left: float
    top: float
    right: float
    bottom: float


class MountReply(FrozenReply):
    """Where a camera is on the body whose pose is known: metres and a unit quaternion in the body's
    frame; the camera's axes are x ahead, y left and z up in its picture."""

    position_m: tuple[float, float, float]
    orientation_xyzw: tuple[float, float, float, float]


class IntrinsicsReply(FrozenReply):
    """A pinhole camera, in pixels of a ``width`` by ``height`` picture."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int


class MentionReply(FrozenReply):
    """One object and where it lies from the camera. What was not measured is null.

    ``bearing_deg`` is the object's horizontal angle from the camera's heading (from the robot's, if
    it has several cameras), positive to the left, in (-180, 180]; ``elevation_deg`` the vertical
    one, positive upward."""

    name: str
    direction: str
    distance: str | None
    box: BoxReply | None = None
    bearing_deg: float | None = None
    elevation_deg: float | None = None
    range_m: float | None = Field(None, description="distance from the camera, in metres")
    confidence: float | None = Field(
        None, description="how sure the perceiver is that the object is there, from 0 to 1"
    )


class DeltaReply(FrozenReply):
    """What changed from the keyframe before. ``text`` is the line that the reasoner reads."""

    keyframe_id: int
    action: str | None
    angle_deg: float | None
    mentions: list[MentionReply]
    observation: str
    usable: bool
    agrees_with_egomotion: bool | None
    model: str
    latency_s: float
    camera: str = Field("", description="one of several cameras of a robot; empty: the first one")
    problem: str = Field("", description="why the delta is not usable; empty where it is")
    text: str


class KeyframeReply(FrozenReply):
    """A keyframe without its picture, which lies at ``picture`` (404 once retention dropped it).
    ``delta`` is null while it is not perceived."""

    id: int
    segment: int
    stamp_ns: int
    reason: str
    width: int
    height: int
    frame_id: str
    overlap_ratio: float | None
    inliers: int
    egomotion: EgomotionReply | None
    pose: PoseReply | None
    intrinsics: IntrinsicsReply | None = Field(
        None, description="of the upright picture; null without a calibration"
    )
    mount: MountReply | None = Field(
        None, description="of the camera on the body; null where the pose counts as the camera's"
    )
    picture: str
    delta: DeltaReply | None


class KeyframesReply(FrozenReply):
    """Keyframes in order of ids. ``next`` is the ``since`` of the rest, null at the end."""

    keyframes: list[KeyframeReply]
    next: int | None


class HitReply(FrozenReply):
    """One result of a search; a lower rank is a better match of text."""

    keyframe: KeyframeReply
    rank: float


class RecallReply(FrozenReply):
    """The results of a search, best first."""

    hits: list[HitReply]


class EvidenceReply(FrozenReply):
    """A keyframe that an answer rests on; ``note`` is "cited" or "recalled"."""

    keyframe_id: int
    stamp_ns: int
    note: str
    pose: PoseReply | None
    picture: str


class GoalReply(FrozenReply):
    """Where to stand and look from: a level pose on the way that was driven, facing the object
    ``object_id``. It holds within one map session; ``stamp_ns`` is when the robot was there."""

    pose: PoseReply
    stamp_ns: int
    session: int
    object_id: int
    keyframe_id: int


class AnswerReply(FrozenReply):
    """An answer. ``status`` says what kind: the memory holds what was asked ("answered"), nothing
    in it fits what the question names ("not_seen"), it does not settle the question
    ("cannot_tell"), the question is not about what was seen ("out_of_scope"), or there is no answer
    ("failed"). ``text`` says it in words; it is empty where the answer failed, and only then
    ``problem`` is not: it says why. ``choice`` is a letter where one was chosen.

    ``notice`` says what the answer could not rest on, ``latency_s`` is in seconds by stage, and
    ``consistency`` in [0, 1] is null without votes or verifier, else ``verified_by`` names where it
    comes from."""

    id: str
    question: str
    status: AnswerStatus
    text: str
    choice: str | None
    reasoning: str
    consistency: float | None
    verified_by: str
    evidence: list[EvidenceReply]
    latency_s: dict[str, float]
    models: dict[str, str]
    notice: str
    problem: str
    goal: GoalReply | None = Field(None, description="where to stand to see what was asked about")

    @model_validator(mode="before")
    @classmethod
    def _fill_status(cls, values: object) -> object:
        """Robots of earlier versions send no status: they had only answers and failures."""
        if isinstance(values, dict) and "status" not in values:
            return {**values, "status": "failed" if values.get("problem") else "answered"}
        return values


class AnswersReply(FrozenReply):
    """Questions with their answers, oldest first."""

    answers: list[AnswerReply]


class PieceReply(FrozenReply):
    """A piece of the reasoner's reply as it is generated."""

    text: str


class DecisionReply(FrozenReply):
    """The keyframe decision on one frame.

    ``homography`` (row by row) maps pixels of this frame into the last keyframe. Each of
    ``matched`` is x, y in this frame and x, y in the last keyframe, in pixels of a picture of
    ``width`` by ``height``. An overlap with a ``confidence`` below one half is doubtful."""

    index: int
    stamp_ns: int
    segment: int | None
    keep: bool
    reason: str | None
    overlap_ratio: float | None
    confidence: float | None
    matches: int
    inliers: int
    homography: list[float] | None
    matched: list[tuple[float, float, float, float]] | None
    width: int | None
    height: int | None
    pose: PoseReply | None


class PathPoint(FrozenReply):
    """Where one keyframe was taken, in metres; the heading is that of the camera's x axis."""

    keyframe_id: int
    segment: int
    stamp_ns: int
    x_m: float
    y_m: float
    z_m: float
    yaw_rad: float


class PathReply(FrozenReply):
    """The keyframes that have a pose, ``total`` of them, in order; where there are more than
    ``limit``, ``points`` are spread evenly over the whole path."""

    frame_id: str
    total: int
    points: list[PathPoint]


class AgentStatusReply(FrozenReply):
    """Counters, queues, states and last errors of every stage (`embodied_agent.AgentStatus`)."""

    live: bool
    source: str
    segment: int | None
    frames: int
    frames_dropped: int
    frames_late: int
    frames_out_of_line: int = Field(0, description="stamps that fit to none before and after")
    camera_problem: str = Field(
        "",
        description="bearings of objects don't agree with where the camera is said to look; empty "
        "where nothing tells so",
    )
    frames_unreadable: int
    last_error: str
    store_problem: str
    listener_failures: int = Field(description="listener callbacks that raised")
    keyframer: KeyframerStatus
    memory: MemoryStatus
    perception: PerceptionStatus | None
    reasoning: ReasoningStatus


#: A camera is ``connecting`` until its first frame, ``silent`` while frames are overdue, and
#: ``reconnecting`` after it was lost. A recording is ``playing``. Both end as ``finished`` or
#: ``failed``.
ConnectionState = Literal[
    "connecting", "connected", "silent", "reconnecting", "playing", "finished", "failed"
]


class SourceState(FrozenReply):
    """Where frames come from: a camera or a recording, by a name for people; ``finished`` when no
    more will come."""

    name: str
    recording: bool
    finished: bool = False
    state: ConnectionState = "playing"
    state_s: float = Field(0.0, description="how long it has been in this state, in seconds")
    problem: str = Field("", description='why no frames come; "" if they do')
    retry_in_s: float | None = Field(
        None, description="until it is opened again, in seconds; null if nothing waits for that"
    )
    losses: int = Field(0, description="how often it was lost, or could not be opened")


class StatusReply(AgentStatusReply):
    """The whole process: the agent, its question queue and its interfaces."""

    version: str
    input: SourceState | None = Field(
        None, description="where frames come from; null where the host does not say"
    )
    uptime_s: float
    ready: bool
    frame_age_s: float | None = Field(
        description="since the latest frame was decided on; null before the first"
    )
    asks: QueueStatus
    interfaces: dict[str, AnyInterfaceStatus] = Field(description="by name")


class RobotStatusReply(AgentStatusReply):
    """One robot on an MQTT broker: the agent, its question queue and its connection."""

    asks: QueueStatus
    mqtt: MqttStatus


class RobotFaultReply(FrozenReply):
    """What is left of `RobotStatusReply` while the memory can't be read."""

    last_error: str
    asks: QueueStatus
    mqtt: MqttStatus


class ErrorDetail(FrozenReply):
    """What went wrong: ``code`` is one of a few words, for programs; ``message`` is for people."""

    code: str
    message: str


class ErrorReply(FrozenReply):
    """Every refusal and fault."""

    error: ErrorDetail
