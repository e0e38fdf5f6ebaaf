"""Corners, and points tracked through pictures whose motion is known."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from embodied_agent.keyframes.corners import (
    SPACING,
    softness,
    strong_corners,
    tracked_size,
    usable_corners,
)
from embodied_agent.keyframes.tracking import Tracker
from embodied_agent.records import Image


def wall(seed: int = 0) -> Image:
    """Patches of many sizes, 1600 by 800 pixels."""
    rng = np.random.default_rng(seed)
    picture = np.full((800, 1600), 128, np.uint8)
    for _ in range(1200):
        x, y = int(rng.integers(0, 1600)), int(rng.integers(0, 800))
        w, h = int(rng.integers(8, 70)), int(rng.integers(8, 70))
        cv2.rectangle(picture, (x, y), (x + w, y + h), int(rng.integers(20, 235)), -1)
    return np.asarray(cv2.GaussianBlur(picture, (5, 5), 1.0), np.uint8)


WALL = wall()


def view(x: float, y: float = 200.0, size: tuple[int, int] = (320, 240)) -> Image:
    """What is seen at x, y (whole and part pixels), of a size (width, height)."""
    shift = np.array([[1, 0, -x], [0, 1, -y]], np.float64)
    return np.asarray(cv2.warpAffine(WALL, shift, size), np.uint8)


def tracker_at(picture: Image) -> Tracker:
    corners = usable_corners(picture)
    assert corners is not None
    tracker = Tracker(300)
    tracker.start(picture, corners)
    return tracker


@pytest.mark.parametrize("size", [(320, 240), (321, 241), (427, 240), (160, 120), (640, 480)])
def test_tracked_points_are_off_by_a_fraction_of_a_pixel(size: tuple[int, int]) -> None:
    tracker = tracker_at(view(300, size=size))
    for step in range(1, 9):
        tracks = tracker.advance(view(300 + 2.3 * step, 200 - 1.1 * step, size))
        assert tracks is not None
        off = tracks.now - tracks.reference - (-2.3 * step, 1.1 * step)
        assert np.median(np.abs(off), axis=0).max() < 0.2
        assert tracks.step_px == pytest.approx(np.hypot(2.3, 1.1), abs=0.3)
    assert tracks.own.all()
    assert len(tracks.now) > 0.7 * len(tracks.start)


@pytest.mark.parametrize("jump_px", [10, 20, 28])
def test_a_sudden_motion_beyond_the_near_search_is_followed_by_the_wide_one(jump_px: int) -> None:
    tracker = tracker_at(view(300))
    tracks = tracker.advance(view(300 + jump_px))
    assert tracks is not None
    assert tracks.step_px == pytest.approx(jump_px, abs=0.5)
    assert len(tracks.now) > 0.6 * len(tracks.start)


def test_points_on_a_thing_that_moves_by_itself_are_dropped() -> None:
    tracker = tracker_at(view(300))
    moved = view(304)
    moved[80:160, 100:200] = view(330)[80:160, 100:200]
    tracks = tracker.advance(moved)
    assert tracks is not None
    inside = (tracks.now > (106, 86)).all(1) & (tracks.now < (194, 154)).all(1)
    assert not inside.any()
    assert np.abs(tracks.now - tracks.reference - (-4, 0)).max() < 320 * 0.012


def test_a_jump_is_recovered_by_features() -> None:
    tracker = tracker_at(view(300))
    tracks = tracker.advance(view(420, 240))
    assert tracks is not None
    assert tracks.step_px is None
    shift = np.median(tracks.now - tracks.reference, axis=0)
    assert shift == pytest.approx([-120, -40], abs=1.5)


def test_another_scene_is_not_taken_for_a_step() -> None:
    tracker = tracker_at(view(300))
    grain = np.random.default_rng(7).normal(128, 300, (240, 320)).astype(np.float32)
    other = np.clip(cv2.GaussianBlur(grain, (0, 0), 2.5), 0, 255).astype(np.uint8)
    tracks = tracker.advance(other)
    assert tracks is None or (tracks.step_px is None and not tracks.own.any())


def test_corners_are_apart_spread_over_the_picture_and_on_detail() -> None:
    picture = view(300)
    corners = strong_corners(picture)
    gaps = np.abs(corners[:, None] - corners[None]).max(2) + 1e9 * np.eye(len(corners))
    assert gaps.min() >= 0.5 * SPACING * 320
    cell = (corners // 40).astype(int)
    assert np.unique(cell, axis=0, return_counts=True)[1].max() <= 2
    assert len(np.unique(cell, axis=0)) >= 40  # of 48
    strength = cv2.cornerMinEigenVal(picture, 5)
    at = np.round(corners).astype(int)
    assert np.median(strength[at[:, 1], at[:, 0]]) > 20 * np.median(strength)


def test_a_lone_square_has_its_four_corners() -> None:
    picture = np.full((240, 320), 60, np.uint8)
    picture[80:160, 100:220] = 200
    corners = strong_corners(picture)
    expected = np.array([[100, 80], [219, 80], [100, 159], [219, 159]])
    distance = np.abs(expected[:, None] - corners[None]).max(2)
    assert (distance.min(1) <= 4).all()
    assert (distance.min(0) <= 6).all()


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (2, 2), (2, 640), (240, 1), (3, 239), (5, 5)])
def test_tiny_pictures_have_no_corners_and_break_nothing(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    for picture in (np.full(shape, 99, np.uint8), rng.integers(0, 255, shape, dtype=np.uint8)):
        usable_corners(picture)
        assert len(strong_corners(picture)) < 20
        assert tracked_size(picture).size > 0
        Tracker(300).advance(picture)


def test_softness_is_the_share_of_sobel_energy_that_survives_a_blur() -> None:
    def energy(image: Image) -> float:
        across = cv2.Sobel(image, cv2.CV_64F, 1, 0, ksize=1)
        down = cv2.Sobel(image, cv2.CV_64F, 0, 1, ksize=1)
        return float((across**2).sum() + (down**2).sum())

    for sigma in (0.0, 1.0, 3.0):
        picture = view(300)
        if sigma:
            picture = np.asarray(cv2.GaussianBlur(picture, (0, 0), sigma), np.uint8)
        smooth = np.asarray(cv2.GaussianBlur(picture, (9, 9), 2.0), np.uint8)
        assert softness(picture) == pytest.approx(energy(smooth) / energy(picture), rel=1e-9)
    assert softness(np.full((240, 320), 7, np.uint8)) == 1.0
