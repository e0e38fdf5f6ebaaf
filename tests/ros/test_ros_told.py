"""What people say while no image comes is published: named places as frames of TF, corrections."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import httpx2 as httpx
import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from tests.support.processes import free_port  # noqa: E402
from tests.support.ros import PATIENCE_S, Client, running_node, wait_until  # noqa: E402
from tests.support.ros_camera import SECOND, VIEWS, Camera, lossless, odometry  # noqa: E402


class Stood(NamedTuple):
    """A node whose camera has passed some views and sends nothing more."""

    name: str
    page: httpx.Client


@pytest.fixture(scope="module")
def stood(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stood]:
    from nav_msgs.msg import Odometry

    port = free_port()
    parameters = {"ros.pose": "odom", "ros.pose_wait_s": 1.0, **lossless("/stood")}
    parameters |= {"web.enabled": True, "web.port": port}
    folder = tmp_path_factory.mktemp("stood")
    with (
        running_node(folder, namespace="/stood", parameters=parameters) as node,
        httpx.Client(base_url=f"http://127.0.0.1:{port}", timeout=PATIENCE_S) as page,
    ):
        client.start(node)
        camera = Camera(client, "/stood")
        odometer = client.publisher(Odometry, "/stood/odom")
        for number, view in enumerate(VIEWS[::6], 100):
            odometer.publish(odometry(number * SECOND, float(number)))
            camera.send(view, number * SECOND)
        yield Stood(node.name, page)


def test_a_named_place_is_a_frame_until_it_is_forgotten(client: Client, stood: Stood) -> None:
    from tf2_msgs.msg import TFMessage

    messages = client.collect(TFMessage, "/tf")

    def places(since: int = 0) -> dict[str, Any]:
        """The frames of places in the messages from this one on, by name."""
        frames = [frame for message in messages[since:] for frame in message.transforms]
        return {frame.child_frame_id: frame for frame in frames if "/" in frame.child_frame_id}

    pose = {"position": [2.0, 1.0], "yaw_deg": 180.0}
    region = {"region": [[0, 0], [4, 0], [4, 2], [0, 2]]}
    # There is a map once the first keyframe was perceived.
    wait_until(lambda: stood.page.put("/api/places/main dock", json=pose).is_success)
    assert stood.page.put("/api/places/hall", json=region).is_success
    wait_until(lambda: len(places()) == 2)
    dock, hall = (places()[f"place/{name}"] for name in ("main_dock", "hall"))
    for frame in (dock, hall):
        assert frame.header.frame_id == "odom"
        assert (frame.transform.translation.x, frame.transform.translation.y) == (2.0, 1.0)
    assert abs(dock.transform.rotation.z) == pytest.approx(1.0)
    assert hall.transform.rotation.w == 1.0

    assert stood.page.delete("/api/places/main dock").is_success
    since = len(messages) + 1  # one may have been on its way
    wait_until(lambda: places(since))
    assert set(places(since)) == {"place/hall"}


def test_markers_and_objects_follow_corrections(client: Client, stood: Stood) -> None:
    from embodied_agent_interfaces.msg import SeenObjects
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from visualization_msgs.msg import MarkerArray

    late = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    drawn = client.collect(MarkerArray, f"{stood.name}/markers", late)
    listed = client.collect(SeenObjects, f"{stood.name}/objects", late)
    wait_until(lambda: drawn and listed)
    told = {"kind": "forget", "by": "Ada", "from_ns": 1, "to_ns": 2}
    # More than once: the first may meet what was to be published anyhow.
    for _ in range(3):
        before = len(drawn), len(listed)
        assert stood.page.post("/api/corrections", json=told).is_success
        wait_until(lambda: len(drawn) > before[0] and len(listed) > before[1])  # noqa: B023


def test_what_is_to_be_forgotten_is_not_given_to_late_subscribers(
    client: Client, stood: Stood
) -> None:
    from embodied_agent_interfaces.msg import SemanticDelta
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from sensor_msgs.msg import CompressedImage

    late = QoSProfile(depth=50, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    topics = ((CompressedImage, "keyframe/compressed"), (SemanticDelta, "delta"))

    def given() -> list[list[Any]]:
        """What late subscribers are given."""
        return [client.collect(kind, f"{stood.name}/{topic}", late) for kind, topic in topics]

    def gids() -> list[list[bytes]]:
        """Which publishers there are."""
        names = [f"{stood.name}/{topic}" for _, topic in topics]
        found = [client.node.get_publishers_info_by_topic(name) for name in names]
        return [[bytes(one.endpoint_gid) for one in infos] for infos in found]

    camera = Camera(client, "/stood")
    camera.send(VIEWS[15], 150 * SECOND)
    before = given()
    wait_until(lambda: all(before))
    publishers = gids()
    told = {"kind": "forget", "by": "Ada", "from_ns": 0, "to_ns": 200 * SECOND}
    assert stood.page.post("/api/corrections", json=told).is_success
    # Each is made anew.
    wait_until(
        lambda: all(
            len(new) == 1 and new != old for new, old in zip(gids(), publishers, strict=True)
        )
    )
    after = given()
    camera.send(VIEWS[0], 300 * SECOND)
    wait_until(lambda: all(after))
    assert [one[0].header.stamp.sec for one in after] == [300, 300]
