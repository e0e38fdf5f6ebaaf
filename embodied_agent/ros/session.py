"""What a configured node has: the agent, the queue of questions, topics, services and the action.

It is made on configure and leaves nothing behind after `close`. Images and poses are enqueued on
the executor's thread; decisions, keyframes and deltas are published from the agent's threads.

Out of scope: transitions (`node`), single messages (`images`, `messages`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from typing import Any

from embodied_agent_interfaces.msg import KeyframeDecision, SemanticDelta
from nav_msgs.msg import Odometry
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType, JumpThreshold
from rclpy.duration import Duration
from rclpy.qos import QoSProfile, qos_profile_sensor_data
from rclpy.qos_overriding_options import QoSOverridingOptions
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.errors import AgentError, DecodeError, SettingsError
from embodied_agent.host.interfaces import serving
from embodied_agent.images import BadImage
from embodied_agent.records import Decision, Delta, Frame, Keyframe
from embodied_agent.ros.asking import AskServers
from embodied_agent.ros.diagnostics import Diagnostics
from embodied_agent.ros.health import checks_of
from embodied_agent.ros.images import ImageReader, intrinsics_from
from embodied_agent.ros.messages import to_decision, to_delta, to_picture
from embodied_agent.ros.poses import OdometryPoses, Pairing, TfPoses
from embodied_agent.ros.remembering import MemoryServers
from embodied_agent.ros.waiting import GONE
from embodied_agent.ros.watch import Watch
from embodied_agent.settings import Settings
from embodied_agent.sources.base import CLOCK_RESTART_NS
from embodied_agent.sources.gate import Gate
from embodied_agent.support.throttled_log import ThrottledLog

#: Images that wait for their pose are looked at this often, in seconds.
_RELEASE_S = 0.01
#: Deltas and keyframes that a slow subscriber may be behind.
_DEPTH = 50


class Session:
    """Everything between configure and cleanup.

    Args:
        node: the lifecycle node.
        settings: called for the settings of now.

    Raises:
        AgentError: the memory can't be opened, or an interface can't be used as set.
    """

    def __init__(self, node: Any, settings: Callable[[], Settings]) -> None:
        self.node = node
        self._settings = settings
        chosen = settings()
        self.warnings = ThrottledLog(lambda text: node.get_logger().warning(text))
        self.reader = ImageReader(
            lambda: int(node.get_clock().now().nanoseconds),
            self.warnings.add,
            max_bytes=chosen.ros.max_image_bytes,
        )
        self.gate = Gate(chosen.source)
        self.active_since_s: float | None = None
        with ExitStack() as stack, ExitStack() as undo:
            self.agent = stack.enter_context(Agent(chosen))
            self.interfaces = stack.enter_context(
                serving(self.agent, chosen, not_ready=self._not_ready)
            )
            self.questions = self.interfaces.questions
            stack.callback(self.agent.listen(self._publish_all(stack)))
            self._subscribe(chosen, stack)
            self.watch = Watch(self.agent, settings)
            stack.callback(self.watch.close)
            self.servers = AskServers(
                node,
                self.questions,
                timeout_s=lambda: settings().reasoning.timeout_s,
                refusal=self._refusal,
            )
            undo.callback(self.servers.destroy)
            self._memory = MemoryServers(node, self.agent, refusal=self._refusal)
            undo.callback(self._memory.destroy)
            undo.callback(self._memory.close)
            diagnostics = Diagnostics(node, checks_of(self, settings))
            stack.callback(diagnostics.destroy)
            undo.pop_all()
            self._stack = stack.pop_all()

    def activate(self) -> None:
        """Take in images from now on."""
        self.active_since_s = time.monotonic()

    def deactivate(self) -> None:
        """Keep the last image; the next one begins a new segment."""
        self.active_since_s = None
        self._pairing.flush()
        try:
            self.agent.finish()
        except AgentError as error:
            self.node.get_logger().error(f"the last image could not be kept: {error}")

    def retune(self, settings: Settings) -> None:
        """Thresholds changed."""
        self.agent.retune(settings.keyframes)

    def close(self) -> None:
        """Tell clients that wait for an answer that the node stops, then release everything."""
        if self.active_since_s is not None:
            self.deactivate()
        self._memory.close()
        self.servers.close()
        self._stack.close()
        executor = self.node.executor
        if executor is None or not self._waiting:
            self._destroy_servers()
        else:
            # Their replies are on the way to the executor; it must find the services there.
            executor.create_task(self._destroy_when_idle)

    @property
    def _waiting(self) -> int:
        return self.servers.pending.count + self._memory.pending.count

    def _destroy_when_idle(self) -> None:
        if self._waiting:
            self.node.executor.create_task(self._destroy_when_idle)
        else:
            self._destroy_servers()

    def _destroy_servers(self) -> None:
        self.servers.destroy()
        self._memory.destroy()

    def _refusal(self) -> str:
        if self.active_since_s is not None:
            return ""
        name = self.node.get_fully_qualified_name()
        return f"{name} is inactive; activate it first: ros2 lifecycle set {name} activate"

    def _not_ready(self) -> list[str]:
        refusal = self._refusal()
        return [refusal] if refusal else []

    def _publish_all(self, stack: ExitStack) -> Listener:
        """Create the publishers, to be destroyed with ``stack``; returns the listener that
        publishes."""
        node = self.node
        options = QoSOverridingOptions.with_default_policies()

        def publisher(kind: Any, topic: str, depth: int) -> Any:
            created = node.create_lifecycle_publisher(
                kind, topic, QoSProfile(depth=depth), qos_overriding_options=options
            )
            stack.callback(node.destroy_lifecycle_publisher, created)
            return created

        decisions = publisher(KeyframeDecision, "~/decision", 10)
        keyframes = publisher(CompressedImage, "~/keyframe", _DEPTH)
        deltas = publisher(SemanticDelta, "~/delta", _DEPTH)

        def subscribed(publisher: Any) -> bool:
            return bool(publisher.get_subscription_count())

        def on_decision(frame: Frame, decision: Decision) -> None:
            with suppress(*GONE):
                if subscribed(decisions):
                    decisions.publish(to_decision(frame, decision, self.agent.frames_dropped))

        def on_keyframe(keyframe: Keyframe) -> None:
            with suppress(*GONE):
                if subscribed(keyframes):
                    keyframes.publish(to_picture(keyframe))

        def on_delta(keyframe: Keyframe, delta: Delta) -> None:
            with suppress(*GONE):
                if subscribed(deltas):
                    deltas.publish(to_delta(keyframe, delta))

        return Listener(on_decision, on_keyframe, on_delta)

    def _subscribe(self, chosen: Settings, stack: ExitStack) -> None:
        """Create the subscriptions, to be destroyed with ``stack``."""
        node = self.node
        group = MutuallyExclusiveCallbackGroup()

        def subscribe(kind: Any, topic: str, callback: Callable[[Any], None]) -> Any:
            subscription = node.create_subscription(
                kind,
                topic,
                callback,
                qos_profile_sensor_data,
                callback_group=group,
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )
            stack.callback(node.destroy_subscription, subscription)
            return subscription

        source: OdometryPoses | TfPoses | None = None
        # Odometry first: of messages that are there at once it is then handled first.
        if chosen.ros.pose == "odom":
            odometry = source = OdometryPoses(self.warnings.add)

            def on_odometry(message: Any) -> None:
                odometry.add(message)
                self._pairing.release()

            subscribe(Odometry, "odom", on_odometry)
        elif chosen.ros.pose == "tf":
            try:
                source = TfPoses(node, chosen.ros.fixed_frame, chosen.ros.base_frame)
            except ImportError as error:
                raise SettingsError(
                    f"ros.pose is tf, but tf2_ros is missing ({error}); install ros-"
                    "$ROS_DISTRO-tf2-ros-py, or set ros.pose to odom"
                ) from error
            stack.callback(source.close)
        self._pairing = Pairing(
            source,
            lambda: self._settings().ros.pose_wait_s,
            lambda frame: self.agent.observe(frame, wait=False),
        )
        self._info = subscribe(CameraInfo, "camera_info", self._on_info)
        reader = self.reader
        if chosen.ros.image_transport == "compressed":
            subscription = subscribe(
                CompressedImage,
                "image/compressed",
                lambda message: self._on_image(message, reader.read_compressed),
            )
        else:
            subscription = subscribe(
                Image, "image", lambda message: self._on_image(message, reader.read)
            )
        self.topic = subscription.topic_name
        self._timer = node.create_timer(
            _RELEASE_S,
            self._on_timer,
            callback_group=group,
            clock=Clock(clock_type=ClockType.STEADY_TIME),
        )
        self._timer.cancel()
        stack.callback(node.destroy_timer, self._timer)
        jumps = node.get_clock().create_jump_callback(
            JumpThreshold(
                min_forward=None, min_backward=Duration(nanoseconds=-1), on_clock_change=True
            ),
            post_callback=self._on_jump,
        )
        stack.callback(jumps.unregister)

    def _on_image(self, message: Any, read: Callable[[Any], Frame]) -> None:
        if self.active_since_s is None:
            return
        self.reader.arrive()
        try:
            self._pairing.offer(self.gate.admit(read(message)))
        except DecodeError as error:
            kind = error.reason if isinstance(error, BadImage) else "undecodable"
            self.warnings.add(kind, f"an image can't be used: {error}")
        if self._pairing.waiting:
            self._timer.reset()

    def _on_info(self, message: Any) -> None:
        """Keep the first usable calibration, as for recordings."""
        self.reader.intrinsics = self.reader.intrinsics or intrinsics_from(message)

    def _on_timer(self) -> None:
        self._pairing.release()
        if not self._pairing.waiting:
            self._timer.cancel()

    def _on_jump(self, jump: Any) -> None:
        """Simulated time jumped back, or began."""
        self._pairing.clear()
        back_ns = -int(jump.delta.nanoseconds)
        # Images that jump further are noticed as such, in the order in which they come.
        if 0 < back_ns <= CLOCK_RESTART_NS and self.active_since_s is not None:
            self.agent.reset()
