"""Whole recordings: ROS 2 bags, other MCAP files and ROS 1 bags."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path

import yaml
from mcap.writer import CompressionType
from rosbags.rosbag2 import CompressionFormat, CompressionMode, Writer

from tests.sources.builders import mcap, ros, video
from tests.sources.builders.cases.case import Build, Case, bag
from tests.sources.builders.ros import MS, T0, in_order, pictures, poses
from tests.support.sources import DB3, STORE, S, bag_file, text


def ros2() -> list[Case]:
    """ROS 2 bags."""

    def compressed_bag(mode: CompressionMode, *, lone: bool = False) -> Build:
        def build(folder: Path) -> Path:
            writer = Writer(folder / "bag", version=9, storage_plugin=DB3)
            writer.set_compression(mode, CompressionFormat.ZSTD)
            with writer:
                connection = writer.add_connection(
                    "/i", "sensor_msgs/msg/CompressedImage", typestore=STORE
                )
                for _, message, at in pictures():
                    data = STORE.serialize_cdr(message, message.__msgtype__)
                    writer.write(connection, at, data)
            if not lone:
                return folder / "bag"
            (file,) = (folder / "bag").glob("*.zstd")
            return Path(shutil.move(file, folder / file.name))

        return build

    def version(number: int) -> Build:
        def build(folder: Path) -> Path:
            writer_version = 8 if number < 9 else 9
            with Writer(folder / "bag", version=writer_version, storage_plugin=DB3) as writer:
                connection = writer.add_connection(
                    "/i", "sensor_msgs/msg/CompressedImage", typestore=STORE
                )
                for _, message, at in pictures():
                    data = STORE.serialize_cdr(message, message.__msgtype__)
                    writer.write(connection, at, data)
            path = folder / "bag" / "metadata.yaml"
            metadata = yaml.safe_load(path.read_text())
            information = metadata["rosbag2_bagfile_information"]
            information["version"] = number
            if number < 5:  # what later versions brought
                for name in ("files", "custom_data", "ros_distro"):
                    information.pop(name, None)
            path.write_text(yaml.safe_dump(metadata))
            return folder / "bag"

        return build

    def without_metadata(folder: Path) -> Path:
        recording = bag(folder, in_order(pictures(), poses()))
        (recording / "metadata.yaml").unlink()
        return recording

    def cut(folder: Path) -> Path:
        file = bag_file(bag(folder, pictures(40)))
        file.write_bytes(file.read_bytes()[:-200])
        shutil.move(file, folder / "cut.mcap")
        return folder / "cut.mcap"

    return [
        Case(
            "mcap_with_odometry",
            "folder with MCAP files, with odometry",
            lambda p: bag(p, in_order(pictures(), poses(), ros.calibration())),
            poses=10,
            offset_s=0.0,
        ),
        Case(
            "db3_with_odometry",
            "folder with SQLite files (db3)",
            lambda p: bag(p, in_order(pictures(), poses()), DB3),
            poses=10,
        ),
        *(Case(f"metadata_{n}", "metadata of versions 4 to 9", version(n)) for n in range(4, 10)),
        Case("no_metadata", "without metadata.yaml", without_metadata, poses=10),
        Case(
            "file_compressed",
            "compressed by file (zstd)",
            compressed_bag(CompressionMode.FILE),
        ),
        Case(
            "message_compressed",
            "compressed by message (zstd)",
            compressed_bag(CompressionMode.MESSAGE),
        ),
        Case(
            "lone_compressed_file",
            "one compressed file without its metadata",
            compressed_bag(CompressionMode.FILE, lone=True),
        ),
        Case(
            "cut_short",
            "cut short: read up to the cut",
            cut,
            frames=40,
            stamps_ns=(T0, T0 + 3900 * MS),
            skipped={"damaged_file": 1},
        ),
        Case(
            "empty_bag",
            "no pictures: refused, listing the topics",
            lambda p: bag(p, [("/talk", text("hi"), S)]),
            refused="holds no images, only /talk",
        ),
    ]


def other_mcap() -> list[Case]:
    """Other MCAP files."""

    return [
        Case(
            "ros2_lz4",
            "profile ros2, lz4 chunks",
            lambda p: mcap.write_mcap(
                p / "a.mcap", in_order(pictures(), poses()), compression=CompressionType.LZ4
            ),
            poses=10,
        ),
        Case(
            "ros2_unchunked",
            "profile ros2, without chunks",
            lambda p: mcap.write_mcap(p / "a.mcap", in_order(pictures(), poses()), chunking=False),
            poses=10,
        ),
        Case(
            "ros1_profile",
            "profile ros1",
            lambda p: mcap.write_mcap(p / "a.mcap", in_order(pictures(), poses()), "ros1"),
            poses=10,
        ),
        Case(
            "protobuf_compressed",
            "protobuf, foxglove.CompressedImage and PoseInFrame",
            lambda p: mcap.write_protobuf(
                p / "a.mcap", in_order(mcap.foxglove_images(), mcap.foxglove_poses())
            ),
            poses=10,
        ),
        Case(
            "protobuf_raw",
            "protobuf, foxglove.RawImage and FrameTransform",
            lambda p: mcap.write_protobuf(
                p / "a.mcap", in_order(mcap.foxglove_raw(), mcap.foxglove_transforms())
            ),
            poses=10,
        ),
        Case(
            "protobuf_video",
            "protobuf, foxglove.CompressedVideo",
            lambda p: mcap.write_protobuf(
                p / "a.mcap",
                mcap.foxglove_video([data for _, data, _ in video.packets("h264")], "h264"),
            ),
        ),
        Case("json", "JSON, foxglove.CompressedImage", lambda p: mcap.write_json(p / "a.mcap")),
        Case(
            "unread_encoding",
            "any other encoding: refused, naming it",
            lambda p: mcap.write_json(p / "a.mcap", encoding="flatbuffer"),
            refused="holds foxglove.CompressedImage in encoding 'flatbuffer', which is not read",
        ),
    ]


def ros1() -> list[Case]:
    """ROS 1 bags."""

    def unindexed(folder: Path) -> Path:
        path = ros.write_ros1(folder / "a.bag", in_order(pictures(), poses()))
        data = bytearray(path.read_bytes())
        at = data.index(b"index_pos=") + len(b"index_pos=")
        data[at : at + 8] = struct.pack("<Q", 0)
        end = data.rindex(b"op=\x05")
        path.write_bytes(data[: max(end, len(data) - 3000)])
        return path

    def build(compression: str) -> Build:
        return lambda p: ros.write_ros1(p / "a.bag", in_order(pictures(), poses()), compression)

    return [
        Case("bag", "uncompressed", build(""), poses=10, offset_s=0.0),
        Case("bag_bz2", "bz2", build("bz2"), poses=10),
        Case("bag_lz4", "lz4", build("lz4"), poses=10),
        Case(
            "bag_tf",
            "poses from /tf",
            lambda p: ros.write_ros1(p / "a.bag", in_order(ros.tf_walk(), pictures())),
            poses=10,
        ),
        Case(
            "bag_unindexed",
            "never closed: read as far as possible",
            unindexed,
            poses=10,
            skipped={"damaged_file": 1},
        ),
    ]
