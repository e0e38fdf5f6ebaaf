"""What a configured node has: the agent, the question queue, topics, services and the action.

It is created on configure and leaves nothing behind after `close`. Images and poses are enqueued on
the executor's thread; decisions, keyframes and deltas are published from the agent's threads.

Out of scope: transitions (`node`), single messages (`images`, `messages`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from functools import partial
from typing import Any

from nav_msgs.msg import Odometry
from rclpy.callback_groups import MutuallyExclusiveCallbackGroup
from rclpy.clock import Clock, ClockType, JumpThreshold
from rclpy.duration import Duration
from rclpy.qos import qos_profile_sensor_data

from embodied_agent.agent import Agent
from embodied_agent.errors import AgentError, SettingsError
from embodied_agent.host.interfaces import serving
from embodied_agent.records import Answer, Evidence, Frame, Keyframe
from embodied_agent.ros.asking import AskServers
from embodied_agent.ros.camera import Camera
from embodied_agent.ros.diagnostics import Diagnostics
from embodied_agent.ros.facts import FactTopics
from embodied_agent.ros.health import checks_of
from embodied_agent.ros.markers import Markers
from embodied_agent.ros.messages import to_answer
from embodied_agent.ros.mounting import Mounting, Place
from embodied_agent.ros.objects import ObjectTopics
from embodied_agent.ros.pairing import Pairing, PoseCounts
from embodied_agent.ros.places import PlaceFrames
from embodied_agent.ros.poses import OdometryPoses, TfPoses
from embodied_agent.ros.publishing import keyframe_topic, overridable, publish_frames
from embodied_agent.ros.remembering import MemoryServers
from embodied_agent.ros.silence import SilenceLog
from embodied_agent.ros.topics import advice
from embodied_agent.ros.watch import Watch
from embodied_agent.settings import Settings
from embodied_agent.sources.base import CLOCK_RESTART_NS
from embodied_agent.support.throttled_log import ThrottledLog

#: Images that wait for their depth or pose are looked at this often, in seconds.
_RELEASE_S = 0.01
#: How often it is looked whether images still come, in seconds.
_SILENCE_S = 1.0


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
        log = node.get_logger()
        self.warnings = ThrottledLog(lambda text: log.warning(text))
        # Of these the first says all, and diagnostics go on counting.
        self.poses = PoseCounts(ThrottledLog(lambda t: log.warning(t), every_s=math.inf).add)
        self.active_since_s: float | None = None
        self._pose_frame = ""
        with ExitStack() as stack, ExitStack() as undo:
            self.agent = stack.enter_context(Agent(chosen))
            self.agent.begin_live()
            self.interfaces = stack.enter_context(
                serving(self.agent, chosen, not_ready=self._not_ready)
            )
            self.questions = self.interfaces.questions
            self._subscribe(chosen, stack)
            publisher = publish_frames(node, self.agent, stack, body=self.body)
            stack.callback(self.agent.listen(publisher))
            ObjectTopics(node, self.agent, self.warnings.add, stack)
            Markers(node, self.agent, self.questions, stack)
            with suppress(ImportError):  # without tf2_msgs there is no TF
                PlaceFrames(node, self.agent, self._is_active, self.warnings.add, stack)
            FactTopics(
                node,
                chosen.facts.read(),
                self.agent.note_message,
                self.warnings.add,
                self._is_active,
                stack,
            )
            self._watch_silence(stack)
            self.watch = Watch(self.agent, settings)
            stack.callback(self.watch.close)
            self.servers = AskServers(
                node,
                self.questions,
                timeout_s=lambda: settings().reasoning.timeout_s,
                refusal=self._refusal,
                warn=self.warnings.add,
                to_message=self._to_message,
            )
            undo.callback(self.servers.destroy)
            self._memory = MemoryServers(node, self.agent, refusal=self._refusal, body=self.body)
            undo.callback(self._memory.destroy)
            undo.callback(self._memory.close)
            diagnostics = Diagnostics(node, checks_of(self, settings))
            stack.callback(diagnostics.destroy)
            undo.pop_all()
            self._stack = stack.pop_all()

    def activate(self) -> None:
        """Take in images from now on."""
        self.active_since_s = time.monotonic()
        self._pairing.start()
        for camera in self.cameras:
            camera.active = True

    def deactivate(self) -> None:
        """Keep the last image; the next one begins a new segment."""
        self.active_since_s = None
        for camera in self.cameras:
            camera.active = False
            if camera.depth is not None:
                camera.depth.flush()
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

    def _is_active(self) -> bool:
        return self.active_since_s is not None

    def _refusal(self) -> str:
        if self.active_since_s is not None:
            return ""
        name = self.node.get_fully_qualified_name()
        return f"{name} is inactive; activate it first: ros2 lifecycle set {name} activate"

    def _not_ready(self) -> list[str]:
        refusal = self._refusal()
        return [refusal] if refusal else []

    def body(self) -> str:
        """The frame whose poses these are; empty where nothing is known of it."""
        return "" if self._source is None else self._source.body

    def _to_message(self, answer: Answer) -> Any:
        def keyframe_of(item: Evidence) -> Keyframe | None:
            return self.agent.store.keyframe(item.keyframe_id)

        return to_answer(answer, keyframe_of, self.body())

    def image_advice(self, camera: Camera) -> str:
        """What to set so that images come."""
        own = frozenset({keyframe_topic(self.node)})
        return advice(self.node, camera.topic, camera.transport, own)

    def _watch_silence(self, stack: ExitStack) -> None:
        log = self.node.get_logger()

        # In functions of their own: ROS allows one severity for each line of code that logs.
        def warn(text: str) -> None:
            log.warning(text)

        def note(text: str) -> None:
            log.info(text)

        logs = [
            SilenceLog(warn, note, partial(self.image_advice, camera)) for camera in self.cameras
        ]

        def look() -> None:
            for camera, silence in zip(self.cameras, logs, strict=True):
                silence.look(
                    camera.topic,
                    self.active_since_s,
                    camera.reader.last_arrival_s,
                    self._settings().ros.silent_s,
                )

        # Steady: silence is noticed also while simulated time stands still.
        timer = self.node.create_timer(
            _SILENCE_S, look, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        stack.callback(self.node.destroy_timer, timer)

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
                qos_overriding_options=overridable(),
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
        self._source = source
        self._pairing = Pairing(
            source, lambda: self._settings().ros.pose_wait_s, self._observe, self.poses
        )
        mounting = Mounting(chosen.ros.base_frame)
        subscription = mounting.subscribe(node, group)
        if subscription is not None:
            stack.callback(node.destroy_subscription, subscription)
        named = [pair.split("=", 1) for pair in chosen.source.topics] or [["", ""]]
        self.cameras = [
            Camera(
                node,
                chosen,
                subscribe=subscribe,
                take=self._take,
                warn=self.warnings.add,
                place=Place(mounting, chosen.source, name, order),
                body=self.body,
                moved=self.agent.reset,
                hold=lambda: self._timer.reset(),
                name=name,
                topic=topic,
            )
            for order, (name, topic) in enumerate(named)
        ]
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

    def _take(self, frame: Frame) -> None:
        self._pairing.offer(frame)
        if self._pairing.waiting:
            self._timer.reset()

    def _observe(self, frames: Sequence[Frame]) -> None:
        start = 0
        for number, frame in enumerate(frames):
            if frame.pose is None or frame.pose.frame_id == self._pose_frame:
                continue
            # Positions of two frames of reference can't be compared: they lie in two segments.
            if self._pose_frame:
                self.node.get_logger().info(
                    f"poses are in {frame.pose.frame_id} from now on, no longer in "
                    f"{self._pose_frame}: a new segment begins"
                )
                self.agent.observe_together(frames[start:number])
                self.agent.reset()
                start = number
            self._pose_frame = frame.pose.frame_id
        self.agent.observe_together(frames[start:])

    def _on_timer(self) -> None:
        waiting = False
        for camera in self.cameras:
            if camera.depth is not None:
                camera.depth.release()
                waiting |= camera.depth.waiting
        self._pairing.release()
        if not self._pairing.waiting and not waiting:
            self._timer.cancel()

    def _on_jump(self, jump: Any) -> None:
        """Simulated time jumped back, or began."""
        for camera in self.cameras:
            if camera.depth is not None:
                camera.depth.clear()
        self._pairing.clear()
        back_ns = -int(jump.delta.nanoseconds)
        # Images that jump further are noticed as such, in the order in which they come.
        if 0 < back_ns <= CLOCK_RESTART_NS and self.active_since_s is not None:
            self.agent.reset()
