"""Image messages to frames: stamps, checks, and counts of what can't be used.

Pixels are copied out of the message without cv_bridge; compressed pictures stay as they are until
somebody needs their pixels, and are only checked for being whole.

Not here: encodings (`embodied_agent.sources.ros_images`), waiting for a pose (`poses`).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np

from embodied_agent.images import BadImage, check_complete
from embodied_agent.records import Frame, Intrinsics
from embodied_agent.sources.ros_images import image_from_ros

#: Longest compressed picture, in bytes: 64 megapixels of PNG noise are smaller.
MAX_ENCODED_BYTES = 256_000_000


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
        now_ns: the node's clock, for images that bear no stamp.
        complain: told (kind, message) of what can be worked round.
    """

    def __init__(self, now_ns: Callable[[], int], complain: Callable[[str, str], object]) -> None:
        self._now_ns = now_ns
        self._complain = complain
        self.intrinsics: Intrinsics | None = None
        self.arrived = 0
        self.bad = 0
        self.last_arrival_s: float | None = None  # by time.monotonic
        self.last_stamp_ns: int | None = None

    def arrive(self) -> None:
        """An image came in; call it before `read`."""
        self.arrived += 1
        self.last_arrival_s = time.monotonic()

    def read(self, message: Any) -> Frame:
        """A frame without a pose from a sensor_msgs/Image or CompressedImage.

        Raises:
            DecodeError: (`BadImage`) the message holds no picture that can be used.
        """
        try:
            compressed = not hasattr(message, "encoding")
            frame = self._compressed(message) if compressed else self._raw(message)
        except BadImage:
            self.bad += 1
            raise
        self.last_stamp_ns = frame.stamp_ns
        return frame

    def _raw(self, message: Any) -> Frame:
        image = image_from_ros(
            np.frombuffer(message.data, np.uint8),
            encoding=message.encoding,
            width=message.width,
            height=message.height,
            step=message.step,
            is_bigendian=bool(message.is_bigendian),
        )
        return Frame(image=image, **self._common(message.header))

    def _compressed(self, message: Any) -> Frame:
        if len(message.data) > MAX_ENCODED_BYTES:
            raise BadImage("too_large", f"a compressed image of {len(message.data)} bytes")
        encoded = bytes(message.data)
        check_complete(encoded)
        return Frame(encoded=encoded, **self._common(message.header))

    def _common(self, header: Any) -> dict[str, Any]:
        return {
            "stamp_ns": self._stamp_ns(header),
            "frame_id": str(header.frame_id) or "camera",
            "index": self.arrived - 1,
            "intrinsics": self.intrinsics,
        }

    def _stamp_ns(self, header: Any) -> int:
        found = stamp_ns(header.stamp)
        if found > 0:
            return found
        # As for recordings, where the time of arrival stands in.
        now = self._now_ns()
        if now <= 0:
            raise BadImage(
                "no_stamp",
                "an image without a stamp came before simulated time ran; is /clock published?",
            )
        self._complain(
            "stamp_zero",
            "images come without a stamp, so their arrival counts; set header.stamp in the driver",
        )
        return now
