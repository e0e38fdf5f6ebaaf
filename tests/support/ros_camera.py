"""A camera on ROS: pictures and poses as messages, sent one by one to a node of `ros_kit`."""

from __future__ import annotations

import time
from typing import Any

import cv2
import numpy as np

from tests.support.ros import PATIENCE_S, Client, wait_until
from tests.support.views import panorama_views

SECOND = 1_000_000_000
VIEWS = panorama_views(30)


def header(stamp_ns: int, frame_id: str = "camera") -> Any:
    from builtin_interfaces.msg import Time
    from std_msgs.msg import Header

    stamp = Time(sec=stamp_ns // SECOND, nanosec=stamp_ns % SECOND)
    return Header(stamp=stamp, frame_id=frame_id)


def raw_image(picture: np.ndarray, stamp_ns: int, **fields: Any) -> Any:
    """A sensor_msgs/Image of a BGR picture."""
    from sensor_msgs.msg import Image

    height, width = picture.shape[:2]
    message = Image(header=header(stamp_ns), height=height, width=width, encoding="bgr8")
    message.step = width * 3
    message.data = picture.tobytes()
    for name, value in fields.items():
        setattr(message, name, value)
    return message


def compressed_image(picture: np.ndarray, stamp_ns: int) -> Any:
    from sensor_msgs.msg import CompressedImage

    done, data = cv2.imencode(".jpg", picture)
    assert done
    return CompressedImage(header=header(stamp_ns), format="jpeg", data=data.tobytes())


def odometry(stamp_ns: int, x_m: float, w: float = 1.0) -> Any:
    from nav_msgs.msg import Odometry

    message = Odometry(header=header(stamp_ns, "odom"))
    message.pose.pose.position.x = x_m
    message.pose.pose.orientation.w = w
    return message


def lossless(namespace: str) -> dict[str, object]:
    """Parameters of a node that gets each image, which by default may be lost on the way."""
    return {f"qos_overrides.{namespace}/image.subscription.reliability": "reliable"}


class Camera:
    """Sends pictures one by one, each once the one before it was decided on."""

    def __init__(self, client: Client, namespace: str) -> None:
        from embodied_agent_interfaces.msg import KeyframeDecision
        from sensor_msgs.msg import Image

        self.decisions = client.collect(KeyframeDecision, f"{namespace}/embodied_agent/decision")
        self.publisher = client.publisher(Image, f"{namespace}/image")
        self.stamp_ns = 100 * SECOND
        self._client = client
        self._topic = f"{namespace}/embodied_agent/decision"

    def send(
        self, picture: np.ndarray, stamp_ns: int | None = None, *, again_s: float | None = None
    ) -> None:
        """Send a picture and wait for its decision. Where none comes for ``again_s``, it is sent
        again with a later stamp, as a camera's next picture would come: at length, unless its stamp
        was given, for it may have been lost (`lossless` prevents that)."""
        self.stamp_ns = stamp_ns if stamp_ns is not None else self.stamp_ns + SECOND // 5
        wait_until(lambda: self._client.node.count_publishers(self._topic))
        before = len(self.decisions)
        deadline = time.monotonic() + PATIENCE_S
        if again_s is None:
            again_s = PATIENCE_S if stamp_ns is not None else 10.0
        # The first decisions may be lost while the two ends find each other.
        patience_s = again_s if before else 2.0

        def decided() -> bool:
            # On the last one sent: what was sent before it may be decided late, or not at all.
            sent = header(self.stamp_ns).stamp
            return sent in [decision.header.stamp for decision in self.decisions[before:]]

        while True:
            self.publisher.publish(raw_image(picture, self.stamp_ns))
            try:
                wait_until(decided, patience_s)
                return
            except AssertionError:
                assert time.monotonic() < deadline, f"no decision on {self._topic}"
                self.stamp_ns += SECOND // 5
