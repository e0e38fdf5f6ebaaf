"""Exact overlap against an independent count, and homographies that no camera makes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from embodied_agent.keyframes.overlap import is_plausible, mapped_frame, overlap_ratio
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


def turned(angle_deg: float) -> Matrix:
    """A camera that sees 80 degrees across turns about its vertical axis."""
    focal = 190.0
    camera = np.array([[focal, 0, WIDTH / 2], [0, focal, HEIGHT / 2], [0, 0, 1]])
    c, s = math.cos(math.radians(angle_deg)), math.sin(math.radians(angle_deg))
    turn = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return np.asarray(camera @ turn @ np.linalg.inv(camera), np.float64)


@pytest.mark.parametrize("angle_deg", [20, 40, 50, 60])
def test_a_wide_turn_overlaps_by_the_part_of_the_view_that_is_left(angle_deg: float) -> None:
    matrix = turned(angle_deg)
    assert is_plausible(matrix, WIDTH, HEIGHT)
    assert overlap_ratio(matrix, WIDTH, HEIGHT) == pytest.approx(
        share_mapping_back(matrix), abs=0.006
    )


def test_a_camera_at_rest_overlaps_fully_though_edges_coincide_but_for_rounding() -> None:
    rng = np.random.default_rng(0)
    for _ in range(2000):
        nearly = np.eye(3) + rng.normal(0, 1e-7, (3, 3))
        assert overlap_ratio(nearly, WIDTH, HEIGHT) > 0.998


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


def about_the_middle(core: list[list[float]]) -> Matrix:
    """A homography given in pixels from the middle of the frame."""
    middle = np.array([[1, 0, WIDTH / 2], [0, 1, HEIGHT / 2], [0, 0, 1]])
    return np.asarray(middle @ np.array(core, np.float64) @ np.linalg.inv(middle), np.float64)


@pytest.mark.parametrize(
    ("core", "plausible"),
    [
        # Less than 12 times larger or smaller in area
        ([[3.46, 0, 0], [0, 3.46, 0], [0, 0, 1]], True),
        ([[3.47, 0, 0], [0, 3.47, 0], [0, 0, 1]], False),
        ([[0.2890, 0, 0], [0, 0.2890, 0], [0, 0, 1]], True),
        ([[0.2884, 0, 0], [0, 0.2884, 0], [0, 0, 1]], False),
        ([[4, 0, 0], [0, 3, 0], [0, 0, 1]], False),
        ([[1 / 4, 0, 0], [0, 1 / 3, 0], [0, 0, 1]], False),
        # Less than 6 times longer in one direction than in the other
        ([[6, 0, 0], [0, 1, 0], [0, 0, 1]], False),
        ([[5.95, 0, 0], [0, 1, 0], [0, 0, 1]], True),
        ([[6.05, 0, 0], [0, 1, 0], [0, 0, 1]], False),
        ([[0, -5.95, 0], [1, 0, 0], [0, 0, 1]], True),
        ([[0, -6.05, 0], [1, 0, 0], [0, 0, 1]], False),
        # A camera may be turned about its axis, but no picture is mirrored
        ([[0, -1, 0], [1, 0, 0], [0, 0, 1]], True),
        ([[-1, 0, 0], [0, -1, 0], [0, 0, 1]], True),
        ([[0, 1, 0], [1, 0, 0], [0, 0, 1]], False),
        # Only the middle counts: the border may lie beyond the horizon
        ([[1, 0, 0], [0, 1, 0], [0.01, 0, 1]], True),
        ([[1, 0, 90], [0, 1, -40], [0.004, -0.003, 1]], True),
    ],
)
def test_a_picture_is_magnified_and_stretched_within_limits(
    core: list[list[float]], plausible: bool
) -> None:
    matrix = about_the_middle(core)
    assert is_plausible(matrix, WIDTH, HEIGHT) is plausible
    assert is_plausible(-3 * matrix, WIDTH, HEIGHT) is plausible


anything = st.lists(st.floats(-3, 3), min_size=9, max_size=9)


@given(values=anything)
def test_plausible_is_what_the_derivative_at_the_middle_says(values: list[float]) -> None:
    core = np.array(values).reshape(3, 3)
    core[2, :2] /= 100
    core[:2, 2] *= 100
    assume(abs(core[2, 2]) > 0.1)
    matrix = about_the_middle(core.tolist())

    def mapped(x: float, y: float) -> Matrix:
        u, v, w = matrix @ (WIDTH / 2 + x, HEIGHT / 2 + y, 1.0)
        return np.array([u / w, v / w])

    step = 1e-3
    derivative = np.stack(
        [
            (mapped(step, 0) - mapped(-step, 0)) / (2 * step),
            (mapped(0, step) - mapped(0, -step)) / (2 * step),
        ],
        axis=1,
    )
    area = float(np.linalg.det(derivative))
    longer, shorter = np.linalg.svd(derivative, compute_uv=False)
    stretch = float(longer / max(shorter, 1e-9))
    assume(all(abs(value / limit - 1) > 0.01 for value, limit in
               ((area, 12), (area, 1 / 12), (stretch, 6))))  # fmt: skip
    expected = 1 / 12 < area < 12 and stretch < 6
    assert is_plausible(matrix, WIDTH, HEIGHT) is expected


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("position", range(9))
def test_a_homography_with_a_number_that_is_none_maps_nothing(position: int, value: float) -> None:
    matrix = np.eye(3)
    matrix.flat[position] = value
    assert mapped_frame(matrix, WIDTH, HEIGHT) is None
    assert overlap_ratio(matrix, WIDTH, HEIGHT) == 0.0
    assert not is_plausible(matrix, WIDTH, HEIGHT)


def test_a_frame_whose_middle_maps_to_infinity_has_no_outline() -> None:
    matrix = np.array([[1, 0, 0], [0, 1, 0], [1, 0, -WIDTH / 2]], np.float64)
    assert mapped_frame(matrix, WIDTH, HEIGHT) is None
    assert overlap_ratio(matrix, WIDTH, HEIGHT) == 0.0
    assert not is_plausible(matrix, WIDTH, HEIGHT)


@pytest.mark.parametrize(
    ("matrix", "corners"),
    [(np.eye(3), 4), (turned(20), 4), (turned(60), 4), (turned(-60), 4)]
    + [(about_the_middle([[1, 0, 0], [0, 1, 0], [x, y, 1]]), n) for x, y, n in
       ((0.005, 0.003, 5), (-0.005, 0.003, 5), (0.005, -0.003, 5))],
)  # fmt: skip
def test_the_outline_ends_just_before_the_horizon(matrix: Matrix, corners: int) -> None:
    outline = mapped_frame(matrix, WIDTH, HEIGHT)
    assert outline is not None
    assert outline.shape == (corners, 2)
    depths, frame_corners = [], 0
    for u, v in outline:
        x, y, w = np.linalg.inv(matrix) @ (u, v, 1.0)
        x, y = x / w, y / w
        assert -1e-6 <= x <= WIDTH + 1e-6
        assert -1e-6 <= y <= HEIGHT + 1e-6
        frame_corners += min(x, WIDTH - x) < 1e-6 and min(y, HEIGHT - y) < 1e-6
        middle = matrix[2] @ (WIDTH / 2, HEIGHT / 2, 1.0)
        depths.append(matrix[2] @ (x, y, 1.0) / middle)
    cut = corners - frame_corners
    assert sorted(depths)[:cut] == pytest.approx([0.02] * cut)
    assert min(depths) >= 0.02 - 1e-9


def test_corners_just_at_the_limit_before_the_horizon_belong_to_the_outline() -> None:
    matrix = np.array([[1, 0, 0], [0, 1, 0], [0.98 / WIDTH * 2, 0, 0.02]])
    outline = mapped_frame(matrix, WIDTH, HEIGHT)
    assert outline is not None
    assert outline.tolist() == [
        [0.0, 0.0],
        pytest.approx([WIDTH / 1.98, 0.0]),
        pytest.approx([WIDTH / 1.98, HEIGHT / 1.98]),
        [0.0, pytest.approx(HEIGHT / 0.02)],
    ]


@pytest.mark.parametrize(
    ("core", "share"),
    [
        ([[1, 0, 80], [0, 1, 0], [0, 0, 1]], 0.75),
        ([[1, 0, -80], [0, 1, 0], [0, 0, 1]], 0.75),
        ([[1, 0, 0], [0, 1, 60], [0, 0, 1]], 0.75),
        ([[1, 0, 0], [0, 1, -60], [0, 0, 1]], 0.75),
        ([[1, 0, 240], [0, 1, -180], [0, 0, 1]], 1 / 16),
        ([[0.5, 0, 0], [0, 0.5, 0], [0, 0, 1]], 0.25),
        ([[2, 0, 0], [0, 2, 0], [0, 0, 1]], 1.0),
        ([[-1, 0, 0], [0, -1, 0], [0, 0, 1]], 1.0),
        ([[0, -1, 0], [1, 0, 0], [0, 0, 1]], 0.75),  # on its side, 240 × 240 of 320 × 240
        ([[0.5, 0, 160], [0, 0.5, 0], [0, 0, 1]], 0.125),
        ([[1, 0, 320], [0, 1, 0], [0, 0, 1]], 0.0),
        ([[1, 0, 500], [0, 1, 500], [0, 0, 1]], 0.0),
        ([[1, 0, 0], [0, 1, -240], [0, 0, 1]], 0.0),
    ],
)
def test_the_overlap_of_shifted_scaled_and_turned_views_is_exact(
    core: list[list[float]], share: float
) -> None:
    ratio = overlap_ratio(about_the_middle(core), WIDTH, HEIGHT)
    assert ratio == pytest.approx(share, abs=1e-12)
    assert isinstance(ratio, float)
