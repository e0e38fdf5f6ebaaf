"""Launch files, recordings and the installed package, with the real ros2 commands."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import threading
from pathlib import Path

import pytest

from tests.support.views import panorama_views

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from embodied_agent.agent import Agent  # noqa: E402
from embodied_agent.memory.store import Store  # noqa: E402
from embodied_agent.settings import load_settings  # noqa: E402
from embodied_agent.sources import open_source  # noqa: E402
from tests.support.ros import (  # noqa: E402
    PATIENCE_S,
    ROOT,
    Client,
    end,
    publish_until,
    running_node,
    statuses_of,
    value,
    wait_until,
)
from tests.support.ros_camera import header, raw_image  # noqa: E402
from tests.support.ros_launch import launched, sourced  # noqa: E402

CLIP = ROOT / "sim_clips" / "clips" / "house_8"
GEOMETRY = load_settings(perception__backend="geometry")


@pytest.fixture(scope="module")
def installed(client: Client) -> dict[str, str]:
    """The environment of somebody who has built the workspace and sourced it."""
    return sourced()


@pytest.mark.parametrize("file", ["agent.launch.py", "replay.launch.py", "sim.launch.py"])
def test_arguments_are_explained(installed: dict[str, str], file: str) -> None:
    shown = subprocess.run(
        ["ros2", "launch", str(ROOT / "launch" / file), "--show-args"],
        env=installed,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    ).stdout
    for name in ("image", "memory", "namespace", "web_port", "mqtt_host", "params_file"):
        assert shown.count(f"'{name}':") == 1  # said by one file, or by the including one
    assert "no description" not in shown.lower()


def test_the_launched_node_starts_by_itself_and_again_after_a_crash(
    client: Client, installed: dict[str, str], tmp_path: Path
) -> None:
    from embodied_agent_interfaces.msg import KeyframeDecision
    from sensor_msgs.msg import Image

    arguments = {
        "image": "/eyes/left/image_raw",
        "namespace": "/launched",
        "perception": "geometry",
        "memory": str(tmp_path / "memory.db"),
        "respawn": "true",
    }
    with launched("agent.launch.py", tmp_path, installed, **arguments) as run:
        decisions = client.collect(KeyframeDecision, f"{run.name}/decision")
        view = panorama_views(1)[0]
        publisher = client.publisher(Image, "/eyes/left/image_raw")
        stamp_ns = 1_000_000_000

        def decided(count: int) -> bool:
            nonlocal stamp_ns
            stamp_ns += 100_000_000
            publisher.publish(raw_image(view, stamp_ns))
            return len(decisions) >= count

        wait_until(lambda: decided(1))
        pid = int(run.log.split("process started with pid [")[1].split("]")[0])
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: run.log.count("process started with pid") == 2)
        before = len(decisions)
        wait_until(lambda: decided(before + 3))


def _parameters(client: Client, node: str, *names: str) -> list[object]:
    from rcl_interfaces.srv import GetParameters
    from rclpy.parameter import parameter_value_to_python

    request = GetParameters.Request(names=list(names))
    found = client.call(GetParameters, f"{node}/get_parameters", request).values
    return [parameter_value_to_python(each) for each in found]


_DECIDED = ("ros.image_transport", "ros.pose", "use_sim_time", "ros.autostart", "ros.silent_s")


@pytest.mark.parametrize("whom", ["/**", "/decided/embodied_agent"])
def test_given_arguments_win_over_files_and_files_over_defaults(
    client: Client, installed: dict[str, str], tmp_path: Path, whom: str
) -> None:
    config, params = tmp_path / "settings.yaml", tmp_path / "params.yaml"
    config.write_text("ros: {image_transport: ffmpeg, pose: none, silent_s: 7, autostart: false}\n")
    values = "{ros.image_transport: compressed, ros.pose: tf, use_sim_time: true}"
    params.write_text(f"{whom}: {{ros__parameters: {values}}}\n")
    both = {"config": str(config), "params_file": str(params), "namespace": "/decided"}
    cases: list[tuple[dict[str, str], list[object]]] = [
        ({"namespace": "/decided"}, ["raw", "odom", False, True, 3.0]),
        (both, ["compressed", "tf", True, False, 7.0]),
        (
            {**both, "image_transport": "raw", "pose": "odom", "use_sim_time": "false"},
            ["raw", "odom", False, False, 7.0],
        ),
        ({**both, "autostart": "true"}, ["compressed", "tf", True, True, 7.0]),
    ]
    for number, (arguments, expected) in enumerate(cases):
        folder = tmp_path / str(number)
        folder.mkdir()
        with launched("agent.launch.py", folder, installed, **arguments) as run:
            assert _parameters(client, run.name, *_DECIDED) == expected


@pytest.mark.parametrize(
    ("file", "namespace", "expected"),
    [
        ("robot.yaml", "", {"ros.pose": "tf", "ros.pose_wait_s": 0.1}),
        ("drone.yaml", "", {"ros.image_transport": "ffmpeg", "ros.silent_s": 10.0}),
        ("two_robots.yaml", "/robot1", {"web.port": 8081, "ros.pose": "tf"}),
        ("two_robots.yaml", "/robot2", {"web.port": 8082, "ros.pose": "tf"}),
    ],
)
def test_the_parameter_files_are_taken_without_a_complaint(
    client: Client,
    installed: dict[str, str],
    tmp_path: Path,
    file: str,
    namespace: str,
    expected: dict[str, object],
) -> None:
    arguments = {"params_file": str(ROOT / "config" / "ros" / file), "autostart": "false"}
    if namespace:
        arguments |= {"namespace": namespace, "tf": "tf"}
    with launched("agent.launch.py", tmp_path, installed, **arguments) as run:
        assert _parameters(client, run.name, *expected) == list(expected.values())
        for word in ("not a setting", "did you mean", "means nothing", "WARN"):
            assert word not in run.log


@pytest.mark.skipif(shutil.which("ros2") is None, reason="no ros2 command")
def test_a_bag_is_replayed_into_the_node(
    client: Client, installed: dict[str, str], tmp_path: Path
) -> None:
    verbs = subprocess.run(["ros2", "bag", "--help"], capture_output=True, check=False)
    if verbs.returncode:
        pytest.skip("no `ros2 bag` here: install rosbag2")
    memory = tmp_path / "memory.db"
    arguments = {
        "bag": str(CLIP),
        "perception": "geometry",
        "memory": str(memory),
        "namespace": "/replayed",
        "rate": "2.0",
        "stop": "true",
    }
    with launched("replay.launch.py", tmp_path, installed, **arguments) as run:
        code = run.process.wait(4 * PATIENCE_S)
        assert code == 0, run.log
    with Store.open(str(memory), GEOMETRY.memory, read_only=True) as store:
        kept = store.keyframes()
    assert len(kept) > 5, run.log
    assert kept[-1].pose is not None
    assert {keyframe.segment for keyframe in kept} == {0}


def test_live_frames_give_the_memory_of_a_replay(client: Client, tmp_path: Path) -> None:
    from embodied_agent_interfaces.msg import KeyframeDecision
    from nav_msgs.msg import Odometry
    from sensor_msgs.msg import CameraInfo, CompressedImage

    replayed, live = tmp_path / "replayed.db", tmp_path / "live.db"
    with (
        Agent(load_settings(perception__backend="geometry", memory__path=str(replayed))) as agent,
        open_source(str(CLIP), GEOMETRY.source) as source,
    ):
        frames = list(source)
        for frame in frames:
            agent.observe(frame)
        agent.finish()
        assert agent.drain(PATIENCE_S)

    parameters = {"memory.path": str(live), "ros.image_transport": "compressed"}
    # Nothing may be lost on the way.
    for topic in ("odom", "image/compressed"):
        policies = f"qos_overrides./live/{topic}.subscription"
        parameters |= {f"{policies}.reliability": "reliable", f"{policies}.depth": 100}
    with running_node(tmp_path, namespace="/live", parameters=parameters) as node:
        client.start(node)
        decisions = client.collect(KeyframeDecision, f"{node.name}/decision")
        images = client.publisher(CompressedImage, "/live/image/compressed")
        poses = client.publisher(Odometry, "/live/odom")
        infos = client.publisher(CameraInfo, "/live/camera_info")
        wait_until(lambda: client.node.count_publishers(f"{node.name}/decision"))
        camera = frames[0].intrinsics
        assert camera is not None
        info = CameraInfo(width=camera.width, height=camera.height)
        info.k = [camera.fx, 0.0, camera.cx, 0.0, camera.fy, camera.cy, 0.0, 0.0, 1.0]

        def calibrated() -> bool:
            infos.publish(info)
            return infos.get_subscription_count() > 0

        wait_until(calibrated)
        statuses = statuses_of(client, node)

        def complaints(kind: str) -> int:
            return int(value(statuses("camera"), f"complaints.{kind}") or 0)

        # Both ends know each other once something that can't be used has come through.
        nowhere = Odometry(header=header(frames[0].stamp_ns, "odom"))
        nowhere.pose.pose.position.x = float("nan")
        publish_until(poses, nowhere, lambda: complaints("invalid_pose"))
        empty = CompressedImage(header=header(frames[0].stamp_ns), format="jpeg")
        publish_until(images, empty, lambda: complaints("empty_image"))
        for number, frame in enumerate(frames):
            if number % 40 == 0:  # a few seconds of poses, which are there before their images
                for later in frames[number : number + 40]:
                    assert later.pose is not None
                    pose = Odometry(header=header(later.stamp_ns, "odom"))
                    place, turn = pose.pose.pose.position, pose.pose.pose.orientation
                    place.x, place.y, place.z = later.pose.position_m
                    turn.x, turn.y, turn.z, turn.w = later.pose.orientation_xyzw
                    poses.publish(pose)
                nowhere.header = pose.header
                before = complaints("invalid_pose")
                publish_until(
                    poses, nowhere, lambda before=before: complaints("invalid_pose") > before
                )
            images.publish(
                CompressedImage(
                    header=header(frame.stamp_ns, frame.frame_id),
                    format="jpeg",
                    data=frame.encoded,
                )
            )
            # No faster than it decides: nothing is dropped.
            wait_until(lambda number=number: len(decisions) > number)
        assert client.transition(node, "deactivate")
        assert client.transition(node, "cleanup")
    assert _memory(live) == _memory(replayed)


def test_a_recording_made_with_ros_replays_as_what_was_recorded(
    client: Client, installed: dict[str, str], tmp_path: Path
) -> None:
    from sensor_msgs.msg import CompressedImage

    if subprocess.run(["ros2", "bag", "--help"], capture_output=True, check=False).returncode:
        pytest.skip("no `ros2 bag` here: install rosbag2")
    with open_source(str(CLIP), GEOMETRY.source) as source:
        frames = list(source)[:60]
    bag = tmp_path / "recorded"
    command = ["ros2", "bag", "record", "-s", "mcap", "-o", str(bag), "/rec/image/compressed"]
    with (tmp_path / "record.log").open("wb") as out:
        recorder = subprocess.Popen(
            command, stdout=out, stderr=subprocess.STDOUT, env=installed, cwd=tmp_path
        )
        try:
            publisher = client.publisher(CompressedImage, "/rec/image/compressed")
            pace = threading.Event()
            for frame in frames:
                message = CompressedImage(format="jpeg", data=frame.encoded)
                message.header = header(frame.stamp_ns, frame.frame_id)
                publisher.publish(message)
                pace.wait(0.03)  # the recorder's own queue is short
            wait_until(publisher.wait_for_all_acked)
        finally:
            end(recorder)
    with open_source(str(bag), GEOMETRY.source) as source:
        recorded = list(source)
    sent = {frame.stamp_ns: frame.encoded for frame in frames}
    assert len(recorded) > len(frames) / 2
    assert all(sent[frame.stamp_ns] == frame.encoded for frame in recorded)


def _memory(path: Path) -> list[tuple[object, ...]]:
    with Store.open(str(path), GEOMETRY.memory, read_only=True) as store:
        return [
            (k.stamp_ns, k.reason, k.jpeg, k.egomotion, k.pose and k.pose.position_m)
            for k in store.keyframes(pictures=True)
        ]
