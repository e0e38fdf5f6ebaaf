"""`embodied-agent fleet`: started, asked and ended as a process."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.support.fleet import WAIT_S, Robot, until
from tests.support.postgres import Postgres, postgres
from tests.support.processes import python_path

COMMAND = [sys.executable, "-m", "embodied_agent.cli", "fleet"]
ENVIRONMENT = {**os.environ, "PYTHONPATH": python_path()}


@pytest.fixture(scope="module")
def database_server() -> Iterator[Postgres]:
    with postgres() as server:
        yield server


def run(*arguments: str, code: int = 0) -> str:
    ended = subprocess.run(
        [*COMMAND, *arguments],
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=2 * WAIT_S,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    return ended.stdout if not code else ended.stderr


def test_the_server_runs_until_it_is_told_to_end(database_server: Postgres) -> None:
    command = [*COMMAND, "--database", database_server.database(), "--port", "0"]
    with subprocess.Popen(
        command, env=ENVIRONMENT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout is not None
        try:
            address = re.search(r"http://\S+", process.stdout.readline())
            assert address is not None
            robot = Robot(address[0], "r1")
            robot.see("red van")
            until(lambda: sent(robot))
            robot.close()
            asked = ("ask", "Who saw the red van last?", "--server", address[0])
            shown = run(*asked)
            assert "r1 last saw the red van" in shown
            assert "r1 #0" in shown
            reply = json.loads(run(*asked, "--json"))
            assert reply["status"] == "answered"
            assert "not seen: r1 has not seen a dog" in run(
                "ask", "Who saw a dog?", "--server", address[0]
            )
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(WAIT_S) == 0


def sent(robot: Robot) -> bool:
    robot.send()
    return True


def test_what_is_missing_or_wrong_is_said_in_a_sentence() -> None:
    assert "--database" in run(code=2)
    assert "can't be reached" in run("ask", "Who?", "--server", "http://127.0.0.1:9", code=6)
    assert "--server needs an address" in run("ask", "Who?", "--server", "here", code=2)
