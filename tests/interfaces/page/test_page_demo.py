"""A replay that serves its page: it ends by itself, or stays for who wants to look."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.page import WAIT_MS, browser, wait_text

QUICK = ("--perception", "geometry", "--port", "0")
#: A model that can't be reached answers at once, that it can't.
NO_MODEL = (
    "--reasoning",
    "served",
    "--set",
    "reasoning.server.base_url=http://127.0.0.1:9/v1",
    "--set",
    "reasoning.free=reasoner",
)


@pytest.fixture(scope="module")
def chromium() -> Iterator[Any]:
    with browser() as running:
        yield running


def command(walk: Path, report: Path, *options: str) -> list[str]:
    replay = (sys.executable, "-m", "embodied_agent.cli", "replay", str(walk), *QUICK)
    return [*replay, "--report", str(report), *options]


def test_a_replay_that_serves_prints_its_address_and_ends_by_itself(
    walk: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.html"
    done = subprocess.run(
        command(walk, report, "--serve"), capture_output=True, text=True, timeout=300, check=False
    )
    assert re.search(r"watch it at http://127\.0\.0\.1:\d+/", done.stdout), done.stderr
    assert report.stat().st_size > 1000
    assert done.returncode == 0


def test_a_replay_that_stays_can_be_looked_at_until_it_is_interrupted(
    walk: Path, tmp_path: Path, chromium: Any
) -> None:
    report = tmp_path / "report.html"
    asked = ("--ask", "Why did you turn?", "--ask", "And then?")
    process = subprocess.Popen(
        command(walk, report, "--stay", "--speed", "100", *NO_MODEL, *asked),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        for line in process.stdout:
            stays = re.search(r"the page stays at (\S+);", line)
            if stays:
                break
        else:
            raise AssertionError("it ended instead of staying")
        assert report.stat().st_size > 1000  # before that
        page = chromium.new_page()
        page.set_default_timeout(WAIT_MS)
        page.goto(stays.group(1))
        wait_text(page, "#answers .asked", "Why did you turn?")
        wait_text(page, "#answers .asked", "And then?")
        page.wait_for_selector("#track [data-id='0']")
        page.close()
        process.send_signal(signal.SIGINT)
        process.communicate(timeout=120)
        assert process.returncode == 5  # as the answers were, and not "interrupted"
    finally:
        process.kill()
        process.wait()
