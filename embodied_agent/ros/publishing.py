"""Publishes the decision on each frame, the pictures of keyframes, and deltas.

It publishes from the agent's threads. Keyframes and deltas are kept for late subscribers, until
something is to be forgotten: then what was kept is dropped.

Out of scope: the messages (`messages`), markers for RViz (`markers`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from embodied_agent_interfaces.msg import KeyframeDecision, SemanticDelta
from rclpy.clock import Clock, ClockType
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions, QoSPolicyKind
from sensor_msgs.msg import CompressedImage

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.errors import AgentError
from embodied_agent.records import Decision, Delta, Frame, Keyframe
from embodied_agent.ros.corrected import Corrected, forgets
from embodied_agent.ros.messages import to_decision, to_delta, to_picture
from embodied_agent.ros.topics import base_topic
from embodied_agent.ros.waiting import GONE

#: Deltas and keyframes that a slow subscriber may be behind, and that a late one is given.
DEPTH = 50
#: It is looked this often, in seconds, whether something is to be forgotten.
_PERIOD_S = 1.0
_OVERRIDABLE = (
    QoSPolicyKind.HISTORY,
    QoSPolicyKind.DEPTH,
    QoSPolicyKind.RELIABILITY,
    QoSPolicyKind.DURABILITY,
)


def overridable() -> QoSOverridingOptions:
    """Lets parameters override a topic's QoS, durability included."""
    return QoSOverridingOptions(_OVERRIDABLE)


def kept(depth: int) -> QoSProfile:
    """Reliable, and given to late subscribers that ask for transient_local."""
    return QoSProfile(depth=depth, durability=DurabilityPolicy.TRANSIENT_LOCAL)


class KeptPublisher:
    """A lifecycle publisher whose messages are given to late subscribers, too. May be used from
    any thread.

    Args:
        node: publishes.
        kind: type of the messages.
        topic: their topic.
        depth: how many messages are kept.
        stack: the publisher goes with it.
    """

    def __init__(self, node: Any, kind: Any, topic: str, depth: int, stack: ExitStack) -> None:
        self._node = node
        self._kind, self._topic, self._depth = kind, topic, depth
        self._lock = threading.Lock()
        self._publisher = self._made()
        stack.callback(lambda: node.destroy_lifecycle_publisher(self._publisher))

    @property
    def is_activated(self) -> bool:
        """Whether messages are published."""
        return bool(self._publisher.is_activated)

    def publish(self, message: Any) -> None:
        """Publish a message, and keep it; does nothing while the node is inactive."""
        with self._lock:
            self._publisher.publish(message)

    def renew(self) -> None:
        """Drop what is kept: late subscribers get what is published from now on."""
        with self._lock:
            old = self._publisher
            self._publisher = self._made()
            if old.is_activated:
                self._publisher.on_activate(None)
            self._node.destroy_lifecycle_publisher(old)

    def _made(self) -> Any:
        return self._node.create_lifecycle_publisher(
            self._kind, self._topic, kept(self._depth), qos_overriding_options=overridable()
        )


def publish_frames(
    node: Any, agent: Agent, stack: ExitStack, *, body: Callable[[], str]
) -> Listener:
    """Create the publishers, to be destroyed with ``stack``; returns the listener that
    publishes. ``body`` is called for the frame whose poses are known."""

    decisions = node.create_lifecycle_publisher(
        KeyframeDecision, "~/decision", QoSProfile(depth=10), qos_overriding_options=overridable()
    )
    stack.callback(node.destroy_lifecycle_publisher, decisions)
    # Below its base topic, where image_transport looks for it.
    base = base_topic(node.resolve_topic_name("~/keyframe"))
    keyframes = KeptPublisher(node, CompressedImage, f"{base}/compressed", 1, stack)
    deltas = KeptPublisher(node, SemanticDelta, "~/delta", DEPTH, stack)
    corrected = Corrected(agent)

    def drop_forgotten() -> None:
        with suppress(AgentError):  # `ObjectTopics` says why
            if forgets(corrected()):
                keyframes.renew()
                deltas.renew()

    timer = node.create_timer(
        _PERIOD_S, drop_forgotten, clock=Clock(clock_type=ClockType.STEADY_TIME)
    )
    stack.callback(node.destroy_timer, timer)

    def on_decision(frame: Frame, decision: Decision) -> None:
        with suppress(*GONE):
            if decisions.get_subscription_count():
                decisions.publish(to_decision(frame, decision, agent.frames_dropped))

    def on_keyframe(keyframe: Keyframe) -> None:
        with suppress(*GONE):
            keyframes.publish(to_picture(keyframe))

    def on_delta(keyframe: Keyframe, delta: Delta) -> None:
        with suppress(*GONE):
            deltas.publish(to_delta(keyframe, delta, body()))

    return Listener(on_decision, on_keyframe, on_delta)


def keyframe_topic(node: Any) -> str:
    """The full name of the keyframes' topic."""
    base = base_topic(node.resolve_topic_name("~/keyframe"))
    topic: str = node.resolve_topic_name(f"{base}/compressed")
    return topic
