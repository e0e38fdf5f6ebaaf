"""A camera that does not look where its mount says is noticed by the bearings of objects."""

from __future__ import annotations

import logging
import math
import re

import numpy as np
import pytest

from embodied_agent.objects.alignment import Misalignment
from embodied_agent.records import Mount
from tests.support.object_world import Robot, World, mount, pose

_RNG = np.random.default_rng(4)
HALL: World = {
    f"{name}": (float(x), float(y), float(z))
    for name, x, y, z in zip(
        ("red chair", "blue lamp", "plant", "green sofa", "bench", "white cupboard", "bin", "door"),
        _RNG.uniform(2.0, 8.0, 8),
        _RNG.uniform(-4.0, 4.0, 8),
        _RNG.uniform(0.3, 1.4, 8),
        strict=True,
    )
}


def drive(robot: Robot, *, truly: Mount, told: Mount | None = None) -> None:
    """Around in the hall, looking about."""
    for at in range(48):
        place = 3.0 + 2.5 * math.cos(at / 8), 2.5 * math.sin(at / 8)
        robot.look(HALL, pose(*place, 40.0 * math.sin(at / 3)), truly=truly, told=told)


@pytest.mark.parametrize(("yaw_deg", "pitch_deg"), [(8.0, 0.0), (-12.0, 0.0), (0.0, -9.0)])
def test_a_turned_camera_is_noticed_logged_and_measured(
    yaw_deg: float, pitch_deg: float, caplog: pytest.LogCaptureFixture
) -> None:
    robot = Robot()
    with caplog.at_level(logging.WARNING, "embodied_agent"):
        truly = mount(up_m=0.4, yaw_deg=yaw_deg, pitch_deg=pitch_deg)
        drive(robot, truly=truly, told=mount(up_m=0.4))
    robot.memory.check_camera()
    said = robot.memory.camera_problem
    aside = "left" if yaw_deg > 0 else "right"
    wanted = rf"(\d+)° to the {aside}" if yaw_deg else r"(\d+)° down"
    found = re.search(wanted, said)
    assert found is not None
    assert float(found[1]) == pytest.approx(abs(yaw_deg + pitch_deg), abs=2.0)
    assert "check its transform" in said
    assert len(caplog.records) == 1


def test_a_camera_that_is_where_it_is_said_to_be_is_not_complained_of() -> None:
    robot = Robot()
    truly = mount(0.3, 0.1, 0.4, yaw_deg=-20, pitch_deg=-10)
    drive(robot, truly=truly, told=truly)
    robot.memory.check_camera()
    assert robot.memory.camera_problem == ""


def test_without_objects_nothing_is_said_of_the_camera() -> None:
    robot = Robot()
    for at in range(20):
        robot.look({}, pose(0.1 * at, 0.0))
    robot.memory.check_camera()
    assert robot.memory.camera_problem == ""


def test_small_and_uncertain_turns_are_not_told() -> None:
    assert not Misalignment(3.0, 0.0, 0.1, 0.1).is_told
    assert not Misalignment(12.0, -12.0, 4.0, 4.0).is_told
    assert Misalignment(0.0, -6.0, 0.5, 1.0).is_told
