"""Topics as image_transport names them, and what the node says where no image comes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from tests.sources.builders.video import packets  # noqa: E402
from tests.support.ros import (  # noqa: E402
    Client,
    publish_until,
    running_node,
    statuses_of,
    value,
    wait_until,
)
from tests.support.ros_camera import (  # noqa: E402
    SECOND,
    VIEWS,
    compressed_image,
    header,
    raw_image,
)


def camera_info(frame_id: str = "camera", width: int = 640, height: int = 480) -> Any:
    from sensor_msgs.msg import CameraInfo

    message = CameraInfo(header=header(SECOND, frame_id), width=width, height=height)
    message.k = [500.0, 0.0, width / 2, 0.0, 500.0, height / 2, 0.0, 0.0, 1.0]
    return message


@pytest.mark.parametrize("transport", ["raw", "compressed"])
def test_remapping_the_base_topic_moves_transports_and_calibration(
    client: Client, tmp_path: Path, transport: str
) -> None:
    from sensor_msgs.msg import CameraInfo, CompressedImage, Image

    namespace = f"/moved_{transport}"
    base = f"/{transport}_camera/image_raw"
    kind, topic = (Image, base) if transport == "raw" else (CompressedImage, f"{base}/compressed")
    with running_node(
        tmp_path,
        namespace=namespace,
        parameters={"ros.image_transport": transport},
        remap={"image": base},
    ) as node:
        client.start(node)
        statuses = statuses_of(client, node)
        infos = client.publisher(CameraInfo, f"/{transport}_camera/camera_info")

        def calibration() -> str:
            return value(statuses("camera"), "camera_info")

        publish_until(infos, camera_info(), lambda: calibration().startswith("ok"))
        images = client.publisher(kind, topic)
        send = raw_image if transport == "raw" else compressed_image
        publish_until(
            images, send(VIEWS[0], SECOND), lambda: int(value(statuses("camera"), "images"))
        )
        assert value(statuses("camera"), "topic") == topic
        assert calibration() == f"ok (/{transport}_camera/camera_info)"


def test_a_calibration_of_another_camera_is_told(client: Client, tmp_path: Path) -> None:
    from sensor_msgs.msg import CameraInfo, Image

    with running_node(tmp_path, namespace="/other") as node:
        client.start(node)
        infos = client.publisher(CameraInfo, "/other/camera_info")
        statuses = statuses_of(client, node)
        wrong = camera_info("left_eye", 1280, 720)
        publish_until(
            infos, wrong, lambda: value(statuses("camera"), "camera_info").startswith("ok")
        )
        images = client.publisher(Image, "/other/image")
        publish_until(images, raw_image(VIEWS[0], SECOND), lambda: "left_eye" in node.log)
        node.wait_for_log("camera_info is of 1280x720 pixels")
        wait_until(lambda: "1280x720" in value(statuses("camera"), "camera_info"))


def test_the_wrong_transport_is_named_with_the_topic_that_exists(
    client: Client, tmp_path: Path
) -> None:
    from sensor_msgs.msg import CompressedImage, Image

    base = "/wrong_camera/image_raw"
    client.node.create_publisher(CompressedImage, f"{base}/compressed", 1)
    parameters = {"ros.silent_s": 0.5}
    with running_node(
        tmp_path, namespace="/wrong_way", parameters=parameters, remap={"image": base}
    ) as node:
        client.start(node)
        expected = f"{base}/compressed exists: set ros.image_transport to compressed"
        node.wait_for_log(expected)
        node.wait_for_log(f"no image on {base} for")
        statuses = statuses_of(client, node)
        wait_until(lambda: expected in statuses("camera").message)
        assert node.log.count(expected) == 1

        raw = client.publisher(Image, base)
        # More often than the node looks for silence, or each look may miss them.
        publish_until(
            raw,
            raw_image(VIEWS[0], SECOND),
            lambda: f"images come on {base} again" in node.log,
            every_s=0.1,
        )
        node.wait_for_log("publish there but send nothing")
        assert "a callback failed" not in node.log


def test_a_transport_in_the_remapping_is_told_and_understood(
    client: Client, tmp_path: Path
) -> None:
    from sensor_msgs.msg import CompressedImage

    topic = "/doubled_camera/image_raw/compressed"
    with running_node(
        tmp_path,
        namespace="/doubled",
        parameters={"ros.image_transport": "compressed"},
        remap={"image": topic},
    ) as node:
        client.start(node)
        statuses = statuses_of(client, node)
        images = client.publisher(CompressedImage, topic)
        publish_until(
            images,
            compressed_image(VIEWS[0], SECOND),
            lambda: int(value(statuses("camera"), "images")),
        )
        node.wait_for_log("which names a transport: remap it to the base topic")
        assert client.node.count_subscribers(f"{topic}/compressed") == 0


def test_video_packets_are_read_as_from_recordings(client: Client, tmp_path: Path) -> None:
    messages = pytest.importorskip("ffmpeg_image_transport_msgs.msg")
    from embodied_agent_interfaces.msg import KeyframeDecision

    parameters = {"ros.image_transport": "ffmpeg"}
    with running_node(tmp_path, namespace="/video", parameters=parameters) as node:
        client.start(node)
        decisions = client.collect(KeyframeDecision, f"{node.name}/decision")
        images = client.publisher(messages.FFMPEGPacket, "/video/image/ffmpeg")
        number = 0

        def decided() -> bool:
            nonlocal number
            for _, data, is_key in packets("h264", 10):
                number += 1
                message = messages.FFMPEGPacket(header=header(number * SECOND // 10))
                message.encoding, message.flags = "libx264", int(is_key)
                message.data = data
                images.publish(message)
            return len(decisions) >= 5

        wait_until(decided)
        assert decisions[-1].header.frame_id == "camera"
        assert "can't be used" not in node.log
