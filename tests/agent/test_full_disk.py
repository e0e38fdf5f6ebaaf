"""A disk that is full: everything that tells of the agent's state says so, and all goes on."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

#: Runs with a small disk of its own, feeds a looping recording, and prints what it sees.
_PROGRAM = """
import json, logging, subprocess, sys, time
from pathlib import Path
disk, walk = Path(sys.argv[1]), sys.argv[2]
subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(disk)], check=True)
print("mounted", flush=True)
from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.host.feeder import Feeder
from embodied_agent.interfaces.web.overview import Overview
from embodied_agent.settings import SourceSettings
from tests.support.seeing import Seeing, quick_settings as settings

lines = []
class Lines(logging.Handler):
    def emit(self, record):
        lines.append(record.getMessage())
logger = logging.getLogger("embodied_agent")
logger.addHandler(Lines())
logger.setLevel(logging.INFO)

def until(condition):
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, (agent.status(), lines)
        time.sleep(0.02)

with Agent(settings(disk / "m.db"), perceiver=Seeing("red sofa")) as agent:
    questions = QuestionQueue(agent, parallel=1, waiting=4)
    feeder = Feeder(agent, walk, SourceSettings(), loop=True, speed=5)
    overview = Overview(agent, questions, dict, feeder.not_ready, feeder.state)
    feeder.start()
    until(lambda: agent.status().memory.done >= 3)
    filler = disk / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while True:
                file.write(bytes(4096))
        except OSError:
            pass
    until(lambda: agent.status().store_problem)
    rounds = lines.count("loop")
    until(lambda: lines.count("loop") > rounds + 2)
    answer = agent.ask("Did you see a red sofa?")
    told = {"problems": overview.problems(), "text": answer.text, "notice": answer.notice,
            "status": answer.status,
            "lines": [l for l in lines if "taken in" in l or "stored" in l]}
    stored = agent.status().memory.keyframes
    filler.unlink()
    until(lambda: not agent.status().store_problem)
    until(lambda: agent.status().memory.done > stored)
    after = agent.ask("Did you see a red sofa?")
    told |= {"after": after.status, "after_problems": overview.problems(),
             "after_notice": after.notice, "error": str(feeder.error)}
    print(json.dumps(told), flush=True)
    feeder.stop(5)
    questions.close()
"""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What was told with a full disk, and after there was room again."""
    if shutil.which("unshare") is None:
        pytest.skip("no unshare, so no small disk")
    import cv2

    from tests.support.views import panorama_views

    folder = tmp_path_factory.mktemp("full")
    (folder / "disk").mkdir()
    (folder / "walk").mkdir()
    for number, view in enumerate(panorama_views(30)):
        cv2.imwrite(str(folder / "walk" / f"{number:04d}.png"), view)
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [
            *("unshare", "--user", "--map-root-user", "--mount", sys.executable, "-c", _PROGRAM),
            *(str(folder / "disk"), str(folder / "walk")),
        ],
        capture_output=True,
        text=True,
        timeout=200,
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
    )
    if "mounted" not in done.stdout:
        pytest.skip(f"this machine allows no mounts of one's own: {done.stderr.strip()[-200:]}")
    assert done.returncode == 0, done.stderr[-3000:]
    values: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return values


def test_readiness_says_that_the_disk_is_full(told: dict[str, Any]) -> None:
    (problem,) = [line for line in told["problems"] if "full" in line]
    assert "can't be stored" in problem


def test_answers_rest_on_what_was_stored_and_say_so(told: dict[str, Any]) -> None:
    assert told["status"] == "answered"
    assert "red sofa" in told["text"]
    assert "the disk is full" in told["notice"]


def test_the_log_is_not_flooded(told: dict[str, Any]) -> None:
    assert 1 <= len(told["lines"]) <= 3, told["lines"]


def test_all_goes_on_once_there_is_room(told: dict[str, Any]) -> None:
    assert told["after"] == "answered"
    assert told["error"] == "None"
    assert not [line for line in told["after_problems"] if "full" in line]
    assert "full" not in told["after_notice"]
