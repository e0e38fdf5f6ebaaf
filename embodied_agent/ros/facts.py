"""Facts from ROS topics (``facts.topics``): subscribed to once their type is known, and noted.

Any type that is installed can be read. A topic is subscribed to as its publishers offer it, so that
a latched value is given at once.

Out of scope: fields and texts (`embodied_agent.support.message_text`), which values are noted
(`embodied_agent.agent.fact_gate`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from importlib import import_module
from typing import Any

from embodied_agent.settings.facts import FactTopic

#: How often it is looked whether a topic's type is known, in seconds.
_LOOK_S = 1.0
_TYPE = re.compile(r"([a-z][a-z0-9_]*)/(?:msg/)?([A-Z][A-Za-z0-9]*)")

Note = Callable[[FactTopic, Any, int], object]


def message_type(name: str) -> Any:
    """The class of a message type (``sensor_msgs/msg/BatteryState``).

    Raises:
        ImportError: it is not installed.
    """
    parts = _TYPE.fullmatch(name)
    if parts is None:
        raise ImportError(f"{name!r} is no message type")
    try:
        return getattr(import_module(f"{parts[1]}.msg"), parts[2])
    except AttributeError as error:
        raise ImportError(str(error)) from error


def stamp_of(message: Any, now_ns: int) -> int:
    """The stamp in a message's header, in nanoseconds; ``now_ns`` where it has none."""
    stamp = getattr(getattr(message, "header", None), "stamp", None)
    if stamp is None:
        return now_ns
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec) or now_ns


class FactReader:
    """Passes messages of one topic on to be noted.

    Args:
        facts: that are made of them.
        note: notes a message; returns at once.
        now_ns: the node's clock.
        is_active: whether messages count now.
    """

    def __init__(
        self,
        facts: Iterable[FactTopic],
        note: Note,
        now_ns: Callable[[], int],
        is_active: Callable[[], bool],
    ) -> None:
        self.facts = tuple(facts)
        self._note = note
        self._now_ns = now_ns
        self._is_active = is_active

    def take(self, message: Any) -> None:
        """A message came."""
        if not self._is_active():
            return
        stamp_ns = stamp_of(message, self._now_ns())
        for fact in self.facts:
            self._note(fact, message, stamp_ns)


class FactTopics:
    """The subscriptions, to be destroyed with ``stack``.

    Args:
        node: subscribes.
        facts: to be noted.
        note: notes a message; returns at once.
        warn: logs what is wrong with a topic, by its name, once.
        is_active: whether messages count now.
        stack: ends the subscriptions.
    """

    def __init__(
        self,
        node: Any,
        facts: Iterable[FactTopic],
        note: Note,
        warn: Callable[[str, str], object],
        is_active: Callable[[], bool],
        stack: ExitStack,
    ) -> None:
        self._node = node
        self._warn = warn
        self._stack = stack
        self._missing: dict[str, FactReader] = {}
        by_topic: dict[str, list[FactTopic]] = {}
        for fact in facts:
            by_topic.setdefault(node.resolve_topic_name(fact.topic), []).append(fact)
        for topic, own in by_topic.items():
            self._missing[topic] = FactReader(
                own, note, lambda: int(node.get_clock().now().nanoseconds), is_active
            )
        if self._missing:
            from rclpy.clock import Clock, ClockType

            clock = Clock(clock_type=ClockType.STEADY_TIME)
            self._timer = node.create_timer(_LOOK_S, self.look, clock=clock)
            stack.callback(node.destroy_timer, self._timer)

    def look(self) -> None:
        """Subscribe to the topics whose types are known by now."""
        types = dict(self._node.get_topic_names_and_types())
        for topic in [name for name in self._missing if types.get(name)]:
            kind = types[topic][0]
            reader = self._missing.pop(topic)
            names = ", ".join(fact.name for fact in reader.facts)
            if len(types[topic]) > 1:
                self._warn(topic, f"{topic} has several types: {', '.join(types[topic])}")
            try:
                self._subscribe(message_type(kind), topic, reader)
            except ImportError as error:
                self._warn(topic, f"{names} can't be noted from {topic}: {error}")
                continue
            self._node.get_logger().info(f"noting {names} from {topic} ({kind})")
        if not self._missing:
            self._timer.cancel()

    def _subscribe(self, kind: Any, topic: str, reader: FactReader) -> None:
        from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

        offered = [each.qos_profile for each in self._node.get_publishers_info_by_topic(topic)]
        latched = bool(offered) and all(
            each.durability == DurabilityPolicy.TRANSIENT_LOCAL for each in offered
        )
        reliable = bool(offered) and all(
            each.reliability == ReliabilityPolicy.RELIABLE for each in offered
        )
        profile = QoSProfile(
            depth=1,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        )
        subscription = self._node.create_subscription(kind, topic, reader.take, profile)
        self._stack.callback(self._node.destroy_subscription, subscription)
