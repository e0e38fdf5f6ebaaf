"""Replies out of the records: what the runtime knows, put into the models that go over the wire.

Any text that came from a camera or a model is made safe to encode, and what is not finite is left
out. Not here: the models (`embodied_agent.interfaces.wire.models`), how a message travels.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from embodied_agent.interfaces.wire.models import (
    AnswerReply,
    DecisionReply,
    DeltaReply,
    EgomotionReply,
    ErrorDetail,
    ErrorReply,
    EvidenceReply,
    KeyframeReply,
    MentionReply,
    PathPoint,
    PoseReply,
)
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
from embodied_agent.transcript.text import entry_text

#: Most matched points that a decision carries.
MAX_MATCHED = 150


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
        status=answer.status,
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
