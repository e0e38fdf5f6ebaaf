"""A camera that does not look where its mount says is noticed by the bearings of objects."""

from __future__ import annotations

import logging
import math
import re
from dataclasses import replace

import numpy as np
import pytest

from embodied_agent.objects.alignment import Misalignment
from embodied_agent.optics import angles_at
from embodied_agent.records import Intrinsics, Mention, Mount
from tests.support.object_world import LENS, Robot, World, mount, pose, seen_from

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


@pytest.mark.parametrize("focal", [1.2, 0.8])
def test_a_wrong_focal_length_is_noticed_and_measured_as_that(
    focal: float, caplog: pytest.LogCaptureFixture
) -> None:
    robot = Robot()
    told = replace(LENS, fx=LENS.fx * focal, fy=LENS.fy * focal)
    for at in range(48):
        here = pose(3.0 + 2.5 * math.cos(at / 8), 2.5 * math.sin(at / 8), 40.0 * math.sin(at / 3))
        robot.look(HALL, here, mentions=[by(told, one) for one in seen_from(here, HALL)], lens=told)
    robot.memory.check_camera()
    said = robot.memory.camera_problem
    found = re.search(r"focal length seems about (\d+) % too (large|small)", said)
    assert found is not None, said
    assert float(found[1]) == pytest.approx(20, abs=8)
    assert found[2] == ("large" if focal > 1 else "small")
    assert "calibrate the camera" in said


def by(lens: Intrinsics, mention: Mention) -> Mention:
    """A mention whose angles follow from another lens."""
    assert mention.box is not None
    middle = (mention.box.left + mention.box.right) / 2, (mention.box.top + mention.box.bottom) / 2
    bearing, elevation = angles_at(lens, *middle)
    return replace(mention, bearing_deg=bearing, elevation_deg=elevation)


def test_along_a_straight_way_nothing_is_said_of_the_focal_length() -> None:
    robot = Robot()
    told = replace(LENS, fx=LENS.fx * 1.3, fy=LENS.fy * 1.3)
    for at in range(40):
        here = pose(-2.0 + 0.1 * at, 0.0)
        robot.look(HALL, here, mentions=[by(told, one) for one in seen_from(here, HALL)], lens=told)
    robot.memory.check_camera()
    assert robot.memory.camera_problem == ""


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
    assert not Misalignment(0.0, 0.0, 0.1, 0.1, 1.06, 0.001).is_told
    assert not Misalignment(0.0, 0.0, 0.1, 0.1, 0.3, 0.06).is_told
    assert not Misalignment(0.0, 0.0, 0.1, 0.1).is_told
    assert Misalignment(0.0, 0.0, 0.1, 0.1, 0.8, 0.01).is_told
