"""Depth pictures: from messages and files to millimetres."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.images import BadImage
from embodied_agent.records import Depth
from embodied_agent.sources.depth import (
    MAX_WIDTH,
    depth_from_compressed,
    depth_from_png,
    depth_from_raw,
    fits,
    packed_size,
    reads_encoding,
    same_proportions,
)
from tests.sources.builders.depth import assert_card_distances, distances, metres, packed, png


def read(values: np.ndarray, kind: str, **other: Any) -> Depth:
    rows = np.ascontiguousarray(values)
    message = {
        "encoding": kind,
        "width": rows.shape[1],
        "height": rows.shape[0],
        "step": rows.strides[0],
    }
    return depth_from_raw(rows.tobytes(), **{**message, **other})


def test_whole_millimetres_stay_as_they_are() -> None:
    values = np.array([[0, 1, 65_534, 65_535]], np.uint16)
    assert read(values, "16UC1").tolist() == [[0, 1, 65_534, 0]]


def test_metres_become_millimetres_and_what_is_no_distance_becomes_0() -> None:
    values = np.array([[1.2342, np.nan, np.inf, -np.inf], [-1.0, 0.0, 65.6, 65.5]], np.float32)
    assert read(values, "32FC1").tolist() == [[1234, 0, 0, 0], [0, 0, 0, 65_500]]


def test_other_units_are_divided_by() -> None:
    values = np.array([[5000, 65_535, 12_501]], np.uint16)
    assert read(values, "16UC1", units_per_metre=5000).tolist() == [[1000, 0, 2500]]


def test_big_endian_values_and_padded_rows_are_read() -> None:
    padded = np.zeros((2, 5), ">u2")
    padded[:, :3] = [[1, 2, 3], [300, 400, 500]]
    depth = read(padded, "16UC1", width=3, step=10, is_bigendian=True)
    assert depth.tolist() == [[1, 2, 3], [300, 400, 500]]
    swapped = read(metres().astype(">f4"), "32FC1", is_bigendian=True)
    assert_card_distances(swapped)


@pytest.mark.parametrize(("width", "height"), [(640, 480), (848, 480), (1280, 720), (321, 241)])
def test_large_depth_is_sampled_at_the_nearest_pixel(width: int, height: int) -> None:
    depth = read(distances(width, height), "16UC1")
    assert depth.shape[1] == MAX_WIDTH
    assert fits(depth, (width, height))
    assert_card_distances(depth)
    # No mean of near and far lies between.
    assert set(np.unique(depth)) == {0, 1500, 3250}


@pytest.mark.parametrize("form", ["16UC1; compressedDepth png", "16UC1; compressedDepth"])
def test_packed_millimetres_are_read(form: str) -> None:
    np.testing.assert_array_equal(depth_from_compressed(packed(distances()), form), distances())


def test_packed_inverse_depth_is_read_to_its_step() -> None:
    depth = depth_from_compressed(packed(metres()), "32FC1; compressedDepth png")
    assert_card_distances(depth)


def test_a_plain_png_in_a_compressed_message_is_read() -> None:
    depth = depth_from_compressed(png(distances()), "16UC1; png compressed")
    np.testing.assert_array_equal(depth, distances())
    assert packed_size(png(distances(40, 30)), "png") == (40, 30)


@pytest.mark.parametrize(
    ("data", "form", "reason"),
    [
        (packed(distances())[:-20], "16UC1; compressedDepth png", "truncated_image"),
        (packed(distances())[:20], "16UC1; compressedDepth png", "undecodable"),
        (b"", "16UC1; compressedDepth png", "undecodable"),
        (bytes(200), "16UC1; compressedDepth rvl", "unknown_encoding"),
        (struct.pack("<iff", 0, float("nan"), 1.0) + png(distances()), "32FC1", "undecodable"),
        (b"\xff\xd8\xff" + bytes(200), "16UC1; jpeg compressed", "undecodable"),
    ],
)
def test_damaged_packed_depth_is_refused(data: bytes, form: str, reason: str) -> None:
    with pytest.raises(BadImage) as caught:
        depth_from_compressed(data, form)
    assert caught.value.reason in (reason, "truncated_image")


@pytest.mark.parametrize(
    "change",
    [
        {"encoding": "bgr8"},
        {"width": 0},
        {"height": 65},
        {"step": 100},
        {"width": 100_000, "height": 100_000},
    ],
)
def test_messages_that_do_not_hold_what_they_say_are_refused(change: dict[str, Any]) -> None:
    with pytest.raises(BadImage):
        read(distances(), "16UC1", **change)


def test_pictures_for_people_are_not_distances() -> None:
    with pytest.raises(BadImage, match="8 bits"):
        depth_from_png(png(np.zeros((4, 4), np.uint8)))
    with pytest.raises(BadImage, match="3 channels"):
        depth_from_png(png(np.zeros((4, 4, 3), np.uint16)))


@given(data=st.binary(max_size=300), form=st.sampled_from(["16UC1; x", "32FC1; x", "png", ""]))
def test_no_bytes_break_the_reader(data: bytes, form: str) -> None:
    for content in (data, packed(distances(8, 6))[:12] + png(distances(8, 6))[:40] + data):
        try:
            depth = depth_from_compressed(content, form)
        except BadImage:
            continue
        assert depth.dtype == np.uint16


@pytest.mark.parametrize(
    ("encoding", "readable"),
    [
        ("16UC1", True),
        ("32FC1", True),
        ("mono16", True),
        ("png16", True),
        ("16UC1; compressedDepth png", True),
        ("32FC1; compressedDepth", True),
        ("16UC1; compressedDepth rvl", False),
        ("16UC1; jpeg compressed bgr8", False),
        ("bgr8", False),
        ("jpeg", False),
        ("", False),
    ],
)
def test_encodings_that_hold_distances_are_known(encoding: str, readable: bool) -> None:
    assert reads_encoding(encoding) is readable


def test_proportions_are_compared_up_to_rounding() -> None:
    assert same_proportions((640, 480), (320, 240))
    assert same_proportions((1296, 968), (640, 480))
    assert same_proportions((848, 480), (283, 160))
    assert not same_proportions((640, 480), (640, 360))
    assert not same_proportions((480, 640), (640, 480))
    assert not same_proportions((640, 480), (0, 0))
