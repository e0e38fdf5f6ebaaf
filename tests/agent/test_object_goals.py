"""Where to stand to see an object: few keyframes are read for it, however many there are."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pytest

from embodied_agent.agent import object_goals
from embodied_agent.memory.row_reader import RowReader
from embodied_agent.objects.track import MAX_RAYS
from embodied_agent.records import Goal, Keyframe
from embodied_agent.settings import ObjectSettings
from tests.support.object_world import Robot, pose

ROOM = {"red chair": (4.0, 1.0, 0.5), "blue lamp": (5.0, 0.0, 1.2), "plant": (5.0, 2.4, 0.6)}
#: In place of the product's limits, so that a short drive exceeds them.
SHOWN, DRIVEN = 12, 14
LAPS = 12


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The ids of the keyframes that are read from a memory, as they are read."""
    monkeypatch.setattr(object_goals, "MOST_SHOWN", SHOWN)
    monkeypatch.setattr(object_goals, "MOST_DRIVEN", DRIVEN)
    ids: list[int] = []
    keyframe = RowReader.keyframe

    def noted(self: RowReader, row: Sequence[Any]) -> Keyframe | None:
        ids.append(row[0])
        return keyframe(self, row)

    monkeypatch.setattr(RowReader, "keyframe", noted)
    return ids


def goal_to(robot: Robot, name: str, read: list[int]) -> Goal:
    """The goal for the one object of a name; ``read`` then tells what was read for it."""
    one = robot.only(name)
    read.clear()
    goal = robot.memory.goal(one.id)
    assert goal is not None
    return goal


def test_a_goal_reads_a_limited_number_of_keyframes(read: list[int]) -> None:
    robot = Robot()
    for _ in range(LAPS):
        robot.drive(ROOM)
    assert robot.only("red chair").seen > SHOWN + DRIVEN + MAX_RAYS
    goal_to(robot, "red chair", read)
    assert len(read) <= SHOWN + DRIVEN + MAX_RAYS


def test_other_keyframes_are_not_read_where_one_that_shows_the_object_is_best(
    read: list[int],
) -> None:
    robot = Robot(settings=ObjectSettings(goal_distance_m=4.0))
    for _ in range(LAPS):
        robot.drive(ROOM)
        for _ in range(8):  # with its back to the object
            robot.look({}, pose(0.0, 1.0, 180.0))
    goal_to(robot, "red chair", read)
    assert len(read) <= SHOWN + MAX_RAYS


def test_of_a_way_driven_again_and_again_the_limits_leave_the_same_goal(
    read: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    robot = Robot()
    for _ in range(LAPS):
        robot.drive(ROOM)
    goals = [goal_to(robot, name, read) for name in ROOM]
    monkeypatch.setattr(object_goals, "MOST_SHOWN", 1000)
    monkeypatch.setattr(object_goals, "MOST_DRIVEN", 1000)
    assert goals == [goal_to(robot, name, read) for name in ROOM]
    assert len(read) > SHOWN + DRIVEN + MAX_RAYS


def test_a_good_place_of_long_ago_is_still_the_goal(read: list[int]) -> None:
    robot = Robot()
    for y in (0.6, 1.0, 1.4):
        robot.look(ROOM, pose(2.5, y))
    for _ in range(LAPS):
        robot.drive(ROOM)
    goal = goal_to(robot, "red chair", read)
    assert math.dist(goal.pose.position_m[:2], ROOM["red chair"][:2]) == pytest.approx(1.5, abs=0.2)
    assert goal.keyframe_id < 3


def test_a_place_between_the_robot_and_the_object_is_the_goal_where_none_that_showed_it_is_near(
    read: list[int],
) -> None:
    robot = Robot()
    robot.drive(ROOM)
    robot.look({}, pose(3.4, 0.0, 180.0))
    robot.look({}, pose(3.4, -1.5, 180.0))  # as far from it, but from no place that showed it
    goal = goal_to(robot, "blue lamp", read)
    assert goal.keyframe_id == 8
    assert goal.pose.position_m[:2] == (3.4, 0.0)
