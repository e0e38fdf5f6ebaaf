"""Map sessions: what begins one, and what does not."""

from __future__ import annotations

import math

import pytest

from embodied_agent.records import Action, Egomotion, Pose
from tests.support.object_world import Robot, off_m, pose, seen_from

CHAIR = {"red chair": (4.0, 1.0, 0.5)}


def reasons(robot: Robot) -> list[str]:
    return [session.reason for session in robot.memory.sessions()]


def test_a_restart_begins_a_session_and_its_objects_are_others() -> None:
    robot = Robot()
    robot.drive(CHAIR)
    robot.drive(CHAIR, segment=1)
    assert reasons(robot) == ["first", "restart"]
    later, earlier = robot.memory.objects("red chair")
    assert (later.session, earlier.session) == (1, 0)


def test_poses_in_another_frame_begin_a_session() -> None:
    robot = Robot()
    robot.look(CHAIR, pose(0, 0, frame="odom"))
    robot.look(CHAIR, pose(0, 0.3, frame="map"))
    assert [s.frame_id for s in robot.memory.sessions()] == ["odom", "map"]


def test_a_pose_that_jumps_and_stays_is_a_relocalisation() -> None:
    robot = Robot()
    robot.drive(CHAIR)
    for at in range(4):
        robot.look({}, pose(200.0, 50.0 + 0.3 * at))
    assert reasons(robot) == ["first", "relocalisation"]


def test_a_single_pose_that_jumps_is_left_out() -> None:
    robot = Robot()
    robot.drive(CHAIR, steps=5)
    robot.look(CHAIR, pose(500.0, 0.0), mentions=[])
    for at in range(5, 9):
        robot.look(CHAIR, pose(0.0, 0.3 * at))
    assert reasons(robot) == ["first"]
    assert off_m(robot.only("red chair"), CHAIR["red chair"]) < 0.2


@pytest.mark.parametrize("bad", [math.nan, math.inf, 1e300])
def test_a_pose_that_is_none_is_not_used(bad: float) -> None:
    robot = Robot()
    for at in range(8):
        here = pose(0.0, 0.3 * at)
        if at in (2, 5):
            here = Pose((bad, 0.0, 1.0), here.orientation_xyzw, "map")
        if at == 3:
            here = Pose(here.position_m, (0.0, 0.0, 0.0, 0.0), "map")
        usable = at not in (2, 3, 5)
        robot.look(CHAIR, here, mentions=None if usable else [])
    one = robot.only("red chair")
    assert off_m(one, CHAIR["red chair"]) < 0.2
    assert reasons(robot) == ["first"]


def test_a_pose_that_turns_while_the_picture_does_not_is_out_of_line() -> None:
    robot = Robot()
    still = Egomotion(Action.MOVE_FORWARD, 0.0, 0.0, 0.0, (0.0, 0.0, 0.1), confidence=0.9)
    for at in range(4):
        robot.look(CHAIR, pose(0.3 * at, 0.0), egomotion=still)
    for at in range(4, 7):
        robot.look({}, pose(0.3 * at, 0.0, yaw_deg=120.0), egomotion=still)
    assert reasons(robot) == ["first", "relocalisation"]


def test_without_poses_directions_are_reckoned_and_marked_as_rough() -> None:
    robot = Robot()
    truth = {"red chair": (3.0, 0.0, 1.0)}
    for at in range(3):
        here = pose(0.0, 0.0, yaw_deg=10.0 * at)
        motion = None if at == 0 else Egomotion(Action.ROTATE_LEFT, yaw_deg=10.0, confidence=0.9)
        robot.look(truth, None, mentions=seen_from(here, truth), egomotion=motion)
    one = robot.only("red chair")
    assert (one.measured, one.frame_id, one.seen) == ("egomotion", "", 3)
    assert one.position_m is not None
    assert abs(math.degrees(math.atan2(one.position_m[1], one.position_m[0]))) < 3.0
    assert robot.memory.goal(one.id) is None


def test_a_keyframe_without_a_pose_still_counts_where_the_name_is_unambiguous() -> None:
    robot = Robot()
    robot.drive(CHAIR, steps=4)
    robot.look(CHAIR, None, mentions=seen_from(pose(0, 0), CHAIR))
    assert robot.only("red chair").seen == 5
    assert reasons(robot) == ["first"]
