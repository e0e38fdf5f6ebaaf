"""What a configured node has: the agent, the queue of questions, topics, services and the action.

Made on configure, and gone after `close` without a trace. Images and poses are enqueued on the
executor's thread; decisions, keyframes and deltas are published from the agent's threads.

Not here: transitions (`node`), single messages (`images`, `messages`).
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
from embodied_agent.ros.complaints import Complaints
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
        self.complaints = Complaints(lambda text: node.get_logger().warning(text))
        self.reader = ImageReader(
            lambda: int(node.get_clock().now().nanoseconds), self.complaints.add
        )
        self.gate = Gate(chosen.source)
        self.active_since_s: float | None = None
        with ExitStack() as stack, ExitStack() as undo:
            self.agent = stack.enter_context(Agent(chosen))
            self.interfaces = stack.enter_context(
                serving(self.agent, chosen, not_ready=self._not_ready)
            )
            self.asks = self.interfaces.asks
            stack.callback(self.agent.listen(self._publish_all(stack)))
            self._subscribe(chosen, stack)
            self.watch = Watch(self.agent, settings)
            stack.callback(self.watch.close)
            self.servers = AskServers(
                node,
                self.asks,
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
        """Answer who waits that the node stops, then let go of everything."""
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
        """Make the publishers, and what takes them away again; what publishes."""
        node = self.node
        options = QoSOverridingOptions.with_default_policies()

        def publisher(kind: Any, topic: str, depth: int) -> Any:
            made = node.create_lifecycle_publisher(
                kind, topic, QoSProfile(depth=depth), qos_overriding_options=options
            )
            stack.callback(node.destroy_lifecycle_publisher, made)
            return made

        decisions = publisher(KeyframeDecision, "~/decision", 10)
        keyframes = publisher(CompressedImage, "~/keyframe", _DEPTH)
        deltas = publisher(SemanticDelta, "~/delta", _DEPTH)

        def wanted(publisher: Any) -> bool:
            return bool(publisher.get_subscription_count())

        def on_decision(frame: Frame, decision: Decision) -> None:
            with suppress(*GONE):
                if wanted(decisions):
                    decisions.publish(to_decision(frame, decision, self.agent.frames_dropped))

        def on_keyframe(keyframe: Keyframe) -> None:
            with suppress(*GONE):
                if wanted(keyframes):
                    keyframes.publish(to_picture(keyframe))

        def on_delta(keyframe: Keyframe, delta: Delta) -> None:
            with suppress(*GONE):
                if wanted(deltas):
                    deltas.publish(to_delta(keyframe, delta))

        return Listener(on_decision, on_keyframe, on_delta)

    def _subscribe(self, chosen: Settings, stack: ExitStack) -> None:
        """Make the subscriptions, and what takes them away again."""
        node = self.node
        group = MutuallyExclusiveCallbackGroup()

        def subscribe(kind: Any, topic: str, callback: Callable[[Any], None]) -> Any:
            made = node.create_subscription(
                kind,
                topic,
                callback,
                qos_profile_sensor_data,
                callback_group=group,
                qos_overriding_options=QoSOverridingOptions.with_default_policies(),
            )
            stack.callback(node.destroy_subscription, made)
            return made

        source: OdometryPoses | TfPoses | None = None
        # Odometry first: of messages that are there at once it is then handled first.
        if chosen.ros.pose == "odom":
            odometry = source = OdometryPoses(self.complaints.add)

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
        if chosen.ros.image_transport == "compressed":
            made = subscribe(CompressedImage, "image/compressed", self._on_image)
        else:
            made = subscribe(Image, "image", self._on_image)
        self.topic = made.topic_name
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

    def _on_image(self, message: Any) -> None:
        if self.active_since_s is None:
            return
        self.reader.arrive()
        try:
            self._pairing.offer(self.gate.admit(self.reader.read(message)))
        except DecodeError as error:
            kind = error.reason if isinstance(error, BadImage) else "undecodable"
            self.complaints.add(kind, f"an image can't be used: {error}")
        if self._pairing.waiting:
            self._timer.reset()

    def _on_info(self, message: Any) -> None:
        """The first calibration that there is counts, as for recordings."""
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
