"""`paper` against an independent, plain-loop statement of the published rule."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from embodied_agent.keyframes import KeyframeSelector
from embodied_agent.keyframes.paper import rasterised_overlap
from embodied_agent.records import Frame, Image
from embodied_agent.settings import KeyframeSettings


def published(frames: list[Image], threshold: float) -> list[int]:
    """Indices that the published rule keeps, stated once more in the plainest way."""
    orb = cv2.ORB_create()
    brute = cv2.BFMatcher(cv2.NORM_HAMMING, crossCheck=True)
    keep = [0]
    for t in range(1, len(frames)):
        a = cv2.cvtColor(frames[keep[-1]], cv2.COLOR_BGR2GRAY)
        b = cv2.cvtColor(frames[t], cv2.COLOR_BGR2GRAY)
        ka, da = orb.detectAndCompute(a, None)
        kb, db = orb.detectAndCompute(b, None)
        if da is None or db is None:
            keep.append(t)
            continue
        best = list(brute.match(da, db))
        best.sort(key=lambda m: m.distance)
        if len(best) <= 10:
            keep.append(t)
            continue
        src, dst = [], []
        for m in best:
            src.append([kb[m.trainIdx].pt])
            dst.append([ka[m.queryIdx].pt])
        found, _ = cv2.findHomography(np.float32(src), np.float32(dst), cv2.RANSAC, 5.0)
        if found is None:
            keep.append(t)
            continue
        h, w = a.shape
        whole = np.float32([[[0, 0]], [[w, 0]], [[w, h]], [[0, h]]])
        mapped = cv2.perspectiveTransform(whole, found)
        masks = []
        for polygon in (whole, mapped):
            mask = np.zeros((h, w), np.uint8)
            cv2.fillPoly(mask, [polygon.reshape(4, 2).astype(np.int32)], 1)
            masks.append(mask)
        if np.sum(masks[0] & masks[1]) / (w * h) < threshold:
            keep.append(t)
    if keep[-1] != len(frames) - 1:
        keep.append(len(frames) - 1)
    return keep


def clip(seed: int) -> list[Image]:
    """A wandering, zooming view of a patchwork, with a flat and a dark stretch."""
    rng = np.random.default_rng(seed)
    wall = np.full((1400, 1800, 3), 128, np.uint8)
    for _ in range(1500):
        x, y = int(rng.integers(0, 1800)), int(rng.integers(0, 1400))
        w, h = int(rng.integers(8, 120)), int(rng.integers(8, 120))
        colour = tuple(int(c) for c in rng.integers(0, 255, 3))
        cv2.rectangle(wall, (x, y), (x + w, y + h), colour, -1)
    centre, frames = np.array([900.0, 700.0]), []
    for t in range(45):
        centre = np.clip(centre + rng.normal(0, 45, 2), 450, (1350, 950))
        zoom, lean = rng.uniform(0.8, 1.25), rng.uniform(-2e-4, 2e-4)
        mapping = np.array(
            [
                [zoom, 0, centre[0] - 160 * zoom],
                [0, zoom, centre[1] - 120 * zoom],
                [lean, lean, 1],
            ]
        )
        view = cv2.warpPerspective(wall, mapping, (320, 240), flags=cv2.WARP_INVERSE_MAP | 1)
        if 20 <= t < 23:
            view[:] = 70
        if 30 <= t < 33:
            view = (view * 0.06).astype(np.uint8)
        frames.append(np.asarray(view, np.uint8))
    return frames


@pytest.mark.parametrize(("seed", "threshold"), [(0, 0.5), (1, 0.5), (2, 0.7)])
def test_paper_keeps_exactly_what_the_published_rule_keeps(seed: int, threshold: float) -> None:
    frames = clip(seed)
    selector = KeyframeSelector(KeyframeSettings(method="paper", overlap_threshold=threshold))
    keep = []
    for t, image in enumerate(frames):
        if selector.step(Frame(t * 10**9, image=image, index=t)).keep:
            keep.append(t)
    last = selector.finish()
    if last is not None:
        keep.append(last.index)
    assert keep == published(frames, threshold)
    assert 6 < len(keep) < len(frames), "the clip tests both decisions"


def test_a_homography_beyond_all_range_measures_as_a_number() -> None:
    for matrix in (
        np.array([[1, 0, 0], [0, 1, 0], [-1 / 320, 0, 1.0]]),
        np.array([[1e12, 0, 0], [0, 1e12, 0], [0, 0, 1.0]]),
        np.zeros((3, 3)),
    ):
        assert 0.0 <= rasterised_overlap(matrix, 320, 240) <= 1.0
