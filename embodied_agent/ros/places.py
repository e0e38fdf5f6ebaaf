"""Named places as frames of TF, so that RViz shows them and a goal can be given in them.

A place "dock" of the latest map session is the frame ``place/dock`` in the frame of its map,
published on ``/tf`` once a second while the node is active. Not on ``/tf_static``, because a static
frame can't be taken back, and people forget places.

Out of scope: naming places (`embodied_agent.agent`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from typing import Any

from geometry_msgs.msg import TransformStamped
from rclpy.clock import Clock, ClockType
from rclpy.qos import QoSProfile

from embodied_agent.agent import Agent
from embodied_agent.errors import AgentError
from embodied_agent.object_records import MapSession, NamedPlace
from embodied_agent.records import Pose
from embodied_agent.ros.messages import clean, to_header
from embodied_agent.ros.publishing import overridable
from embodied_agent.ros.waiting import GONE

#: Before the name of each place, so that it is no frame of the robot.
PREFIX = "place/"
_PERIOD_S = 1.0
_LEVEL = (0.0, 0.0, 0.0, 1.0)


class PlaceFrames:
    """Publishes the frames of named places until the session ends.

    Args:
        node: publishes, stamped with its clock.
        agent: whose places they are.
        active: called for whether the node is active.
        warn: called with what went wrong: a key, and a sentence.
        stack: everything made here goes with it.

    Raises:
        ImportError: tf2_msgs is not installed.
    """

    def __init__(
        self,
        node: Any,
        agent: Agent,
        active: Callable[[], bool],
        warn: Callable[[str, str], object],
        stack: ExitStack,
    ) -> None:
        from tf2_msgs.msg import TFMessage

        self._node = node
        self._agent = agent
        self._warn = warn
        self._message: Any = TFMessage
        self._active = active
        self._publisher: Any = None
        stack.callback(self._close)
        self._last_ns = 0
        timer = node.create_timer(
            _PERIOD_S, self._publish, clock=Clock(clock_type=ClockType.STEADY_TIME)
        )
        stack.callback(node.destroy_timer, timer)

    def _publish(self) -> None:
        now_ns = self._node.get_clock().now().nanoseconds
        # Simulated time may stand still or not have begun; tf2 warns of a stamp that it had.
        if not self._active() or now_ns in (0, self._last_ns):
            return
        try:
            places = self._agent.named_places()
            frames = to_frames(places, self._agent.map_sessions() if places else [], now_ns)
            if frames:
                self._send(self._message(transforms=frames))
                self._last_ns = now_ns
        except (AgentError, *GONE) as error:
            self._warn("places", f"named places can't be published as frames: {error}")

    def _send(self, message: Any) -> None:
        if self._publisher is None:
            # Only once there is a place: most nodes have no business on /tf, and under SROS2 a
            # policy may forbid it.
            self._publisher = self._node.create_publisher(
                self._message, "/tf", QoSProfile(depth=100), qos_overriding_options=overridable()
            )
        with suppress(*GONE):
            self._publisher.publish(message)

    def _close(self) -> None:
        if self._publisher is not None:
            self._node.destroy_publisher(self._publisher)


def to_frames(
    places: Iterable[NamedPlace], sessions: list[MapSession], at_ns: int
) -> list[TransformStamped]:
    """A transform for each place of the last session; those of others are in no map of now. A
    region is its middle."""
    if not sessions or not sessions[-1].frame_id:
        return []
    return [_frame(one, at_ns) for one in places if one.session == sessions[-1].id]


def _frame(place: NamedPlace, at_ns: int) -> TransformStamped:
    pose = place.pose or Pose(place.position_m, _LEVEL, place.frame_id)
    frame = TransformStamped(header=to_header(at_ns, place.frame_id))
    frame.child_frame_id = PREFIX + "_".join(clean(place.name).split())
    shift, turn = frame.transform.translation, frame.transform.rotation
    shift.x, shift.y, shift.z = map(float, pose.position_m)
    turn.x, turn.y, turn.z, turn.w = map(float, pose.orientation_xyzw)
    return frame
