"""Objects and alerts over ROS: the topics ``~/objects`` and ``~/alert``, and their messages.

``~/objects`` has all objects of the latest map sessions, at most once a second and only after
changes: something was seen, or a person corrected the memory. ``~/alert`` has each alert once.

Out of scope: the services about objects (`remembering`), markers for RViz (`markers`).
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from typing import Any

from embodied_agent_interfaces.msg import Alert as AlertMessage
from embodied_agent_interfaces.msg import SeenObject as ObjectMessage
from embodied_agent_interfaces.msg import SeenObjects
from geometry_msgs.msg import PoseWithCovarianceStamped
from rclpy.clock import Clock, ClockType

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.errors import AgentError
from embodied_agent.object_records import Alert, SeenObject
from embodied_agent.records import Delta, Keyframe
from embodied_agent.ros.corrected import Corrected, forgets
from embodied_agent.ros.messages import clean, to_header, to_pose, to_time
from embodied_agent.ros.publishing import DEPTH, KeptPublisher
from embodied_agent.ros.waiting import GONE

#: Most objects in a message.
MOST = 2000
_PERIOD_S = 1.0
#: The variance of an angle that is not known, in square radians.
_UNKNOWN_ANGLE = 1e6


class ObjectTopics:
    """Publishes objects and alerts until the session ends.

    Args:
        node: publishes.
        agent: whose memory it is.
        warn: called with what went wrong: a key, and a sentence.
        stack: everything made here goes with it.
    """

    def __init__(self, node: Any, agent: Agent, warn: Any, stack: ExitStack) -> None:
        self._agent = agent
        self._warn = warn
        self._lock = threading.Lock()
        self._newest: Keyframe | None = None
        self._is_new = False
        self._corrected = Corrected(agent)

        self._objects = KeptPublisher(node, SeenObjects, "~/objects", 1, stack)
        self._alerts = KeptPublisher(node, AlertMessage, "~/alert", DEPTH, stack)
        stack.callback(agent.listen(Listener(on_delta=self._note, on_alert=self._tell)))
        timer = node.create_timer(
            _PERIOD_S, self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        stack.callback(node.destroy_timer, timer)

    def _note(self, keyframe: Keyframe, _: Delta) -> None:
        with self._lock:
            self._newest, self._is_new = keyframe, True

    def _tell(self, alert: Alert) -> None:
        keyframe = self._agent.store.keyframe(alert.keyframe_id)
        with suppress(*GONE):
            self._alerts.publish(to_alert(alert, "" if keyframe is None else keyframe.frame_id))

    def _publish(self) -> None:
        if not self._objects.is_activated:
            return
        try:
            corrections = self._corrected()
            if forgets(corrections):
                self._alerts.renew()
            with self._lock:
                newest, is_new = self._newest, self._is_new or bool(corrections)
                self._is_new = False
            if newest is None or not is_new:
                return
            found = self._agent.objects(limit=MOST)
        except AgentError as error:
            self._warn("objects", f"objects can't be published: {error}")
            return
        with suppress(*GONE):
            self._objects.publish(to_objects(newest, found))


def to_objects(newest: Keyframe, found: Sequence[SeenObject]) -> SeenObjects:
    """All objects, as of the newest keyframe."""
    frame_id = "" if newest.pose is None else newest.pose.frame_id
    return SeenObjects(
        header=to_header(newest.stamp_ns, frame_id), objects=[to_object(one) for one in found]
    )


def to_object(one: SeenObject) -> ObjectMessage:
    """One object."""
    message = ObjectMessage(
        id=one.id,
        name=clean(one.name),
        color=clean(one.color),
        kind=clean(one.kind),
        label=clean(one.label),
        note=clean(one.note),
        session=one.session,
        by_poses=one.measured == "poses",
        first_seen=to_time(one.first_seen_ns),
        last_seen=to_time(one.last_seen_ns),
        times_seen=one.seen,
        times_missed=one.missed,
        is_gone=one.gone_since_ns is not None,
        evidence=list(one.evidence),
    )
    if one.gone_since_ns is not None:
        message.gone_since = to_time(one.gone_since_ns)
    if one.position_m is not None and one.covariance_m2 is not None:
        pose = PoseWithCovarianceStamped(header=to_header(one.last_seen_ns, one.frame_id))
        place = pose.pose.pose.position
        place.x, place.y, place.z = map(float, one.position_m)
        pose.pose.pose.orientation.w = 1.0
        covariance = [0.0] * 36
        for row in range(3):
            for column in range(3):
                covariance[6 * row + column] = float(one.covariance_m2[3 * row + column])
            covariance[7 * (row + 3)] = _UNKNOWN_ANGLE
        pose.pose.covariance = covariance
        message.has_position, message.pose = True, pose
    return message


def to_alert(alert: Alert, frame_id: str) -> AlertMessage:
    """An alert; ``frame_id`` is that of its keyframe's image."""
    message = AlertMessage(
        header=to_header(alert.stamp_ns, frame_id),
        id=alert.id,
        question_id=alert.question_id,
        event=alert.event,
        name=clean(alert.name),
        text=clean(alert.text),
        keyframe_id=alert.keyframe_id,
        object_id=-1 if alert.object_id is None else alert.object_id,
    )
    if alert.pose is not None:
        message.has_pose, message.pose = True, to_pose(alert.pose, alert.stamp_ns)
    return message
