"""`embodied-agent inspect` of a part of a recording: what it expects of the rest."""

from __future__ import annotations

from pathlib import Path

import cv2
import pytest

import embodied_agent.cli.inspect as its
from embodied_agent.cli.inspect import inspect_source
from embodied_agent.settings import load_settings
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
