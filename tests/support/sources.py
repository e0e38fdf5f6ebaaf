"""Writes real bags for the tests of sources, through rosbags."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore

STORE = get_typestore(Stores.ROS2_JAZZY)
MCAP, DB3 = StoragePlugin.MCAP, StoragePlugin.SQLITE3
S = 1_000_000_000
#: Messages as (topic, message, receive time in ns).
Messages = Iterable[tuple[str, Any, int]]


def _type(name: str) -> Any:
    return STORE.types[name]


def header(stamp_ns: int, frame_id: str = "cam") -> Any:
    time = _type("builtin_interfaces/msg/Time")(stamp_ns // S, stamp_ns % S)
    return _type("std_msgs/msg/Header")(time, frame_id)


def image(
    stamp_ns: int,
    encoding: str,
    width: int,
    height: int,
    step: int,
    data: bytes,
    *,
    big_endian: bool = False,
) -> Any:
    return _type("sensor_msgs/msg/Image")(
        header(stamp_ns),
        height,
        width,
        encoding,
        int(big_endian),
        step,
        np.frombuffer(data, np.uint8),
    )


def mono(stamp_ns: int, value: int = 100, size: tuple[int, int] = (8, 6)) -> Any:
    width, height = size
    return image(stamp_ns, "mono8", width, height, width, bytes([value]) * (width * height))


def compressed(stamp_ns: int, data: bytes, fmt: str = "jpeg") -> Any:
    return _type("sensor_msgs/msg/CompressedImage")(
        header(stamp_ns), fmt, np.frombuffer(data, np.uint8)
    )


def picture_bytes(value: int, suffix: str = ".jpg", size: tuple[int, int] = (32, 24)) -> bytes:
    done, data = cv2.imencode(suffix, np.full((size[1], size[0], 3), value, np.uint8))
    assert done
    return data.tobytes()


def camera_info(stamp_ns: int, fx: float, width: int = 8, height: int = 6) -> Any:
    k = np.array([fx, 0, width / 2, 0, fx, height / 2, 0, 0, 1], np.float64)
    region = _type("sensor_msgs/msg/RegionOfInterest")(0, 0, 0, 0, False)
    zeros = np.zeros
    return _type("sensor_msgs/msg/CameraInfo")(
        header(stamp_ns), height, width, "plumb_bob", zeros(5), k, zeros(9), zeros(12), 0, 0, region
    )


def odometry(
    stamp_ns: int,
    position: tuple[float, float, float],
    turn: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 1.0),
) -> Any:
    point = _type("geometry_msgs/msg/Point")(*position)
    pose = _type("geometry_msgs/msg/Pose")(point, _type("geometry_msgs/msg/Quaternion")(*turn))
    with_covariance = _type("geometry_msgs/msg/PoseWithCovariance")(pose, np.zeros(36))
    vector = _type("geometry_msgs/msg/Vector3")
    twist = _type("geometry_msgs/msg/Twist")(vector(0.0, 0.0, 0.0), vector(0.0, 0.0, 0.0))
    twist_with = _type("geometry_msgs/msg/TwistWithCovariance")(twist, np.zeros(36))
    return _type("nav_msgs/msg/Odometry")(
        header(stamp_ns, "odom"), "base", with_covariance, twist_with
    )


def text(data: str) -> Any:
    return _type("std_msgs/msg/String")(data)


def write_bag(folder: Path, messages: Messages, plugin: StoragePlugin = MCAP) -> Path:
    """A bag folder; topics are declared in the order in which they appear."""
    connections: dict[str, Any] = {}
    with Writer(folder, version=9, storage_plugin=plugin) as writer:
        for topic, message, receive_ns in messages:
            msgtype = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, msgtype, typestore=STORE)
            data = STORE.serialize_cdr(message, msgtype)
            writer.write(connections[topic], receive_ns, data)
    return folder


def bag_file(folder: Path) -> Path:
    """The one .mcap or .db3 file in a bag folder."""
    (file,) = [*folder.glob("*.mcap"), *folder.glob("*.db3")]
    return file
