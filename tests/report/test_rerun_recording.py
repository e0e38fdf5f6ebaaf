"""A Rerun recording holds what the replay saw, noted and was asked."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from embodied_agent.cli.main import app
from embodied_agent.object_records import SeenObject
from embodied_agent.records import Answer, Evidence, Pose, Question
from embodied_agent.report.rerun_recording import RerunRecording
from embodied_agent.report.scoring import Case, Scored
from tests.sources.builders.card import scene
from tests.sources.builders.ros import MS, T0, in_order, poses, raw
from tests.support.sources import write_bag

pytest.importorskip("rerun", reason="the extra 'rerun' is not installed")


def printed(recording: Path, *options: str) -> str:
    """What Rerun itself says of the recording."""
    command = [sys.executable, "-m", "rerun", "rrd", "print", *options, str(recording)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_recording_holds_pictures_keyframes_path_and_questions(tmp_path: Path) -> None:
    entries = [("/image", raw(T0 + n * 100 * MS, scene(n)), T0 + n * 100 * MS) for n in range(10)]
    bag = write_bag(tmp_path / "bag", in_order(entries, poses()))
    out = tmp_path / "out.rrd"
    arguments = ["replay", str(bag), "--rerun", str(out), "--perception", "geometry", "--json"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    kept = len(json.loads(result.stdout)["keyframes"])
    listing = printed(out)
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


def test_a_recording_marks_evidence_and_the_objects_of_the_latest_session(tmp_path: Path) -> None:
    def thing(number: int, name: str, session: int, x_m: float | None) -> SeenObject:
        position_m = None if x_m is None else (x_m, 2.0, 0.5)
        covariance_m2 = None if x_m is None else (0.04, 0, 0, 0, 0.04, 0, 0, 0, 0.04)
        return SeenObject(
            number, name, "", name, session, "map", position_m, covariance_m2, "poses", 1, 2, 3
        )

    pose = Pose((1.0, 2.0, 0.0), (0.0, 0.0, 0.0, 1.0), "map")
    evidence = (Evidence(7, 1, "cited", pose), Evidence(8, 2, "recalled"))
    results = [
        Scored(Case(Question("Where is the lamp?")), Answer("here", evidence=evidence)),
        Scored(Case(Question("Where is the sofa?")), Answer("", status="not_seen")),
    ]
    out = tmp_path / "out.rrd"
    recording = RerunRecording(out)
    recording.located(
        [thing(1, "lamp", 2, 3.0), thing(2, "sofa", 1, 4.0), thing(3, "desk", 2, None)]
    )
    recording.questions(results)
    recording.close()
    listing = printed(out, "-vvv")
    assert "/world/located" in listing
    assert "/world/evidence/0" in listing
    assert "/world/evidence/1" not in listing
    assert "lamp" in listing
    assert "#7 cited" in listing
    for absent in ("sofa]", "desk", "#8"):
        assert absent not in listing
