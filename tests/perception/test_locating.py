"""A VLM and a detector together: matched by name, colour and direction."""

from __future__ import annotations

import numpy as np
import pytest

from embodied_agent.perception.detections import Detection
from embodied_agent.perception.locating import located
from embodied_agent.records import Box, Image, Keyframe, Mention
from embodied_agent.settings import PerceptionSettings

KEYFRAME = Keyframe(0, 0, b"", "first", 160, 120)
SETTINGS = PerceptionSettings()
LEFT, MIDDLE, RIGHT = (Box(x, 0.3, x + 0.2, 0.7) for x in (0.05, 0.4, 0.75))


def image() -> Image:
    """Red on the left, blue on the right."""
    picture = np.full((120, 160, 3), 140, np.uint8)
    picture[36:84, 8:40] = (20, 20, 220)
    picture[36:84, 120:152] = (220, 30, 20)
    return picture


def locate(mentions: list[Mention], *detections: Detection) -> tuple[Mention, ...]:
    return located(mentions, detections, image(), KEYFRAME, SETTINGS)


def test_a_detection_measures_the_object_that_the_vlm_names() -> None:
    seen = [Mention("red velvet couch", "front-left", "near"), Mention("lamp", "left")]
    couch, lamp = locate(seen, Detection("sofa", 0.8, LEFT), Detection("person", 0.9, MIDDLE))
    assert (couch.name, couch.distance, couch.direction) == (
        "red velvet couch", "near", "front-left",
    )  # fmt: skip
    assert (couch.box, couch.confidence) == (LEFT, 0.8)
    assert couch.bearing_deg is not None
    assert couch.bearing_deg > 15
    assert lamp == seen[1]


def test_two_chairs_are_told_apart_by_colour() -> None:
    seen = [Mention("blue chair", "front"), Mention("red chair", "front")]
    blue, red = locate(seen, Detection("chair", 0.9, LEFT), Detection("chair", 0.6, RIGHT))
    assert (blue.box, red.box) == (RIGHT, LEFT)


def test_two_chairs_of_one_colour_are_told_apart_by_direction() -> None:
    seen = [Mention("chair", "front-right"), Mention("chair", "front-left")]
    right, left = locate(seen, Detection("chair", 0.9, LEFT), Detection("chair", 0.6, RIGHT))
    assert (right.box, left.box) == (RIGHT, LEFT)


def test_one_detection_measures_one_object_only() -> None:
    seen = [Mention("chair", "front"), Mention("chair", "front-left")]
    assert [m.box for m in locate(seen, Detection("chair", 0.9, LEFT))].count(None) == 1


def test_a_detection_in_another_place_or_of_another_kind_is_not_taken() -> None:
    seen = [Mention("chair", "front-right"), Mention("table", "front-left")]
    assert locate(seen, Detection("chair", 0.9, LEFT)) == tuple(seen)


def test_the_box_of_the_vlm_says_which_detection_is_meant() -> None:
    seen = [Mention("chair", "front", box=RIGHT)]
    (chair,) = locate(seen, Detection("chair", 0.9, MIDDLE), Detection("chair", 0.5, RIGHT))
    assert chair.box == RIGHT
    assert chair.confidence == 0.5


def test_without_detections_everything_stays() -> None:
    seen = [Mention("chair", "back", "far", box=RIGHT, bearing_deg=-30.0)]
    assert locate(seen) == tuple(seen)


@pytest.mark.parametrize("count", [500])
def test_many_detections_of_one_kind_are_matched_once_each(count: int) -> None:
    seen = [Mention("chair", "front") for _ in range(12)]
    many = [Detection("chair", 0.5, MIDDLE) for _ in range(count)]
    assert all(mention.box == MIDDLE for mention in locate(seen, *many))
