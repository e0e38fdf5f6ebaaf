"""`embodied-agent inspect` of a part of a recording: what it expects of the rest."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

import embodied_agent.cli.inspect as its
from embodied_agent.cli.inspect import inspect_source
from embodied_agent.settings import load_settings
from tests.sources.builders.mcap import write_mcap
from tests.sources.builders.ros import T0, in_order, pictures, poses, raw
from tests.support.views import panorama_views


@pytest.fixture
def still(tmp_path: Path) -> Path:
    """A folder of forty times the same picture: one keyframe."""
    folder = tmp_path / "still"
    folder.mkdir()
    for number in range(40):
        cv2.imwrite(str(folder / f"{number:04d}.png"), panorama_views(1)[0])
    return folder


def test_a_slow_machine_still_reads_enough_frames_to_expect_keyframes(
    monkeypatch: pytest.MonkeyPatch, walk: Path
) -> None:
    whole = inspect_source(str(walk), load_settings(), full=True)
    monkeypatch.setattr(its, "_SAMPLE_S", 0.0)
    monkeypatch.setattr(its, "_MORE_S", 600.0)
    monkeypatch.setattr(its, "_LEAST_FRAMES", 20)
    part = inspect_source(str(walk), load_settings())
    assert (whole.complete, part.complete) == (True, False)
    assert part.frames == whole.frames
    assert abs(part.keyframes - whole.keyframes) <= 2


def test_the_first_frame_tells_nothing_of_the_others(
    monkeypatch: pytest.MonkeyPatch, still: Path
) -> None:
    monkeypatch.setattr(its, "_SAMPLE_S", 0.0)
    monkeypatch.setattr(its, "_MORE_S", -1.0)
    part = inspect_source(str(still), load_settings())
    assert not part.complete
    assert (part.frames, part.keyframes) == (40, 1)


@pytest.mark.parametrize("name", ["source__topic", "source__odom_topic"])
def test_a_topic_that_is_not_chosen_is_told_as_what_it_holds(tmp_path: Path, name: str) -> None:
    depth = raw(T0, np.full((48, 64), 1000, np.uint16), "16UC1")
    entries = in_order(pictures(), poses(), [("/depth/image_raw", depth, T0)])
    bag = write_mcap(tmp_path / "walk.mcap", entries)
    settings = load_settings(**{name: "/none"})
    inspection = inspect_source(str(bag), settings)
    assert not inspection.usable
    assert {topic.name: topic.why for topic in inspection.examination.topics} == {
        "/camera/image/compressed": "it holds pictures",
        "/depth/image_raw": "it holds depth",
        "/odom": "it holds no pictures",
    }
