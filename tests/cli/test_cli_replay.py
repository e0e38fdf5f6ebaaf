"""`embodied-agent replay`: what it prints, stores and says when it is interrupted."""

from __future__ import annotations

import shlex
import subprocess
import sys
from pathlib import Path

from tests.support.command_line import QUICK, parsed, run


def test_a_replay_fills_the_memory_and_prints_one_json_object(walk: Path, tmp_path: Path) -> None:
    memory = tmp_path / "walk.db"
    values = parsed(run("replay", walk, *QUICK, "--memory", memory, "--json"))
    assert values["frames"] == 30
    assert values["answers"] == []
    assert values["score"] is None
    listed = parsed(run("memory", "list", "--memory", memory, "--json"))
    assert listed["keyframes"] == values["keyframes"]
    assert all(k["delta"] is not None for k in values["keyframes"])


def test_a_replay_tells_each_keyframe(walk: Path) -> None:
    result = run("replay", walk, *QUICK)
    assert result.exit_code == 0
    assert " 0     0.00 s  first" in result.stdout
    assert "last" in result.stdout


def test_a_replay_says_how_to_question_its_memory(walk: Path, tmp_path: Path) -> None:
    assert "the memory was not saved; with --memory FILE" in run("replay", walk, *QUICK).stdout
    memory = tmp_path / "a walk.db"
    told = run("replay", walk, *QUICK, "--memory", memory).stdout
    program, *words = shlex.split(told.rpartition("question it with: ")[2])
    assert program == "embodied-agent"
    answered = run(*words)
    assert answered.exit_code == 0, answered.output
    assert "nothing was read" not in told
    again = run("replay", walk, *QUICK, "--memory", memory).stdout
    assert "the memory holds all of this recording already, so nothing was read" in again
    assert "What have you seen?" in answered.stdout
    by_motion = run("ask", "What did the camera do last?", "--memory", memory).stdout
    assert "\n  notes:\n    #" in by_motion


def test_the_same_replay_twice_stores_nothing_twice(walk: Path, tmp_path: Path) -> None:
    arguments = ["replay", walk, *QUICK, "--memory", tmp_path / "walk.db", "--json"]
    first, second = parsed(run(*arguments)), parsed(run(*arguments))
    assert second["keyframes"] == first["keyframes"]


def test_a_report_is_written_beside_the_json(walk: Path, tmp_path: Path) -> None:
    report = tmp_path / "made" / "report.html"
    parsed(run("replay", walk, *QUICK, "--report", report, "--json"))
    html = report.read_text()
    assert html.count("data:image/jpeg") >= 2
    assert 'class="curve"' in html


def test_an_interrupted_replay_says_what_is_safe_and_goes_on(walk: Path, tmp_path: Path) -> None:
    memory = tmp_path / "walk.db"
    code = (
        "import os, signal, sys\n"
        "from embodied_agent import agent\n"
        "from embodied_agent.cli.main import app\n"
        "real = agent.Agent.observe\n"
        "def observe(self, frame, **more):\n"
        "    if frame.index == 20:\n"
        "        os.kill(os.getpid(), signal.SIGINT)\n"
        "    return real(self, frame, **more)\n"
        "agent.Agent.observe = observe\n"
        "app()\n"
    )
    arguments = ["replay", str(walk), *QUICK, "--memory", str(memory), "--json"]
    done = subprocess.run(
        [sys.executable, "-c", code, *arguments], capture_output=True, timeout=240, check=False
    )
    assert done.returncode == 130
    assert done.stdout == b""
    assert b"safe in" in done.stderr
    whole = parsed(run(*arguments))
    fresh = parsed(run("replay", walk, *QUICK, "--json"))
    assert [k["stamp_ns"] for k in whole["keyframes"]] == [
        k["stamp_ns"] for k in fresh["keyframes"]
    ]
