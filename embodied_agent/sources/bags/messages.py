"""Decodes the messages of a recording, in any encoding, to the few classes below.

ROS (cdr, ros1) goes through rosbags, protobuf through Foxglove's decoder with the file's own
schema, JSON through the standard library.
"""

from __future__ import annotations

import base64
import binascii
import math
import struct
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from google.protobuf.message import DecodeError as ProtobufError
from mcap.exceptions import McapError
from mcap.records import Schema
from mcap_protobuf.decoder import DecoderFactory
from rosbags.serde import SerdeError
from rosbags.typesys import Stores, TypesysError, get_types_from_msg, get_typestore

from embodied_agent.images import BadImage
from embodied_agent.records import Image, Intrinsics, Pose
from embodied_agent.sources.bags.recording import Channel, RawMessage
from embodied_agent.sources.bags.schemas import DEFINITIONS, ENCODINGS, Kind, kind_of
from embodied_agent.sources.bags.transforms import Transform
from embodied_agent.sources.limits import MAX_MESSAGE_BYTES
from embodied_agent.sources.ros_images import image_from_ros
from embodied_agent.support.documents import read_json

#: What decoding broken data raises: besides their own errors, the plain ones of the parsers.
DECODE_ERRORS = (
    SerdeError,
    TypesysError,
    McapError,
    struct.error,
    binascii.Error,
    ValueError,
    ArithmeticError,
    LookupError,
    TypeError,
    AttributeError,
    AssertionError,
    RuntimeError,
    MemoryError,
    ProtobufError,
)


@dataclass(frozen=True)
class RawPicture:
    """Pixels as they lie in memory; see `image_from_ros`."""

    stamp_ns: int
    frame_id: str
    encoding: str
    width: int
    height: int
    step: int
    is_bigendian: bool
    data: npt.NDArray[np.uint8] | bytes

    def pixels(self) -> Image:
        """The picture, BGR or grey.

        Raises:
            BadImage: it can't be used.
        """
        return image_from_ros(
            self.data,
            encoding=self.encoding,
            width=self.width,
            height=self.height,
            step=self.step,
            is_bigendian=self.is_bigendian,
        )


@dataclass(frozen=True)
class Encoded:
    """A compressed picture or a packet of video: ``format`` as the message names it."""

    stamp_ns: int
    frame_id: str
    format: str
    data: bytes
    is_key: bool = False


@dataclass(frozen=True)
class Calibration:
    """Of a camera; ``intrinsics`` is ``None`` where it is not calibrated."""

    frame_id: str
    model: str
    intrinsics: Intrinsics | None


Content = RawPicture | Encoded | Calibration | list[Transform]


class MessageReader:
    """Decodes messages; keeps the types that a recording defines."""

    def __init__(self) -> None:
        self._ros2 = get_typestore(Stores.ROS2_JAZZY)
        self._ros1 = get_typestore(Stores.ROS1_NOETIC)
        self._protobuf: dict[Channel, Callable[[bytes], Any]] = {}
        self._prepared: set[Channel] = set()

    @staticmethod
    def unread(channel: Channel) -> str:
        """Why messages of this channel can't be decoded; empty where they can."""
        if channel.encoding in ENCODINGS:
            return ""
        what = channel.msgtype or "messages"
        return f"holds {what} in encoding {channel.encoding!r}, which is not read"

    def stamp_ns(self, message: RawMessage) -> int | None:
        """The header's stamp, where it can be had without decoding; 0: it has none.

        ``None``: the message must be decoded to know.
        """
        channel, data = message.channel, message.data
        if kind_of(channel.msgtype) in (Kind.TRANSFORM, Kind.DISPARITY):
            return None
        return header_stamp_ns(channel, data)

    def read(self, message: RawMessage) -> Content:
        """The content of a message of a kind that is read.

        Raises:
            One of `DECODE_ERRORS`: it is broken, or of a kind that is not read.
        """
        channel = message.channel
        decoded = self._decode(channel, message.data)
        kind = kind_of(channel.msgtype)
        if kind is Kind.RAW:
            return RawPicture(
                _stamp_ns(decoded),
                _frame_id(decoded),
                str(_field(decoded, "encoding")),
                int(_field(decoded, "width")),
                int(_field(decoded, "height")),
                int(_field(decoded, "step")),
                bool(_field(decoded, "is_bigendian", default=False)),
                _bytes(_field(decoded, "data"), copy=False),
            )
        if kind in (Kind.COMPRESSED, Kind.VIDEO):
            data = _bytes(_field(decoded, "data"), copy=True)
            return Encoded(
                _stamp_ns(decoded),
                _frame_id(decoded),
                str(_field(decoded, "format", "encoding", default="")),
                data if isinstance(data, bytes) else data.tobytes(),
                bool(int(_field(decoded, "flags", default=0)) & 1),
            )
        if kind is Kind.CALIBRATION:
            return _calibration(decoded)
        if kind is Kind.POSE:
            return [_pose(decoded)]
        if kind is Kind.TRANSFORM:
            return _transforms(decoded)
        raise ValueError(f"messages of type {channel.msgtype} are not read")

    def message(self, message: RawMessage) -> tuple[Any, int]:
        """Any message, decoded, with the stamp of its header in nanoseconds, 0 where it has none.

        Raises:
            One of `DECODE_ERRORS`: it is broken, or of a type that is not defined.
        """
        decoded = self._decode(message.channel, message.data)
        try:
            return decoded, _stamp_ns(decoded)
        except DECODE_ERRORS:
            return decoded, 0  # its field ``timestamp`` is no time

    def has_header(self, channel: Channel) -> bool:
        """Whether messages of this ROS type begin with a std_msgs/Header."""
        store = {"cdr": self._ros2, "ros1": self._ros1}.get(channel.encoding)
        if store is None:
            return False
        try:
            self._prepare(channel)
            fields = store.fielddefs[_ros_name(channel.msgtype)][1]
        except DECODE_ERRORS:
            return False
        return bool(fields) and fields[0][1][1] == "std_msgs/msg/Header"

    def _decode(self, channel: Channel, data: bytes) -> Any:
        if channel.encoding == "cdr":
            if len(data) < 4 or data[0] != 0 or data[1] > 1:
                raise ValueError(f"its encapsulation {data[:2].hex(' ')} is not plain CDR")
            self._prepare(channel)
            return self._ros2.deserialize_cdr(data, _ros_name(channel.msgtype))
        if channel.encoding == "ros1":
            self._prepare(channel)
            return self._ros1.deserialize_ros1(data, _ros_name(channel.msgtype))
        if channel.encoding == "protobuf":
            decoder = self._protobuf.get(channel)
            if decoder is None:
                decoder = self._protobuf[channel] = _protobuf_decoder(channel)
            return decoder(data)
        if channel.encoding == "json":
            return read_json(data, max_size=MAX_MESSAGE_BYTES)
        raise ValueError(self.unread(channel))

    def _prepare(self, channel: Channel) -> None:
        """Make known a type that ROS itself does not bring."""
        if channel in self._prepared:
            return
        name = _ros_name(channel.msgtype)
        store = self._ros1 if channel.encoding == "ros1" else self._ros2
        if name not in store.fielddefs:
            wanted = "ros1msg" if channel.encoding == "ros1" else "ros2msg"
            own = channel.schema_encoding == wanted and channel.schema.decode("utf-8", "replace")
            text = own or DEFINITIONS.get(name, "")
            if text:
                types = get_types_from_msg(text, name)
                store.register({k: v for k, v in types.items() if k not in store.fielddefs})
        self._prepared.add(channel)


def _ros_name(msgtype: str) -> str:
    if "/msg/" in msgtype or "/" not in msgtype:
        return msgtype
    package, _, name = msgtype.partition("/")
    return f"{package}/msg/{name}"


def header_stamp_ns(channel: Channel, data: bytes) -> int | None:
    """The stamp at the head of a ROS message (of a Header, or Foxglove's); 0 where it has none.

    Read by hand because the stamp decides whether the rest needs to be read at all.
    """
    if channel.encoding == "cdr":
        if len(data) < 12:
            return 0
        seconds, nanoseconds = struct.unpack_from("<iI" if data[1] & 1 else ">iI", data, 4)
    elif channel.encoding == "ros1":
        at = 0 if channel.msgtype.startswith("foxglove") else 4
        if len(data) < at + 8:
            return 0
        seconds, nanoseconds = struct.unpack_from("<II", data, at)
    else:
        return None
    return max(0, int(seconds) * 1_000_000_000 + int(nanoseconds))


def _protobuf_decoder(channel: Channel) -> Callable[[bytes], Any]:
    schema = Schema(1, channel.schema, channel.schema_encoding, channel.msgtype)
    decoder = DecoderFactory().decoder_for(channel.encoding, schema)
    if decoder is None:
        raise ValueError(f"{channel.topic} is protobuf without a protobuf schema")
    return decoder


_ABSENT = object()


def _field(message: Any, *names: str, default: Any = _ABSENT) -> Any:
    """The first of these fields that an object or a JSON object has."""
    for name in names:
        if isinstance(message, dict):
            if name in message:
                return message[name]
        elif hasattr(message, name):
            return getattr(message, name)
    if default is _ABSENT:
        raise LookupError(f"the message has no field {names[0]!r}")
    return default


def _time_ns(value: Any) -> int:
    if isinstance(value, str):
        # Protobuf's JSON spells times as text.
        from datetime import datetime

        moment = datetime.fromisoformat(value.replace("Z", "+00:00"))
        return int(moment.timestamp() * 1e6) * 1000
    seconds = int(_field(value, "sec", "seconds", "secs"))
    return max(0, seconds * 1_000_000_000 + int(_field(value, "nanosec", "nsec", "nanos", "nsecs")))


def _stamp_ns(message: Any) -> int:
    header = _field(message, "header", default=None)
    stamp = _field(message, "timestamp", default=None) if header is None else header
    if header is not None:
        stamp = _field(header, "stamp", default=None)
    return 0 if stamp is None else _time_ns(stamp)


def _frame_id(message: Any) -> str:
    header = _field(message, "header", default=message)
    return str(_field(header, "frame_id", default=""))


def _bytes(value: Any, *, copy: bool) -> npt.NDArray[np.uint8] | bytes:
    if isinstance(value, np.ndarray):
        return value.tobytes() if copy else value.view(np.uint8)
    if isinstance(value, bytes):
        return value
    if isinstance(value, str):  # JSON
        return base64.b64decode(value, validate=True)
    return bytes(value)


def _calibration(message: Any) -> Calibration:
    k = _field(message, "k", "K")
    fx, fy, cx, cy = (float(k[i]) for i in (0, 4, 2, 5))
    width, height = int(_field(message, "width")), int(_field(message, "height"))
    # An uncalibrated camera publishes zeros.
    usable = all(map(math.isfinite, (fx, fy, cx, cy))) and fx > 0 and fy > 0
    return Calibration(
        _frame_id(message),
        str(_field(message, "distortion_model", default="")),
        Intrinsics(fx, fy, cx, cy, width, height) if usable else None,
    )


def _vector(value: Any) -> tuple[float, float, float]:
    return float(_field(value, "x")), float(_field(value, "y")), float(_field(value, "z"))


def _quaternion(value: Any) -> tuple[float, float, float, float]:
    return (*_vector(value), float(_field(value, "w")))


def _pose(message: Any) -> Transform:
    pose = _field(message, "pose")
    pose = _field(pose, "pose", default=pose)
    return Transform(
        _stamp_ns(message),
        str(_field(message, "child_frame_id", default="")),
        Pose(
            _vector(_field(pose, "position")),
            _quaternion(_field(pose, "orientation")),
            _frame_id(message) or "odom",
        ),
    )


def _transforms(message: Any) -> list[Transform]:
    transforms = []
    for item in _field(message, "transforms", default=[message]):
        inner = _field(item, "transform", default=item)
        parent = _field(item, "parent_frame_id", default=None)
        transforms.append(
            Transform(
                _stamp_ns(item),
                str(_field(item, "child_frame_id")).lstrip("/"),
                Pose(
                    _vector(_field(inner, "translation")),
                    _quaternion(_field(inner, "rotation")),
                    (_frame_id(item) if parent is None else str(parent)).lstrip("/"),
                ),
            )
        )
    return transforms


def bad_message(error: Exception) -> BadImage:
    """What a picture's broken message is counted as."""
    return BadImage("undecodable", f"the message can't be read: {error}")
