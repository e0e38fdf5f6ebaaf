"""Which of a bag's topics are meant: pictures, odometry, the camera's calibration.

Topics are found by type; where several could be meant, the choice is said. Their messages are
turned into frames in bags.py.
"""

from __future__ import annotations

import functools
import math
import re
from typing import Any

from rosbags.typesys import Stores, get_typestore

from embodied_agent.errors import SourceError
from embodied_agent.records import Intrinsics
from embodied_agent.sources.bag_files import READ_ERRORS, BagFiles, Topic

IMAGE = "sensor_msgs/msg/Image"
COMPRESSED = "sensor_msgs/msg/CompressedImage"
CAMERA_INFO = "sensor_msgs/msg/CameraInfo"
ODOMETRY = "nav_msgs/msg/Odometry"

_NOT_COLOUR = re.compile(r"depth|disparity|infra|mask|segment|label|(^|[/_])ir([/_\d]|$)", re.I)


def choose_image_topic(bag: BagFiles, wanted: str) -> tuple[Topic, str]:
    """The topic to read, and a remark where others could have been meant.

    Raises:
        SourceError: the bag holds no images, or none under the name ``wanted``.
    """
    images = [t for t in bag.topics.values() if t.msgtype in (IMAGE, COMPRESSED)]
    listing = ", ".join(f"{t.name} ({t.messages} images)" for t in images)
    if not images:
        others = ", ".join(f"{t.name} ({t.msgtype})" for t in bag.topics.values())
        raise SourceError(
            f"{bag.path} holds no images: it has no topic of type {IMAGE} or {COMPRESSED}, only "
            f"{others}"
        )
    if wanted:
        names = [wanted, f"/{wanted}", f"{wanted}/compressed", f"/{wanted}/compressed"]
        found = next((t for name in names for t in images if t.name == name), None)
        if found is None:
            raise SourceError(
                f"{bag.path} has no image topic {wanted!r}; its image topics: {listing}"
            )
        return found, ""
    filled = [t for t in images if t.messages]
    if not filled:
        raise SourceError(f"{bag.path} holds no images: its image topics are empty: {listing}")
    best = min(
        filled,
        key=lambda t: (
            _NOT_COLOUR.search(t.name) is not None,
            -t.messages,
            t.msgtype == IMAGE,  # of two equals, the one that needn't be encoded again
            t.name,
        ),
    )
    rest = [t.name for t in filled if t is not best]
    return best, f" (chosen; it also has {', '.join(rest)}: name one with topic)" if rest else ""


def choose_odometry_topic(bag: BagFiles, wanted: str, image_topic: str) -> Topic | None:
    """The odometry nearest to ``image_topic`` by name, or the one ``wanted``.

    Raises:
        SourceError: there is none under the name ``wanted``.
    """
    found = [t for t in bag.topics.values() if t.msgtype == ODOMETRY]
    if wanted:
        named = [t for t in found if t.name in (wanted, f"/{wanted}")]
        if not named:
            listing = ", ".join(t.name for t in found) or "none"
            raise SourceError(
                f"{bag.path} has no odometry topic {wanted!r}; its odometry topics: {listing}"
            )
        return named[0]
    return max(
        (t for t in found if t.messages),
        key=lambda t: (_shared(t.name, image_topic), t.messages, t.name),
        default=None,
    )


def _shared(one: str, other: str) -> int:
    """How many leading parts two topic names have in common."""
    pairs = zip(one.strip("/").split("/"), other.strip("/").split("/"), strict=False)
    return next((i for i, (a, b) in enumerate(pairs) if a != b), 0)


def read_intrinsics(bag: BagFiles, image_topic: str) -> Intrinsics | None:
    """From the first CameraInfo in the image topic's namespace or the nearest above it."""
    infos = [t.name for t in bag.topics.values() if t.msgtype == CAMERA_INFO and t.messages]
    place = f"/{image_topic.strip('/')}"
    near = [n for n in infos if place.startswith(f"/{n.strip('/')}".rpartition("/")[0] + "/")]
    images = [t for t in bag.topics.values() if t.msgtype in (IMAGE, COMPRESSED)]
    if not near and len(infos) == len(images) == 1:
        near = infos
    if not near:
        return None
    chosen = max(near, key=lambda name: (_shared(name, image_topic), name))
    for message in bag.messages([chosen]):
        try:
            info = deserialize(message.data, CAMERA_INFO)
        except READ_ERRORS:
            continue
        fx, fy, cx, cy = (float(info.k[i]) for i in (0, 4, 2, 5))
        # An uncalibrated camera publishes zeros.
        if all(map(math.isfinite, (fx, fy, cx, cy))) and fx > 0 and fy > 0:
            return Intrinsics(fx, fy, cx, cy, int(info.width), int(info.height))
        return None
    return None


@functools.cache
def _typestore() -> Any:
    # The four types read here are the same in every ROS 2 release, so the bag's own definitions,
    # which may be missing or broken, aren't needed.
    return get_typestore(Stores.ROS2_JAZZY)


def deserialize(data: bytes, msgtype: str) -> Any:
    """A message of one of the types read here; raises one of `READ_ERRORS` on broken data."""
    return _typestore().deserialize_cdr(data, msgtype)
