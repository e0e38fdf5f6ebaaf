"""A Rerun recording holds what the replay saw, noted and was asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from embodied_agent.cli.main import app
from tests.sources.builders.card import scene
from tests.sources.builders.ros import MS, T0, in_order, poses, raw
from tests.support.sources import write_bag

pytest.importorskip("rerun", reason="the extra 'rerun' is not installed")


def test_a_recording_holds_pictures_keyframes_path_and_questions(tmp_path: Path) -> None:
    entries = [("/image", raw(T0 + n * 100 * MS, scene(n)), T0 + n * 100 * MS) for n in range(10)]
    bag = write_bag(tmp_path / "bag", in_order(entries, poses()))
    out = tmp_path / "out.rrd"
    arguments = ["replay", str(bag), "--rerun", str(out), "--perception", "geometry", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    kept = len(json.loads(result.stdout)["keyframes"])
    read = subprocess.run(
        [sys.executable, "-m", "rerun", "rrd", "print", str(out)],
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert read.returncode == 0, read.stderr
    listing = read.stdout
    assert kept >= 3
    for entity in ("camera/picture", "keyframes/picture", "world/path", "world/camera"):
        assert entity in listing, listing


def test_a_recording_that_can_not_be_written_is_an_error(tmp_path: Path) -> None:
    bag = write_bag(tmp_path / "bag", [("/image", raw(T0, scene(0)), T0)])
    out = tmp_path / "absent" / "out.rrd"
    result = CliRunner().invoke(
        app, ["replay", str(bag), "--rerun", str(out), "--perception", "geometry"]
    )
    assert result.exit_code == 1
    assert "can't write" in result.output
