"""Recorded clips: read back, compared with the truth beside them, and with themselves."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from rosbags.highlevel import AnyReader
from rosbags.rosbag2 import Reader
from typer.testing import CliRunner

import sim_clips.record as recording
from sim_clips.__main__ import app
from sim_clips.layout import make_scene
from sim_clips.motion import camera_track
from sim_clips.record import RecordError, Recording, quaternion, record
from sim_clips.scene import CameraPose, Scene

pytestmark = pytest.mark.gl
HOW = Recording(fps=5.0)


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return record("house", 5, tmp_path_factory.mktemp("clips") / "house_5", HOW)


@pytest.fixture(scope="module")
def truth(clip: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((clip / "truth.json").read_text("utf-8"))
    return loaded


def test_the_clip_is_a_bag_with_two_files_beside(clip: Path) -> None:
    assert {f.name for f in clip.iterdir()} == {
        "metadata.yaml", "house_5.mcap", "truth.json", "questions.json",
    }  # fmt: skip
    with Reader(clip) as reader:
        kinds = {c.topic: c.msgtype for c in reader.connections}
    assert kinds == {
        "camera/image/compressed": "sensor_msgs/msg/CompressedImage",
        "camera/camera_info": "sensor_msgs/msg/CameraInfo",
        "odom": "nav_msgs/msg/Odometry",
    }


def test_the_bag_reads_back_with_the_stamps_and_poses_of_the_truth(
    clip: Path, truth: dict[str, Any]
) -> None:
    images, poses, infos = {}, {}, {}
    with AnyReader([clip]) as reader:
        for connection, stamp_ns, data in reader.messages():
            message = reader.deserialize(data, connection.msgtype)
            header = message.header.stamp
            assert header.sec * 10**9 + header.nanosec == stamp_ns
            if connection.topic == "odom":
                assert (message.header.frame_id, message.child_frame_id) == ("odom", "camera_link")
                poses[stamp_ns] = message.pose.pose
            elif connection.topic == "camera/camera_info":
                infos[stamp_ns] = message
            else:
                images[stamp_ns] = cv2.imdecode(message.data, cv2.IMREAD_COLOR)
    stamps = [frame["stamp_ns"] for frame in truth["frames"]]
    assert list(images) == list(poses) == list(infos) == stamps
    for frame in truth["frames"]:
        pose, said = poses[frame["stamp_ns"]], frame["pose"]
        assert pose.position.x == pytest.approx(said["x"], abs=1e-4)
        assert pose.position.y == pytest.approx(said["y"], abs=1e-4)
        assert pose.position.z == pytest.approx(said["z"], abs=1e-4)
        q, want = pose.orientation, quaternion(CameraPose(**said))
        assert abs(np.dot((q.x, q.y, q.z, q.w), want)) == pytest.approx(1.0, abs=1e-6)
        assert images[frame["stamp_ns"]].shape == (240, 320, 3)
    info = infos[stamps[0]]
    assert 2 * np.degrees(np.arctan(160 / info.k[0])) == pytest.approx(truth["hfov_deg"])


def test_the_truth_holds_the_scene(truth: dict[str, Any]) -> None:
    scene = make_scene("house", 5)
    assert [o["name"] for o in truth["objects"]] == [o.name for o in scene.objects]
    assert [tuple(o["position"]) for o in truth["objects"]] == [o.position for o in scene.objects]
    assert [s["action"] for s in truth["steps"]] == [s.action.value for s in scene.steps]
    assert len(truth["walls"]) == len(scene.walls)
    track = camera_track(scene, HOW.fps)
    assert [f["step"] for f in truth["frames"]] == [point.step for point in track]
    names = {o["name"] for o in truth["objects"]}
    seen = [frame["visible"] for frame in truth["frames"]]
    assert any(seen)
    for visible in seen:
        assert set(visible) <= names
        assert all(30 <= pixels <= 320 * 240 for pixels in visible.values())
        assert list(visible.values()) == sorted(visible.values(), reverse=True)


def test_quaternion_points_x_along_the_view() -> None:
    pose = CameraPose(0, 0, 0, 30.0, -20.0)
    x, y, z, w = quaternion(pose)
    ahead = (1 - 2 * (y * y + z * z), 2 * (x * y + z * w), 2 * (x * z - y * w))
    yaw, pitch = np.radians(30), np.radians(-20)
    want = (np.cos(pitch) * np.cos(yaw), np.cos(pitch) * np.sin(yaw), np.sin(pitch))
    assert ahead == pytest.approx(want)


def short_scene(world: Any, seed: int) -> Scene:
    scene = make_scene(world, seed)
    return replace(scene, steps=scene.steps[:3])


def test_the_same_seed_gives_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(recording, "make_scene", short_scene)
    monkeypatch.setattr(recording, "_questions", lambda truth, seed: [])
    a = record("city", 9, tmp_path / "a" / "clip", HOW)
    b = record("city", 9, tmp_path / "b" / "clip", HOW)
    for file in a.iterdir():
        assert file.read_bytes() == (b / file.name).read_bytes(), file.name
    again = record("city", 9, a, HOW)
    assert (again / "clip.mcap").read_bytes() == (b / "clip.mcap").read_bytes()


def test_a_folder_with_other_things_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(RecordError, match=r"thesis\.tex"):
        record("house", 1, tmp_path)
    assert (tmp_path / "thesis.tex").exists()


def test_the_command_records_and_reports(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recording, "make_scene", short_scene)
    monkeypatch.setattr(recording, "_questions", lambda truth, seed: [])
    arguments = ["record", "--world", "warehouse", "--seed", "2", "--out", str(tmp_path / "w")]
    done = CliRunner().invoke(app, [*arguments, "--width", "160", "--height", "120", "--fps", "5"])
    assert done.exit_code == 0, done.output
    assert "frames" in done.output
    truth = json.loads((tmp_path / "w" / "truth.json").read_text("utf-8"))
    assert (truth["world"], truth["width"], truth["fps"]) == ("warehouse", 160, 5.0)
