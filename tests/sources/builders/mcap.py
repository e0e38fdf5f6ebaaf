"""MCAP files of every profile, through the mcap libraries."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from foxglove_schemas_protobuf.CameraCalibration_pb2 import CameraCalibration
from foxglove_schemas_protobuf.CompressedImage_pb2 import CompressedImage
from foxglove_schemas_protobuf.CompressedVideo_pb2 import CompressedVideo
from foxglove_schemas_protobuf.FrameTransform_pb2 import FrameTransform
from foxglove_schemas_protobuf.PoseInFrame_pb2 import PoseInFrame
from foxglove_schemas_protobuf.RawImage_pb2 import RawImage
from google.protobuf.timestamp_pb2 import Timestamp
from mcap.writer import CompressionType, Writer
from mcap_protobuf.writer import Writer as ProtobufWriter
from rosbags.typesys import Stores, get_typestore

from tests.sources.builders.card import HEIGHT, WIDTH, card, jpeg
from tests.sources.builders.ros import MS, T0, Entry, ros1_bytes
from tests.support.sources import STORE, S

_STORE1 = get_typestore(Stores.ROS1_NOETIC)


def write_mcap(
    path: Path,
    entries: Iterable[Entry],
    profile: str = "ros2",
    compression: CompressionType = CompressionType.ZSTD,
    chunk_size: int = 4096,
    *,
    chunking: bool = True,
) -> Path:
    """An MCAP of ROS messages, profile ``ros1`` or ``ros2``."""
    ros1 = profile == "ros1"
    with path.open("wb") as file:
        writer = Writer(file, compression=compression, chunk_size=chunk_size, use_chunking=chunking)
        writer.start(profile, library="a test")
        channels: dict[str, int] = {}
        for topic, message, at in entries:
            name = message.__msgtype__
            if topic not in channels:
                store = _STORE1 if ros1 else STORE
                definition, _ = store.generate_msgdef(name, ros_version=1 if ros1 else 2)
                schema = writer.register_schema(
                    name.replace("/msg/", "/") if ros1 else name,
                    "ros1msg" if ros1 else "ros2msg",
                    definition.encode(),
                )
                channels[topic] = writer.register_channel(topic, "ros1" if ros1 else "cdr", schema)
            data = ros1_bytes(message) if ros1 else bytes(STORE.serialize_cdr(message, name))
            writer.add_message(channels[topic], at, data, at)
        writer.finish()
    return path


def timestamp(at: int) -> Timestamp:
    """A time in protobuf."""
    return Timestamp(seconds=at // S, nanos=at % S)


def write_protobuf(path: Path, messages: Iterable[tuple[str, Any, int]]) -> Path:
    """An MCAP of protobuf messages, without a profile."""
    with path.open("wb") as file:
        writer = ProtobufWriter(file)
        for topic, message, at in messages:
            writer.write_message(topic, message, at, at)
        writer.finish()
    return path


def foxglove_images(count: int = 10) -> list[tuple[str, Any, int]]:
    """foxglove.CompressedImage and a calibration."""
    entries: list[tuple[str, Any, int]] = []
    for n in range(count):
        at = T0 + n * 100 * MS
        image = CompressedImage(
            timestamp=timestamp(at), frame_id="cam", data=jpeg(card(n)), format="jpeg"
        )
        entries.append(("/camera/image", image, at))
    info = CameraCalibration(
        timestamp=timestamp(T0),
        frame_id="cam",
        width=WIDTH,
        height=HEIGHT,
        K=[90, 0, 48, 0, 90, 32, 0, 0, 1],
    )
    return [("/camera/calibration", info, T0), *entries]


def foxglove_raw(count: int = 10) -> list[tuple[str, Any, int]]:
    """foxglove.RawImage."""
    return [
        (
            "/camera/raw",
            RawImage(
                timestamp=timestamp(T0 + n * 100 * MS),
                frame_id="cam",
                width=WIDTH,
                height=HEIGHT,
                encoding="bgr8",
                step=3 * WIDTH,
                data=card(n).tobytes(),
            ),
            T0 + n * 100 * MS,
        )
        for n in range(count)
    ]


def foxglove_video(packets: Iterable[bytes], fmt: str) -> list[tuple[str, Any, int]]:
    """foxglove.CompressedVideo."""
    return [
        (
            "/camera/video",
            CompressedVideo(
                timestamp=timestamp(T0 + n * 100 * MS), frame_id="cam", data=data, format=fmt
            ),
            T0 + n * 100 * MS,
        )
        for n, data in enumerate(packets)
    ]


def foxglove_poses(count: int = 40) -> list[tuple[str, Any, int]]:
    """foxglove.PoseInFrame, a metre per second ahead."""
    entries: list[tuple[str, Any, int]] = []
    for n in range(count):
        at = T0 - 50 * MS + n * 30 * MS
        pose = PoseInFrame(timestamp=timestamp(at), frame_id="odom")
        pose.pose.position.x = n * 0.03 - 0.05
        pose.pose.orientation.w = 1.0
        entries.append(("/pose", pose, at))
    return entries


def foxglove_transforms(count: int = 40) -> list[tuple[str, Any, int]]:
    """foxglove.FrameTransform of the robot, and of its camera."""
    entries: list[tuple[str, Any, int]] = []
    for n in range(count):
        at = T0 - 50 * MS + n * 30 * MS
        moved = FrameTransform(
            timestamp=timestamp(at), parent_frame_id="odom", child_frame_id="base_link"
        )
        moved.translation.x = n * 0.03 - 0.05
        moved.rotation.w = 1.0
        entries.append(("/tf", moved, at))
    return entries


def write_json(path: Path, *, encoding: str = "json", count: int = 10) -> Path:
    """An MCAP of JSON messages, without a profile."""
    with path.open("wb") as file:
        writer = Writer(file)
        writer.start("", library="a test")
        schema = writer.register_schema("foxglove.CompressedImage", "jsonschema", b"{}")
        channel = writer.register_channel("/camera/image", encoding, schema)
        for n in range(count):
            at = T0 + n * 100 * MS
            message = {
                "timestamp": {"sec": at // S, "nsec": at % S},
                "frame_id": "cam",
                "format": "jpeg",
                "data": base64.b64encode(jpeg(card(n))).decode(),
            }
            writer.add_message(channel, at, json.dumps(message).encode(), at)
        writer.finish()
    return path
