"""What goes over the wire: one set of JSON models for HTTP, MQTT and MCP, made from the records.

Requests refuse what they don't know and what is too large; replies are built by the functions at
the end, which also make any text that came from a camera or a model safe to encode. Units are in
the names; stamps are nanoseconds of the sensor's clock (JavaScript rounds them to 256 ns).

Not here: how a message travels (`embodied_agent.interfaces.web`, `embodied_agent.interfaces.mqtt`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from embodied_agent.asking import MAX_CHOICES, MAX_QUESTION
from embodied_agent.memory.transcript import entry_text
from embodied_agent.records import (
    Answer,
    Decision,
    Delta,
    Egomotion,
    Evidence,
    Frame,
    Keyframe,
    Pose,
    Question,
)

#: Most matched points that a decision carries.
MAX_MATCHED = 150
_INT64 = 2**63 - 1

ChoiceText = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class _Request(BaseModel):
    # Strict: "12" is no number and 1 is no text, whoever sends it hears of it.
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class _Reply(BaseModel):
    model_config = ConfigDict(frozen=True)


class AskRequest(_Request):
    """A question."""

    id: str = Field(
        "",
        max_length=128,
        pattern=r"^[A-Za-z0-9._:-]*$",
        description="the asker's own name for it; comes back with the answer",
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
        description="in seconds, waiting included; default: the setting reasoning.timeout_s",
    )
    stream: bool = Field(False, description="send the reply piece by piece as it is made")

    def to_question(self, default_timeout_s: float) -> Question:
        """The question itself; `embodied_agent.asking.check_question` has not seen it yet."""
        return Question(
            text=self.question,
            choices=tuple(self.choices),
            at_ns=self.at_ns,
            timeout_s=default_timeout_s if self.timeout_s is None else self.timeout_s,
            id=self.id,
        )


class PoseReply(_Reply):
    """Where the camera was."""

    position_m: tuple[float, float, float]
    orientation_xyzw: tuple[float, float, float, float]
    frame_id: str


class EgomotionReply(_Reply):
    """What the camera did since the keyframe before."""

    action: str | None
    yaw_deg: float
    pitch_deg: float
    roll_deg: float
    translation: tuple[float, float, float]
    confidence: float
    angle_deg: float | None


class MentionReply(_Reply):
    """One object and where it lies from the camera."""

    name: str
    direction: str
    distance: str | None


class DeltaReply(_Reply):
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
    text: str


class KeyframeReply(_Reply):
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
    picture: str
    delta: DeltaReply | None


class KeyframesReply(_Reply):
    """Keyframes in order of ids. ``next`` is the ``since`` of the rest, null at the end."""

    keyframes: list[KeyframeReply]
    next: int | None


class HitReply(_Reply):
    """One keyframe that a search found; a lower rank is a better match of text."""

    keyframe: KeyframeReply
    rank: float


class RecallReply(_Reply):
    """What a search found, best first."""

    hits: list[HitReply]


class EvidenceReply(_Reply):
    """A keyframe that an answer rests on; ``note`` is "cited" or "recalled"."""

    keyframe_id: int
    stamp_ns: int
    note: str
    pose: PoseReply | None
    picture: str


class AnswerReply(_Reply):
    """An answer. ``problem`` says why there is none, else it is empty; ``choice`` is a letter.

    ``notice`` qualifies an answer that there is, ``latency_s`` is in seconds by stage, and
    ``consistency`` in [0, 1] is null where no verifier ran, else ``verified_by`` names how it came
    about."""

    id: str
    question: str
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


class AnswersReply(_Reply):
    """Questions with their answers, oldest first."""

    answers: list[AnswerReply]


class PieceReply(_Reply):
    """A piece of the reasoner's reply as it is made."""

    text: str


class DecisionReply(_Reply):
    """The keyframer's word on one frame.

    ``homography`` (row by row) maps pixels of this frame into the last keyframe. Each of
    ``matched`` is x, y in this frame and x, y in the last keyframe, in pixels of a picture of
    ``width`` by ``height``."""

    index: int
    stamp_ns: int
    segment: int | None
    keep: bool
    reason: str | None
    overlap_ratio: float | None
    matches: int
    inliers: int
    homography: list[float] | None
    matched: list[tuple[float, float, float, float]] | None
    width: int | None
    height: int | None
    pose: PoseReply | None


class PathPoint(_Reply):
    """Where one keyframe was taken, in metres; the heading is that of the camera's x axis."""

    keyframe_id: int
    segment: int
    stamp_ns: int
    x_m: float
    y_m: float
    z_m: float
    yaw_rad: float


class PathReply(_Reply):
    """The keyframes that have a pose, in order; at most the newest ``limit``."""

    frame_id: str
    points: list[PathPoint]


class AsksReply(_Reply):
    """The queue of questions."""

    waiting: int
    running: int
    refused: int
    expired: int


class StatusReply(_Reply):
    """Counters, queues, states and last errors of every stage."""

    model_config = ConfigDict(frozen=True, extra="allow")

    version: str
    uptime_s: float
    ready: bool
    live: bool
    source: str
    segment: int | None
    frames: int
    frames_dropped: int
    frames_late: int
    frames_unreadable: int
    frame_age_s: float | None = Field(
        description="since the latest frame was decided on; null before the first"
    )
    last_error: str
    listener_failures: int
    memory: dict[str, Any]
    perception: dict[str, Any] | None
    reasoning: dict[str, Any]
    asks: AsksReply
    interfaces: dict[str, dict[str, Any]] = Field(
        description="by name: state, last problem and counters"
    )


class ErrorDetail(_Reply):
    """What went wrong. ``code`` is one of a few words for programs, ``message`` is for people."""

    code: str
    message: str


class ErrorReply(_Reply):
    """Every refusal and fault."""

    error: ErrorDetail


def safe_text(text: str) -> str:
    """``text`` without lone surrogates, which no JSON encoder can write as UTF-8."""
    return text.encode("utf-8", "replace").decode("utf-8")


def picture_path(keyframe_id: int) -> str:
    """Where the HTTP API serves a keyframe's picture."""
    return f"/api/keyframes/{keyframe_id}.jpg"


def error_reply(code: str, message: str) -> ErrorReply:
    """A refusal or fault."""
    return ErrorReply(error=ErrorDetail(code=code, message=safe_text(message)))


def pose_reply(pose: Pose | None) -> PoseReply | None:
    """A pose, ``None`` for none and for one that is not finite."""
    if pose is None or not all(map(math.isfinite, (*pose.position_m, *pose.orientation_xyzw))):
        return None
    return PoseReply(
        position_m=pose.position_m,
        orientation_xyzw=pose.orientation_xyzw,
        frame_id=safe_text(pose.frame_id),
    )


def egomotion_reply(egomotion: Egomotion | None) -> EgomotionReply | None:
    """Egomotion, ``None`` for none."""
    if egomotion is None:
        return None
    return EgomotionReply(
        action=egomotion.action.value if egomotion.action else None,
        yaw_deg=egomotion.yaw_deg,
        pitch_deg=egomotion.pitch_deg,
        roll_deg=egomotion.roll_deg,
        translation=egomotion.translation,
        confidence=egomotion.confidence,
        angle_deg=egomotion.angle_deg,
    )


def delta_reply(delta: Delta) -> DeltaReply:
    """A delta."""
    return DeltaReply(
        keyframe_id=delta.keyframe_id,
        action=delta.action.value if delta.action else None,
        angle_deg=delta.angle_deg,
        mentions=[
            MentionReply(name=safe_text(m.name), direction=m.direction, distance=m.distance)
            for m in delta.mentions
        ],
        observation=safe_text(delta.observation),
        usable=delta.usable,
        agrees_with_egomotion=delta.agrees_with_egomotion,
        model=safe_text(delta.model),
        latency_s=delta.latency_s,
        text=safe_text(entry_text(delta)).strip(),
    )


def keyframe_reply(keyframe: Keyframe, delta: Delta | None) -> KeyframeReply:
    """A keyframe with what was seen in it."""
    return KeyframeReply(
        id=keyframe.id,
        segment=keyframe.segment,
        stamp_ns=keyframe.stamp_ns,
        reason=keyframe.reason,
        width=keyframe.width,
        height=keyframe.height,
        frame_id=safe_text(keyframe.frame_id),
        overlap_ratio=keyframe.overlap_ratio,
        inliers=keyframe.inliers,
        egomotion=egomotion_reply(keyframe.egomotion),
        pose=pose_reply(keyframe.pose),
        picture=picture_path(keyframe.id),
        delta=None if delta is None else delta_reply(delta),
    )


def decision_reply(
    frame: Frame, decision: Decision, segment: int | None, size: tuple[int, int] | None
) -> DecisionReply:
    """A decision; ``size`` is the frame's width and height, where known."""
    homography = decision.homography
    if homography is not None and not np.isfinite(homography).all():
        homography = None
    return DecisionReply(
        index=decision.index,
        stamp_ns=decision.stamp_ns,
        segment=segment,
        keep=decision.keep,
        reason=decision.reason,
        overlap_ratio=decision.overlap_ratio,
        matches=decision.matches,
        inliers=decision.inliers,
        homography=None if homography is None else [float(x) for x in homography.ravel()],
        matched=_matched(decision),
        width=size[0] if size else None,
        height=size[1] if size else None,
        pose=pose_reply(frame.pose),
    )


def _matched(decision: Decision) -> list[tuple[float, float, float, float]] | None:
    points = decision.matched
    if points is None:
        return None
    if len(points) > MAX_MATCHED:
        # Evenly over the list, so that no part of the picture goes without.
        points = points[np.linspace(0, len(points) - 1, MAX_MATCHED).astype(int)]
    rounded = np.round(points.astype(np.float64), 1)
    return [(a, b, c, d) for a, b, c, d in rounded[np.isfinite(rounded).all(axis=1)].tolist()]


def evidence_reply(evidence: Evidence) -> EvidenceReply:
    """One keyframe that an answer rests on."""
    return EvidenceReply(
        keyframe_id=evidence.keyframe_id,
        stamp_ns=evidence.stamp_ns,
        note=safe_text(evidence.note),
        pose=pose_reply(evidence.pose),
        picture=picture_path(evidence.keyframe_id),
    )


def answer_reply(question: Question, answer: Answer) -> AnswerReply:
    """An answer with the question that it belongs to."""
    return AnswerReply(
        id=safe_text(answer.question_id or question.id),
        question=safe_text(question.text),
        text=safe_text(answer.text),
        choice=answer.choice,
        reasoning=safe_text(answer.reasoning),
        consistency=answer.consistency,
        verified_by=safe_text(answer.verified_by),
        evidence=[evidence_reply(item) for item in answer.evidence],
        latency_s=answer.latency_s,
        models={stage: safe_text(name) for stage, name in answer.models.items()},
        notice=safe_text(answer.notice),
        problem=safe_text(answer.problem),
    )


def path_point(keyframe: Keyframe) -> PathPoint | None:
    """Where a keyframe was taken, ``None`` where that is unknown."""
    pose = pose_reply(keyframe.pose)
    if pose is None:
        return None
    x, y, z, w = pose.orientation_xyzw
    return PathPoint(
        keyframe_id=keyframe.id,
        segment=keyframe.segment,
        stamp_ns=keyframe.stamp_ns,
        x_m=pose.position_m[0],
        y_m=pose.position_m[1],
        z_m=pose.position_m[2],
        yaw_rad=math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)),
    )


def field_errors(errors: list[Any]) -> str:
    """Pydantic's findings in one line that repeats nothing of what was sent but names of fields."""
    parts = []
    for error in errors[:5]:
        found: Mapping[str, Any] = error
        place = ".".join(str(part)[:64] for part in found["loc"] if part != "body") or "the request"
        parts.append(f"{place}: {found['msg']}")
    more = f"; and {len(errors) - 5} more" if len(errors) > 5 else ""
    return safe_text("; ".join(parts) + more)
