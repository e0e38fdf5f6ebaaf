"""Keyframes of simulated clips against pose and depth: the true overlap and the true actions."""

from __future__ import annotations

import statistics
from collections.abc import Iterator

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
    record,
    true_overlap,
)
from embodied_agent.keyframes.egomotion import camera_matrix
from embodied_agent.keyframes.overlap import overlap_ratio
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
