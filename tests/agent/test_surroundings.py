"""Where objects are from here, measured, in words for the reasoner; on request only."""

from __future__ import annotations

import math
import re
from pathlib import Path
from typing import Any

import pytest

from embodied_agent.agent import Agent
from embodied_agent.agent.surroundings import surroundings
from embodied_agent.objects.rays import quaternion
from embodied_agent.records import Mention, Pose, Question
from embodied_agent.settings import load_settings
from tests.support.object_world import Robot, mount, pose
from tests.support.served import faulty, says

ROOM = {"red chair": (4.0, 1.0, 1.0), "blue lamp": (5.0, 0.0, 1.2), "plant": (5.0, 2.4, 0.6)}
LINE = re.compile(r"([\w ]+): (?:(\d+)° (left|right)|straight (ahead|behind))(?:, ([\d.]+) m)?, ")


def told(robot: Robot, question: str = "Which way is it?", **more: Any) -> str:
    last = robot.store.keyframes()[-1].id
    return surroundings(Question(question, **more), last, robot.memory, robot.store)


def read(text: str) -> dict[str, tuple[float, float]]:
    """Bearing to the left (degrees) and distance (metres), by name."""
    found = {}
    for name, angle, side, straight, far in LINE.findall(text):
        bearing = float(angle or (0 if straight == "ahead" else 180))
        found[name.strip()] = (bearing if side == "left" else -bearing, float(far))
    return found


def test_bearings_and_distances_are_those_from_the_last_keyframe() -> None:
    robot = Robot()
    robot.drive(ROOM)
    robot.look({}, pose(2.0, 1.0, 150.0))
    text = told(robot)
    assert "last seen #7" in text
    for name, (bearing, far) in read(text).items():
        x, y, z = ROOM[name]
        true = (math.degrees(math.atan2(y - 1.0, x - 2.0)) - 150 + 180) % 360 - 180
        assert abs((bearing - true + 180) % 360 - 180) < 4
        assert far == pytest.approx(math.dist((2.0, 1.0, 1.0), (x, y, z)), abs=0.3)
    assert set(read(text)) == set(ROOM)


def test_what_the_question_names_comes_first_then_the_nearest() -> None:
    robot = Robot()
    robot.drive(ROOM)
    assert list(read(told(robot))) == ["red chair", "plant", "blue lamp"]
    assert next(iter(read(told(robot, "Is the lamp to my left?")))) == "blue lamp"
    choices = Question("What is nearest?", ("the blue lamp", "a table"))
    last = robot.store.keyframes()[-1].id
    text = surroundings(choices, last, robot.memory, robot.store)
    assert next(iter(read(text))) == "blue lamp"


def test_the_mount_of_the_camera_counts() -> None:
    robot = Robot()
    truly = mount(up_m=0.2, yaw_deg=-90.0)
    for at in range(8):
        robot.look(ROOM, pose(0.0, 0.3 * at, 90.0), truly=truly, told=truly)
    robot.look({}, Pose((2.0, 1.0, 1.0), quaternion(90.0), "map"), truly=truly, told=truly)
    bearing, far = read(told(robot))["red chair"]
    assert abs(bearing) < 4
    assert far == pytest.approx(2.0, abs=0.3)


def test_nothing_is_told_without_a_place_or_of_an_earlier_time() -> None:
    robot = Robot()
    robot.drive(ROOM)
    assert told(robot, at_ns=robot.stamp_ns) == ""
    robot.look(ROOM, None, mentions=[])
    assert told(robot) == ""
    robot.look(ROOM, pose(0.0, 0.0, frame="odom"))
    assert "last seen #7" not in told(robot)  # of an earlier map session


def test_what_is_gone_or_lies_in_an_uncertain_direction_is_not_told() -> None:
    robot = Robot()
    robot.drive(ROOM)
    without = {name: place for name, place in ROOM.items() if name != "red chair"}
    for _ in range(3):
        robot.look(without, pose(0.0, 1.0))
    robot.look({}, pose(0.0, 1.0), mentions=[Mention("crate", "front-left")])
    assert robot.only("red chair").gone_since_ns is not None
    assert set(read(told(robot))) == {"blue lamp", "plant"}


@pytest.mark.parametrize(
    ("prompt", "bearings", "shown"),
    [("full", True, True), ("full", False, False), ("compact", True, False)],
)
def test_the_reasoner_is_told_on_request_in_the_full_prompt(
    tmp_path: Path, prompt: str, bearings: bool, shown: bool
) -> None:
    robot = Robot(str(tmp_path / "memory.db"))
    robot.drive(ROOM)
    robot.store.close()
    with faulty(says("<think>#7</think><answer>B</answer>")) as server:
        settings = load_settings(
            memory__path=robot.store.path,
            perception__backend="geometry",
            reasoning__backend="served",
            reasoning__server__base_url=server.url,
            reasoning__prompt=prompt,
            reasoning__bearings=bearings,
            reasoning__positions=False,
        )
        with Agent(settings) as agent:
            agent.ask(Question("Which way is the red chair?", ("left", "straight ahead")))
        sent = str(server.requests)
    assert ("Measured from where you are now" in sent) == shown
    assert ("red chair: " in sent) == shown
