"""Messages and recordings of ROS 1 and ROS 2, through rosbags."""

from __future__ import annotations

import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag1 import Writer as Writer1
from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from tests.sources.builders.card import HEIGHT, WIDTH, Picture, card, jpeg
from tests.support.sources import STORE, S, camera_info, compressed, header, odometry

MS = 1_000_000
#: When the recordings were made: a real time, so that clocks can be told from each other.
T0 = 1_700_000_000 * S
STORE1 = get_typestore(Stores.ROS1_NOETIC)
_FFMPEG = "ffmpeg_image_transport_msgs/msg/FFMPEGPacket"
FFMPEG_TEXT = (
    "std_msgs/Header header\nint32 width\nint32 height\nstring encoding\nuint64 pts\n"
    "uint8 flags\nbool is_bigendian\nuint8[] data\n"
)
VIDEO_TEXT = "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format\n"
STORE1.register(
    get_types_from_msg("geometry_msgs/TransformStamped[] transforms\n", "tf2_msgs/msg/TFMessage")
)
STORE.register(get_types_from_msg(FFMPEG_TEXT, _FFMPEG))
STORE.register(get_types_from_msg(VIDEO_TEXT, "foxglove_msgs/msg/CompressedVideo"))
#: (topic, message, receive time).
Entry = tuple[str, Any, int]


def raw(stamp_ns: int, picture: Picture, encoding: str = "bgr8", **other: Any) -> Any:
    """A sensor_msgs/Image of an array of any depth."""
    rows = np.ascontiguousarray(picture)
    data = rows.reshape(-1).view(np.uint8)
    step = rows.strides[0]
    values = {"height": picture.shape[0], "width": picture.shape[1], "step": step, **other}
    return STORE.types["sensor_msgs/msg/Image"](
        header(stamp_ns, "cam"),
        values["height"],
        values["width"],
        encoding,
        0,
        values["step"],
        np.asarray(other.get("data", data), np.uint8),
    )


def pictures(
    count: int = 10,
    topic: str = "/camera/image/compressed",
    *,
    stamp_shift_ns: int = 0,
    zero: bool = False,
    start_ns: int = T0,
) -> list[Entry]:
    """JPEG messages at 10 Hz, received when they were taken."""
    entries: list[Entry] = []
    for n in range(count):
        at = start_ns + n * 100 * MS
        stamp = 0 if zero else at + stamp_shift_ns
        entries.append((topic, compressed(stamp, jpeg(card(n))), at))
    return entries


def poses(
    count: int = 40, topic: str = "/odom", *, shift_ns: int = 0, start_ns: int = T0
) -> list[Entry]:
    """Odometry at 50 Hz that goes ahead by a metre per second."""
    start = start_ns - 50 * MS
    return [
        (
            topic,
            odometry(start + n * 30 * MS + shift_ns, (n * 0.03 - 0.05, 0.0, 0.0)),
            start + n * 30 * MS,
        )
        for n in range(count)
    ]


def transform(
    stamp_ns: int,
    parent: str,
    child: str,
    position: tuple[float, float, float] = (0.0, 0.0, 0.0),
    turn: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0),
) -> Any:
    """A geometry_msgs/TransformStamped."""
    vector = STORE.types["geometry_msgs/msg/Vector3"](*position)
    quaternion = STORE.types["geometry_msgs/msg/Quaternion"](*turn)
    inner = STORE.types["geometry_msgs/msg/Transform"](vector, quaternion)
    stamped = STORE.types["geometry_msgs/msg/TransformStamped"]
    return stamped(header(stamp_ns, parent), child, inner)


def tf(*transforms: Any) -> Any:
    """A tf2_msgs/TFMessage."""
    return STORE.types["tf2_msgs/msg/TFMessage"](list(transforms))


OPTICAL = (-0.5, 0.5, -0.5, 0.5)


def tf_walk(
    count: int = 40, *, statics: bool = True, start_ns: int = T0, mount: Any = OPTICAL
) -> list[Entry]:
    """The robot's way and its camera's mount, in TF alone."""
    entries: list[Entry] = []
    if statics:
        fixed = transform(start_ns, "base_link", "cam", (0.2, 0.0, 0.5), mount)
        entries.append(("/tf_static", tf(fixed), start_ns - 100 * MS))
    start = start_ns - 50 * MS
    for n in range(count):
        at = start + n * 30 * MS
        entries.append(("/tf", tf(transform(at, "odom", "base_link", (n * 0.03 - 0.05, 0, 0))), at))
    return entries


def yaw(degrees: float) -> tuple[float, float, float, float]:
    """A turn to the left."""
    half = math.radians(degrees) / 2
    return (0.0, 0.0, math.sin(half), math.cos(half))


def ffmpeg_packet(
    stamp_ns: int, data: bytes, encoding: str, pts: int = 0, key: bool = False
) -> Any:
    """An FFMPEGPacket of ffmpeg_image_transport."""
    return STORE.types[_FFMPEG](
        header(stamp_ns, "cam"),
        WIDTH,
        HEIGHT,
        encoding,
        pts,
        int(key),
        False,
        np.frombuffer(data, np.uint8),
    )


def compressed_video(stamp_ns: int, data: bytes, fmt: str) -> Any:
    """A foxglove_msgs/CompressedVideo."""
    time = STORE.types["builtin_interfaces/msg/Time"](stamp_ns // S, stamp_ns % S)
    return STORE.types["foxglove_msgs/msg/CompressedVideo"](
        time, "cam", np.frombuffer(data, np.uint8), fmt
    )


def in_order(*lists: Iterable[Entry]) -> list[Entry]:
    """Entries of several topics by time of receipt."""
    return sorted((entry for entries in lists for entry in entries), key=lambda e: e[2])


def calibration() -> list[Entry]:
    """One camera_info."""
    return [("/camera/camera_info", camera_info(T0, 90.0, WIDTH, HEIGHT), T0)]


def _to_ros1(message: Any) -> Any:
    """A ROS 2 message as ROS 1 has it: headers count."""
    name = message.__msgtype__
    if name == "std_msgs/msg/Header":
        time = STORE1.types["builtin_interfaces/msg/Time"](message.stamp.sec, message.stamp.nanosec)
        return STORE1.types[name](0, time, message.frame_id)
    values = []
    for field in message.__dataclass_fields__:
        if field == "__msgtype__":
            continue
        value = getattr(message, field)
        if hasattr(value, "__msgtype__"):
            value = _to_ros1(value)
        elif isinstance(value, list):
            value = [_to_ros1(v) if hasattr(v, "__msgtype__") else v for v in value]
        values.append(value)
    names = {"sensor_msgs/msg/CameraInfo": list(values)}
    return STORE1.types[name](*names.get(name, values))


def ros1_bytes(message: Any) -> bytes:
    """A ROS 2 message, serialized as ROS 1 does."""
    return bytes(STORE1.serialize_ros1(_to_ros1(message), message.__msgtype__))


def write_ros1(path: Path, entries: Iterable[Entry], compression: str = "") -> Path:
    """A ROS 1 bag."""
    writer = Writer1(path)
    if compression:
        writer.set_compression(Writer1.CompressionFormat[compression.upper()])
    connections: dict[str, Any] = {}
    with writer:
        for topic, message, at in entries:
            if topic not in connections:
                connections[topic] = writer.add_connection(
                    topic, message.__msgtype__, typestore=STORE1
                )
            writer.write(connections[topic], at, ros1_bytes(message))
    return path
