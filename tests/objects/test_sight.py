"""With depth pictures, an object is missed where the camera sees past its place, and only there."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from embodied_agent.objects.sight import sight_to
from embodied_agent.optics import assumed
from embodied_agent.records import Box, Pose
from tests.support.object_world import LENS, Robot, World, pose, seen_from

W, H = 160, 120
ROOM: World = {"red chair": (4.0, 0.0, 1.0), "plant": (5.0, -1.5, 1.0)}
PLACE = Box(0.45, 0.45, 0.55, 0.55)


def shown(here: Pose, world: World, wall_m: float = 7.0, board_m: float = 0.0) -> bytes:
    """The depth picture of a room with a wall, and with a board before all that, if so far."""
    depth = np.full((H, W), wall_m * 1000, np.uint16)
    for name, place in sorted(world.items(), key=lambda item: -item[1][0]):
        (mention,) = seen_from(here, {name: place}) or [None]
        if mention is not None and mention.box is not None:
            box = mention.box
            rows = slice(max(round(box.top * H), 0), round(box.bottom * H))
            columns = slice(max(round(box.left * W), 0), round(box.right * W))
            depth[rows, columns] = round((place[0] - here.position_m[0] - 0.2) * 1000)
    if board_m:
        depth[:] = round(board_m * 1000)
    return cv2.imencode(".png", depth)[1].tobytes()


def known_robot() -> Robot:
    """One that has seen the room from three places, without depth, so that nothing is known of
    lines of sight but these."""
    robot = Robot()
    for y in (-0.6, -0.3, 0.0):
        robot.look(ROOM, pose(0.0, y))
    return robot


def missed(robot: Robot) -> tuple[int, bool]:
    chair = robot.only("red chair")
    return len(chair.missed_in), chair.gone_since_ns is not None


#: Places from where the chair was not seen before, well apart.
ELSEWHERE = [pose(0.3, y, -np.degrees(np.arctan2(y, 3.7))) for y in (1.6, 2.4, -2.2, -2.8)]


@pytest.mark.parametrize("depth", [True, False])
def test_a_place_that_the_camera_sees_past_is_known_to_be_free(*, depth: bool) -> None:
    robot = known_robot()
    left = {"plant": ROOM["plant"]}
    for here in ELSEWHERE:
        robot.look(left, here, mentions=[], depth=shown(here, {}) if depth else b"")
    count, gone = missed(robot)
    assert (count >= 3, gone) == (depth, depth)


@pytest.mark.parametrize("depth", [True, False])
def test_an_object_that_still_stands_there_is_not_missed(*, depth: bool) -> None:
    """The perceiver overlooks it, from where it was seen before."""
    robot = known_robot()
    for y in (-0.6, -0.3, 0.0):
        here = pose(0.0, y)
        robot.look(ROOM, here, mentions=[], depth=shown(here, ROOM) if depth else b"")
    assert (missed(robot)[0] > 0) == (not depth)


@pytest.mark.parametrize("depth", [True, False])
def test_what_nobody_mentions_hides_an_object(*, depth: bool) -> None:
    robot = known_robot()
    for y in (-0.6, -0.3, 0.0):
        here = pose(0.0, y)
        picture = shown(here, ROOM, board_m=1.5) if depth else b""
        robot.look(ROOM, here, mentions=[], depth=picture)
    assert (missed(robot)[0] > 0) == (not depth)


def test_the_same_is_derived_after_a_restart() -> None:
    """Objects that are derived again read the depth pictures from the memory."""
    robot = known_robot()
    for here in ELSEWHERE:
        robot.look({}, here, mentions=[], depth=shown(here, {}))
    before = robot.only("red chair")
    robot.memory.rebuild()
    assert robot.only("red chair") == before
    assert before.gone_since_ns is not None


@pytest.mark.parametrize(
    ("mm", "expected"),
    [(6000, "free"), (4300, "unknown"), (3900, "filled"), (1000, "hidden"), (0, "unknown")],
)
def test_sight_by_distance(mm: int, expected: str) -> None:
    depth = np.full((H, W), mm, np.uint16)
    assert sight_to(depth, LENS, PLACE, 4.0, 0.3, 0.1) == expected
    assert sight_to(depth, assumed(W, H), PLACE, 4.0, 0.3, 0.1) == expected


def test_few_known_pixels_decide_nothing() -> None:
    depth = np.zeros((H, W), np.uint16)
    depth[::3, ::2] = 6000
    assert sight_to(depth, LENS, PLACE, 4.0, 0.3, 0.1) == "unknown"


def test_legs_of_a_table_before_free_space_are_not_free() -> None:
    depth = np.full((H, W), 6000, np.uint16)
    depth[:, ::5] = 3900
    assert sight_to(depth, LENS, PLACE, 4.0, 0.3, 0.1) == "unknown"
