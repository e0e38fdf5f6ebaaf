"""Image messages to frames: stamps, checks, and counts of what can't be used.

Pixels are copied out of the message without cv_bridge. Compressed pictures are only checked for
completeness, and not converted until their pixels are needed.

Out of scope: encodings (`embodied_agent.sources.ros_images`), waiting for a pose (`poses`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from embodied_agent.images import BadImage, check_complete
from embodied_agent.records import Frame, Image, Intrinsics
from embodied_agent.sources.bags.packets import Packet, PacketDecoder, codec_of
from embodied_agent.sources.ros_images import DEPTH_ENCODINGS, image_from_ros


def stamp_ns(stamp: Any) -> int:
    """A builtin_interfaces/Time in nanoseconds."""
    return int(stamp.sec) * 1_000_000_000 + int(stamp.nanosec)


def intrinsics_from(info: Any) -> Intrinsics | None:
    """A sensor_msgs/CameraInfo; ``None`` from a camera that is not calibrated (zeros)."""
    fx, fy, cx, cy = (float(info.k[i]) for i in (0, 4, 2, 5))
    if not all(map(math.isfinite, (fx, fy, cx, cy))) or fx <= 0 or fy <= 0:
        return None
    if info.width <= 0 or info.height <= 0:
        return None
    return Intrinsics(fx, fy, cx, cy, int(info.width), int(info.height))


class ImageReader:
    """Reads the images of one activation.

    Args:
        now_ns: the node's clock, for images without a stamp.
        warn: told (kind, message) of what can be worked around.
        max_bytes: larger images are refused.
    """

    def __init__(
        self,
        now_ns: Callable[[], int],
        warn: Callable[[str, str], object],
        *,
        max_bytes: int,
    ) -> None:
        self._now_ns = now_ns
        self._warn = warn
        self._max_bytes = max_bytes
        self.intrinsics: Intrinsics | None = None
        self.arrived = 0
        self.last_arrival_s: float | None = None  # by time.monotonic
        self._video = PacketDecoder(lambda _: True, warn, "the video")

    def arrive(self) -> None:
        """An image came in; call it before `read`."""
        self.arrived += 1
        self.last_arrival_s = time.monotonic()

    def read(self, message: Any) -> Frame:
        """A frame without a pose from a sensor_msgs/Image.

        Raises:
            DecodeError: (`BadImage`) the message holds no picture that can be used.
        """
        _refuse_depth(message.encoding)
        self._check_size(message.data)
        image = image_from_ros(
            np.frombuffer(message.data, np.uint8),
            encoding=message.encoding,
            width=message.width,
            height=message.height,
            step=message.step,
            is_bigendian=bool(message.is_bigendian),
        )
        return self._frame(message.header, image=image)

    def read_compressed(self, message: Any) -> Frame:
        """A frame without a pose from a sensor_msgs/CompressedImage, not decoded yet.

        Raises:
            DecodeError: (`BadImage`) the message holds no picture that can be used.
        """
        _refuse_depth(message.format)
        self._check_size(message.data)
        encoded = bytes(message.data)
        check_complete(encoded)
        return self._frame(message.header, encoded=encoded)

    def read_packet(self, message: Any) -> Iterator[Frame]:
        """The frames that an ffmpeg_image_transport_msgs/FFMPEGPacket completes: usually one, none
        before the first key frame.

        Raises:
            DecodeError: (`BadImage`) the packet is too large, or has no stamp to go by.
        """
        self._check_size(message.data)
        data = bytes(message.data)
        packet = Packet(
            self._stamp_ns(message.header),
            data,
            codec_of(message.encoding, data),
            bool(message.flags & 1),
            str(message.header.frame_id) or "camera",
            self.arrived - 1,
        )
        for picture in self._video.push(packet):
            yield Frame(
                stamp_ns=picture.stamp_ns,
                image=picture.image,
                frame_id=picture.frame_id,
                index=picture.number,
                intrinsics=self.intrinsics,
            )

    def _check_size(self, data: Sequence[int]) -> None:
        if len(data) > self._max_bytes:
            raise BadImage(
                "too_large",
                f"an image of {len(data):,} bytes; ros.max_image_bytes allows {self._max_bytes:,}",
            )

    def _frame(
        self, header: Any, *, image: Image | None = None, encoded: bytes | None = None
    ) -> Frame:
        return Frame(
            stamp_ns=self._stamp_ns(header),
            image=image,
            encoded=encoded,
            frame_id=str(header.frame_id) or "camera",
            index=self.arrived - 1,
            intrinsics=self.intrinsics,
        )

    def _stamp_ns(self, header: Any) -> int:
        stamp = stamp_ns(header.stamp)
        if stamp > 0:
            return stamp
        # As for recordings, where the time of arrival takes its place.
        now = self._now_ns()
        if now <= 0:
            raise BadImage(
                "no_stamp",
                "an image without a stamp came before simulated time began; is /clock published?",
            )
        self._warn(
            "stamp_zero",
            "images come without a stamp, so their arrival counts; set header.stamp in the driver",
        )
        return now


def _refuse_depth(encoding: str) -> None:
    if DEPTH_ENCODINGS.search(encoding):
        raise BadImage(
            "depth",
            f"the topic holds depth ({encoding}), not pictures: remap image to the colour camera's",
        )
