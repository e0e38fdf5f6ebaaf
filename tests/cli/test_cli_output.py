"""What every command keeps to: clean JSON, whole lines, one line and a code for a failure."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from embodied_agent.records import DIRECTIONS
from tests.support.command_line import QUICK, parsed, run


def test_json_is_alone_on_stdout_of_the_real_process(walk: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "embodied_agent.cli", "replay", walk, *QUICK, "--json"],
        capture_output=True,
        timeout=240,
        check=True,
    )
    assert json.loads(done.stdout)["frames"] == 30
    assert b"first" in done.stderr


def test_lines_in_a_pipe_are_not_wrapped(walk: Path, tmp_path: Path) -> None:
    long = tmp_path / ("a" * 100) / "walk"
    long.parent.mkdir()
    walk.rename(long)
    memory = long.parent / "memory.db"
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    for arguments in (
        ["replay", long, *QUICK, "--memory", memory, "--report", long.parent / "report.html"],
        ["memory", "stats", "--memory", memory],
    ):
        done = subprocess.run(
            [sys.executable, "-m", "embodied_agent.cli", *map(str, arguments)],
            capture_output=True,
            text=True,
            timeout=240,
            check=True,
            env=environment,
        )
        lines = done.stdout.splitlines()
        assert all(line and not line.endswith(" ") for line in lines), lines
        assert any(len(line) > 100 for line in lines)


def test_loading_a_model_is_said_before_it_takes_its_time(walk: Path, tmp_path: Path) -> None:
    memory = tmp_path / "walk.db"
    run("replay", walk, *QUICK, "--memory", memory)
    result = run(
        "ask",
        "Where was I first?",
        "--memory",
        memory,
        "--set",
        "reasoning.free=reasoner",
        "--json",
    )
    assert "Loading the built-in reasoner" in result.stderr
    assert json.loads(result.stdout)["question"] == "Where was I first?"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["keyframes", "WALK", "--method", "nonsense"], 2, "nonsense"),
        (["keyframes", "WALK", "--threshold", "7"], 2, "overlap_threshold"),
        (["keyframes", "WALK", "--sample-hz", "often"], 2, "often"),
        (["keyframes", "WALK", "--set", "keyframes"], 2, "SECTION.NAME=VALUE"),
        (["keyframes", "WALK", "--set", "keyframes.nothing=1"], 2, "nothing"),
        (["keyframes", "WALK", "--config", "/nowhere.yaml"], 2, "nowhere"),
        (["keyframes", "/nowhere"], 3, "nowhere"),
        (["replay", "/nowhere"], 3, "nowhere"),
        (["replay", "WALK", "--ask", " "], 2, "empty"),
        (["replay", "WALK", "--choices", "a|b"], 2, "choices"),
        (["replay", "WALK", "--questions", "/nowhere.json"], 2, "nowhere"),
        (["replay", "WALK", "--report", "/proc/no/report.html"], 1, "/proc/no/report.html"),
        (["keyframes", "WALK", "--out", "/proc/no/out"], 1, "/proc/no/out"),
        (["keyframes", "WALK", "--set", "keyframes.metod=paper"], 2, "keyframes.method"),
        (
            ["replay", "WALK", "--perception", "builtin", "--perception-server", "http://x/v1"],
            2,
            "served",
        ),
        (["ask", "where?", "--mqtt", "broker", "--reasoning", "builtin"], 2, "robot"),
        (["replay", "WALK", "--memory", "/nowhere/x.db", *QUICK], 4, "nowhere"),
        (["ask", "where?", "--memory", "/nowhere/x.db"], 4, "nowhere"),
        (["ask", "where?", "--memory", __file__], 4, "can't open the memory"),
        (["ask", "where?"], 2, "--memory"),
        (["memory", "list"], 2, "--memory"),
    ],
)
def test_failures_are_one_line_and_a_code(
    walk: Path, arguments: list[str], code: int, said: str
) -> None:
    result = run(*[walk if a == "WALK" else a for a in arguments])
    assert result.exit_code == code
    assert said in result.stderr
    assert "Traceback" not in result.stderr
    assert result.stdout == ""


def test_debug_shows_the_traceback() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "embodied_agent.cli", "--debug", "keyframes", "/nowhere"],
        capture_output=True,
        timeout=240,
        check=False,
    )
    assert b"Traceback" in done.stderr
    assert b"SourceError" in done.stderr


def test_a_dead_server_is_a_model_error_and_what_was_stored_is_safe(
    walk: Path, tmp_path: Path
) -> None:
    memory = tmp_path / "walk.db"
    result = run(
        "replay",
        walk,
        "--memory",
        memory,
        "--perception",
        "served",
        "--set",
        "perception.server.base_url=http://127.0.0.1:9/v1",
        "--set",
        "perception.server.max_retries=0",
        "--set",
        "perception.stall_timeout_s=1",
    )
    assert result.exit_code == 5
    assert parsed(run("memory", "stats", "--memory", memory, "--json"))["pending"] >= 1


def test_doctor_tells_what_is_missing_for_the_chosen_settings() -> None:
    result = run(
        "doctor",
        "--json",
        "--set",
        "perception.backend=geometry",
        "--set",
        "reasoning.backend=served",
        "--set",
        "reasoning.server.base_url=http://127.0.0.1:9/v1",
    )
    assert result.exit_code == 1
    values = json.loads(result.stdout)
    assert not values["can_run"]
    missing = [c["name"] for c in values["checks"] if c["needed"] and not c["works"]]
    assert missing == ["reasoner: reachable"]


def test_terminal_codes_in_a_reply_do_not_reach_the_terminal() -> None:
    from embodied_agent.cli.common import delta_text
    from embodied_agent.records import Delta, Mention

    line = delta_text(Delta(1, None, mentions=(Mention("\x1b[2J\x07red sofa", DIRECTIONS[0]),)))
    assert "\x1b" not in line
    assert "\x07" not in line
    assert "red sofa" in line


def test_the_process_ends_quietly_when_its_reader_goes_away(walk: Path) -> None:
    environment = {**os.environ, "PYTHONUNBUFFERED": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "embodied_agent.cli", "keyframes", str(walk), "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
    ) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.stderr is not None
        errors = process.stderr.read()
        process.wait(240)
    assert b"Traceback" not in errors
    assert process.returncode in (1, -signal.SIGPIPE)


@pytest.mark.parametrize("command", [[], ["memory"], ["memory", "show"], ["objects"], ["run"]])
def test_help_shows_no_value_for_options_that_take_none(command: list[str]) -> None:
    shown = run(*command, "--help").stdout
    assert re.search(r"--help +-h +Show this message", shown)
    assert "<bool>" not in shown


def test_a_setting_that_can_not_be_used_is_refused_in_our_own_words() -> None:
    result = run("keyframes", "/nowhere", "--set", "source.mask=[[[0, 0], [1, 1]]]")
    assert result.exit_code == 2
    assert "a polygon needs three points" in result.stderr
    assert "Value error" not in result.stderr
