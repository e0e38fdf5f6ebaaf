"""Several cameras of one robot, and a camera that is mounted turned, as /tf_static says."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from embodied_agent.sources.bags.transforms import OPTICAL, multiply  # noqa: E402
from embodied_agent.sources.poses import Quaternion  # noqa: E402
from tests.support.ros import (  # noqa: E402
    Client,
    publish_until,
    running_node,
    statuses_of,
    value,
    wait_until,
)
from tests.support.ros_camera import SECOND, VIEWS, raw_image  # noqa: E402

HALF = 2**-0.5


def latched(client: Client, *mounts: tuple[str, Quaternion]) -> Any:
    """Publishes static transforms from base_link; keep what it returns."""
    from geometry_msgs.msg import TransformStamped
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from tf2_msgs.msg import TFMessage

    publisher = client.node.create_publisher(
        TFMessage, "/tf_static", QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    )
    message = TFMessage()
    for child, (x, y, z, w) in mounts:
        item = TransformStamped(child_frame_id=child)
        item.header.frame_id = "base_link"
        turn = item.transform.rotation
        turn.x, turn.y, turn.z, turn.w = x, y, z, w
        message.transforms.append(item)
    publisher.publish(message)
    return publisher


def picture(number: int, frame_id: str) -> Any:
    message = raw_image(VIEWS[number % 30], (100 + number) * SECOND)
    message.header.frame_id = frame_id
    return message


def test_two_cameras_have_keyframes_of_their_own_in_one_memory(
    client: Client, tmp_path: Path
) -> None:
    from embodied_agent_interfaces.srv import Recall
    from sensor_msgs.msg import Image

    left: Quaternion = multiply((0.0, 0.0, HALF, HALF), OPTICAL)
    kept = latched(client, ("front_optical", OPTICAL), ("left_optical", left))
    parameters = {
        "source.topics": ["front=front/image_raw", "left=left/image_raw"],
        "keyframes.min_interval_s": 0.0,
    }
    with running_node(tmp_path, namespace="/two", parameters=parameters) as node:
        client.start(node)
        publishers = {
            name: client.publisher(Image, f"/two/{name}/image_raw") for name in ("front", "left")
        }
        number = 0

        def cameras() -> set[str]:
            reply = client.call(Recall, f"{node.name}/recall", Recall.Request(limit=20))
            return {delta.header.frame_id for delta in reply.deltas}

        while cameras() != {"front@0#0", "left@90#1"}:
            for name, publisher in publishers.items():
                publisher.publish(picture(number, f"{name}_optical"))
            number += 7
            assert number < 700
        statuses = statuses_of(client, node)
        wait_until(lambda: value(statuses("camera front"), "topic") == "/two/front/image_raw")
        wait_until(lambda: value(statuses("camera left"), "topic") == "/two/left/image_raw")
    client.node.destroy_publisher(kept)


def test_a_camera_that_is_mounted_turned_is_stored_upright(client: Client, tmp_path: Path) -> None:
    import cv2
    import numpy as np
    from sensor_msgs.msg import CompressedImage, Image

    on_its_side: Quaternion = multiply(OPTICAL, (0.0, 0.0, HALF, HALF))
    kept = latched(client, ("turned_optical", on_its_side))
    with running_node(tmp_path, namespace="/turned") as node:
        client.start(node)
        pictures = client.collect(CompressedImage, f"{node.name}/keyframe/compressed")
        publisher = client.publisher(Image, "/turned/image")
        publish_until(publisher, picture(7, "turned_optical"), lambda: bool(pictures))
    stored = cv2.imdecode(np.frombuffer(pictures[-1].data, np.uint8), cv2.IMREAD_COLOR)
    height, width = VIEWS[0].shape[:2]
    assert stored.shape[:2] == (width, height)
    client.node.destroy_publisher(kept)
