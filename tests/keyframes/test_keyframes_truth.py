"""Keyframes of simulated clips against pose and depth: the true overlap and the true actions."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

import cv2
import numpy as np
import pytest

from bench.keyframes import (
    HEIGHT,
    WIDTH,
    Clip,
    actions_right,
    axes,
    decisions,
    overlap_errors,
    overlap_marks,
    record,
    true_overlap,
)
from embodied_agent.keyframes import KeyframeSelector
from embodied_agent.keyframes.egomotion import camera_matrix
from embodied_agent.keyframes.overlap import overlap_ratio
from embodied_agent.records import Frame
from embodied_agent.settings import KeyframeSettings
from sim_clips.render import Renderer
from sim_clips.scene import WorldName

pytestmark = pytest.mark.gl


@pytest.fixture(scope="module")
def clips() -> Iterator[list[Clip]]:
    worlds: tuple[WorldName, ...] = ("house", "city")
    with Renderer(WIDTH, HEIGHT) as renderer:
        yield [record(renderer, world, 9100, 90) for world in worlds]


def test_over_a_turn_the_true_overlap_is_that_of_the_turns_homography(clips: list[Clip]) -> None:
    checked = 0
    for clip in clips:
        camera = camera_matrix(WIDTH, HEIGHT, clip.intrinsics)
        turning = [i for i, p in enumerate(clip.points) if p.step == _first_turn(clip)]
        first = turning[0]
        for now in turning[:6]:
            turn = axes(clip.points[first].pose).T @ axes(clip.points[now].pose)
            exact = overlap_ratio(camera @ turn @ np.linalg.inv(camera), WIDTH, HEIGHT)
            assert true_overlap(clip, first, now) == pytest.approx(exact, abs=0.03)
            checked += 1
    assert checked > 6


def _first_turn(clip: Clip) -> int:
    seen = {point.step for point in clip.points if point.step >= 0}
    return min(i for i in seen if clip.scene.steps[i].action.is_rotation)


def test_the_estimated_overlap_is_near_the_truth_and_nearer_than_the_published_rule(
    clips: list[Clip],
) -> None:
    error = {
        method: statistics.fmean(
            e for clip in clips for e in overlap_errors(clip, decisions(clip, method))
        )
        for method in ("paper", "robust")
    }
    assert error["robust"] < 0.08
    assert error["robust"] < error["paper"]


def test_actions_between_keyframes_are_named_rightly(clips: list[Clip]) -> None:
    marks = [m for clip in clips for m in actions_right(clip, decisions(clip, "robust"))]
    assert len(marks) > 6
    assert statistics.fmean(marks) >= 0.9


HARD = ("plain", "parallax", "leading")


@pytest.fixture(scope="module")
def hard() -> Iterator[dict[str, dict[str, float]]]:
    with Renderer(WIDTH, HEIGHT) as renderer:
        yield {
            kind: overlap_marks([record(renderer, "house", 9101, 80, kind)], "robust")
            for kind in HARD
        }


@pytest.mark.parametrize("kind", HARD)
def test_where_a_homography_is_the_wrong_model_the_confidence_says_so(
    hard: dict[str, dict[str, float]], kind: str
) -> None:
    marks = hard[kind]
    assert marks["told_of_wrong"] >= 0.7
    assert marks["sure_error"] < 0.07


def test_people_who_fill_the_view_do_not_stop_keyframes(
    hard: dict[str, dict[str, float]],
) -> None:
    """They move with the camera, so that the picture hardly changes where they are."""
    assert hard["leading"]["doubted"] > 0.5
    assert hard["leading"]["keyframes"] >= hard["plain"]["keyframes"] / 2
    assert hard["leading"]["late"] < 0.3


def test_an_exposure_that_follows_the_light_costs_no_points() -> None:
    rng = np.random.default_rng(3)
    detail = rng.integers(40, 200, (30, 40)).astype(np.float32)
    picture = cv2.resize(detail, (320, 240), interpolation=cv2.INTER_CUBIC)
    selector = KeyframeSelector(KeyframeSettings(split_motions=False))
    for index in range(12):
        bright = np.clip(picture * (1.0 - 0.05 * index), 0, 255).astype(np.uint8)
        decision = selector.step(Frame(index * 100_000_000, image=bright, index=index))
        assert decision.keep == (index == 0)
    assert decision.overlap_ratio == pytest.approx(1.0, abs=0.02)
    assert decision.confidence == 1.0
