"""Rays to a position: exact where they meet, honest where they don't."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from embodied_agent.objects.geometry import Ray, Usual, estimate, innovations


def ray(
    origin: tuple[float, float, float],
    target: tuple[float, float, float],
    *,
    noise: float = 0.0,
    rng: np.random.Generator | None = None,
    range_m: float = math.nan,
) -> Ray:
    offset = np.array(target) - np.array(origin)
    if rng is not None:
        offset = offset + rng.normal(0.0, noise * np.linalg.norm(offset), 3)
    x, y, z = (float(v) for v in offset / np.linalg.norm(offset))
    return Ray(0, 0, origin, (x, y, z), math.radians(1.0), math.radians(1.0), range_m, 0.1)


places = st.tuples(st.floats(3.0, 20.0), st.floats(-5.0, 5.0), st.floats(-1.0, 3.0))


@hypothesis_settings(deadline=None, max_examples=40)
@given(places)
def test_rays_that_meet_give_their_point(target: tuple[float, float, float]) -> None:
    far = math.hypot(*target)
    rays = [ray((0.0, side * far, 0.0), target) for side in (-0.4, -0.1, 0.2, 0.4)]
    found = estimate(rays)
    assert math.dist(found.position, target) < 0.03 * far
    assert np.all(np.linalg.eigvalsh(found.covariance) > 0)


def test_one_wrong_ray_does_not_pull_the_position_away() -> None:
    target = (5.0, 0.0, 1.0)
    rays = [ray((0.0, y, 1.0), target) for y in (-1.5, -1.0, -0.5, 0.0, 0.5, 1.0, 1.5)]
    rays.append(ray((0.0, 0.2, 1.0), (5.0, 2.5, 1.0)))
    assert math.dist(estimate(rays).position, target) < 0.3


def test_the_covariance_covers_the_error() -> None:
    rng = np.random.default_rng(3)
    target = (6.0, 1.0, 0.5)
    inside = 0
    for _ in range(200):
        rays = [ray((0.0, y, 1.0), target, noise=0.015, rng=rng) for y in (0.0, 0.6, 1.2, 1.8)]
        found = estimate(rays)
        offset = found.position - np.array(target)
        inside += float(offset @ np.linalg.solve(found.covariance, offset)) < 11.3
    assert inside >= 180


def test_rays_from_one_place_leave_the_distance_open() -> None:
    found = estimate([ray((0.0, 0.0, 1.0), (5.0, 0.0, 1.0))] * 6)
    along, across = math.sqrt(found.covariance[0, 0]), math.sqrt(found.covariance[1, 1])
    assert along > 0.4 * found.position[0]
    assert across < 0.2 * found.position[0]
    assert found.by_directions > 1


def test_a_measured_distance_settles_it() -> None:
    found = estimate([ray((0.0, 0.0, 1.0), (5.0, 0.0, 1.0), range_m=5.0)])
    assert found.position == pytest.approx([5.0, 0.0, 1.0], abs=0.2)


def test_an_object_on_the_floor_is_where_its_box_meets_the_floor() -> None:
    one = ray((0.0, 0.0, 1.0), (4.0, 0.0, 0.5))
    low = replace(one, low_rad=-math.atan2(1.0, 4.0))
    known = estimate([low], Usual(floor_m=0.0))
    assert known.position[0] == pytest.approx(4.0, abs=0.4)
    assert known.covariance[0, 0] < 0.3 * estimate([low]).covariance[0, 0]


def test_a_box_that_grows_tells_how_far_away_the_object_is() -> None:
    def straight(x: float) -> Ray:
        return Ray(
            0, 0, (x, 0.0, 1.0), (1.0, 0.0, 0.0), math.radians(1), math.radians(1),
            height_rad=1.0 / (8.0 - x),
        )  # fmt: skip

    rays = [straight(x) for x in (0.0, 1.0, 2.0, 3.0, 4.0, 5.0)]
    assert estimate(rays).position[0] == pytest.approx(8.0, abs=0.7)


def test_what_is_behind_the_camera_is_not_what_it_looks_at() -> None:
    positions = np.array([[5.0, 0.0, 1.0], [-5.0, 0.0, 1.0]])
    squared, _ = innovations(
        positions, np.array([0.01 * np.eye(3)] * 2), ray((0.0, 0.0, 1.0), (5.0, 0.0, 1.0))
    )
    assert squared[0] < 0.1
    assert math.isinf(squared[1])
