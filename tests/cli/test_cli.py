"""The command line: exit codes, clean JSON, and what each command shows."""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import pytest
from typer.testing import CliRunner, Result

from embodied_agent.cli import keyframes
from embodied_agent.cli.main import app
from embodied_agent.keyframes import KeyframeSelector
from embodied_agent.records import DIRECTIONS
from embodied_agent.settings import KeyframeSettings
from embodied_agent.sources import open_source

QUICK = ["--perception", "geometry"]


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def parsed(result: Result) -> dict:
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


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


def test_json_is_alone_on_stdout_of_the_real_process(walk: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "embodied_agent.cli", "replay", walk, *QUICK, "--json"],
        capture_output=True,
        timeout=240,
        check=True,
    )
    assert json.loads(done.stdout)["frames"] == 30
    assert b"first" in done.stderr


def test_memory_shows_a_keyframe_and_its_picture(walk: Path, tmp_path: Path) -> None:
    memory, picture = tmp_path / "walk.db", tmp_path / "first.jpg"
    run("replay", walk, *QUICK, "--memory", memory)
    shown = parsed(run("memory", "show", 0, "--memory", memory, "--picture", picture, "--json"))
    assert shown["reason"] == "first"
    assert cv2.imread(str(picture)) is not None
    assert parsed(run("memory", "stats", "--memory", memory, "--json"))["pending"] == 0


@pytest.mark.parametrize("name", ["copy.db", "copy.json", "copy.html"])
def test_a_memory_is_exported_once(walk: Path, tmp_path: Path, name: str) -> None:
    memory, target = tmp_path / "walk.db", tmp_path / name
    run("replay", walk, *QUICK, "--memory", memory)
    values = parsed(run("memory", "export", target, "--memory", memory, "--json"))
    assert values["path"] == str(target)
    assert values["bytes"] == target.stat().st_size > 1000
    again = run("memory", "export", target, "--memory", memory)
    assert again.exit_code == 1
    assert "exists" in again.stderr


@pytest.mark.parametrize("name", ["copy.db", "copy.json", "copy.html"])
def test_a_target_that_can_not_be_written_gives_one_exit_code(
    walk: Path, tmp_path: Path, name: str
) -> None:
    memory = tmp_path / "walk.db"
    run("replay", walk, *QUICK, "--memory", memory)
    result = run("memory", "export", f"/proc/no/{name}", "--memory", memory)
    assert result.exit_code == 1
    assert "can't write" in result.stderr
    picture = run("memory", "show", 0, "--memory", memory, "--picture", f"/proc/no/{name}")
    assert picture.exit_code == 1


def test_the_counts_of_a_memory_leave_out_what_says_nothing(walk: Path, tmp_path: Path) -> None:
    memory = tmp_path / "walk.db"
    run("replay", walk, *QUICK, "--memory", memory)
    told = run("memory", "stats", memory).stdout
    assert re.search(r"^keyframes +[1-9]", told, re.MULTILINE)
    assert "damaged" not in told
    assert "[]" not in told
    checked = run("memory", "check", memory).stdout
    assert "intact rows: keyframes" in checked
    assert "nothing is damaged" in checked
    assert not re.search(r"\b0\b", checked.partition("rows:")[2])


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


def test_a_memory_is_listed_with_the_clock_of_its_replay(walk: Path, tmp_path: Path) -> None:
    memory = tmp_path / "walk.db"
    start_ns = 1_700_000_000_000_000_000
    for i, picture in enumerate(sorted(walk.iterdir())):
        picture.rename(walk / f"{start_ns + i * 100_000_000}.png")
    told = run("replay", walk, *QUICK, "--memory", memory).stdout.splitlines()
    listed = run("memory", "list", "--memory", memory).stdout.splitlines()
    assert listed[0].startswith(f"segment 0, from stamp {start_ns} ns (2023-11-14 22:13:20 UTC)")
    assert listed[1:] == [line for line in told if " s  " in line]
    assert "0.00 s  first" in listed[1]


def test_lines_in_a_pipe_are_not_wrapped(walk: Path, tmp_path: Path) -> None:
    long = tmp_path / ("a" * 100) / "walk"
    long.parent.mkdir()
    walk.rename(long)
    memory = long.parent / "memory.db"
    environment = {key: value for key, value in os.environ.items() if key != "COLUMNS"}
    for arguments in (
        ["replay", long, *QUICK, "--memory", memory, "--report", long.parent / "report.html"],
        ["memory", "show", 0, "--memory", memory],
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


def test_the_memory_may_be_named_by_the_environment(
    walk: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBODIED_AGENT_MEMORY__PATH", str(tmp_path / "walk.db"))
    assert run("replay", walk, *QUICK).exit_code == 0
    assert parsed(run("memory", "stats", "--json"))["keyframes"] >= 2


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
