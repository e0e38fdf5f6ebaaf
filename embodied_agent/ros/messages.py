"""The agent's records as ROS messages, and requests as questions. Pure translation.

Out of scope: incoming images and poses (`images`, `poses`), sending (`node`, `asking`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any

from builtin_interfaces.msg import Time
from embodied_agent_interfaces.msg import (
    Answer,
    Evidence,
    KeyframeDecision,
    Mention,
    SemanticDelta,
)
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import CompressedImage
from std_msgs.msg import Header

from embodied_agent import records
from embodied_agent.ros.images import stamp_ns
from embodied_agent.transcript.text import entry_text

_SECOND_NS = 1_000_000_000
_INT32 = 2**31 - 1


def to_time(at_ns: int) -> Time:
    """Nanoseconds as a ROS time; what ROS can't hold becomes zero."""
    seconds, nanoseconds = divmod(at_ns, _SECOND_NS)
    return Time(sec=seconds, nanosec=nanoseconds) if 0 <= seconds <= _INT32 else Time()


def to_header(at_ns: int, frame_id: str) -> Header:
    """A header with this stamp."""
    return Header(stamp=to_time(at_ns), frame_id=clean(frame_id))


def clean(text: str) -> str:
    """``text`` as ROS can send it: no lone surrogates and no zero bytes."""
    return (
        text.encode("utf-8", "replace").decode("utf-8").replace("\0", "\N{REPLACEMENT CHARACTER}")
    )


def to_pose(pose: records.Pose, at_ns: int) -> PoseStamped:
    """A pose at a stamp."""
    message = PoseStamped(header=to_header(at_ns, pose.frame_id))
    place, turn = message.pose.position, message.pose.orientation
    place.x, place.y, place.z = map(float, pose.position_m)
    turn.x, turn.y, turn.z, turn.w = map(float, pose.orientation_xyzw)
    return message


def to_goal(goal: records.Goal) -> PoseStamped:
    """Where to drive. It has no stamp, so that navigation takes it into its own frame by the newest
    transform: those of the time when the robot was there are long forgotten."""
    return to_pose(goal.pose, 0)


def to_decision(frame: records.Frame, decision: records.Decision, dropped: int) -> KeyframeDecision:
    """A decision; ``dropped`` images so far had no turn."""
    message = KeyframeDecision(
        header=to_header(frame.stamp_ns, frame.frame_id),
        index=frame.index,
        keep=decision.keep,
        reason=decision.reason or "",
        overlap_ratio=_number(decision.overlap_ratio),
        matches=decision.matches,
        inliers=decision.inliers,
        dropped=dropped,
    )
    if decision.homography is not None:
        message.homography = decision.homography.ravel().tolist()
    motion = decision.egomotion
    if motion is not None:
        message.action = motion.action.value if motion.action else ""
        message.yaw_deg = float(motion.yaw_deg)
        message.pitch_deg = float(motion.pitch_deg)
        message.roll_deg = float(motion.roll_deg)
        message.confidence = float(motion.confidence)
    return message


def to_picture(keyframe: records.Keyframe) -> CompressedImage:
    """A keyframe's stored picture."""
    return CompressedImage(
        header=to_header(keyframe.stamp_ns, keyframe.frame_id), format="jpeg", data=keyframe.jpeg
    )


def to_delta(
    keyframe: records.Keyframe, delta: records.Delta | None, body: str = ""
) -> SemanticDelta:
    """A keyframe with what was seen in it; ``None``: it is not perceived yet. ``body`` is the frame
    whose pose it has."""
    message = SemanticDelta(
        header=to_header(keyframe.stamp_ns, keyframe.frame_id),
        keyframe_id=keyframe.id,
        segment=keyframe.segment,
        angle_deg=math.nan,
    )
    if keyframe.pose is not None:
        message.has_pose, message.pose = True, to_pose(keyframe.pose, keyframe.stamp_ns)
        message.body_frame_id = clean(body)
    if delta is not None:
        message.action = delta.action.value if delta.action else ""
        turns = delta.action is not None and delta.action.is_rotation
        message.angle_deg = _number(delta.angle_deg if turns else None)
        message.mentions = [_to_mention(mention) for mention in delta.mentions]
        message.observation = clean(delta.observation)
        message.text = clean(entry_text(delta).strip())
        message.usable = delta.usable
        message.model = clean(delta.model)
        message.latency_s = float(delta.latency_s)
    return message


#: Finds the keyframe of a piece of evidence.
KeyframeOf = Callable[[records.Evidence], records.Keyframe | None]


def to_answer(
    answer: records.Answer, keyframe_of: KeyframeOf = lambda _: None, body: str = ""
) -> Answer:
    """An answer. ``keyframe_of`` finds the keyframes that it rests on, ``body`` is the frame whose
    poses they have."""
    message = Answer(
        status=answer.status,
        text=clean(answer.text),
        choice=answer.choice or "",
        reasoning=clean(answer.reasoning),
        consistency=_number(answer.consistency),
        verified_by=clean(answer.verified_by),
        evidence=[_to_evidence(item, keyframe_of(item), body) for item in answer.evidence],
        notice=clean(answer.notice),
        problem=clean(answer.problem),
        stages=list(answer.latency_s),
        latency_s=[float(value) for value in answer.latency_s.values()],
        perceiver=clean(answer.models.get("perceiver", "")),
        reasoner=clean(answer.models.get("reasoner", "")),
    )
    if answer.goal is not None:
        message.has_goal, message.goal = True, to_goal(answer.goal)
        message.goal_object_id = answer.goal.object_id
    return message


def to_problem(problem: str) -> Answer:
    """No answer, and why."""
    return to_answer(records.Answer.failure(problem))


def to_question(request: Any, default_timeout_s: float) -> records.Question:
    """The question of an Ask request or a Reason goal; nobody has checked it yet."""
    choices: Sequence[str] = request.choices
    return records.Question(
        text=request.question,
        choices=tuple(choices),
        at_ns=stamp_ns(request.at) or None,
        timeout_s=float(request.timeout_s) or default_timeout_s,
    )


def _to_mention(mention: records.Mention) -> Mention:
    box = mention.box or records.Box(math.nan, math.nan, math.nan, math.nan)
    return Mention(
        name=clean(mention.name),
        direction=mention.direction,
        distance=mention.distance or "",
        box_left=float(box.left),
        box_top=float(box.top),
        box_right=float(box.right),
        box_bottom=float(box.bottom),
        bearing_deg=_number(mention.bearing_deg),
        elevation_deg=_number(mention.elevation_deg),
        range_m=_number(mention.range_m),
        confidence=_number(mention.confidence),
    )


def _to_evidence(item: records.Evidence, keyframe: records.Keyframe | None, body: str) -> Evidence:
    message = Evidence(
        keyframe_id=item.keyframe_id, stamp=to_time(item.stamp_ns), note=clean(item.note)
    )
    if keyframe is not None:
        message.segment = keyframe.segment
        message.camera_frame_id = clean(keyframe.frame_id)
    if item.pose is not None:
        message.has_pose, message.pose = True, to_pose(item.pose, item.stamp_ns)
        message.body_frame_id = clean(body)
    return message


def _number(value: float | None) -> float:
    return math.nan if value is None else float(value)
