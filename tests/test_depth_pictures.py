"""Depth pictures: a small upright one is kept with the keyframe, and one that can't be right is
refused by name and costs nothing else."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import pytest

from embodied_agent.agent import Agent
from embodied_agent.images import read_depth, small_depth
from embodied_agent.records import Frame, Keyframe
from embodied_agent.settings import load_settings
from tests.support.views import panorama_views
from tests.test_images import UPRIGHT, turned_png


def depth_picture(height: int = 480, width: int = 640) -> np.ndarray:
    """A wall at 4 m with a thing at 1.5 m in its upper left quarter, and a stripe of nothing."""
    depth = np.full((height, width), 4000, np.uint16)
    depth[: height // 2, : width // 2] = 1500
    depth[-height // 8 :] = 0
    return depth


def colour_picture(height: int = 480, width: int = 640) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (height, width, 3)).astype(np.uint8)


def test_depth_is_made_small_without_distances_that_nothing_has() -> None:
    png, fault = small_depth(Frame(0, image=colour_picture(), depth=depth_picture()))
    assert fault == ""
    small = read_depth(png)
    assert small is not None
    assert small.shape == (120, 160)
    np.testing.assert_array_equal(small, depth_picture(120, 160))


@pytest.mark.parametrize("shape", [(90, 120), (1, 2), (640, 1), (1, 4000)])
def test_depth_of_any_size_is_kept(shape: tuple[int, int]) -> None:
    depth = np.random.default_rng(1).integers(500, 5000, shape).astype(np.uint16)
    small = read_depth(small_depth(Frame(0, image=colour_picture(*shape), depth=depth))[0])
    assert small is not None
    assert small.shape[1] == min(shape[1], 160) or small.shape[0] == 640
    assert set(np.unique(small)) <= set(np.unique(depth))
    if shape[1] <= 160 and shape[0] <= 640:
        np.testing.assert_array_equal(small, depth)


@pytest.mark.parametrize("orientation", UPRIGHT)
def test_depth_is_turned_upright_with_its_picture(orientation: int) -> None:
    depth = depth_picture(90, 120)
    frame = Frame(0, encoded=turned_png(colour_picture(180, 240), orientation), depth=depth)
    small = read_depth(small_depth(frame)[0])
    assert small is not None
    np.testing.assert_array_equal(small, UPRIGHT[orientation](depth))


FAULTS: dict[str, tuple[Any, str]] = {
    "metres": (depth_picture().astype(np.float32) / 1000, "uint16, in millimetres, not of float32"),
    "list": ([[1, 2]], "uint16, in millimetres, not of list"),
    "three": (np.zeros((480, 640, 3), np.uint16), r"not \(480, 640, 3\)"),
    "empty": (np.zeros((0, 640), np.uint16), r"not \(0, 640\)"),
    "wide": (depth_picture(360, 640), "it is of 640x360, the picture is 640x480"),
    "zeros": (np.zeros((480, 640), np.uint16), "no pixel of it is known"),
    "flat": (np.full((480, 640), 900, np.uint16), "every pixel of it is 900 mm"),
    "whole metres": ((depth_picture() // 1000).astype(np.uint16), "its largest value is 4"),
    "tenths": ((depth_picture() * 15).astype(np.uint16), "farther than 20 m"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_depth_that_cannot_be_right_is_refused_and_the_picture_is_kept(
    name: str, caplog: pytest.LogCaptureFixture
) -> None:
    depth, words = FAULTS[name]
    with Agent(load_settings(perception__backend="geometry")) as agent:
        agent.observe(Frame(1, image=colour_picture(), depth=depth))
        agent.finish()
        (keyframe,) = agent.store.keyframes(pictures=True)
        status = agent.status().keyframer.depth
    assert keyframe.jpeg
    assert keyframe.depth == b""
    with pytest.raises(AssertionError, match=words):
        raise AssertionError(status[""])
    assert status[""].startswith("not used: ")
    assert "the depth picture is not used" in caplog.text


def observed(depths: list[np.ndarray | None]) -> tuple[list[Keyframe], dict[str, str]]:
    """The keyframes of a camera that pans, with these depth pictures."""
    with Agent(load_settings(perception__backend="geometry")) as agent:
        views = panorama_views(len(depths), step_px=60)
        for stamp, (view, depth) in enumerate(zip(views, depths, strict=True)):
            agent.observe(Frame(stamp * 500_000_000, image=view, depth=depth))
        agent.finish()
        return agent.store.keyframes(pictures=True), agent.status().keyframer.depth


def noisy(seed: int) -> np.ndarray:
    noise = np.random.default_rng(seed).integers(0, 20, (120, 160)).astype(np.uint16)
    return np.where(depth_picture(120, 160) > 0, depth_picture(120, 160) + noise, 0).astype(
        np.uint16
    )


def test_a_robot_without_depth_says_nothing_of_it() -> None:
    keyframes, status = observed([None] * 8)
    assert len(keyframes) > 2
    assert {one.depth for one in keyframes} == {b""}
    assert status == {}


def test_depth_is_kept_with_each_keyframe() -> None:
    keyframes, status = observed([noisy(seed) for seed in range(8)])
    assert len(keyframes) > 2
    assert len({one.depth for one in keyframes}) == len(keyframes)
    assert all(read_depth(one.depth) is not None for one in keyframes)
    assert status == {"": "used"}


def test_a_frozen_depth_picture_is_not_taken_for_that_of_later_views() -> None:
    keyframes, status = observed([noisy(0)] * 8)
    assert len(keyframes) > 2
    assert keyframes[0].depth
    assert {one.depth for one in keyframes[1:]} == {b""}
    assert status == {"": "not used: it does not change while the picture does"}


@pytest.mark.parametrize("data", [b"", b"x", cv2.imencode(".png", colour_picture())[1].tobytes()])
def test_bytes_that_are_no_depth_picture_are_read_as_none(data: bytes) -> None:
    assert read_depth(data) is None
