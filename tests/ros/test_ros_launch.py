"""Launch files, recordings and the installed package, with the real ros2 commands."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
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
    publish_until,
    running_node,
    statuses_of,
    value,
    wait_until,
)
from tests.support.ros_camera import header, raw_image  # noqa: E402

CLIP = ROOT / "sim_clips" / "clips" / "house_8"
GEOMETRY = load_settings(perception__backend="geometry")


@pytest.fixture(scope="module")
def installed(client: Client) -> dict[str, str]:
    """The environment of somebody who has built the workspace and sourced it."""
    environment = dict(os.environ)
    # `env python3` must be the Python that has the packages, as in an active environment.
    environment["PATH"] = f"{Path(sys.executable).parent}:{environment['PATH']}"
    return environment


class Launched:
    """A running `ros2 launch`."""

    def __init__(self, process: subprocess.Popen[bytes], log: Path) -> None:
        self.process = process
        self.log_path = log
        self.name = ""

    @property
    def log(self) -> str:
        return self.log_path.read_text(errors="replace")


@contextmanager
def launched(file: str, folder: Path, environment: dict[str, str], **arguments: str) -> Iterator:
    """A launch file of the repository, until the block ends."""
    command = ["ros2", "launch", str(ROOT / "launch" / file)]
    command += [f"{name}:={value}" for name, value in arguments.items()]
    log = folder / "launch.log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            command,
            stdout=out,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=folder,
            start_new_session=True,
        )
        made = Launched(process, log)
        made.name = f"{arguments.get('namespace', '')}/embodied_agent"
        try:
            yield made
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGINT)
            try:
                process.wait(PATIENCE_S)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise


@pytest.mark.parametrize("file", ["agent.launch.py", "replay.launch.py"])
def test_arguments_are_explained(installed: dict[str, str], file: str) -> None:
    shown = subprocess.run(
        ["ros2", "launch", str(ROOT / "launch" / file), "--show-args"],
        env=installed,
        capture_output=True,
        text=True,
        timeout=PATIENCE_S,
        check=True,
    ).stdout
    assert "'image':" in shown
    assert "'memory':" in shown
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
            recorder.send_signal(signal.SIGINT)
            recorder.wait(PATIENCE_S)
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
