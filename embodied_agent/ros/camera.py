"""One camera of the node: its subscriptions, and its images examined on their way in.

Out of scope: reading single messages (`images`), waiting for depth (`depth`) and poses (`pairing`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any

from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from embodied_agent.errors import DecodeError, SettingsError
from embodied_agent.images import BadImage
from embodied_agent.objects.rays import camera_place
from embodied_agent.records import Frame
from embodied_agent.ros.calibration import Calibration
from embodied_agent.ros.depth import DepthPairing, depth_topic, is_packed
from embodied_agent.ros.images import ImageReader
from embodied_agent.ros.mounting import Place
from embodied_agent.ros.topics import (
    base_topic,
    camera_info_topic,
    doubled_transport,
    image_topic,
    info_topic,
    transport_topic,
)
from embodied_agent.settings import Settings
from embodied_agent.sources.gate import Gate

#: Creates a subscription: (type, topic, callback).
Subscribe = Callable[[Any, str, Callable[[Any], None]], Any]


class Camera:
    """Takes images in while ``active``.

    Args:
        node: whose camera it is.
        settings: of the node.
        subscribe: creates a subscription that goes with the session.
        take: gets each frame, without its pose.
        warn: told (kind, message) of what can't be used.
        place: how the camera is mounted.
        body: called for the frame whose poses are known; "" before the first.
        hold: called when images wait for their depth; `release` must then be called again soon.
        moved: called when that changes after images came: older ones can't be compared any more.
        name: of one of several cameras; "" for the only one.
        topic: of one of several cameras, before the transport; "": the node's `image`.

    Raises:
        SettingsError: the transport needs message types that are not installed.
    """

    def __init__(
        self,
        node: Any,
        settings: Settings,
        *,
        subscribe: Subscribe,
        take: Callable[[Frame], object],
        warn: Callable[[str, str], object],
        place: Place,
        body: Callable[[], str],
        moved: Callable[[], object],
        hold: Callable[[], object],
        name: str = "",
        topic: str = "",
    ) -> None:
        self.active = False
        self.name, self.place, self._moved = name, place, moved
        self.transport = settings.ros.image_transport
        self.reader = ImageReader(
            lambda: int(node.get_clock().now().nanoseconds),
            warn,
            max_bytes=settings.ros.max_image_bytes,
        )
        self.calibration = Calibration(warn)
        self._gate = Gate(settings.source)
        self._seen = False
        self._needs_mount = not name and not any(camera_place(settings.objects))
        self._take, self._warn, self._body, self._hold = take, warn, body, hold
        doubled = "" if topic else doubled_transport(node)
        if doubled:
            node.get_logger().warning(
                f"image is remapped to {doubled}, which names a transport: remap it to the base "
                "topic, and set ros.image_transport"
            )
        if topic:
            base = base_topic(node.resolve_topic_name(topic))
            images, info = transport_topic(base, self.transport), camera_info_topic(base)
        else:
            images = image_topic(node, self.transport)
            info = info_topic(node, images)
        self.topic: str = subscribe(*self._subscription(images)).topic_name
        self.info_topic: str = subscribe(CameraInfo, info, self._on_info).topic_name
        self.depth = self._depth_of(node, settings, subscribe)

    def _depth_of(self, node: Any, settings: Settings, subscribe: Subscribe) -> DepthPairing | None:
        """The pairing with the camera's depth, subscribed; ``None``: it has no depth topic."""
        topic = depth_topic(node, settings.source, self.name)
        if not topic:
            return None
        depth = DepthPairing(
            topic,
            self.topic,
            settings.source,
            pass_on=self._admit,
            warn=self._warn,
            same_place=self.place.same_place,
            max_bytes=settings.ros.max_image_bytes,
        )

        def on_depth(message: Any) -> None:
            if self.active:
                depth.add(message)

        subscribe(CompressedImage if is_packed(topic) else Image, topic, on_depth)
        subscribe(CameraInfo, camera_info_topic(base_topic(topic)), depth.add_info)
        return depth

    def _subscription(self, topic: str) -> tuple[Any, str, Callable[[Any], None]]:
        reader = self.reader
        if self.transport == "compressed":
            return CompressedImage, topic, lambda m: self._on_image(m, _one(reader.read_compressed))
        if self.transport == "ffmpeg":
            try:
                from ffmpeg_image_transport_msgs.msg import FFMPEGPacket
            except ImportError as error:
                raise SettingsError(
                    f"ros.image_transport is ffmpeg, but its messages are missing ({error}); "
                    "install ros-$ROS_DISTRO-ffmpeg-image-transport-msgs"
                ) from error
            return FFMPEGPacket, topic, lambda m: self._on_image(m, reader.read_packet)
        return Image, topic, lambda m: self._on_image(m, _one(reader.read))

    def _on_image(self, message: Any, read: Callable[[Any], Iterable[Frame]]) -> None:
        if not self.active:
            return
        self.reader.arrive()
        try:
            for frame in read(message):
                self.calibration.check(frame)
                if self.depth is None:
                    self._admit(frame)
                    continue
                self.depth.offer(frame)
                if self.depth.waiting:
                    self._hold()
        except DecodeError as error:
            self._refuse(error)

    def _admit(self, frame: Frame) -> None:
        """Pass on a frame that has its depth, or needs none."""
        try:
            self._take(self._placed(frame))
        except DecodeError as error:
            self._refuse(error)

    def _refuse(self, error: DecodeError) -> None:
        kind = error.reason if isinstance(error, BadImage) else "undecodable"
        self._warn(kind, f"an image can't be used: {error}")

    def _placed(self, frame: Frame) -> Frame:
        """The frame as it may be seen, upright, with the camera's mount."""
        if self.place.look(frame.frame_id):
            self._gate.turn(self.place.turns)
            if self._seen:
                self._moved()
        self._seen = True
        if not self.place.known:
            self._warn(
                f"mount_unknown_{self.name}",
                f"/tf_static does not say how the camera {self.name} ({frame.frame_id}) is mounted,"
                " so it counts as looking ahead; publish its transform, or set source.mounts",
            )
        body = self._body()
        on_body = self.place.on_body(frame.frame_id, body)
        if on_body is None and body not in ("", frame.frame_id) and self._needs_mount:
            self._needs_mount = False  # said once: it may well be so all the time
            self._warn(
                "mount_unknown",
                f"/tf_static does not say where the camera {frame.frame_id} is on {body}, so "
                "objects are located as if it were there; publish its transform, or set "
                "objects.camera_ahead_m and the settings beside it",
            )
        frame = self._gate.admit(replace(frame, mount=on_body))
        mount = self.place.mount
        return frame if mount is None else replace(frame, frame_id=mount.frame_id)

    def _on_info(self, message: Any) -> None:
        self.calibration.add(message)
        self.reader.intrinsics = self.calibration.intrinsics


def _one(read: Callable[[Any], Frame]) -> Callable[[Any], Iterable[Frame]]:
    return lambda message: (read(message),)
