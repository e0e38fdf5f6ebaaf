"""Boxes to bearings, and boxes that can't be measurements."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.perception.measuring import (
    camera_of,
    contradicts,
    gap_deg,
    measured,
    mention_at,
    overlap,
    repeated,
    usable_box,
)
from embodied_agent.records import DIRECTIONS, Box, Intrinsics, Keyframe, Mention, direction_at
from sim_clips.journey import sector_gap

numbers = st.floats(allow_nan=True, allow_infinity=True)
KEYFRAME = Keyframe(0, 0, b"", "first", 640, 480)
CALIBRATED = Keyframe(
    0, 0, b"", "first", 640, 480, intrinsics=Intrinsics(320, 320, 320, 240, 640, 480)
)


def test_the_bearing_comes_from_the_calibration_or_from_the_assumed_field_of_view() -> None:
    left = Box(0.0, 0.4, 0.1, 0.6)
    sofa = Mention("sofa", "front-left")
    assumed = measured(sofa, left, KEYFRAME, 60.0, confidence=0.5, range_m=2.0)
    assert assumed.bearing_deg == pytest.approx(
        math.degrees(math.atan(0.9 * math.tan(math.radians(30))))
    )
    assert (assumed.box, assumed.confidence, assumed.range_m) == (left, 0.5, 2.0)
    calibrated = measured(sofa, left, CALIBRATED, 60.0)
    assert calibrated.bearing_deg == pytest.approx(math.degrees(math.atan(0.9)))
    assert calibrated.elevation_deg == pytest.approx(0.0)
    assert camera_of(KEYFRAME, 60.0).width == 640


def test_a_detected_object_has_the_direction_of_its_box() -> None:
    at = [mention_at("sofa", Box(x, 0.4, x + 0.1, 0.6), KEYFRAME, 75.0) for x in (0.0, 0.45, 0.9)]
    assert [mention.direction for mention in at] == ["front-left", "front", "front-right"]


@given(numbers, numbers, numbers, numbers)
def test_a_usable_box_lies_in_the_picture(a: float, b: float, c: float, d: float) -> None:
    box = usable_box(Box(a, b, c, d))
    if box is not None:
        assert 0 <= box.left < box.right <= 1
        assert 0 <= box.top < box.bottom <= 1
        assert abs(box.left - a) <= 0.03


@pytest.mark.parametrize(
    "box",
    [
        Box(0.5, 0.5, 0.4, 0.6),
        Box(0.5, 0.5, 0.5, 0.6),
        Box(-0.2, 0.1, 0.5, 0.6),
        Box(0.1, 0.1, 1.2, 0.6),
        Box(math.nan, 0.1, 0.5, 0.6),
    ],
)
def test_an_empty_or_outside_box_is_not_usable(box: Box) -> None:
    assert usable_box(box) is None


def test_one_box_for_many_objects_measures_none_of_them() -> None:
    whole, other, own = Box(0, 0, 1, 1), Box(0, 0, 0.98, 1), Box(0.1, 0.1, 0.2, 0.2)
    assert repeated([whole, None, own]) == set()
    assert repeated([whole, other, own]) == {whole, other}
    assert repeated([own, own, whole]) == set()
    assert repeated([own, own, own]) == {own}


@given(st.floats(-180, 180), st.sampled_from(DIRECTIONS))
def test_the_gap_to_a_direction_is_that_of_the_simulated_worlds(
    bearing: float, direction: str
) -> None:
    gap = gap_deg(direction, bearing)  # type: ignore[arg-type]
    assert gap == pytest.approx(sector_gap(bearing, direction), abs=0.02)  # type: ignore[arg-type]
    assert not contradicts(direction_at(bearing), bearing)


def test_a_bearing_far_outside_the_direction_contradicts_it() -> None:
    assert contradicts("front-left", -20.0)
    assert contradicts("back", 0.0)
    assert not contradicts("front", 30.0)


def test_overlap_is_intersection_over_union() -> None:
    assert overlap(Box(0, 0, 0.2, 0.2), Box(0.1, 0, 0.3, 0.2)) == pytest.approx(1 / 3)
    assert overlap(Box(0, 0, 0.1, 0.1), Box(0.5, 0.5, 0.6, 0.6)) == 0
