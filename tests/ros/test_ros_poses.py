"""Poses live: from TF that comes after its images, as it does on robots, and from a map."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from tests.support.ros import (  # noqa: E402
    Client,
    NodeProcess,
    running_node,
    statuses_of,
    value,
    wait_until,
)
from tests.support.ros_camera import SECOND, VIEWS, Camera, header, lossless, raw_image  # noqa: E402

#: The robot walks after this stamp; before it, ROS's nodes find each other. Less than a minute: an
#: image that is further ahead of those before it waits for more that agree with it.
START_S = 30
START_NS = START_S * SECOND


class Transforms:
    """Publishes where the robot is."""

    def __init__(self, client: Client) -> None:
        from tf2_msgs.msg import TFMessage

        self._publisher = client.publisher(TFMessage, "/tf")

    def meet(self, camera: Camera, statuses: Callable[[str], Any]) -> None:
        """Send until the node takes transforms in: what is sent before it has found this publisher
        is lost."""
        camera.stamp_ns = SECOND

        def taken() -> bool:
            # From where the camera is: it may have sent its last picture more than once.
            stamp_ns = camera.stamp_ns + SECOND // 100
            assert stamp_ns < START_NS
            self.send(stamp_ns, 0.0)
            camera.send(VIEWS[-1], stamp_ns)  # none that the walk begins with
            return counted(statuses, "found") > 0

        wait_until(taken)

    def send(
        self, stamp_ns: int, x_m: float, parent: str = "odom", child: str = "base_link"
    ) -> None:
        from geometry_msgs.msg import TransformStamped
        from tf2_msgs.msg import TFMessage

        step = TransformStamped(header=header(stamp_ns, parent), child_frame_id=child)
        step.transform.translation.x = x_m
        step.transform.rotation.w = 1.0
        self._publisher.publish(TFMessage(transforms=[step]))


def deltas_of(client: Client, node: NodeProcess, since_s: int = START_S) -> list[Any]:
    """All that was kept of the walk, in its order."""
    from embodied_agent_interfaces.srv import Recall

    request = Recall.Request(limit=100)
    found = client.call(Recall, f"{node.name}/recall", request).deltas
    walk = [delta for delta in found if delta.header.stamp.sec >= since_s]
    return sorted(walk, key=lambda delta: delta.keyframe_id)


def counted(statuses: Callable[[str], Any], kind: str) -> int:
    return int(value(statuses("poses"), kind) or 0)


@pytest.mark.parametrize("wait_s", [0.5, 0.0])
def test_transforms_that_come_after_their_image_are_waited_for_or_told(
    client: Client, tmp_path: Path, wait_s: float
) -> None:
    namespace = "/after" if wait_s else "/unwaited"
    parameters = {"ros.pose": "tf", "ros.pose_wait_s": wait_s, **lossless(namespace)}
    with running_node(tmp_path, namespace=namespace, parameters=parameters) as node:
        client.start(node)
        camera, transforms = Camera(client, namespace), Transforms(client)
        statuses = statuses_of(client, node)
        transforms.meet(camera, statuses)
        # Diagnostics judge the latest 30 images, so that many come late.
        for number, view in enumerate(VIEWS[::3] * (1 if wait_s else 4), 1):
            # Far apart, so that the nearest pose is not good enough.
            stamp_ns = START_NS + number * SECOND
            later = threading.Timer(0.02, transforms.send, (stamp_ns, float(number)))
            if wait_s:
                later.start()
            camera.send(view, stamp_ns)
            if not wait_s:  # however slow this machine is, it comes after its image
                later.start()
            later.join()
        deltas = deltas_of(client, node)
        assert len(deltas) >= 3
        kind = "found" if wait_s else "late"
        wait_until(lambda: counted(statuses, kind) >= len(deltas) - 1)
        with_pose = [delta.keyframe_id for delta in deltas if delta.has_pose]
        if wait_s:
            assert with_pose == [delta.keyframe_id for delta in deltas]
            for delta in deltas:
                assert delta.pose.pose.position.x == pytest.approx(delta.header.stamp.sec - START_S)
                assert delta.pose.header.frame_id == "odom"
                assert delta.body_frame_id == "base_link"
        else:
            assert not with_pose
            wait_until(lambda: "have no pose: late" in statuses("poses").message)
            told = "ms behind the images; set ros.pose_wait_s"
            node.wait_for_log(told)
            assert node.log.count(told) == 1


def test_transforms_that_wait_in_the_queue_count(client: Client, tmp_path: Path) -> None:
    """A process that was held up finds its images beside a queue of transforms, as when it starts
    on a busy machine."""
    parameters = {"ros.pose": "tf", "ros.pose_wait_s": 0.0, **lossless("/held_up")}
    with running_node(tmp_path, namespace="/held_up", parameters=parameters) as node:
        client.start(node)
        camera, transforms = Camera(client, "/held_up"), Transforms(client)
        statuses = statuses_of(client, node)
        transforms.meet(camera, statuses)
        for number, view in enumerate(VIEWS[::6], 1):
            stamp_ns = START_NS + number * SECOND
            node.process.send_signal(signal.SIGSTOP)
            # Far apart, so that the nearest pose is not good enough.
            for step in range(90):
                transforms.send(stamp_ns - (89 - step) * SECOND // 10, float(number))
            resumption = threading.Timer(0.5, node.process.send_signal, (signal.SIGCONT,))
            resumption.start()
            camera.send(view, stamp_ns)
            resumption.join()
        deltas = deltas_of(client, node)
        assert len(deltas) >= 3
        assert [delta.has_pose for delta in deltas] == [True] * len(deltas)
        assert counted(statuses, "late") == 0


def test_a_frame_that_tf_does_not_have_is_named_with_those_it_has(
    client: Client, tmp_path: Path
) -> None:
    parameters = {"ros.pose": "tf", "ros.base_frame": "base_lnik"}
    with running_node(tmp_path, namespace="/misnamed", parameters=parameters) as node:
        client.start(node)
        camera, transforms = Camera(client, "/misnamed"), Transforms(client)

        def told() -> bool:
            camera.send(VIEWS[0])
            transforms.send(camera.stamp_ns, 1.0)
            return "TF has the frames base_link, odom" in node.log

        wait_until(told)
        assert "the transform from base_lnik to odom" in node.log


def test_poses_are_in_the_map_once_there_is_one(client: Client, tmp_path: Path) -> None:
    parameters = {"ros.pose": "tf", "ros.pose_wait_s": 1.0, **lossless("/mapped")}
    with running_node(tmp_path, namespace="/mapped", parameters=parameters) as node:
        client.start(node)
        camera, transforms = Camera(client, "/mapped"), Transforms(client)
        transforms.meet(camera, statuses_of(client, node))

        def walk(views: list[Any], first: int) -> None:
            for number, view in enumerate(views, first):
                stamp_ns = START_NS + number * SECOND
                transforms.send(stamp_ns, float(number))
                if first:
                    transforms.send(stamp_ns, 100.0, "map", "odom")
                camera.send(view, stamp_ns)

        walk(VIEWS[:9:3], 0)
        walk(VIEWS[9::3], 3)
        deltas = [delta for delta in deltas_of(client, node) if delta.has_pose]
        frames = [delta.pose.header.frame_id for delta in deltas]
        assert frames == sorted(frames, reverse=True)  # odom, then map
        assert {"odom", "map"} == set(frames)
        segments = {delta.pose.header.frame_id: delta.segment for delta in deltas}
        assert segments["map"] == segments["odom"] + 1
        assert deltas[-1].pose.pose.position.x > 100.0
        node.wait_for_log("poses are in map from now on")


def test_poses_go_on_when_the_clock_went_back(client: Client, tmp_path: Path) -> None:
    """As when a bag loops: tf2 by itself would refuse all transforms from then on."""
    parameters = {"ros.pose": "tf", "ros.pose_wait_s": 1.0, **lossless("/looped")}
    with running_node(tmp_path, namespace="/looped", parameters=parameters) as node:
        client.start(node)
        camera, transforms = Camera(client, "/looped"), Transforms(client)
        transforms.meet(camera, statuses_of(client, node))
        transforms.send(START_NS, 1.0)
        camera.send(VIEWS[0], START_NS)
        stamp_ns = SECOND

        def placed() -> list[Any]:
            nonlocal stamp_ns
            stamp_ns += SECOND // 100
            assert stamp_ns < START_NS // 2  # what comes later tf2 would take as it is
            transforms.send(stamp_ns, 50.0)
            camera.publisher.publish(raw_image(VIEWS[3], stamp_ns))
            return [d for d in deltas_of(client, node, since_s=0) if d.segment == 1 and d.has_pose]

        assert wait_until(placed)[0].pose.pose.position.x == 50.0


def test_late_subscribers_get_the_deltas_and_the_latest_keyframe(
    client: Client, tmp_path: Path
) -> None:
    from embodied_agent_interfaces.msg import SemanticDelta
    from geometry_msgs.msg import PoseArray
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from sensor_msgs.msg import CompressedImage
    from visualization_msgs.msg import Marker, MarkerArray

    kept = QoSProfile(depth=100, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    parameters = {"ros.pose": "tf", "ros.pose_wait_s": 1.0, **lossless("/late")}
    with running_node(tmp_path, namespace="/late", parameters=parameters) as node:
        client.start(node)
        camera, transforms = Camera(client, "/late"), Transforms(client)
        transforms.meet(camera, statuses_of(client, node))
        for number, view in enumerate(VIEWS[::3]):
            transforms.send(START_NS + number * SECOND, float(number))
            camera.send(view, START_NS + number * SECOND)
        expected = deltas_of(client, node)[-1].keyframe_id + 1
        assert expected >= 4
        deltas = client.collect(SemanticDelta, f"{node.name}/delta", kept)
        pictures = client.collect(CompressedImage, f"{node.name}/keyframe/compressed", kept)
        markers = client.collect(MarkerArray, f"{node.name}/markers", kept)
        poses = client.collect(PoseArray, f"{node.name}/keyframe_poses", kept)
        wait_until(lambda: len(deltas) >= expected)
        assert [delta.keyframe_id for delta in deltas] == list(range(expected))
        wait_until(lambda: pictures)
        wait_until(lambda: poses and len(poses[-1].poses) >= expected - 1)
        assert poses[-1].header.frame_id == "odom"
        wait_until(lambda: markers)
        kinds = {marker.ns: marker for marker in markers[-1].markers}
        assert kinds["path"].type == Marker.LINE_LIST
        assert len(kinds["keyframes"].points) == len(poses[-1].poses)
