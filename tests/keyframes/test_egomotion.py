"""What a homography says the camera did: exact for homographies made from known motions."""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from embodied_agent.keyframes.egomotion import camera_matrix, egomotion
from embodied_agent.keyframes.twoview import two_view
from embodied_agent.records import Action, Intrinsics

WIDTH, HEIGHT = 640, 480
CAMERA = camera_matrix(WIDTH, HEIGHT, None)
Matrix = npt.NDArray[np.float64]


def turn(yaw_deg: float = 0.0, pitch_deg: float = 0.0) -> Matrix:
    """Current axes in the earlier camera's (x right, y down, z ahead)."""
    yaw = cv2.Rodrigues(np.array([0.0, -math.radians(yaw_deg), 0.0]))[0]
    pitch = cv2.Rodrigues(np.array([math.radians(pitch_deg), 0.0, 0.0]))[0]
    return np.asarray(yaw @ pitch, np.float64)


def homography(rotation: Matrix, travel: Matrix, normal: Matrix) -> Matrix:
    """Current pixels to earlier ones, over the current camera's plane ``normal · X = 1``."""
    moved = rotation + np.outer(travel, normal)
    return np.asarray(CAMERA @ moved @ np.linalg.inv(CAMERA), np.float64)


@given(
    angle=st.floats(3, 40),
    sign=st.sampled_from([-1, 1]),
    upright=st.booleans(),
    scale=st.floats(0.01, 100) | st.floats(-100, -0.01),
)
def test_a_pure_turn_is_named_with_its_angle(
    angle: float, sign: int, upright: bool, scale: float
) -> None:
    rotation = turn(yaw_deg=sign * angle) if upright else turn(pitch_deg=sign * angle)
    motion = egomotion(scale * homography(rotation, np.zeros(3), np.zeros(3)), WIDTH, HEIGHT, None)
    names = (
        (Action.ROTATE_RIGHT, Action.ROTATE_LEFT)
        if upright
        else (Action.TILT_DOWNWARD, Action.TILT_UPWARD)
    )
    assert motion.action is names[sign > 0]
    assert motion.angle_deg == pytest.approx(angle, abs=1e-6)
    assert math.isfinite(motion.confidence)


@given(
    length=st.floats(0.1, 0.6),
    axis=st.sampled_from([0, 1, 2]),
    sign=st.sampled_from([-1, 1]),
    lean=st.floats(-40, 40),
)
def test_a_pure_travel_past_an_upright_wall_is_named_with_its_length(
    length: float, axis: int, sign: int, lean: float
) -> None:
    normal = turn(yaw_deg=lean)[:, 2]
    travel = np.zeros(3)
    travel[axis] = sign * length
    motion = egomotion(homography(np.eye(3), travel, normal), WIDTH, HEIGHT, None)
    assert (
        motion.action
        is (
            (Action.MOVE_LEFT, Action.MOVE_RIGHT),
            (Action.MOVE_UPWARD, Action.MOVE_DOWNWARD),
            (Action.MOVE_BACKWARD, Action.MOVE_FORWARD),
        )[axis][sign > 0]
    )
    assert np.linalg.norm(motion.translation) == pytest.approx(length, abs=1e-6)


def test_the_identity_is_no_motion() -> None:
    motion = egomotion(np.eye(3), WIDTH, HEIGHT, None)
    assert motion.action is None
    assert motion.confidence == 0.0


@pytest.mark.parametrize(
    "matrix", [np.zeros((3, 3)), np.full((3, 3), np.nan), np.ones((3, 3)), -np.eye(3)]
)
def test_a_degenerate_homography_names_nothing_and_raises_nothing(matrix: Matrix) -> None:
    assert egomotion(matrix, WIDTH, HEIGHT, None).action is None


def test_a_turn_of_a_camera_that_looks_down_counts_whole() -> None:
    down = turn(pitch_deg=-30)
    rotation = down.T @ turn(yaw_deg=25) @ down
    motion = egomotion(homography(rotation, np.zeros(3), np.zeros(3)), WIDTH, HEIGHT, None)
    assert motion.action is Action.ROTATE_LEFT
    assert motion.angle_deg == pytest.approx(25, abs=0.1)


def test_intrinsics_of_another_image_size_are_scaled() -> None:
    given_for_full = Intrinsics(500, 510, 310, 250, 640, 480)
    half = camera_matrix(320, 240, given_for_full)
    assert half == pytest.approx(np.array([[250, 0, 155], [0, 255, 125], [0, 0, 1]]))


def points_seen(
    rng: np.random.Generator, rotation: Matrix, travel: Matrix, camera: Matrix
) -> tuple[Matrix, Matrix]:
    """Matches (n, 2) of a room of scattered points, with noise and one wrong match in six."""
    world = np.stack(
        [rng.uniform(-5, 5, 900), rng.uniform(-2, 2, 900), rng.uniform(1.0, 6.0, 900)], axis=1
    )
    later = (world - travel * 3.0) @ rotation  # the median depth is about 3 m
    views = []
    for points in (world, later):
        pixels = points @ camera.T
        views.append(pixels[:, :2] / np.maximum(pixels[:, 2:], 1e-9))
    inside = later[:, 2] > 0.2
    for pixels in views:
        inside &= (pixels > 0).all(1) & (pixels < (320, 240)).all(1)
    chosen = np.flatnonzero(inside)[:90]
    first, second = (pixels[chosen] + rng.normal(0, 0.4, (len(chosen), 2)) for pixels in views)
    wrong = rng.random(len(chosen)) < 1 / 6
    second[wrong] = rng.uniform(0, 240, (int(wrong.sum()), 2))
    return first, second


@settings(deadline=None, max_examples=60)
@given(seed=st.integers(0, 2**32 - 1), action=st.sampled_from(list(Action)))
def test_matched_points_tell_all_ten_actions_apart(seed: int, action: Action) -> None:
    rng = np.random.default_rng(seed)
    camera = camera_matrix(320, 240, None)
    axis, sign = {
        Action.MOVE_FORWARD: (2, 1),
        Action.MOVE_BACKWARD: (2, -1),
        Action.MOVE_LEFT: (0, -1),
        Action.MOVE_RIGHT: (0, 1),
        Action.MOVE_UPWARD: (1, -1),
        Action.MOVE_DOWNWARD: (1, 1),
        Action.ROTATE_LEFT: (3, 1),
        Action.ROTATE_RIGHT: (3, -1),
        Action.TILT_UPWARD: (4, 1),
        Action.TILT_DOWNWARD: (4, -1),
    }[action]
    rotation, travel = np.eye(3), np.zeros(3)
    if axis == 3:
        rotation = turn(yaw_deg=sign * rng.uniform(8, 25))
    elif axis == 4:
        rotation = turn(pitch_deg=sign * rng.uniform(6, 15))
    else:
        travel[axis] = sign * rng.uniform(0.1, 0.25)
    seen = two_view(*points_seen(rng, rotation, travel, camera), camera)
    assert seen is not None
    if action.is_rotation:
        assert seen.kind == "turn"
        assert seen.rotation == pytest.approx(rotation, abs=0.02)
    else:
        assert seen.kind == "travel"
        heading = seen.travel / np.linalg.norm(seen.travel)
        assert heading @ travel / np.linalg.norm(travel) > math.cos(math.radians(15))
        assert np.linalg.norm(seen.travel) == pytest.approx(np.linalg.norm(travel), rel=0.5)


def test_a_resting_camera_is_still_and_too_few_points_say_nothing() -> None:
    points = np.random.default_rng(0).uniform(0, 240, (40, 2))
    camera = camera_matrix(320, 240, None)
    still = two_view(points, points + 0.3, camera)
    assert still is not None
    assert still.kind == "still"
    assert two_view(points[:5], points[:5] + 9, camera) is None
