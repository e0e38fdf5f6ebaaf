"""The supported message types, in all their spellings and encodings, and what they hold.

A type is recognised by its name. rosbags decodes ROS messages with the definitions of one release,
because the supported types are the same in all; other types are decoded with the recording's
definition, or with the one below if it has none.
"""

from __future__ import annotations

import functools
from enum import Enum


class Kind(Enum):
    """What a message is to this program."""

    RAW = "raw image"
    COMPRESSED = "compressed image"
    VIDEO = "video packet"
    CALIBRATION = "camera calibration"
    POSE = "pose"
    TRANSFORM = "transform"
    DISPARITY = "disparity"
    OTHER = "other"


#: Kinds that a camera topic can have.
PICTURES = (Kind.RAW, Kind.COMPRESSED, Kind.VIDEO)

_KINDS: dict[str, Kind] = {
    "sensor_msgs/Image": Kind.RAW,
    "sensor_msgs/CompressedImage": Kind.COMPRESSED,
    "sensor_msgs/CameraInfo": Kind.CALIBRATION,
    "stereo_msgs/DisparityImage": Kind.DISPARITY,
    "nav_msgs/Odometry": Kind.POSE,
    "tf2_msgs/TFMessage": Kind.TRANSFORM,
    "tf/tfMessage": Kind.TRANSFORM,
    "ffmpeg_image_transport_msgs/FFMPEGPacket": Kind.VIDEO,
}
#: Foxglove's schemas are named `foxglove.X` in protobuf and JSON, `foxglove_msgs/X` in ROS.
_FOXGLOVE: dict[str, Kind] = {
    "RawImage": Kind.RAW,
    "CompressedImage": Kind.COMPRESSED,
    "CompressedVideo": Kind.VIDEO,
    "CameraCalibration": Kind.CALIBRATION,
    "PoseInFrame": Kind.POSE,
    "FrameTransform": Kind.TRANSFORM,
    "FrameTransforms": Kind.TRANSFORM,
}
#: Encodings of messages that are decoded.
ENCODINGS = ("cdr", "ros1", "protobuf", "json")


@functools.cache
def kind_of(typename: str) -> Kind:
    """The kind of a type in any spelling: ``sensor_msgs/msg/Image``, ``foxglove.RawImage``."""
    name = typename.replace("/msg/", "/")
    for prefix in ("foxglove.", "foxglove_msgs/", "foxglove_msgs."):
        if name.startswith(prefix):
            return _FOXGLOVE.get(name.removeprefix(prefix), Kind.OTHER)
    return _KINDS.get(name, Kind.OTHER)


#: Definitions of types that no release of ROS brings, for recordings without their own.
DEFINITIONS: dict[str, str] = {
    "tf2_msgs/msg/TFMessage": "geometry_msgs/TransformStamped[] transforms\n",
    "tf/msg/tfMessage": "geometry_msgs/TransformStamped[] transforms\n",
    "ffmpeg_image_transport_msgs/msg/FFMPEGPacket": (
        "std_msgs/Header header\nint32 width\nint32 height\nstring encoding\nuint64 pts\n"
        "uint8 flags\nbool is_bigendian\nuint8[] data\n"
    ),
    "foxglove_msgs/msg/RawImage": (
        "builtin_interfaces/Time timestamp\nstring frame_id\nuint32 width\nuint32 height\n"
        "string encoding\nuint32 step\nuint8[] data\n"
    ),
    "foxglove_msgs/msg/CompressedImage": (
        "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format\n"
    ),
    "foxglove_msgs/msg/CompressedVideo": (
        "builtin_interfaces/Time timestamp\nstring frame_id\nuint8[] data\nstring format\n"
    ),
    "foxglove_msgs/msg/CameraCalibration": (
        "builtin_interfaces/Time timestamp\nstring frame_id\nuint32 width\nuint32 height\n"
        "string distortion_model\nfloat64[] d\nfloat64[9] k\nfloat64[9] r\nfloat64[12] p\n"
    ),
    "foxglove_msgs/msg/PoseInFrame": (
        "builtin_interfaces/Time timestamp\nstring frame_id\ngeometry_msgs/Pose pose\n"
    ),
    "foxglove_msgs/msg/FrameTransform": (
        "builtin_interfaces/Time timestamp\nstring parent_frame_id\nstring child_frame_id\n"
        "geometry_msgs/Vector3 translation\ngeometry_msgs/Quaternion rotation\n"
    ),
}
DEFINITIONS["foxglove_msgs/msg/FrameTransforms"] = (
    f"foxglove_msgs/FrameTransform[] transforms\n{'=' * 80}\nMSG: foxglove_msgs/FrameTransform\n"
    + DEFINITIONS["foxglove_msgs/msg/FrameTransform"]
)
