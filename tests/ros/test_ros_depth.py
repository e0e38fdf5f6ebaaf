"""Depth topics of the node: beside the images, packed or raw, and not registered."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from tests.sources.builders.depth import packed  # noqa: E402
from tests.support.ros import Client, running_node, statuses_of, value, wait_until  # noqa: E402
from tests.support.ros_camera import SECOND, VIEWS, header, raw_image  # noqa: E402

HEIGHT, WIDTH = VIEWS[0].shape[:2]
VALUES = np.full((HEIGHT, WIDTH), 1500, np.uint16)


def raw_depth(stamp_ns: int, frame_id: str = "camera") -> Any:
    from sensor_msgs.msg import Image

    return Image(
        header=header(stamp_ns, frame_id),
        height=HEIGHT,
        width=WIDTH,
        encoding="16UC1",
        step=2 * WIDTH,
        data=VALUES.tobytes(),
    )


def packed_depth(stamp_ns: int, frame_id: str = "camera") -> Any:
    from sensor_msgs.msg import CompressedImage

    return CompressedImage(
        header=header(stamp_ns, frame_id), format="16UC1; compressedDepth png", data=packed(VALUES)
    )


def send_until(images: Any, depth: Any, message: Any, what: Any) -> None:
    """Send images and their depth, 20 ms later by stamp, until something is so."""
    for number in range(600):
        at_ns = 100 * SECOND + number * SECOND // 10
        images.publish(raw_image(VIEWS[number % 30], at_ns))
        depth.publish(message(at_ns + SECOND // 50))
        try:
            wait_until(what, 0.2)
            return
        except AssertionError:
            continue
    raise AssertionError("it did not come to that")


@pytest.mark.parametrize("transport", ["", "/compressedDepth"])
def test_depth_that_is_remapped_goes_with_the_images(
    client: Client, tmp_path: Path, transport: str
) -> None:
    from sensor_msgs.msg import CompressedImage, Image

    namespace = f"/deep{len(transport)}"
    topic = f"{namespace}/aligned_depth_to_color/image_raw{transport}"
    with running_node(tmp_path, namespace=namespace, remap={"depth": topic}) as node:
        client.start(node)
        statuses = statuses_of(client, node)
        assert value(statuses("camera"), "depth") == f"none has come ({topic})"
        images = client.publisher(Image, f"{namespace}/image")
        kind, message = (CompressedImage, packed_depth) if transport else (Image, raw_depth)
        depth = client.publisher(kind, topic)

        def used() -> bool:
            state = value(statuses("camera"), "depth")
            return state.endswith(f" used ({topic})") and not state.startswith("0 ")

        send_until(images, depth, message, used)
        assert int(value(statuses("camera"), "images")) > 0


def test_depth_of_another_frame_is_not_used_and_said(client: Client, tmp_path: Path) -> None:
    from sensor_msgs.msg import Image

    parameters = {"source.depth_topic": "depth/image_rect_raw"}
    with running_node(tmp_path, namespace="/apart", parameters=parameters) as node:
        client.start(node)
        statuses = statuses_of(client, node)
        images = client.publisher(Image, "/apart/image")
        depth = client.publisher(Image, "/apart/depth/image_rect_raw")

        def refused() -> bool:
            state = value(statuses("camera"), "depth")
            told = "the depth of /apart/depth/image_rect_raw is not used" in node.log
            return told and state.startswith("not used: it is in the frame eye")

        send_until(images, depth, lambda at_ns: raw_depth(at_ns, "eye"), refused)


def test_of_several_cameras_the_one_with_depth_gets_it(client: Client, tmp_path: Path) -> None:
    from sensor_msgs.msg import Image

    parameters = {
        "source.topics": ["front=front/image_raw", "left=left/image_raw"],
        "source.depth_topics": ["front=front/aligned_depth/image_raw"],
        "source.mounts": ["front=0", "left=90"],
    }
    with running_node(tmp_path, namespace="/many", parameters=parameters) as node:
        client.start(node)
        statuses = statuses_of(client, node)
        images = client.publisher(Image, "/many/front/image_raw")
        depth = client.publisher(Image, "/many/front/aligned_depth/image_raw")

        def used() -> bool:
            state = value(statuses("camera front"), "depth")
            return " used (" in state and not state.startswith("0 ")

        send_until(images, depth, raw_depth, used)
        assert value(statuses("camera left"), "depth") == ""
