"""The simulated robot: it goes where it is told, never through anything."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sim_clips.layout import make_scene
from sim_clips.robot import LIMITS, Robot, Velocity
from sim_clips.routes import nearest_free, route

SCENES = {world: make_scene(world, 500_000) for world in ("house", "warehouse", "city")}


@pytest.mark.parametrize("world", SCENES)
def test_a_robot_begins_where_it_is_free(world: str) -> None:
    robot = Robot(SCENES[world])
    assert robot.grid.free(robot.pose.x, robot.pose.y, robot.pose.z)


def test_a_command_moves_it_in_its_own_frame() -> None:
    robot = Robot(SCENES["house"])
    start = robot.pose
    robot.command(Velocity(turn_deg=45.0))
    robot.advance(1.0)
    assert robot.pose.yaw_deg == pytest.approx((start.yaw_deg + 45 + 180) % 360 - 180)
    assert (robot.pose.x, robot.pose.y) == (start.x, start.y)
    robot.command(Velocity(forward=100.0))
    assert robot.velocity.forward == LIMITS["house"].forward
    robot.command(Velocity(forward=math.nan, left=1.0))
    robot.advance(1.0)
    assert (robot.pose.x, robot.pose.y) == (start.x, start.y)


@settings(max_examples=30, deadline=None)
@given(
    world=st.sampled_from(sorted(SCENES)),
    commands=st.lists(
        st.tuples(st.floats(-9, 9), st.floats(-9, 9), st.floats(-9, 9), st.floats(-90, 90)),
        max_size=20,
    ),
)
def test_whatever_is_commanded_it_never_leaves_free_space(
    world: str, commands: list[tuple[float, float, float, float]]
) -> None:
    robot = Robot(SCENES[world])
    for command in commands:
        robot.command(Velocity(*command))
        for _ in range(5):
            robot.advance(0.2)
            assert robot.grid.free(robot.pose.x, robot.pose.y, robot.pose.z)


@pytest.mark.parametrize("world", SCENES)
def test_it_drives_to_every_object_and_looks_where_it_should(world: str) -> None:
    robot = Robot(SCENES[world])
    reached = 0
    for thing in SCENES[world].objects[:6]:
        x, y, _ = thing.position
        if robot.go_to(x, y, 90.0) is None:
            continue
        for _ in range(3000):
            robot.advance(0.05)
            if not robot.drives_itself:
                break
        assert not robot.drives_itself
        assert robot.pose.yaw_deg == pytest.approx(90.0, abs=2.0)
        spot = nearest_free(robot.grid, (x, y), robot.pose.z, 8.0)
        assert spot is not None
        assert math.dist((robot.pose.x, robot.pose.y), spot) < 2 * robot.grid.cell
        reached += 1
    assert reached >= 2


def test_there_is_no_way_into_a_wall() -> None:
    robot = Robot(SCENES["house"])
    assert robot.go_to(-50.0, -50.0) is None
    assert not robot.drives_itself
    wall = SCENES["house"].walls[0]
    middle = ((wall.a[0] + wall.b[0]) / 2, (wall.a[1] + wall.b[1]) / 2)
    assert route(robot.grid, (robot.pose.x, robot.pose.y), middle, robot.pose.z) == []


def test_teleop_takes_over_from_a_goal() -> None:
    robot = Robot(SCENES["house"])
    thing = next(t for t in SCENES["house"].objects if robot.go_to(*t.position[:2]))
    assert robot.drives_itself, thing
    robot.command(Velocity(turn_deg=10.0))
    assert not robot.drives_itself
