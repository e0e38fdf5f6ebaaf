"""Homographies from matched points: robust, repeatable, and the cheap ways equal the exact ones."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from embodied_agent.keyframes.arrays import cross, lengths, median
from embodied_agent.keyframes.egomotion import nearest_rotation, rotation_by
from embodied_agent.keyframes.homography import (
    fit_affinity,
    fit_homography,
    inverse,
    mapped,
    within,
)

WARP = np.array([[0.98, -0.05, 12.0], [0.04, 1.01, -7.0], [1e-4, -2e-4, 1.0]])
AFFINE = np.array([[1.02, -0.03, 4.0], [0.02, 0.99, -3.0], [0.0, 0.0, 1.0]])


def pairs(matrix: np.ndarray, wrong: float, seed: int = 0) -> tuple[np.ndarray, ...]:
    """Points (80, 2), where the matrix puts them, and which of them are right."""
    rng = np.random.default_rng(seed)
    source = rng.uniform(0, 320, (80, 2)).astype(np.float32)
    target = mapped(source, matrix) + rng.normal(0, 0.2, (80, 2)).astype(np.float32)
    right = np.arange(80) >= 80 * wrong
    target[~right] += rng.uniform(20, 90, (int((~right).sum()), 2)).astype(np.float32)
    return source, target, right


@pytest.mark.parametrize("wrong", [0.0, 0.2, 0.4])
def test_a_homography_is_found_among_wrong_pairs(wrong: float) -> None:
    source, target, right = pairs(WARP, wrong)
    fit = fit_homography(source, target, 3.0)
    assert fit is not None
    assert (fit.agree == right).all()
    assert fit.inliers == right.sum()
    assert np.abs(mapped(source, fit.homography) - mapped(source, WARP)).max() < 0.6


def test_the_same_pairs_give_the_same_homography_whatever_was_fitted_between() -> None:
    source, target, _ = pairs(WARP, 0.4)
    first = fit_homography(source, target, 3.0)
    fit_homography(*pairs(AFFINE, 0.3, seed=5)[:2], 3.0)
    again = fit_homography(source, target, 3.0)
    assert first is not None
    assert again is not None
    assert (first.homography == again.homography).all()


@pytest.mark.parametrize("count", [0, 1, 3])
def test_too_few_pairs_give_no_homography(count: int) -> None:
    source, target, _ = pairs(WARP, 0.0)
    assert fit_homography(source[:count], target[:count], 3.0) is None


def test_an_affine_map_is_found() -> None:
    source, target, _ = pairs(AFFINE, 0.0)
    affinity = fit_affinity(source, target, 6.0)
    assert affinity is not None
    assert (affinity[2] == (0, 0, 1)).all()
    assert np.abs(mapped(source, affinity) - mapped(source, AFFINE)).max() < 0.3


def test_one_pair_that_no_affine_map_explains_needs_a_homography() -> None:
    source, target, _ = pairs(AFFINE, 0.0)
    for axis in (0, 1):
        moved = target.copy()
        moved[40, axis] -= 5.0
        assert fit_affinity(source, moved, 3.0) is None
        assert fit_affinity(source, moved, 6.0) is not None
    bent = np.array([[1.0, 0, 0], [0, 1.0, 0], [2e-3, 0, 1.0]])
    assert fit_affinity(*pairs(bent, 0.0)[:2], 3.0) is None


def test_points_on_one_spot_determine_no_affine_map() -> None:
    spot = np.full((30, 2), 5.0, np.float32)
    assert fit_affinity(spot, spot, 3.0) is None


@given(arrays(np.float64, (3, 3), elements=st.floats(-3, 3)))
def test_an_inverse_is_that_of_numpy(matrix: np.ndarray) -> None:
    with np.errstate(divide="ignore"):  # numpy warns of matrices of subnormal numbers
        determinant = np.linalg.det(matrix)
    if abs(determinant) < 1e-3:
        return
    back = inverse(matrix)
    assert back is not None
    assert back == pytest.approx(np.linalg.inv(matrix), rel=1e-6, abs=1e-6)


@pytest.mark.parametrize("matrix", [np.zeros((3, 3)), np.full((3, 3), np.nan)])
def test_a_matrix_without_an_inverse_is_none(matrix: np.ndarray) -> None:
    assert inverse(matrix) is None


def test_points_within_a_picture_keep_the_distance_from_its_rim() -> None:
    points = np.array([[8, 8], [7, 50], [50, 7], [311, 231], [312, 50], [50, 232]], np.float32)
    assert within(points, 320, 240, 8).tolist() == [255, 0, 0, 255, 0, 0]


@given(arrays(np.float64, 3, elements=st.floats(-3, 3)))
def test_a_rotation_by_a_vector_is_that_of_opencv(vector: np.ndarray) -> None:
    assert rotation_by(vector) == pytest.approx(cv2.Rodrigues(vector)[0], abs=1e-9)


@given(arrays(np.float64, (3, 3), elements=st.floats(-3, 3)))
def test_the_nearest_rotation_is_a_rotation_even_to_a_mirror(matrix: np.ndarray) -> None:
    rotation = nearest_rotation(matrix)
    assert rotation @ rotation.T == pytest.approx(np.eye(3), abs=1e-9)
    assert np.linalg.det(rotation) == pytest.approx(1.0)


def test_a_rotation_is_nearest_to_itself() -> None:
    turn = cv2.Rodrigues(np.array([0.2, -0.4, 0.1]))[0]
    assert nearest_rotation(turn) == pytest.approx(turn, abs=1e-12)


@given(arrays(np.float64, st.tuples(st.integers(1, 9), st.just(3)), elements=st.floats(-9, 9)))
def test_functions_of_few_values_equal_those_of_numpy(values: np.ndarray) -> None:
    assert cross(values, values[::-1]) == pytest.approx(np.cross(values, values[::-1]))
    assert cross(values, values[0]) == pytest.approx(np.cross(values, values[0]))
    assert lengths(values) == pytest.approx(np.linalg.norm(values, axis=1))
    assert median(values[:, 0]) == pytest.approx(float(np.median(values[:, 0])))
