"""How a node's cameras are mounted, from /tf_static and the settings.

Mounts don't change while a robot runs, so only static transforms are read; they arrive as soon as
their publisher is found.

Out of scope: the robot's pose (`poses`); turning pictures (`embodied_agent.sources.filters`).
"""

from __future__ import annotations

from typing import Any

from embodied_agent.records import CameraMount, Mount, Pose
from embodied_agent.ros.images import stamp_ns
from embodied_agent.settings import SourceSettings
from embodied_agent.sources.bags.mounts import mount_of, same_place
from embodied_agent.sources.bags.transforms import (
    Transform,
    TransformTree,
    heading_deg,
    quarter_turns,
)

_TOPIC = "/tf_static"
#: Each publisher sends what it latched in one message.
_DEPTH = 100


class Mounting:
    """The static transforms of a robot.

    Args:
        base_frame: the robot's body (``ros.base_frame``); a robot without a frame of this name is
            searched for the usual ones.
    """

    def __init__(self, base_frame: str) -> None:
        self._trees = TransformTree(base_frame=base_frame), TransformTree()
        self.version = 0

    def subscribe(self, node: Any, group: Any) -> Any:
        """The subscription to /tf_static; ``None`` if tf2_msgs is not installed."""
        from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy

        try:
            from tf2_msgs.msg import TFMessage
        except ImportError:
            return None
        latched = QoSProfile(
            depth=_DEPTH,
            durability=DurabilityPolicy.TRANSIENT_LOCAL,
            reliability=ReliabilityPolicy.RELIABLE,
        )
        return node.create_subscription(TFMessage, _TOPIC, self.add, latched, callback_group=group)

    def add(self, message: Any) -> None:
        """Take in a tf2_msgs/TFMessage of static transforms."""
        for tree in self._trees:
            tree.add([_transform(item) for item in message.transforms], static=True)
        self.version += 1

    def turns(self, frame_id: str) -> int:
        """Quarter turns clockwise that make a camera's pictures upright; 0 if TF does not say."""
        mount = self._mount(frame_id) if "optical" in frame_id else None
        return (quarter_turns(mount) or 0) if mount is not None else 0

    def heading_deg(self, frame_id: str) -> float | None:
        """Where a camera looks, in degrees to the robot's left; ``None`` if TF does not say."""
        mount = self._mount(frame_id)
        return None if mount is None else heading_deg(mount, optical="optical" in frame_id)

    def mount(self, frame_id: str, body: str) -> Mount | None:
        """Where a camera is on the body that the poses are of; ``None`` if TF does not say, or the
        body is the camera itself.

        Args:
            frame_id: of the camera's pictures.
            body: the poses' frame; one that TF does not have counts as ``ros.base_frame``.
        """
        place = self._mount(frame_id, body)
        return None if place is None else mount_of(place, frame_id)

    def same_place(self, one: str, other: str) -> bool | None:
        """Whether two frames coincide; ``None`` where TF does not say."""
        return next((p for t in self._trees if (p := same_place(t, one, other)) is not None), None)

    def _mount(self, frame_id: str, body: str = "") -> Pose | None:
        mounts = (tree.mount_at(tree.newest_ns, frame_id, body) for tree in self._trees)
        return next((mount for mount in mounts if mount is not None), None)


class Place:
    """One camera's place on the robot: how its pictures are turned, and its `CameraMount`.

    Args:
        mounting: the robot's transforms.
        settings: the source's; their ``rotate`` and ``mounts`` take precedence over TF.
        name: of the camera; "" for the only one, which has no `CameraMount`.
        order: of the camera among several, from 0.
    """

    def __init__(
        self, mounting: Mounting, settings: SourceSettings, name: str = "", order: int = 0
    ) -> None:
        self._mounting, self._auto = mounting, settings.rotate == "auto"
        given = dict(pair.split("=", 1) for pair in settings.mounts)
        self._given = float(given[name]) if name in given else None
        self._name, self._order = name, order
        self._seen: tuple[int, str] | None = None
        self._placed: tuple[int, str, str] | None = None
        self._on_body: Mount | None = None
        self._compared: tuple[object, bool | None] = (None, None)
        self.turns = 0
        self.mount: CameraMount | None = None
        self.known = not name or self._given is not None

    def look(self, frame_id: str) -> bool:
        """Update for a picture of this frame; returns whether its turn or mount changed."""
        if self._seen == (self._mounting.version, frame_id):
            return False
        self._seen = (self._mounting.version, frame_id)
        before = self.turns, self.mount
        if self._auto:
            self.turns = self._mounting.turns(frame_id)
        if self._name:
            angle = self._given
            if angle is None:
                angle = self._mounting.heading_deg(frame_id)
            self.known = angle is not None
            self.mount = CameraMount(self._name, round(angle or 0.0, 1), self._order)
        return before != (self.turns, self.mount)

    def on_body(self, frame_id: str, body: str) -> Mount | None:
        """As `Mounting.mount`; ``None`` too where the settings say where this camera looks."""
        key = self._mounting.version, frame_id, body
        if self._placed != key:
            given = self._given is not None
            self._placed = key
            self._on_body = None if given else self._mounting.mount(frame_id, body)
        return self._on_body

    def same_place(self, one: str, other: str) -> bool | None:
        """As `Mounting.same_place`, without looking it up for each picture."""
        key = self._mounting.version, one, other
        if self._compared[0] != key:
            self._compared = (key, self._mounting.same_place(one, other))
        return self._compared[1]


def _transform(item: Any) -> Transform:
    """A geometry_msgs/TransformStamped; frame ids of ROS 1 begin with a slash."""
    position, turn = item.transform.translation, item.transform.rotation
    pose = Pose(
        (float(position.x), float(position.y), float(position.z)),
        (float(turn.x), float(turn.y), float(turn.z), float(turn.w)),
        str(item.header.frame_id).lstrip("/"),
    )
    return Transform(stamp_ns(item.header.stamp), str(item.child_frame_id).lstrip("/"), pose)
