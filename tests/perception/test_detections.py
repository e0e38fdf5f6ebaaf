"""Which detections are kept, however many and odd they are, and what they are called."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.perception.detections import (
    Detection,
    colour_in,
    coloured,
    kept,
    kind_in,
    mentions_of,
)
from embodied_agent.records import Box, Keyframe
from embodied_agent.settings import DetectorSettings, PerceptionSettings

SMALL, LARGE = Box(0.1, 0.1, 0.2, 0.2), Box(0.4, 0.2, 0.9, 0.9)
KEYFRAME = Keyframe(0, 0, b"", "first", 160, 120)
numbers = st.floats(allow_nan=True, allow_infinity=True)
detections = st.builds(
    Detection, st.text(max_size=70), numbers, st.builds(Box, numbers, numbers, numbers, numbers)
)


def test_the_surest_are_kept_and_the_largest_comes_first() -> None:
    sure = Detection("lamp", 0.9, SMALL)
    found = kept([sure, Detection("sofa", 0.6, LARGE), Detection("box", 0.5, Box(0, 0, 1, 1))], 2)
    assert [one.name for one in found] == ["sofa", "lamp"]


def test_five_hundred_detections_in_one_picture_are_cut() -> None:
    many = [
        Detection("lamp", 0.4 + n / 1000, Box(n / 600, 0.1, n / 600 + 0.1, 0.4)) for n in range(500)
    ]
    found = kept(many, 12)
    assert 1 <= len(found) <= 12
    assert max(one.confidence for one in found) == many[-1].confidence


def test_two_boxes_of_one_object_are_one_and_two_objects_side_by_side_are_two() -> None:
    again = Box(0.41, 0.2, 0.9, 0.9)
    assert len(kept([Detection("sofa", 0.9, LARGE), Detection("sofa", 0.5, again)], 9)) == 1
    assert kept([Detection("sofa", 0.5, LARGE), Detection("couch", 0.9, again)], 9)[0].name == (
        "couch"
    )
    beside = Box(0.5, 0.2, 1.0, 0.9)
    assert len(kept([Detection("chair", 0.9, LARGE), Detection("lamp", 0.8, beside)], 9)) == 2


@pytest.mark.parametrize(
    "wrong",
    [
        Detection("lamp", math.nan, SMALL),
        Detection("lamp", 1.7, SMALL),
        Detection("lamp", 0.0, SMALL),
        Detection("", 0.9, SMALL),
        Detection("红色沙发", 0.9, SMALL),
        Detection("x" * 80, 0.9, SMALL),
        Detection("lamp", 0.9, Box(0.2, 0.1, 0.1, 0.2)),
        Detection("lamp", 0.9, Box(-3, 0.1, 0.1, 0.2)),
    ],
)
def test_what_is_no_detection_is_left_out(wrong: Detection) -> None:
    assert kept([wrong, Detection("sofa", 0.5, LARGE)], 9) == [Detection("sofa", 0.5, LARGE)]


@given(st.lists(detections, max_size=8))
def test_whatever_a_detector_gives_is_kept_usable(given: list[Detection]) -> None:
    for one in kept(given, 5):
        assert 0 < one.confidence <= 1
        assert one.name == one.name.strip().lower()
        assert 0 <= one.box.left < one.box.right <= 1


def test_mentions_have_colour_direction_and_confidence() -> None:
    image = np.full((120, 160, 3), 150, np.uint8)
    image[24:108, 0:48] = (20, 20, 220)
    box = Box(0.0, 0.2, 0.3, 0.9)
    settings = PerceptionSettings(field_of_view_deg=90.0)
    found = [Detection("sofa", 0.8, box), Detection("person", 0.7, box)]
    sofa, person = mentions_of(found, image, KEYFRAME, settings)
    assert (sofa.name, sofa.direction, sofa.confidence, sofa.box) == (
        "red sofa", "front-left", 0.8, box,
    )  # fmt: skip
    assert sofa.bearing_deg == pytest.approx(math.degrees(math.atan(0.7)))
    assert sofa.distance is None
    assert person.name == "person"
    plain = PerceptionSettings(detector=DetectorSettings(colours=False))
    assert mentions_of(found, image, KEYFRAME, plain)[0].name == "sofa"


@pytest.mark.parametrize(
    ("name", "colour", "kind"),
    [
        ("red sofa", "red", "sofa"),
        ("couch", "", "sofa"),
        ("light blue couch", "cyan", "sofa"),
        ("gray office chair", "grey", "chair"),
        ("black leather sofa", "black", "sofa"),
        ("fire extinguisher", "", "fire extinguisher"),
        ("traffic light", "", "traffic light"),
        ("gizmo", "", "gizmo"),
        ("red", "", "red"),
    ],
)
def test_colour_and_kind_are_read_from_a_name(name: str, colour: str, kind: str) -> None:
    assert (colour_in(name), kind_in(name)) == (colour, kind)


def test_a_persons_clothes_are_not_the_persons_colour() -> None:
    assert coloured("woman", "red") == "woman"
    assert coloured("dog", "brown") == "brown dog"
    assert coloured("dog", "") == "dog"
