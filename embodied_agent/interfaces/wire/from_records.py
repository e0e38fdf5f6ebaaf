"""Replies from records.

Out of scope: the models (`embodied_agent.interfaces.wire.models`), the fields of a record as JSON
(`embodied_agent.codec`), how a message travels.
"""

from __future__ import annotations

import math

import numpy as np

from embodied_agent.codec import JsonObject, Record, encodable, to_values
from embodied_agent.interfaces.wire.models import (
    AnswerReply,
    DecisionReply,
    DeltaReply,
    EgomotionReply,
    EvidenceReply,
    HitReply,
    KeyframeReply,
    PathPoint,
    PoseReply,
)
from embodied_agent.memory.search import Hit
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
from embodied_agent.support.redaction import values_without_credentials, without_credentials
from embodied_agent.transcript.text import entry_text

#: Maximum number of matched points in a decision.
MAX_MATCHED = 150


def without_credentials_in(record: Record) -> JsonObject:
    """A status record as JSON, with no credentials in any of its texts."""
    values = values_without_credentials(to_values(record))
    assert isinstance(values, dict)
    return values


def picture_path(keyframe_id: int) -> str:
    """Where the HTTP API serves a keyframe's picture."""
    return f"/api/keyframes/{keyframe_id}.jpg"


def pose_reply(pose: Pose | None) -> PoseReply | None:
    """A pose; ``None`` if there is none, or if it is not finite."""
    values = _pose_values(pose)
    return None if values is None else PoseReply.model_validate(values)


def egomotion_reply(egomotion: Egomotion | None) -> EgomotionReply | None:
    """Egomotion, with the size of a rotation; ``None`` for none."""
    if egomotion is None:
        return None
    return EgomotionReply.model_validate({**to_values(egomotion), "angle_deg": egomotion.angle_deg})


def delta_reply(delta: Delta) -> DeltaReply:
    """A delta, with its line of the transcript."""
    text = encodable(entry_text(delta)).strip()
    return DeltaReply.model_validate({**to_values(delta), "text": text})


def keyframe_reply(keyframe: Keyframe, delta: Delta | None) -> KeyframeReply:
    """A keyframe with what was seen in it."""
    return KeyframeReply.model_validate(
        {
            **to_values(keyframe),
            "egomotion": egomotion_reply(keyframe.egomotion),
            "pose": _pose_values(keyframe.pose),
            "picture": picture_path(keyframe.id),
            "delta": None if delta is None else delta_reply(delta),
        }
    )


def hit_reply(hit: Hit) -> HitReply:
    """One result of a search."""
    return HitReply(keyframe=keyframe_reply(hit.keyframe, hit.delta), rank=hit.rank)


def decision_reply(
    frame: Frame, decision: Decision, segment: int | None, size: tuple[int, int] | None
) -> DecisionReply:
    """A decision; ``size`` is the frame's width and height in pixels, where known."""
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
        confidence=decision.confidence,
        matches=decision.matches,
        inliers=decision.inliers,
        homography=None if homography is None else [float(x) for x in homography.ravel()],
        matched=_matched_points(decision),
        width=size[0] if size else None,
        height=size[1] if size else None,
        pose=pose_reply(frame.pose),
    )


def _matched_points(decision: Decision) -> list[tuple[float, float, float, float]] | None:
    points = decision.matched
    if points is None:
        return None
    if len(points) > MAX_MATCHED:
        # Spread evenly over the list, so that every part of the picture keeps some points.
        points = points[np.linspace(0, len(points) - 1, MAX_MATCHED).astype(int)]
    rounded = np.round(points.astype(np.float64), 1)
    return [(a, b, c, d) for a, b, c, d in rounded[np.isfinite(rounded).all(axis=1)].tolist()]


def evidence_reply(evidence: Evidence) -> EvidenceReply:
    """One keyframe that an answer rests on."""
    return EvidenceReply.model_validate(
        {
            **to_values(evidence),
            "pose": _pose_values(evidence.pose),
            "picture": picture_path(evidence.keyframe_id),
        }
    )


def answer_reply(question: Question, answer: Answer) -> AnswerReply:
    """An answer with the question that it belongs to."""
    return AnswerReply.model_validate(
        {
            **to_values(answer),
            "notice": without_credentials(encodable(answer.notice)),
            "problem": without_credentials(encodable(answer.problem)),
            "id": encodable(answer.question_id or question.id),
            "question": encodable(question.text),
            "evidence": [evidence_reply(item) for item in answer.evidence],
        }
    )


def path_point(keyframe: Keyframe) -> PathPoint | None:
    """Where a keyframe was taken; ``None`` if unknown."""
    pose = keyframe.pose
    if pose is None or not _is_finite(pose):
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


def _is_finite(pose: Pose) -> bool:
    return all(map(math.isfinite, (*pose.position_m, *pose.orientation_xyzw)))


def _pose_values(pose: Pose | None) -> JsonObject | None:
    if pose is None or not _is_finite(pose):
        return None
    return to_values(pose)
