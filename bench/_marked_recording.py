"""A recording of the marked frames of a real sequence, and the perceiver that names what is marked.

The recording is a bag like a robot's: pictures, their calibration, odometry of the body that
carries the cameras, and the colour camera's place on it in TF. It holds the frames that have boxes,
and no others, so that every keyframe is one that somebody marked.

Out of scope: the marks (`bench._marked_sequence`), comparing (`bench.objects_real`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from rosbags.rosbag2 import StoragePlugin, Writer
from rosbags.typesys import Stores, get_typestore
from scipy.spatial.transform import Rotation

from bench._marked_sequence import Marked
from bench.sequences import Matrix
from embodied_agent.perception.measuring import mention_at
from embodied_agent.records import Delta, Keyframe
from embodied_agent.sources.base import Skips, Source

#: A body's axes (x ahead, y left, z up) as columns, in those of its camera (x right, y down, z
#: ahead); and the camera's orientation (x, y, z, w) on the body.
BODY = np.array([[0.0, -1.0, 0.0], [0.0, 0.0, -1.0], [1.0, 0.0, 0.0]])
_OPTICAL = (-0.5, 0.5, -0.5, 0.5)
_TYPES = get_typestore(Stores.ROS2_JAZZY)
#: Where the first stamp is, in nanoseconds: ROS takes a stamp of 0 for none.
START_NS = 10**9


def _message(name: str, **fields: Any) -> Any:
    return _TYPES.types[name](**fields)


def _header(stamp_ns: int, frame_id: str) -> Any:
    stamp = _message("builtin_interfaces/msg/Time", sec=stamp_ns // 10**9, nanosec=stamp_ns % 10**9)
    return _message("std_msgs/msg/Header", stamp=stamp, frame_id=frame_id)


def _vector(name: str, values: Sequence[float]) -> Any:
    x, y, z = map(float, values)
    return _message(f"geometry_msgs/msg/{name}", x=x, y=y, z=z)


def _turn(values: Sequence[float]) -> Any:
    x, y, z, w = map(float, values)
    return _message("geometry_msgs/msg/Quaternion", x=x, y=y, z=z, w=w)


def write_recording(marked: Marked, folder: Path, focal: float = 1.0) -> Path:
    """Write the marked frames as a bag; the calibration tells ``focal`` times the focal length."""
    connections: dict[str, Any] = {}
    with Writer(folder, version=9, storage_plugin=StoragePlugin.MCAP) as writer:
        for topic, message, stamp_ns in _messages(marked, focal):
            kind = message.__msgtype__
            if topic not in connections:
                connections[topic] = writer.add_connection(topic, kind, typestore=_TYPES)
            writer.write(connections[topic], stamp_ns, _TYPES.serialize_cdr(message, kind))
    return folder


def stamp_of(marked: Marked, number: int) -> int:
    """The stamp of a marked frame in the recording."""
    return START_NS + marked.view(number).stamp_ns


def numbers_of(marked: Marked) -> dict[int, int]:
    """The marked frames by their stamps in the recording."""
    return {stamp_of(marked, number): number for number in marked.boxes}


def with_depth(marked: Marked, recording: Source) -> Source:
    """The recording's frames with depth pictures, as an RGB-D camera gives them."""
    numbers = numbers_of(marked)
    frames = (
        replace(frame, depth=marked.registered(numbers[frame.stamp_ns])) for frame in recording
    )
    return Source(recording.description, frames, skips=Skips())


def _messages(marked: Marked, focal: float) -> Iterator[tuple[str, Any, int]]:
    mount = _message(
        "geometry_msgs/msg/TransformStamped",
        header=_header(START_NS, "body"),
        child_frame_id="camera_optical",
        transform=_message(
            "geometry_msgs/msg/Transform",
            translation=_vector("Vector3", (0.0, -marked.right_m, 0.0)),
            rotation=_turn(_OPTICAL),
        ),
    )
    yield "/tf_static", _message("tf2_msgs/msg/TFMessage", transforms=[mount]), START_NS
    for number in sorted(marked.boxes):
        view, stamp_ns = marked.view(number), stamp_of(marked, number)
        yield "/odom", _odometry(marked.pose(view), stamp_ns), stamp_ns
        yield "/camera/camera_info", _calibration(marked, stamp_ns, focal), stamp_ns
        picture = _message(
            "sensor_msgs/msg/CompressedImage",
            header=_header(stamp_ns, "camera_optical"),
            format=view.colour.suffix.lstrip(".").replace("jpg", "jpeg"),
            data=np.frombuffer(view.colour.read_bytes(), np.uint8),
        )
        yield "/camera/image/compressed", picture, stamp_ns


def _odometry(pose: Matrix, stamp_ns: int) -> Any:
    turn = Rotation.from_matrix(pose[:3, :3] @ BODY).as_quat()
    zero = _vector("Vector3", (0.0, 0.0, 0.0))
    return _message(
        "nav_msgs/msg/Odometry",
        header=_header(stamp_ns, "map"),
        child_frame_id="body",
        pose=_message(
            "geometry_msgs/msg/PoseWithCovariance",
            pose=_message(
                "geometry_msgs/msg/Pose",
                position=_vector("Point", pose[:3, 3]),
                orientation=_turn(turn),
            ),
            covariance=np.zeros(36),
        ),
        twist=_message(
            "geometry_msgs/msg/TwistWithCovariance",
            twist=_message("geometry_msgs/msg/Twist", linear=zero, angular=zero),
            covariance=np.zeros(36),
        ),
    )


def _calibration(marked: Marked, stamp_ns: int, focal: float) -> Any:
    lens = marked.colour
    k = [focal * lens.fx, 0.0, lens.cx, 0.0, focal * lens.fy, lens.cy, 0.0, 0.0, 1.0]
    return _message(
        "sensor_msgs/msg/CameraInfo",
        header=_header(stamp_ns, "camera_optical"),
        height=lens.height,
        width=lens.width,
        distortion_model="plumb_bob",
        d=np.zeros(5),
        k=np.array(k),
        r=np.eye(3).ravel(),
        p=np.array([*k[:3], 0.0, *k[3:6], 0.0, *k[6:], 0.0]),
        binning_x=0,
        binning_y=0,
        roi=_message(
            "sensor_msgs/msg/RegionOfInterest",
            x_offset=0, y_offset=0, height=0, width=0, do_rectify=False,
        ),
    )  # fmt: skip


class HandMarked:
    """`embodied_agent.perception.base.Perceiver` that mentions what is marked in a keyframe.

    Args:
        marked: the boxes.
    """

    name = "hand-marked boxes"

    def __init__(self, marked: Marked) -> None:
        self._marked = marked
        self._numbers = numbers_of(marked)
        #: Which thing each mention is, by keyframe and place in its delta.
        self.things: dict[tuple[int, int], str] = {}

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        """The things that are marked in the keyframe's frame."""
        number = self._numbers[current.stamp_ns]
        mentions = []
        for thing, box in self._marked.boxes[number].items():
            self.things[current.id, len(mentions)] = thing
            name = self._marked.names[thing]
            mentions.append(mention_at(name, box, current, 75.0, confidence=1.0))
        return Delta(current.id, None, mentions=tuple(mentions), model=self.name)

    def perceive_batch(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Delta]:
        """`perceive` for each pair."""
        return [self.perceive(previous, current) for previous, current in pairs]

    def close(self) -> None:
        """Nothing to release."""
