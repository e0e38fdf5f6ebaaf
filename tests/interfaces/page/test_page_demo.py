"""A replay that serves its page: it ends by itself, or stays for those who want to look."""

from __future__ import annotations

import os
import pty
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import cv2

from tests.support.page import WAIT_MS, wait_text
from tests.support.views import panorama_views

QUICK = ("--perception", "geometry", "--port", "0")
#: A model that can't be reached answers at once, that it can't.
NO_MODEL = ("--reasoning", "served", "--set", "reasoning.server.base_url=http://127.0.0.1:9/v1")


def command(walk: Path, report: Path, *options: str) -> list[str]:
    replay = (sys.executable, "-m", "embodied_agent.cli", "replay", str(walk), *QUICK)
    return [*replay, "--report", str(report), *options]


def test_a_replay_that_serves_prints_its_address_and_ends_by_itself(
    walk: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    done = subprocess.run(
        command(walk, report, "--page"), capture_output=True, text=True, timeout=300, check=False
    )
    assert re.search(r"Watch it at http://127\.0\.0\.1:\d+/", done.stdout), done.stderr
    assert report.stat().st_size > 1000
    assert done.returncode == 0


def test_a_replay_that_stays_can_be_looked_at_until_it_is_interrupted(
    walk: Path, tmp_path: Path, chromium: Any
) -> None:
    report = tmp_path / "report.html"
    asked = ("--ask", "And before?", "--ask", "And then?")  # nothing that rules understand
    process = subprocess.Popen(
        command(walk, report, "--stay", "--speed", "100", *NO_MODEL, *asked),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            stays = re.search(r"The page stays at (\S+) until Ctrl-C", line)
            if stays:
                break
        else:
            raise AssertionError("it ended instead of staying")
        assert report.stat().st_size > 1000  # before that
        page = chromium.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(stays.group(1))
        wait_text(page, "#source", "Recording walk, finished")
        wait_text(page, "#answers .asked", "And before?")
        wait_text(page, "#answers .asked", "And then?")
        page.wait_for_selector("#track [data-id='0']")
        page.close()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
        assert process.returncode == 5  # as the answers were, and not "interrupted"
    finally:
        process.kill()
        process.wait()


def test_the_demo_stays_on_a_terminal_until_enter_and_says_what_to_try_next(tmp_path: Path) -> None:
    ours, theirs = pty.openpty()
    clip, questions = tmp_path / "walk", tmp_path / "questions.json"
    clip.mkdir()
    for i, view in enumerate(panorama_views(12)):
        cv2.imwrite(str(clip / f"{i:04d}.png"), view)
    questions.write_text("[]")
    command = [sys.executable, "-m", "sim_clips.demo", "--clip", clip, "--questions", questions]
    process = subprocess.Popen(
        [*map(str, command), "--out", str(tmp_path / "out")],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**os.environ, "EMBODIED_AGENT_PERCEPTION__BACKEND": "geometry", "COLUMNS": "200"},
    )
    os.close(theirs)
    try:
        output = ""
        while "until you press Enter" not in output:
            output += os.read(ours, 4096).decode("utf-8", "replace")
        assert re.search(r"The page stays at \S*http://127", output)
        assert output.index("Three things to try next") < output.index("The page stays")
        assert process.poll() is None
        os.write(ours, b"\n")
        assert process.wait(120) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    assert (tmp_path / "out" / "report.html").stat().st_size > 1000
