"""The memory as RViz shows it: path, keyframes, objects, and what the last answer rests on.

Published on ``~/markers`` (visualization_msgs/MarkerArray) and ``~/keyframe_poses``
(geometry_msgs/PoseArray), each complete and kept for late subscribers, at most once a second and
only after changes. It shows the keyframes in the frame of the newest pose, because positions of two
frames can't be drawn together.

Out of scope: objects as data (`objects`).
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from itertools import pairwise
from typing import Any, NamedTuple

from geometry_msgs.msg import Point, PoseArray
from rclpy.clock import Clock, ClockType
from std_msgs.msg import ColorRGBA
from visualization_msgs.msg import Marker, MarkerArray

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.agent.question_queue import QuestionQueue, QueuedQuestion, QueueListener
from embodied_agent.errors import AgentError
from embodied_agent.object_records import SeenObject
from embodied_agent.records import Answer, Delta, Evidence, Keyframe, Pose
from embodied_agent.ros.messages import clean, to_header, to_pose
from embodied_agent.ros.publishing import kept, overridable
from embodied_agent.ros.waiting import GONE

#: The newest keyframes that are drawn; a picture of more is unreadable, and its message large.
MOST = 2000
_PERIOD_S = 1.0
_PATH = ColorRGBA(r=0.2, g=0.6, b=1.0, a=0.8)
_KEYFRAME = ColorRGBA(r=0.1, g=0.3, b=0.9, a=1.0)
_CITED = ColorRGBA(r=1.0, g=0.6, b=0.0, a=1.0)
_RECALLED = ColorRGBA(r=1.0, g=0.9, b=0.4, a=0.8)
_OBJECT = ColorRGBA(r=0.6, g=0.3, b=0.8, a=0.9)
_GONE_OBJECT = ColorRGBA(r=0.5, g=0.5, b=0.5, a=0.5)
#: Objects are drawn as balls of at least this diameter, in metres.
_BALL_M = 0.25


class Seen(NamedTuple):
    """A keyframe that has a pose."""

    number: int
    segment: int
    stamp_ns: int
    pose: Pose


class Markers:
    """Publishes markers until the session ends.

    Args:
        node: publishes.
        agent: whose memory it is.
        questions: whose answers are marked.
        stack: everything made here goes with it.
    """

    def __init__(self, node: Any, agent: Agent, questions: QuestionQueue, stack: ExitStack) -> None:
        self._lock = threading.Lock()
        self._seen: deque[Seen] = deque(maxlen=MOST)
        self._evidence: tuple[Evidence, ...] = ()
        self._new = True
        self._node = node
        self._agent = agent

        def publisher(kind: Any, topic: str) -> Any:
            created = node.create_lifecycle_publisher(
                kind, topic, kept(1), qos_overriding_options=overridable()
            )
            stack.callback(node.destroy_lifecycle_publisher, created)
            return created

        self._markers = publisher(MarkerArray, "~/markers")
        self._poses = publisher(PoseArray, "~/keyframe_poses")
        newest = max(agent.store.counts().total - MOST, 0)
        for keyframe in agent.store.keyframes(since=newest):
            self._add(keyframe)
        stack.callback(agent.listen(Listener(on_keyframe=self._add, on_delta=self._perceived)))
        stack.callback(questions.listen(QueueListener(on_answer=self._note)))
        timer = node.create_timer(
            _PERIOD_S, self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        stack.callback(node.destroy_timer, timer)

    def _add(self, keyframe: Keyframe) -> None:
        if keyframe.pose is None:
            return
        with self._lock:
            if self._seen and self._seen[-1].pose.frame_id != keyframe.pose.frame_id:
                self._seen.clear()
                self._evidence = ()
            self._seen.append(Seen(keyframe.id, keyframe.segment, keyframe.stamp_ns, keyframe.pose))
            self._new = True

    def _perceived(self, _: Keyframe, __: Delta) -> None:
        with self._lock:
            self._new = True

    def _note(self, _: QueuedQuestion, answer: Answer) -> None:
        with self._lock:
            self._evidence = tuple(answer.evidence)
            self._new = True

    def _publish(self) -> None:
        if not self._markers.is_activated:
            return
        with self._lock:
            if not self._new or not self._seen:
                return
            self._new = False
            seen, evidence = list(self._seen), self._evidence
        objects: list[SeenObject] = []
        with suppress(AgentError):  # `ObjectTopics` says why
            objects = self._agent.objects(limit=MOST)
        with suppress(*GONE):
            self._markers.publish(to_markers(seen, evidence, objects))
            self._poses.publish(to_poses(seen))


def to_poses(seen: Sequence[Seen]) -> PoseArray:
    """The keyframes' poses, in their order."""
    last = seen[-1]
    message = PoseArray(header=to_header(last.stamp_ns, last.pose.frame_id))
    message.poses = [to_pose(each.pose, each.stamp_ns).pose for each in seen]
    return message


def to_markers(
    seen: Sequence[Seen], evidence: Sequence[Evidence], objects: Sequence[SeenObject] = ()
) -> MarkerArray:
    """Path, keyframes, and the evidence and objects that lie in the same frame."""
    frame_id = seen[-1].pose.frame_id
    markers = [Marker(action=Marker.DELETEALL)]
    path = _marker(frame_id, "path", Marker.LINE_LIST, 0.03, _PATH)
    for before, after in pairwise(seen):
        if before.segment == after.segment:
            path.points += [_point(before.pose), _point(after.pose)]
    keyframes = _marker(frame_id, "keyframes", Marker.SPHERE_LIST, 0.12, _KEYFRAME)
    keyframes.points = [_point(each.pose) for each in seen]
    markers += [path, keyframes]
    for item in evidence:
        if item.pose is None or item.pose.frame_id != frame_id:
            continue
        colour = _CITED if item.note == "cited" else _RECALLED
        arrow = _marker(frame_id, "evidence", Marker.ARROW, 0.08, colour, item.keyframe_id)
        arrow.pose = to_pose(item.pose, item.stamp_ns).pose
        arrow.scale.x = 0.6
        label = _marker(
            frame_id, "evidence_names", Marker.TEXT_VIEW_FACING, 0.25, colour, item.keyframe_id
        )
        label.pose.position = _point(item.pose)
        label.pose.position.z += 0.4
        label.text = clean(f"#{item.keyframe_id} {item.note}".strip())
        markers += [arrow, label]
    latest = max((one.session for one in objects), default=0)
    for one in objects:
        if one.session == latest and one.frame_id == frame_id:
            markers += _of_object(one)
    return MarkerArray(markers=[marker for marker in markers if _is_drawable(marker)])


def _of_object(one: SeenObject) -> list[Marker]:
    """A ball as wide as the position is uncertain, with the object's name above it."""
    if one.position_m is None:
        return []
    colour = _OBJECT if one.gone_since_ns is None else _GONE_OBJECT
    size_m = max(_BALL_M, 2 * (one.std_m or 0.0))
    ball = _marker(one.frame_id, "objects", Marker.SPHERE, size_m, colour, one.id)
    x, y, z = map(float, one.position_m)
    ball.pose.position = Point(x=x, y=y, z=z)
    label = _marker(one.frame_id, "object_names", Marker.TEXT_VIEW_FACING, 0.25, colour, one.id)
    label.pose.position = Point(x=x, y=y, z=z + size_m / 2 + 0.2)
    label.text = clean(one.label or one.name)
    return [ball, label]


def _marker(
    frame_id: str, group: str, kind: int, size_m: float, colour: ColorRGBA, number: int = 0
) -> Marker:
    # Without a stamp: what stays is drawn by the newest transform, however old it is.
    marker = Marker(header=to_header(0, frame_id), ns=group, id=number & 0x7FFFFFFF, type=kind)
    marker.scale.x = marker.scale.y = marker.scale.z = size_m
    marker.color = colour
    marker.pose.orientation.w = 1.0
    return marker


def _is_drawable(marker: Marker) -> bool:
    """RViz warns of lists without points."""
    lists = (Marker.LINE_LIST, Marker.SPHERE_LIST)
    return marker.action != Marker.ADD or marker.type not in lists or bool(marker.points)


def _point(pose: Pose) -> Point:
    x, y, z = map(float, pose.position_m)
    return Point(x=x, y=y, z=z)
