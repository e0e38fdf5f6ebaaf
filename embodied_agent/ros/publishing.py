"""Publishes the decision on each frame, the pictures of keyframes, and deltas.

It publishes from the agent's threads. Keyframes and deltas are kept for late subscribers.

Out of scope: the messages (`messages`), markers for RViz (`markers`).
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from embodied_agent_interfaces.msg import KeyframeDecision, SemanticDelta
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.qos_overriding_options import QoSOverridingOptions, QoSPolicyKind
from sensor_msgs.msg import CompressedImage

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.records import Decision, Delta, Frame, Keyframe
from embodied_agent.ros.messages import to_decision, to_delta, to_picture
from embodied_agent.ros.topics import base_topic
from embodied_agent.ros.waiting import GONE

#: Deltas and keyframes that a slow subscriber may be behind, and that a late one is given.
DEPTH = 50
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


def publish_frames(
    node: Any, agent: Agent, stack: ExitStack, *, body: Callable[[], str]
) -> Listener:
    """Create the publishers, to be destroyed with ``stack``; returns the listener that
    publishes. ``body`` is called for the frame whose poses are known."""

    def publisher(kind: Any, topic: str, qos: QoSProfile) -> Any:
        created = node.create_lifecycle_publisher(
            kind, topic, qos, qos_overriding_options=overridable()
        )
        stack.callback(node.destroy_lifecycle_publisher, created)
        return created

    decisions = publisher(KeyframeDecision, "~/decision", QoSProfile(depth=10))
    # Below its base topic, where image_transport looks for it.
    base = base_topic(node.resolve_topic_name("~/keyframe"))
    keyframes = publisher(CompressedImage, f"{base}/compressed", kept(1))
    deltas = publisher(SemanticDelta, "~/delta", kept(DEPTH))

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
