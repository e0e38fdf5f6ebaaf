"""Distances of mentions from depth pictures: of the thing, not of the wall behind it, along the
line of sight, and none where too little is known."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from embodied_agent.optics import angles_at, assumed
from embodied_agent.perception.ranging import (
    FARTHEST_M,
    NEAREST_M,
    Surface,
    surfaces_in,
    with_ranges,
)
from embodied_agent.records import Box, Delta, Intrinsics, Keyframe, Mention

W, H = 160, 120
LENS = assumed(640, 480, 75.0)
BOX = Box(0.4, 0.3, 0.6, 0.7)


def wall(mm: int = 4000) -> np.ndarray:
    return np.full((H, W), mm, np.uint16)


def filled(depth: np.ndarray, box: Box, mm: int) -> np.ndarray:
    """The depth picture with a board of this size in front."""
    copy = depth.copy()
    rows = slice(round(box.top * H), round(box.bottom * H))
    copy[rows, round(box.left * W) : round(box.right * W)] = mm
    return copy


def png(depth: np.ndarray) -> bytes:
    return cv2.imencode(".png", depth)[1].tobytes()


def keyframe(shown: np.ndarray, **more: Any) -> Keyframe:
    return Keyframe(7, 0, b"", "first", 640, 480, intrinsics=LENS, **{"depth": png(shown), **more})


def ranged(shown: np.ndarray, mention: Mention, **more: Any) -> Mention:
    delta = with_ranges(Delta(7, None, mentions=(mention,)), keyframe(shown, **more), 75.0)
    return delta.mentions[0]


def range_of(depth: np.ndarray, box: Box, lens: Intrinsics) -> Surface | None:
    """The surface that a box shows."""
    return next(iter(surfaces_in(depth, box, lens)), None)


def test_the_range_is_along_the_line_of_sight() -> None:
    for box in (BOX, Box(0.0, 0.0, 0.1, 0.1), Box(0.85, 0.6, 0.95, 0.9)):
        found = range_of(wall(3000), box, LENS)
        assert found is not None
        middle = (box.left + box.right) / 2, (box.top + box.bottom) / 2
        bearing, elevation = map(math.radians, angles_at(LENS, *middle))
        assert found.range_m == pytest.approx(
            3.0 / (math.cos(bearing) * math.cos(elevation)), rel=0.02
        )


def test_a_thing_before_a_wall_is_as_far_as_the_thing() -> None:
    found = range_of(filled(wall(), BOX, 2000), BOX, LENS)
    assert found is not None
    assert found.range_m == pytest.approx(2.0, rel=0.03)


def test_a_thin_thing_is_not_as_far_as_what_is_seen_beside_it() -> None:
    """A lamp post fills a quarter of the middle of its box."""
    found = range_of(filled(wall(), Box(0.475, 0.3, 0.5, 0.7), 2000), BOX, LENS)
    assert found is not None
    assert found.range_m == pytest.approx(2.0, rel=0.03)


def test_a_twig_before_a_thing_does_not_count() -> None:
    depth = filled(filled(wall(), BOX, 2000), Box(0.5, 0.3, 0.5 + 2.1 / W, 0.7), 600)
    found = range_of(depth, BOX, LENS)
    assert found is not None
    assert found.range_m == pytest.approx(2.0, rel=0.03)


def test_noise_and_mixed_pixels_at_edges_don_t_join_two_surfaces() -> None:
    rng = np.random.default_rng(0)
    depth = filled(wall(), Box(0.4, 0.3, 0.5, 0.7), 2000) + rng.normal(0, 30, (H, W))
    between = np.linspace(2000, 4000, 8)
    depth[round(0.4 * H) : round(0.4 * H) + 8, 80] = between
    found = range_of(depth.round().astype(np.uint16), BOX, LENS)
    assert found is not None
    assert found.range_m == pytest.approx(2.0, rel=0.03)


def test_a_floor_that_recedes_is_one_surface() -> None:
    depth = np.repeat(np.linspace(6000, 1500, H)[:, None], W, axis=1).astype(np.uint16)
    found = range_of(depth, Box(0.2, 0.1, 0.8, 0.9), LENS)
    flat = range_of(wall(3750), Box(0.2, 0.1, 0.8, 0.9), LENS)
    assert found is not None
    assert flat is not None
    assert found.range_m == pytest.approx(flat.range_m, rel=0.1)
    assert found.share > 0.95
    assert found.half_m > flat.half_m + 0.5


def test_the_deviation_grows_with_distance_and_size() -> None:
    def std_m(mm: int, box: Box) -> float:
        found = ranged(wall(mm), Mention("lamp", "front", box=box)).range_std_m
        assert found is not None
        return found

    assert 0.03 < std_m(1000, Box(0.49, 0.49, 0.53, 0.53)) < 0.1
    assert std_m(3000, BOX) > 2 * std_m(1000, BOX)
    assert std_m(3000, Box(0.2, 0.1, 0.8, 0.9)) > std_m(3000, BOX)


def test_too_little_that_is_known_tells_no_distance() -> None:
    empty = np.zeros((H, W), np.uint16)
    assert range_of(empty, BOX, LENS) is None
    few = empty.copy()
    few[60, 78:83] = 2000
    assert range_of(few, BOX, LENS) is None
    assert range_of(filled(empty, Box(0.49, 0.49, 0.51, 0.52), 2000), BOX, LENS) is None
    assert range_of(filled(empty, Box(0.45, 0.45, 0.55, 0.55), 2000), BOX, LENS) is not None


@pytest.mark.parametrize("mm", [round(NEAREST_M * 1000) - 20, round(FARTHEST_M * 1000) + 100])
def test_distances_that_no_depth_camera_measures_don_t_count(mm: int) -> None:
    assert range_of(wall(mm), BOX, LENS) is None


def test_a_box_of_few_pixels_is_read_as_a_whole() -> None:
    box = Box(0.5, 0.5, 0.5 + 3 / W, 0.5 + 2 / H)
    found = range_of(filled(wall(), box, 2000), box, LENS)
    assert found is not None
    assert found.range_m == pytest.approx(2.0, rel=0.03)
    assert range_of(wall(), Box(0.5, 0.5, 0.501, 0.501), LENS) is None


def test_a_mention_gets_range_deviation_and_a_word() -> None:
    depth = filled(wall(6000), BOX, 2000)
    plain = Mention("lamp", "front", box=BOX, confidence=0.4)
    found = ranged(depth, plain)
    assert found.range_m is not None
    assert found.range_std_m is not None
    assert 2.0 < found.range_m < 2.2  # its middle lies a little behind what is seen of it
    assert 0.05 < found.range_std_m < 0.4
    assert abs(found.range_m - 2.0) < found.range_std_m
    assert found == replace(
        plain, range_m=found.range_m, range_std_m=found.range_std_m, distance="near"
    )
    assert ranged(depth, replace(plain, distance="far")).distance == "far"
    assert ranged(depth, replace(plain, box=Box(0.0, 0.0, 0.2, 0.2))).distance == "far"


@pytest.mark.parametrize("own_m", [1.4, 2.9])
def test_depth_corrects_a_range_that_a_perceiver_estimated(own_m: float) -> None:
    found = ranged(filled(wall(), BOX, 2000), Mention("lamp", "front", box=BOX, range_m=own_m))
    assert (
        found.range_m == ranged(filled(wall(), BOX, 2000), Mention("x", "front", box=BOX)).range_m
    )
    assert found.range_std_m is not None


def test_what_stands_before_a_thing_is_not_taken_for_it_where_it_is_mentioned_too() -> None:
    """A chair hides the middle of a sofa: alone, the sofa would be as near as the chair."""
    sofa, chair = Box(0.2, 0.3, 0.8, 0.7), Box(0.42, 0.3, 0.6, 0.7)
    depth = filled(filled(wall(6000), sofa, 4000), chair, 2000)
    mentions = (Mention("chair", "front", box=chair), Mention("sofa", "front", box=sofa))
    delta = with_ranges(Delta(7, None, mentions=mentions), keyframe(depth), 75.0)
    near, far = (one.range_m for one in delta.mentions)
    assert near is not None
    assert far is not None
    assert 2.0 < near < 2.3
    assert 4.0 < far < 4.8
    alone = ranged(depth, mentions[1]).range_m
    assert alone is not None
    assert alone < 3.0


def test_a_thing_on_a_table_and_the_table_each_have_their_distance() -> None:
    table, mug = Box(0.1, 0.4, 0.9, 0.9), Box(0.45, 0.5, 0.5, 0.6)
    depth = filled(filled(wall(6000), table, 2000), mug, 1950)
    mentions = (Mention("table", "front", box=table), Mention("mug", "front", box=mug))
    delta = with_ranges(Delta(7, None, mentions=mentions), keyframe(depth), 75.0)
    assert all(one.range_m is not None and 1.9 < one.range_m < 2.6 for one in delta.mentions)


@pytest.mark.parametrize(
    "mention",
    [
        Mention("lamp", "front"),
        Mention("lamp", "front", box=Box(0.6, 0.3, 0.4, 0.7)),
        Mention("lamp", "front", box=Box(math.nan, 0.3, 0.4, 0.7)),
        Mention("lamp", "front", box=BOX, range_m=6.0),  # a board hides it
        Mention("lamp", "front", box=BOX, range_m=2.1, range_std_m=0.01),
    ],
)
def test_a_mention_that_depth_says_nothing_of_stays_as_it_is(mention: Mention) -> None:
    assert ranged(filled(wall(), BOX, 2000), mention) == mention


@pytest.mark.parametrize("data", [b"", b"junk", png(np.zeros((H, W), np.uint8))])
def test_a_keyframe_without_depth_leaves_mentions_as_they_are(data: bytes) -> None:
    mention = Mention("lamp", "front", box=BOX)
    assert ranged(wall(), mention, depth=data) == mention


@hypothesis_settings(deadline=None, max_examples=60)
@given(
    arrays.arrays(np.uint16, st.tuples(st.integers(1, 40), st.integers(1, 60))),
    st.tuples(*[st.floats(0.0, 1.0)] * 4),
)
def test_whatever_a_depth_picture_holds_a_range_is_one_of_its_own(
    depth: np.ndarray, edges: tuple[float, ...]
) -> None:
    left, right = sorted(edges[:2])
    top, bottom = sorted(edges[2:])
    found = range_of(depth, Box(left, top, right, bottom), LENS)
    if found is not None:
        known = depth[depth > 0] / 1000
        assert known.min() * 0.999 <= found.range_m <= FARTHEST_M
        assert found.range_m <= known.max() * 1.4
        assert 0 <= found.half_m <= FARTHEST_M
        assert 0 < found.share <= 1
