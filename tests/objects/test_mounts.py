"""A camera that is not where the pose is: its mount counts for positions, absence and goals."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from embodied_agent.agent.cameras import in_robot_frame
from embodied_agent.memory.repair import check, repair
from embodied_agent.memory.store import Store
from embodied_agent.objects.rays import rotation
from embodied_agent.records import CameraMount, Delta, Keyframe, Mount
from embodied_agent.settings import MemorySettings, ObjectSettings
from tests.support.object_world import Robot, World, camera_on, mount, off_m, pose, seen_from
from tests.support.old_memories import make_older, version_before

#: The robot drives along y with these on its right.
ROOM: World = {"red chair": (4.0, 1.0, 0.5), "blue lamp": (5.0, 0.0, 1.2), "plant": (5.0, 2.4, 0.6)}
#: A mast camera that looks to the right of the robot, and down.
SIDEWAYS = mount(0.3, 0.1, 1.2, yaw_deg=-90, pitch_deg=-12, roll_deg=4)


def drive(robot: Robot, *, told: Mount | None, truly: Mount = SIDEWAYS) -> None:
    for at in range(8):
        robot.look(ROOM, pose(0.0, 0.3 * at, 90.0, z=0.0), truly=truly, told=told)


def test_positions_are_those_of_the_mounted_camera() -> None:
    robot = Robot()
    drive(robot, told=SIDEWAYS)
    for name, place in ROOM.items():
        assert off_m(robot.only(name), place) < 0.05


def test_settings_say_where_the_camera_is_and_take_precedence_over_tf() -> None:
    settings = ObjectSettings(
        camera_ahead_m=0.3,
        camera_left_m=0.1,
        camera_up_m=1.2,
        camera_yaw_deg=-90,
        camera_pitch_deg=-12,
        camera_roll_deg=4,
    )
    robot = Robot(settings=settings)
    drive(robot, told=mount(5.0, yaw_deg=180))
    assert off_m(robot.only("red chair"), ROOM["red chair"]) < 0.05


@pytest.mark.parametrize(
    "broken",
    [
        Mount((math.nan, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)),
        Mount((0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 0.0)),
        Mount((0.0, 0.0, math.inf), (0.0, 0.0, math.nan, 1.0)),
    ],
)
def test_a_mount_that_cannot_be_does_not_count(broken: Mount) -> None:
    robot = Robot()
    drive(robot, told=broken, truly=mount(yaw_deg=-90.0))
    plain = Robot()
    drive(plain, told=None, truly=mount(yaw_deg=-90.0))
    assert robot.memory.objects() == plain.memory.objects()
    assert robot.memory.faults == 0


def test_a_goal_turns_the_robot_so_that_the_camera_faces_the_object() -> None:
    robot = Robot()
    drive(robot, told=SIDEWAYS)
    one = robot.only("plant")
    goal = robot.memory.goal(one.id)
    assert goal is not None
    assert goal.pose.position_m[2] == 0.0
    ahead, left, up = rotation(goal.pose.orientation_xyzw)[:, 0]
    assert up == pytest.approx(0.0)
    (seen,) = seen_from(camera_on(goal.pose, SIDEWAYS), {"plant": ROOM["plant"]})
    assert abs(seen.bearing_deg or 99.0) < 4.0
    assert math.degrees(math.atan2(left, ahead)) > 60.0  # the robot itself faces past it


def test_a_camera_on_the_left_does_not_miss_what_is_ahead() -> None:
    robot = Robot()
    front, left = CameraMount("front", 0.0, 0), CameraMount("left", 90.0, 1)
    for at in range(12):
        body = pose(0.0, 0.2 * at)
        for camera in (front, left):
            truly = mount(yaw_deg=camera.yaw_deg)
            mentions = seen_from(camera_on(body, truly), ROOM)
            frame = Keyframe(0, 0, b"", "overlap", 640, 480, frame_id=camera.frame_id)
            turned = in_robot_frame(Delta(0, None, mentions=tuple(mentions)), frame)
            robot.look({}, body, mentions=turned.mentions, frame_id=camera.frame_id)
    for name, place in ROOM.items():
        one = robot.only(name)
        assert off_m(one, place) < 0.1
        assert one.missed == 0


def test_a_camera_on_the_left_locates_what_is_there() -> None:
    robot = Robot()
    camera = CameraMount("left", 90.0, 1)
    for at in range(8):
        body = pose(0.0, 0.3 * at, -90.0)
        mentions = seen_from(camera_on(body, mount(yaw_deg=90.0)), ROOM)
        frame = Keyframe(0, 0, b"", "overlap", 640, 480, frame_id=camera.frame_id)
        turned = in_robot_frame(Delta(0, None, mentions=tuple(mentions)), frame)
        robot.look({}, body, mentions=turned.mentions, frame_id=camera.frame_id)
    assert off_m(robot.only("red chair"), ROOM["red chair"]) < 0.1


def test_a_stored_mount_comes_back_also_from_a_repaired_file(tmp_path: Path) -> None:
    path, repaired = str(tmp_path / "m.db"), str(tmp_path / "repaired.db")
    robot = Robot(path)
    robot.look(ROOM, pose(0.0, 0.0), told=SIDEWAYS)
    robot.look(ROOM, pose(0.0, 0.3))
    robot.store.close()
    assert check(path).is_whole
    assert repair(path, repaired)[0].is_whole
    for name in (path, repaired):
        with Store.open(name, MemorySettings(), read_only=True) as store:
            assert [keyframe.mount for keyframe in store.keyframes()] == [SIDEWAYS, None]
            assert store.damage.names() == ()


def test_a_file_from_before_there_were_mounts_is_read_repaired_and_continued(
    tmp_path: Path,
) -> None:
    path, repaired = tmp_path / "m.db", str(tmp_path / "repaired.db")
    robot = Robot(str(path))
    robot.look(ROOM, pose(0.0, 0.0))
    robot.store.close()
    make_older(path, version_before("mount"))
    with Store.open(str(path), MemorySettings(), read_only=True) as store:
        assert [keyframe.mount for keyframe in store.keyframes()] == [None]
    assert repair(str(path), repaired)[0].is_whole
    robot = Robot(str(path))
    robot.look(ROOM, pose(0.0, 0.3), told=SIDEWAYS)
    assert [keyframe.mount for keyframe in robot.store.keyframes()] == [None, SIDEWAYS]


def test_distances_by_the_floor_know_that_the_camera_is_tilted() -> None:
    truly = mount(up_m=1.2, pitch_deg=-20.0)
    robot = Robot(settings=ObjectSettings(camera_height_m=1.2))
    robot.look({"ball": (4.0, 0.5, 0.25)}, pose(0.0, 0.0, z=0.0), truly=truly, told=truly)
    one = robot.only("ball")
    assert off_m(one, (4.0, 0.5, 0.25)) < 0.6
