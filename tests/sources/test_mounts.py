"""Frames of a bag carry where their camera is on the robot, as far as TF says it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from embodied_agent.records import Frame, Mount, Pose
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import open_source
from embodied_agent.sources.bags.mounts import mount_of
from embodied_agent.sources.bags.transforms import multiply, rotation_matrix
from tests.sources.builders import ros
from tests.sources.builders.card import card
from tests.sources.builders.ros import MS, OPTICAL, T0, in_order
from tests.support.sources import write_bag

LEFT = ros.yaw(90)


def pictures(frame_id: str) -> list[Any]:
    entries = []
    for n in range(5):
        at = T0 + n * 100 * MS
        message = ros.raw(at, card(n))
        message.header.frame_id = frame_id
        entries.append(("/camera/image", message, at))
    return entries


def static(frame_id: str, turn: Any, parent: str = "base_link") -> list[Any]:
    fixed = ros.transform(T0, parent, frame_id, (0.2, -0.1, 0.5), turn)
    return [("/tf_static", ros.tf(fixed), T0 - 100 * MS)]


def read(folder: Path, *parts: list[Any], **settings: Any) -> tuple[list[Frame], str]:
    bag = write_bag(folder / "bag", in_order(*parts))
    with open_source(str(bag), SourceSettings(**settings)) as source:
        return list(source), source.description


def looks_left(mount: Mount | None) -> bool:
    assert mount is not None
    assert mount.position_m == pytest.approx((0.2, -0.1, 0.5))
    expected = rotation_matrix(LEFT)
    return np.allclose(rotation_matrix(mount.orientation_xyzw), expected, atol=1e-6)


@pytest.mark.parametrize("poses", ["tf", "odometry"])
@pytest.mark.parametrize(
    ("frame_id", "turn"),
    [
        ("camera_optical_frame", multiply(LEFT, OPTICAL)),
        ("camera_link", LEFT),
        ("cam", multiply(LEFT, OPTICAL)),
    ],
)
def test_frames_carry_the_mount_that_tf_tells(
    tmp_path: Path, poses: str, frame_id: str, turn: Any
) -> None:
    walk = ros.tf_walk(statics=False) if poses == "tf" else ros.poses()
    frames, said = read(tmp_path, walk, static(frame_id, turn), pictures(frame_id))
    assert all(frame.pose is not None for frame in frames)
    assert all(looks_left(frame.mount) for frame in frames)
    assert "the camera is at (0.20, -0.10, 0.50) m on base_link" in said


def test_a_mount_is_relative_to_the_body_of_the_odometry(tmp_path: Path) -> None:
    """Odometry is of `base`, 10 cm below `base_link`."""
    under = ros.transform(T0, "base", "base_link", (0.0, 0.0, 0.1))
    parts = static("camera_link", LEFT), [("/tf_static", ros.tf(under), T0 - 100 * MS)]
    frames, _ = read(tmp_path, ros.poses(), *parts, pictures("camera_link"))
    assert frames[0].mount is not None
    assert frames[0].mount.position_m == pytest.approx((0.2, -0.1, 0.6))


def test_a_camera_that_tf_does_not_know_is_said(tmp_path: Path) -> None:
    frames, said = read(tmp_path, ros.tf_walk(statics=False), pictures("eye_optical_frame"))
    assert all(frame.mount is None for frame in frames)
    assert "TF does not say where the camera eye_optical_frame is on base_link" in said
    assert "objects.camera_ahead_m" in said


def test_poses_of_the_camera_itself_need_no_mount(tmp_path: Path) -> None:
    frames, said = read(tmp_path, ros.poses(), pictures("camera_optical_frame"))
    assert all(frame.mount is None for frame in frames)
    assert "TF" not in said


def test_a_heading_in_the_settings_counts_alone(tmp_path: Path) -> None:
    left = static("left_optical_frame", multiply(LEFT, OPTICAL))
    settings = {"topics": {"left": "/camera/image"}, "mounts": {"left": -45}}
    parts = ros.tf_walk(statics=False), left, pictures("left_optical_frame")
    frames, _ = read(tmp_path, *parts, **settings)
    assert {(frame.frame_id, frame.mount) for frame in frames} == {("left@-45#0", None)}


def test_an_optical_camera_that_looks_down_is_recognised_by_its_turn() -> None:
    half = np.radians(-40) / 2
    down = multiply(OPTICAL, (float(np.sin(half)), 0.0, 0.0, float(np.cos(half))))
    mount = mount_of(Pose((0.0, 0.0, 1.0), down), "cam")
    ahead = rotation_matrix(mount.orientation_xyzw)[:, 0]
    assert ahead == pytest.approx((np.cos(np.radians(40)), 0.0, -np.sin(np.radians(40))), abs=1e-6)
