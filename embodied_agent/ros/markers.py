"""The memory as RViz shows it: path, keyframes, objects, and what the last answer rests on.

Published on ``~/markers`` (visualization_msgs/MarkerArray) and ``~/keyframe_poses``
(geometry_msgs/PoseArray), each complete and kept for late subscribers, at most once a second and
only after changes. It shows the keyframes in the frame of the newest pose, because positions of two
frames can't be drawn together, and the objects of the latest map session. What is seldom worth the
room has namespaces of its own, which can be switched off: ``unsure_objects`` and ``unsure_names``
(seen in fewer than three keyframes), and ``uncertainty``.

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
from embodied_agent.ros.corrected import Corrected
from embodied_agent.ros.messages import clean, to_header, to_pose
from embodied_agent.ros.publishing import KeptPublisher
from embodied_agent.ros.waiting import GONE

#: The newest keyframes that are drawn; a picture of more is unreadable, and its message large.
MOST = 2000
_PERIOD_S = 1.0
_PATH = ColorRGBA(r=0.2, g=0.6, b=1.0, a=0.8)
_KEYFRAME = ColorRGBA(r=0.1, g=0.3, b=0.9, a=1.0)
_CITED = ColorRGBA(r=1.0, g=0.6, b=0.0, a=1.0)
_RECALLED = ColorRGBA(r=1.0, g=0.9, b=0.4, a=0.8)
_OBJECT = (0.6, 0.3, 0.8)
_GONE_OBJECT = (0.5, 0.5, 0.5)
_NAME = ColorRGBA(r=0.95, g=0.95, b=0.95, a=1.0)
_FAINT_NAME = ColorRGBA(r=0.6, g=0.6, b=0.6, a=0.9)
#: What an object's colour looks like, by its name.
_COLOURS = {
    "red": (0.86, 0.13, 0.13),
    "orange": (1.0, 0.55, 0.1),
    "yellow": (0.98, 0.86, 0.2),
    "green": (0.2, 0.7, 0.25),
    "cyan": (0.2, 0.85, 0.9),
    "blue": (0.2, 0.35, 0.95),
    "purple": (0.6, 0.25, 0.8),
    "pink": (1.0, 0.5, 0.75),
    "brown": (0.55, 0.35, 0.2),
    "white": (1.0, 1.0, 1.0),
    "grey": (0.6, 0.6, 0.6),
    "black": (0.0, 0.0, 0.0),
}
#: Objects are drawn as balls of this diameter, and unsure ones of that, in metres.
_BALL_M, _UNSURE_BALL_M = 0.25, 0.12
#: Heights of names, in metres: of an object, of one that an answer is about, of an unsure one.
_NAME_M, _ANSWER_NAME_M, _UNSURE_NAME_M = 0.28, 0.38, 0.2
#: How far names are from what they name, both up and along the frame's y, in metres.
_BESIDE_M = 0.3
#: Seen in fewer keyframes, an object is unsure.
_SURE = 3
#: Keyframes of evidence lie in a disc of this diameter; discs are this thick, in metres.
_DISC_M, _THIN_M = 0.8, 0.02
_DISC_ALPHA, _UNCERTAINTY_ALPHA = 0.3, 0.12


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
        self._answer_about: int | None = None
        self._new = True
        self._agent = agent
        self._corrected = Corrected(agent)

        self._markers = KeptPublisher(node, MarkerArray, "~/markers", 1, stack)
        self._poses = KeptPublisher(node, PoseArray, "~/keyframe_poses", 1, stack)
        for keyframe in agent.store.keyframes(since=max(agent.store.last_id() - MOST + 1, 0)):
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
            self._answer_about = None if answer.goal is None else answer.goal.object_id
            self._new = True

    def _publish(self) -> None:
        if not self._markers.is_activated:
            return
        with suppress(AgentError):  # `ObjectTopics` says why
            if self._corrected():
                with self._lock:
                    self._new = True
        with self._lock:
            if not self._new or not self._seen:
                return
            self._new = False
            seen, evidence, about = list(self._seen), self._evidence, self._answer_about
        objects: list[SeenObject] = []
        with suppress(AgentError):
            objects = self._latest_objects()
        with suppress(*GONE):
            self._markers.publish(to_markers(seen, evidence, objects, about))
            self._poses.publish(to_poses(seen))

    def _latest_objects(self) -> list[SeenObject]:
        """The objects of the latest map session."""
        sessions = self._agent.map_sessions()
        return self._agent.objects(session=sessions[-1].id, limit=MOST) if sessions else []


def to_poses(seen: Sequence[Seen]) -> PoseArray:
    """The keyframes' poses, in their order."""
    last = seen[-1]
    message = PoseArray(header=to_header(last.stamp_ns, last.pose.frame_id))
    message.poses = [to_pose(each.pose, each.stamp_ns).pose for each in seen]
    return message


def to_markers(
    seen: Sequence[Seen],
    evidence: Sequence[Evidence],
    objects: Sequence[SeenObject] = (),
    about: int | None = None,
) -> MarkerArray:
    """Path, keyframes, and the evidence and objects that lie in the same frame. ``about`` is the
    object that the answer is about."""
    frame_id = seen[-1].pose.frame_id
    markers = [Marker(action=Marker.DELETEALL)]
    path = _marker(frame_id, "path", Marker.LINE_LIST, 0.05, _PATH)
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
        place = _point(item.pose)
        pale = ColorRGBA(r=colour.r, g=colour.g, b=colour.b, a=_DISC_ALPHA)
        arrow = _marker(frame_id, "evidence", Marker.ARROW, 0.16, colour, item.keyframe_id)
        arrow.pose = to_pose(item.pose, item.stamp_ns).pose
        arrow.scale.x = 0.8
        text = f"#{item.keyframe_id} {item.note}".strip()
        turn = arrow.pose.orientation
        ahead_y = 2 * (turn.x * turn.y + turn.w * turn.z)
        # On the side of the keyframe that its arrow does not cover.
        tail = Point(x=place.x, y=place.y - (_DISC_M if ahead_y > 0 else 0.0), z=place.z)
        markers += [
            arrow,
            _disc("evidence_discs", frame_id, place, _DISC_M, pale, item.keyframe_id),
            _label("evidence_names", frame_id, tail, text, (0.3, colour), item.keyframe_id),
        ]
    for one in objects:
        if one.frame_id == frame_id:
            markers += _of_object(one, is_answer=one.id == about)
    return MarkerArray(markers=[marker for marker in markers if _is_drawable(marker)])


def _of_object(one: SeenObject, *, is_answer: bool) -> list[Marker]:
    """A ball in the object's colour with its name above it, in a disc as wide as its position is
    uncertain; grey if it is no longer there."""
    if one.position_m is None:
        return []
    x, y, z = map(float, one.position_m)
    place = Point(x=x, y=y, z=z)
    is_gone = one.gone_since_ns is not None
    r, g, b = _GONE_OBJECT if is_gone else _COLOURS.get(one.color, _OBJECT)
    text = one.label or one.name
    if one.seen < _SURE and not one.label and not is_answer:
        colour, name = ColorRGBA(r=r, g=g, b=b, a=0.5), (_UNSURE_NAME_M, _FAINT_NAME)
        return [
            _ball("unsure_objects", one.frame_id, place, _UNSURE_BALL_M, colour, one.id),
            _label("unsure_names", one.frame_id, place, text, name, one.id),
        ]
    colour, name = ColorRGBA(r=r, g=g, b=b, a=0.5 if is_gone else 1.0), (_NAME_M, _NAME)
    if is_answer:
        name = (_ANSWER_NAME_M, _CITED)
    elif is_gone:
        name = (_NAME_M, _FAINT_NAME)
    spread_m = 2 * (one.std_m or 0.0)
    pale = ColorRGBA(r=r, g=g, b=b, a=_UNCERTAINTY_ALPHA)
    return [
        _ball("objects", one.frame_id, place, _BALL_M, colour, one.id),
        _label("object_names", one.frame_id, place, text, name, one.id),
        _disc("uncertainty", one.frame_id, place, max(spread_m, _BALL_M), pale, one.id),
    ]


def _ball(
    group: str, frame_id: str, place: Point, width_m: float, colour: ColorRGBA, number: int
) -> Marker:
    ball = _marker(frame_id, group, Marker.SPHERE, width_m, colour, number)
    ball.pose.position = place
    return ball


def _label(
    group: str, frame_id: str, place: Point, text: str, kind: tuple[float, ColorRGBA], number: int
) -> Marker:
    """Text beside a place, also if seen from above; ``kind`` is its height in metres and its
    colour."""
    height_m, colour = kind
    label = _marker(frame_id, group, Marker.TEXT_VIEW_FACING, height_m, colour, number)
    label.pose.position = Point(x=place.x, y=place.y + _BESIDE_M, z=place.z + _BESIDE_M)
    label.text = clean(text)
    return label


def _disc(
    group: str, frame_id: str, place: Point, width_m: float, colour: ColorRGBA, number: int
) -> Marker:
    disc = _marker(frame_id, group, Marker.CYLINDER, width_m, colour, number)
    disc.scale.z = _THIN_M
    disc.pose.position = place
    return disc


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
