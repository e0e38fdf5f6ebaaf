"""Exact overlap against an independent count, and homographies that no camera makes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from embodied_agent.keyframes.overlap import is_plausible, overlap_ratio
from embodied_agent.keyframes.paper import rasterised_overlap

WIDTH, HEIGHT = 320, 240
Matrix = npt.NDArray[np.float64]


@st.composite
def homographies(draw: st.DrawFn) -> Matrix:
    """Similarity, shear and a little perspective about the middle of the frame."""
    angle = draw(st.floats(-0.5, 0.5))
    zoom = draw(st.floats(0.5, 2.0))
    shear = draw(st.floats(-0.3, 0.3))
    shift = draw(st.tuples(st.floats(-250, 250), st.floats(-200, 200)))
    lean = draw(st.tuples(st.floats(-1e-3, 1e-3), st.floats(-1e-3, 1e-3)))
    c, s = zoom * math.cos(angle), zoom * math.sin(angle)
    middle = np.array([[1, 0, WIDTH / 2], [0, 1, HEIGHT / 2], [0, 0, 1]])
    core = np.array([[c, -s + shear, shift[0]], [s, c, shift[1]], [*lean, 1]])
    return np.asarray(middle @ core @ np.linalg.inv(middle), np.float64)


def share_mapping_back(matrix: Matrix) -> float:
    """Share of the last keyframe's pixels that the frame shows, counted one by one."""
    x, y = np.meshgrid(np.arange(0.5, WIDTH), np.arange(0.5, HEIGHT))
    back = np.stack([x.ravel(), y.ravel(), np.ones(x.size)], 1) @ np.linalg.inv(matrix).T
    u, v = back[:, 0] / back[:, 2], back[:, 1] / back[:, 2]
    middle = matrix[2] @ (WIDTH / 2, HEIGHT / 2, 1.0)
    ahead = matrix[2] @ np.stack([u, v, np.ones_like(u)]) * middle > 0
    return float(((u >= 0) & (u <= WIDTH) & (v >= 0) & (v <= HEIGHT) & ahead).mean())


@settings(deadline=None, max_examples=80)
@given(matrix=homographies())
def test_overlap_equals_the_share_of_the_frame_that_maps_back_inside(matrix: Matrix) -> None:
    assume(is_plausible(matrix, WIDTH, HEIGHT))
    count = share_mapping_back(matrix)
    assert overlap_ratio(matrix, WIDTH, HEIGHT) == pytest.approx(count, abs=0.006)
    assert overlap_ratio(matrix, WIDTH, HEIGHT) == pytest.approx(
        rasterised_overlap(matrix, WIDTH, HEIGHT), abs=0.02
    )


@given(matrix=homographies(), scale=st.floats(-50, -0.02) | st.floats(0.02, 50))
def test_overlap_is_a_share_and_does_not_depend_on_the_matrix_scale(
    matrix: Matrix, scale: float
) -> None:
    ratio = overlap_ratio(matrix, WIDTH, HEIGHT)
    assert 0.0 <= ratio <= 1.0
    assert overlap_ratio(scale * matrix, WIDTH, HEIGHT) == pytest.approx(ratio, abs=1e-4)


@pytest.mark.parametrize("angle_deg", [20, 40, 50, 60])
def test_a_wide_turn_overlaps_by_the_part_of_the_view_that_is_left(angle_deg: float) -> None:
    focal = 190.0  # 80 degrees across
    camera = np.array([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1]])
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    matrix = camera @ np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]]) @ np.linalg.inv(camera)
    assert is_plausible(matrix, WIDTH, HEIGHT)
    assert overlap_ratio(matrix, WIDTH, HEIGHT) == pytest.approx(
        share_mapping_back(matrix), abs=0.006
    )


def test_identity_overlaps_fully_and_a_far_shift_not_at_all() -> None:
    assert overlap_ratio(np.eye(3), WIDTH, HEIGHT) == pytest.approx(1.0)
    far = np.array([[1, 0, 400.0], [0, 1, 0], [0, 0, 1]])
    assert overlap_ratio(far, WIDTH, HEIGHT) == 0.0


@pytest.mark.parametrize(
    ("name", "matrix"),
    [
        ("mirror", [[-1, 0, 320], [0, 1, 0], [0, 0, 1]]),
        ("collapse to a line", [[1, 0, 0], [0, 1e-6, 0], [0, 0, 1]]),
        ("shrink beyond belief", [[0.1, 0, 144], [0, 0.1, 108], [0, 0, 1]]),
        ("fold over the horizon", [[1, 0, 0], [0, 1, 0], [-0.005, 0, 1]]),
        ("zero", [[0, 0, 0], [0, 0, 0], [0, 0, 0]]),
        ("not a number", [[math.nan, 0, 0], [0, 1, 0], [0, 0, 1]]),
    ],
)
def test_a_homography_that_no_camera_makes_is_not_plausible(
    name: str, matrix: list[list[float]]
) -> None:
    assert not is_plausible(np.array(matrix, np.float64), WIDTH, HEIGHT), name
