"""The pinhole camera: angles from places in the picture, and calibrations that can't be right."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent import optics
from embodied_agent.records import DIRECTIONS, Intrinsics, direction_at, wrapped_deg
from sim_clips.journey import direction_class

CAMERA = Intrinsics(500.0, 510.0, 310.0, 250.0, 640, 480)
fractions = st.floats(0, 1)


@given(fractions, fractions)
def test_a_place_in_the_picture_survives_its_angles(x: float, y: float) -> None:
    again = optics.point_at(CAMERA, *optics.angles_at(CAMERA, x, y))
    assert again is not None
    assert again == pytest.approx((x, y), abs=1e-9)


def test_left_and_up_are_positive_and_the_axis_is_zero() -> None:
    axis = CAMERA.cx / CAMERA.width, CAMERA.cy / CAMERA.height
    assert optics.angles_at(CAMERA, *axis) == pytest.approx((0, 0))
    bearing, elevation = optics.angles_at(CAMERA, 0.0, 0.0)
    assert bearing == pytest.approx(math.degrees(math.atan(310 / 500)))
    assert elevation > 0
    assert optics.point_at(CAMERA, 120.0, 0.0) is None


@given(st.integers(64, 4000), st.integers(64, 4000), st.floats(10, 170))
def test_an_assumed_camera_has_the_field_of_view_and_no_fault(
    width: int, height: int, hfov: float
) -> None:
    camera = optics.assumed(width, height, hfov)
    assert optics.hfov_deg(camera) == pytest.approx(hfov)
    assert optics.fault_of(camera, width, height) == ""
    assert optics.angles_at(camera, 0.0, 0.5)[0] == pytest.approx(hfov / 2)


@given(st.integers(100, 2000))
def test_a_scaled_camera_sees_the_same_angles(width: int) -> None:
    small = optics.scaled(CAMERA, width, width * 3 // 4)
    assert optics.angles_at(small, 0.2, 0.7) == pytest.approx(optics.angles_at(CAMERA, 0.2, 0.7))


@pytest.mark.parametrize(
    ("camera", "fault"),
    [
        (Intrinsics(math.nan, 500, 320, 240, 640, 480), "finite"),
        (Intrinsics(500, 500, 320, 240, 0, 0), "finite"),
        (Intrinsics(-500, 500, 320, 240, 640, 480), "positive"),
        (Intrinsics(500, 500, 320, 180, 640, 360), "640x360"),
        (Intrinsics(5, 5, 320, 240, 640, 480), "field of view"),
        (Intrinsics(50_000, 50_000, 320, 240, 640, 480), "field of view"),
        (Intrinsics(500, 5000, 320, 240, 640, 480), "belong together"),
        (Intrinsics(500, 500, 10, 240, 640, 480), "axis"),
        (Intrinsics(500, 500, 320, 9000, 640, 480), "axis"),
    ],
)
def test_a_calibration_that_cannot_be_right_says_why(camera: Intrinsics, fault: str) -> None:
    assert fault in optics.fault_of(camera, 640, 480)


def test_a_tilted_camera_sees_the_horizon_above_its_axis() -> None:
    assert optics.levelled(0.0, 20.0, -20.0) == pytest.approx((0.0, 0.0))
    bearing, elevation = optics.levelled(30.0, 0.0, -20.0)
    assert bearing > 30
    assert elevation < 0
    assert optics.levelled(30.0, 10.0, 0.0) == pytest.approx((30.0, 10.0))


@given(st.floats(-1000, 1000))
def test_directions_are_those_that_the_reasoner_was_trained_on(bearing: float) -> None:
    assert -180 < wrapped_deg(bearing) <= 180
    assert direction_at(bearing) == direction_class(bearing)
    assert direction_at(bearing) in DIRECTIONS
