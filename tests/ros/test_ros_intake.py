"""What the node takes in: pictures good and bad, time that jumps, poses from odometry and TF."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from tests.support.ros import (  # noqa: E402
    Client,
    NodeProcess,
    publish_until,
    running_node,
    statuses_of,
    value,
    wait_until,
)
from tests.support.ros_camera import (  # noqa: E402
    SECOND,
    VIEWS,
    Camera,
    compressed_image,
    header,
    lossless,
    odometry,
    raw_image,
)


def test_every_image_gets_a_decision_in_its_own_frame(camera: Camera) -> None:
    last = camera.decisions[-1]
    assert last.header.frame_id == "camera"
    assert last.header.stamp.sec * SECOND + last.header.stamp.nanosec == camera.stamp_ns
    assert len(last.homography) in (0, 9)


def test_keyframes_are_published_as_pictures_and_deltas_in_order(
    client: Client, answering: NodeProcess, camera: Camera
) -> None:
    import cv2
    from embodied_agent_interfaces.msg import SemanticDelta
    from sensor_msgs.msg import CompressedImage

    pictures = client.collect(CompressedImage, f"{answering.name}/keyframe/compressed")
    deltas = client.collect(SemanticDelta, f"{answering.name}/delta")
    for topic in ("keyframe/compressed", "delta"):
        wait_until(lambda topic=topic: client.node.count_publishers(f"{answering.name}/{topic}"))
    number = 0
    while len(deltas) < 3 or not pictures:
        number += 1
        camera.send(VIEWS[(number * 11) % 30])
        assert number < 200
    ids = [delta.keyframe_id for delta in deltas]
    assert ids == sorted(set(ids))
    picture = cv2.imdecode(np.frombuffer(pictures[0].data, np.uint8), cv2.IMREAD_COLOR)
    assert picture.shape == VIEWS[0].shape
    assert deltas[0].model == "geometry"


def newest(client: Client, node: NodeProcess) -> Any:
    """What was seen in the latest keyframe."""
    from embodied_agent_interfaces.srv import Recall

    return client.call(Recall, f"{node.name}/recall", Recall.Request(limit=1)).deltas[0]


def test_reset_begins_a_new_segment(client: Client, answering: NodeProcess, camera: Camera) -> None:
    from std_srvs.srv import Trigger

    before = newest(client, answering).segment
    assert client.call(Trigger, f"{answering.name}/reset", Trigger.Request()).success
    camera.send(VIEWS[0])
    assert camera.decisions[-1].reason == "first"
    wait_until(lambda: newest(client, answering).segment == before + 1)


def _bad_images() -> dict[str, object]:
    from sensor_msgs.msg import Image

    view = VIEWS[0]
    return {
        "depth": raw_image(view, SECOND, encoding="16UC1"),
        "empty_image": Image(header=header(SECOND), encoding="bgr8"),
        "bad_step": raw_image(view, SECOND, step=7),
        "unknown_encoding": raw_image(view, SECOND, encoding="hologram9"),
        "truncated_image": raw_image(view, SECOND, data=b"123"),
        "too_large": raw_image(view, SECOND, width=60_000, height=60_000, step=180_000),
    }


@pytest.mark.parametrize(
    "kind", ["depth", "empty_image", "bad_step", "unknown_encoding", "truncated_image", "too_large"]
)
def test_a_bad_image_is_counted_and_the_next_one_is_taken(
    answering: NodeProcess, camera: Camera, statuses: Callable[[str], Any], kind: str
) -> None:
    camera.publisher.publish(_bad_images()[kind])
    wait_until(lambda: value(statuses("camera"), f"complaints.{kind}"))
    camera.send(VIEWS[1])
    assert answering.alive
    answering.wait_for_log("an image can't be used")


def test_an_image_without_a_stamp_gets_the_time_of_its_arrival(
    camera: Camera, statuses: Callable[[str], Any]
) -> None:
    before = len(camera.decisions)
    # The first ones lie far from the stamps before: only several in a row are another clock.
    publish_until(
        camera.publisher,
        raw_image(VIEWS[2], 0),
        lambda: "first" in [decision.reason for decision in camera.decisions[before:]],
    )
    assert abs(camera.decisions[-1].header.stamp.sec - time.time()) < 3600
    assert wait_until(lambda: value(statuses("camera"), "complaints.stamp_zero"))


def test_compressed_images_of_any_size_are_taken_and_bombs_are_not(
    client: Client, tmp_path: Path
) -> None:
    from embodied_agent_interfaces.msg import KeyframeDecision
    from sensor_msgs.msg import CompressedImage

    large = compressed_image(np.zeros((4320, 7680, 3), np.uint8), 2 * SECOND)
    whole = bytes(compressed_image(VIEWS[0], SECOND).data)
    at = whole.index(b"\xff\xc0") + 5
    bomb = whole[:at] + b"\xff\xff\xff\xff" + whole[at + 4 :]  # 65,535 pixels each way
    bad = {"too_large": bomb, "truncated_image": whole[:-200], "unknown_encoding": b"GIF89a"}
    parameters = {"ros.image_transport": "compressed"}
    with running_node(tmp_path, namespace="/packed", parameters=parameters) as node:
        client.start(node)
        statuses = statuses_of(client, node)
        decisions = client.collect(KeyframeDecision, f"{node.name}/decision")
        publisher = client.publisher(CompressedImage, "/packed/image/compressed")
        wait_until(lambda: client.node.count_publishers(f"{node.name}/decision"))
        for kind, data in bad.items():
            message = CompressedImage(header=header(SECOND), format="jpeg", data=data)
            publish_until(
                publisher,
                message,
                lambda kind=kind: value(statuses("camera"), f"complaints.{kind}"),
            )
        for message in (compressed_image(VIEWS[0], SECOND), large):
            before = len(decisions)
            publish_until(publisher, message, lambda before=before: len(decisions) > before)
        assert node.alive


def set_clock(camera: Camera, view: Any, stamp_ns: int) -> None:
    """Send images from ``stamp_ns`` on until they are taken for the present of another clock."""
    before = len(camera.decisions)
    for step in range(20):
        # A stamp that jumps far waits for those after it.
        camera.send(view, stamp_ns + step * SECOND // 5, again_s=2.0)
        if "first" in [decision.reason for decision in camera.decisions[before:]]:
            return
    raise AssertionError("no new segment began")


def test_a_clock_that_jumps_back_begins_a_new_segment(
    camera: Camera, statuses: Callable[[str], Any]
) -> None:
    set_clock(camera, VIEWS[3], 900_000 * SECOND)
    before = int(value(statuses("memory"), "segments"))
    set_clock(camera, VIEWS[4], 50 * SECOND)
    wait_until(lambda: int(value(statuses("memory"), "segments")) > before)
    camera.stamp_ns = 60 * SECOND


def test_simulated_time_that_steps_back_a_little_begins_a_new_segment(
    client: Client, tmp_path: Path
) -> None:
    from rosgraph_msgs.msg import Clock

    parameters = {"use_sim_time": True, **lossless("/sim")}
    with running_node(tmp_path, namespace="/sim", parameters=parameters) as node:
        client.start(node)
        camera = Camera(client, "/sim")
        clock = client.publisher(Clock, "/clock")
        clock.publish(Clock(clock=header(10 * SECOND).stamp))
        camera.send(VIEWS[0], 10 * SECOND)
        camera.send(VIEWS[0], 10 * SECOND + SECOND // 5)
        assert camera.decisions[-1].reason == ""
        before = len(camera.decisions)

        def reset() -> bool:
            # Within two seconds a stamp that lies back is jitter, unless the clock stepped back.
            for now_ns in (10 * SECOND, 9 * SECOND):  # more than once, as one may get lost
                clock.publish(Clock(clock=header(now_ns).stamp))
                camera.send(VIEWS[0], now_ns, again_s=2.0)
            return "first" in [decision.reason for decision in camera.decisions[before:]]

        wait_until(reset)


def test_poses_come_from_odometry_and_nan_is_left_out(
    client: Client,
    answering: NodeProcess,
    camera: Camera,
    statuses: Callable[[str], Any],
) -> None:
    from nav_msgs.msg import Odometry
    from std_srvs.srv import Trigger

    publisher = client.publisher(Odometry, f"{answering.namespace}/odom")
    at_ns = camera.stamp_ns + SECOND
    lost = odometry(at_ns, float("nan"))
    publish_until(publisher, lost, lambda: value(statuses("camera"), "complaints.invalid_pose"))
    publisher.publish(odometry(at_ns, 1.0))
    publisher.publish(odometry(at_ns + SECOND // 5, 3.0))
    assert client.call(Trigger, f"{answering.name}/reset", Trigger.Request()).success

    camera.send(VIEWS[5], at_ns + SECOND // 10)
    wait_until(lambda: newest(client, answering).has_pose)
    pose = newest(client, answering).pose
    assert pose.pose.position.x == pytest.approx(2.0)
    assert pose.header.frame_id == "odom"
