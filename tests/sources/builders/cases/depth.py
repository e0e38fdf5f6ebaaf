"""Depth beside colour in bags."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from foxglove_schemas_protobuf.RawImage_pb2 import RawImage

from tests.sources.builders import card as c
from tests.sources.builders import mcap, ros
from tests.sources.builders.cases.case import Build, Case, bag
from tests.sources.builders.depth import distances, message
from tests.sources.builders.ros import MS, T0, in_order, pictures

ALIGNED = "/camera/aligned_depth_to_color/image_raw"


def depth_entries(
    form: str = "16UC1", topic: str = ALIGNED, frame_id: str = "cam", **size: int
) -> list[ros.Entry]:
    """Depth at 20 Hz beside pictures at 10 Hz."""
    stamps = [T0 + n * 50 * MS for n in range(20)]
    return [(topic, message(at, form, frame_id, **size), at) for at in stamps]


def depth_beside_colour() -> list[Case]:
    """Depth beside colour."""

    def depth(form: str = "16UC1", *, alone: bool = False, **other: Any) -> Build:
        def build(folder: Path) -> Path:
            return bag(folder, in_order(depth_entries(form, **other), [] if alone else pictures()))

        return build

    def ros1(folder: Path) -> Path:
        return ros.write_ros1(folder / "walk.bag", in_order(depth_entries(), pictures()))

    def protobuf(folder: Path) -> Path:
        entries = list(mcap.foxglove_images())
        for n in range(10):
            at = T0 + n * 100 * MS
            image = RawImage(
                timestamp=mcap.timestamp(at),
                frame_id="cam",
                width=c.WIDTH,
                height=c.HEIGHT,
                encoding="16UC1",
                step=2 * c.WIDTH,
                data=distances().tobytes(),
            )
            entries.append(("/camera/depth", image, at))
        return mcap.write_protobuf(folder / "walk.mcap", sorted(entries, key=lambda e: e[2]))

    packed = "compressedDepth png"
    used = f"depth from {ALIGNED}"
    return [
        Case(
            "depth_beside_colour",
            "16UC1 and 32FC1, registered to the colour camera",
            depth(),
            depths=10,
            remark=used,
        ),
        Case(
            "depth_32fc1",
            "16UC1 and 32FC1, registered to the colour camera",
            depth("32FC1"),
            depths=10,
            remark=used,
        ),
        *(
            Case(
                f"compressed_depth_{form.lower()}",
                "compressedDepth of both (PNG)",
                depth(f"{form}; {packed}", topic=f"{ALIGNED}/compressedDepth"),
                depths=10,
                remark=f"{used}/compressedDepth",
            )
            for form in ("16UC1", "32FC1")
        ),
        Case(
            "depth_ros1",
            "both in ROS 1 bags and protobuf (foxglove.RawImage)",
            ros1,
            depths=10,
            remark=used,
        ),
        Case(
            "depth_protobuf",
            "both in ROS 1 bags and protobuf (foxglove.RawImage)",
            protobuf,
            depths=10,
            remark="depth from /camera/depth",
        ),
        Case(
            "depth_of_another_frame",
            "depth that is not registered: not used, and why is said",
            depth(topic="/camera/depth/image_raw", frame_id="camera_depth_optical_frame"),
            remark="the depth of /camera/depth/image_raw is not used: it is in the frame "
            "camera_depth_optical_frame, not in the colour camera's cam",
        ),
        Case(
            "depth_of_other_proportions",
            "depth that is not registered: not used, and why is said",
            depth(width=96, height=54),
            remark=f"the depth of {ALIGNED} is not used: its 96x54 pixels do not have",
        ),
        Case(
            "depth_off",
            "`source.depth_topic` names a topic, or is `off`",
            depth(),
            settings={"depth_topic": "off"},
            remark="source.depth_topic is off",
        ),
        Case(
            "depth_missing_topic",
            "a depth topic that there is not: refused, listing those that there are",
            depth(),
            settings={"depth_topic": "/depth"},
            refused=f"has no depth topic '/depth'; its depth topics: {ALIGNED}",
        ),
        Case(
            "depth_alone",
            "depth pictures only: refused, naming the topic",
            depth(alone=True, topic="/camera/aligned/image"),
            refused="holds depth pictures only, /camera/aligned/image",
        ),
    ]
