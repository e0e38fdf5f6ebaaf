"""`embodied-agent keyframes`: which frames are kept, as JSON, a table and pictures."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pytest

from embodied_agent.cli import keyframes
from embodied_agent.keyframes import KeyframeSelector
from embodied_agent.settings import KeyframeSettings
from embodied_agent.sources import open_source
from tests.support.command_line import parsed, run


def test_keyframes_need_no_torch(walk: Path) -> None:
    code = (
        "import sys; from embodied_agent.cli.main import app\n"
        f"app(['keyframes', {str(walk)!r}, '--json'], standalone_mode=False)\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, timeout=240, capture_output=True)


def test_keyframes_json_has_the_documented_shape(walk: Path) -> None:
    values = parsed(
        run("keyframes", walk, "--method", "paper", "--sample-hz", "all", "--fps", 10, "--json")
    )
    assert values["frames"] == 30
    assert values["keyframes"][0]["reason"] == "first"
    assert values["keyframes"][-1]["reason"] == "last"
    for keyframe in values["keyframes"]:
        assert set(keyframe) == {
            "index",
            "stamp_ns",
            "reason",
            "overlap_ratio",
            "inliers",
            "egomotion",
            "confidence",
        }
        assert keyframe["stamp_ns"] - values["keyframes"][0]["stamp_ns"] == (
            keyframe["index"] * 100_000_000
        )


def test_a_higher_threshold_keeps_more_frames(walk: Path) -> None:
    counts = [
        len(
            parsed(run("keyframes", walk, "--method", "paper", "--threshold", t, "--json"))[
                "keyframes"
            ]
        )
        for t in (0.3, 0.8)
    ]
    assert counts[0] < counts[1]


def test_sampling_thins_the_frames(walk: Path) -> None:
    arguments = ["keyframes", walk, "--method", "paper", "--fps", 10, "--json"]
    assert parsed(run(*arguments, "--sample-hz", 1))["frames"] == 3


def test_the_published_count_is_at_least_four(walk: Path) -> None:
    arguments = ["keyframes", walk, "--method", "paper", "--threshold", 0.01, "--json"]
    assert len(parsed(run(*arguments, "--published-count"))["keyframes"]) == 4


def test_kept_pictures_are_written(walk: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    values = parsed(run("keyframes", walk, "--out", out, "--json"))
    files = sorted(out.iterdir())
    assert len(files) == len(values["keyframes"])
    assert cv2.imread(str(files[0])).shape == (240, 320, 3)


@pytest.mark.parametrize("confidence", [0.1, 0.9, None])
def test_a_doubtful_overlap_is_explained_below_the_table(
    walk: Path, capsys: pytest.CaptureFixture[str], confidence: float | None
) -> None:
    selector = KeyframeSelector(KeyframeSettings())
    with open_source(walk) as source:
        decisions = [selector.step(frame) for frame in source]
    measured = next(one for one in decisions if one.keep and one.overlap_ratio is not None)
    keyframes._show([replace(measured, support=confidence)], 30, {})
    told = capsys.readouterr().out
    doubtful = confidence == 0.1
    assert (f"{measured.overlap_ratio:.2f}?" in told) == doubtful
    assert ("so the overlap is doubtful" in told) == doubtful
