"""The driven path is read from the poses of the latest map session."""

from __future__ import annotations

import time

import pytest

from embodied_agent.agent.answerer import Answerer
from embodied_agent.agent.driven_paths import driven_path
from embodied_agent.records import Answer, Pose, Question
from embodied_agent.rules.driven_path import DrivenPath
from embodied_agent.settings import load_settings
from tests.support.object_world import Robot, pose
from tests.support.scripted import Scripted

ROOM = {"red chair": (4.0, 1.0, 1.0), "blue lamp": (5.0, 0.0, 1.2)}


def path_of(robot: Robot, last_id: int | None = None) -> DrivenPath:
    last = robot.store.last_id() if last_id is None else last_id
    path = driven_path(last, robot.store, robot.settings)
    assert path is not None
    return path


def robot_at(*places: Pose | None) -> Robot:
    robot = Robot()
    for place in places:
        robot.look({}, place)
    return robot


def test_the_path_leads_from_pose_to_pose() -> None:
    path = path_of(robot_at(pose(0.0, 0.0), pose(3.0, 0.0), None, pose(3.0, 4.0)))
    assert path.ids == (0, 1, 3)
    assert path.length_m == pytest.approx(7.0)
    assert path.straight_m == pytest.approx(5.0)


def test_the_path_ends_with_the_moment_asked_about() -> None:
    path = path_of(robot_at(pose(0.0, 0.0), pose(3.0, 0.0), pose(3.0, 4.0)), last_id=1)
    assert path.ids == (0, 1)
    assert path.length_m == pytest.approx(3.0)


def test_a_pose_that_jumps_and_comes_back_is_left_out() -> None:
    path = path_of(robot_at(pose(0.0, 0.0), pose(900.0, 0.0), pose(2.0, 0.0)))
    assert path.ids == (0, 2)
    assert path.length_m == pytest.approx(2.0)


def test_poses_of_another_frame_begin_a_path_of_their_own() -> None:
    path = path_of(
        robot_at(pose(0.0, 0.0), pose(3.0, 0.0), pose(7.0, 0.0, frame="odom"),
                 pose(8.0, 0.0, frame="odom"))
    )  # fmt: skip
    assert path.ids == (2, 3)
    assert path.length_m == pytest.approx(1.0)


def test_a_restart_begins_a_path_of_its_own() -> None:
    robot = robot_at(pose(0.0, 0.0), pose(3.0, 0.0))
    robot.look({}, pose(3.5, 0.0), segment=1)
    robot.look({}, pose(4.0, 0.0), segment=1)
    assert path_of(robot).ids == (2, 3)


def test_without_poses_there_is_no_path() -> None:
    robot = robot_at(None, None)
    assert driven_path(1, robot.store, robot.settings) is None
    assert driven_path(7, robot.store, robot.settings) is None


def asked(robot: Robot, text: str) -> Answer:
    answerer = Answerer(robot.store, load_settings().reasoning, Scripted, objects=robot.memory)
    last = robot.store.last_id()
    *_, answer = answerer.stream(Question(text), 0, last, time.monotonic() + 60)
    answerer.close()
    assert isinstance(answer, Answer)
    return answer


def test_an_answer_in_metres_names_its_poses_and_keyframes() -> None:
    robot = Robot()
    robot.drive(ROOM)
    answer = asked(robot, "How many metres did you drive?")
    assert answer.status == "answered"
    assert "I moved about 2.1 m, from #0 to #7" in answer.text
    assert answer.verified_by == "the poses of 8 keyframes"
    assert [evidence.keyframe_id for evidence in answer.evidence] == [0, 7]


def test_how_sure_an_object_is_comes_from_its_sightings() -> None:
    robot = Robot()
    robot.drive(ROOM)
    answer = asked(robot, "How sure are you about the red chair?")
    assert answer.text.startswith("I saw the red chair in 8 keyframes, from #0 to #7.")
    assert (
        "Since then it was never missing where it should have been. Its position is known to ±"
        in answer.text
    )
    assert answer.text.endswith("The perceiver's confidence was 0.90 on average.")
    robot.look({}, pose(0.0, 0.0))
    missed = asked(robot, "How sure are you about the red chair?")
    assert "it was missing once where it should have been in view (#8)" in missed.text
    assert [evidence.keyframe_id for evidence in missed.evidence] == [0, 7, 8]


def test_a_robot_that_drove_back_was_here_before() -> None:
    robot = robot_at(pose(0.0, 0.0), pose(3.0, 0.0), pose(6.0, 0.0), pose(3.2, 0.0, 180.0))
    answer = asked(robot, "Have you been here before?")
    assert answer.text == "Yes, in #1 I was about 0.2 m from here (#3); that was 2 seconds ago."
