"""Two real model servers behind a real router: each robot is kept to one, also while one is killed.

The router is HAProxy with the configuration that `deploy/haproxy` ships; only the ports are others.
"""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embodied_agent.errors import ModelUnavailable, ReplyError
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.served import ServedReasoner
from embodied_agent.settings import ReasoningSettings, ServerSettings
from tests.models.test_llama_gguf import checkpoint
from tests.support.served import free_port
from tests.support.waiting import until
from tests.with_servers.llama_cpp import LlamaServer, serving
from training.export_gguf import export

pytestmark = [pytest.mark.servers, pytest.mark.timeout(1500)]
CONFIG = Path(__file__).parents[2] / "deploy" / "haproxy" / "haproxy.cfg"
#: Keyframes of a robot's memory before its first question.
SEEN = 60


@contextmanager
def router(servers: tuple[LlamaServer, LlamaServer], folder: Path) -> Iterator[str]:
    """The address of HAProxy in front of two servers."""
    program = shutil.which("haproxy", path=f"{os.environ.get('PATH', '')}:/usr/sbin")
    if program is None:
        pytest.skip("no haproxy here: apt-get install haproxy")
    port, text = free_port(), CONFIG.read_text()
    for shipped, own in zip(
        ("8000", "8101", "8102"), (port, *(s.port for s in servers)), strict=True
    ):
        assert f"127.0.0.1:{shipped}\n" in text
        text = text.replace(f"127.0.0.1:{shipped}\n", f"127.0.0.1:{own}\n")
    config = folder / "haproxy.cfg"
    config.write_text(text)
    with (folder / "haproxy.log").open("wb") as log:
        process = subprocess.Popen([program, "-db", "-f", str(config)], stdout=log, stderr=log)
    try:
        address = f"http://127.0.0.1:{port}"
        until(lambda: answers(f"{address}/health"))
        yield address
    finally:
        process.terminate()
        process.wait(60)


def answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=10) as reply:
            return bool(reply.status == 200)
    except OSError:
        return False


def tokens_read(server: LlamaServer) -> int:
    """The prompt tokens that a server has computed so far; those from its cache do not count."""
    with urllib.request.urlopen(f"{server.url}/metrics", timeout=60) as reply:
        found = re.search(
            r"^llamacpp:prompt_tokens_total (\d+)", reply.read().decode(), re.MULTILINE
        )
    assert found is not None
    return int(found[1])


class Robot:
    """Asks through the router, with one keyframe more each time."""

    def __init__(self, name: str, address: str) -> None:
        server = ServerSettings(base_url=f"{address}/v1", timeout_s=300, session=name)
        self._reasoner = ServedReasoner(ReasoningSettings(backend="served", server=server))
        self._lines = [f"#{n} rotate left {n}: {name} lamp {n} front near.\n" for n in range(SEEN)]

    def ask(self) -> None:
        """Raises `ModelUnavailable` where there is no reply; any will do of random weights."""
        self._lines.append(f"#{len(self._lines)} move forward: blue lamp back far.\n")
        prompt = Prompt(system="", transcript="".join(self._lines), task="Where is it?")
        with contextlib.suppress(ReplyError):
            assert "".join(self._reasoner.stream(prompt, timeout_s=300, max_tokens=8))

    def close(self) -> None:
        self._reasoner.close()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("model")
    return export(
        str(checkpoint(folder / "model", context=4096)), folder / "model.gguf", kind="f32"
    )


def home(robot: Robot, servers: tuple[LlamaServer, LlamaServer]) -> tuple[int, int]:
    """Which server a question went to, and how many tokens it computed for it."""
    before = [tokens_read(server) for server in servers]
    robot.ask()
    read = [tokens_read(server) - old for server, old in zip(servers, before, strict=True)]
    assert sorted(map(bool, read)) == [False, True], read
    return (0, read[0]) if read[0] else (1, read[1])


def test_each_robot_is_kept_to_one_server_whose_cache_holds_and_moves_when_it_is_killed(
    model: Path, tmp_path: Path
) -> None:
    with serving(model) as one, serving(model) as two, router((one, two), tmp_path) as address:
        servers = (one, two)
        homes: dict[int, Robot] = {}
        whole: dict[int, int] = {}
        number = 0
        while len(homes) < 2:  # one robot at each server
            robot = Robot(f"robot-{number}", address)
            where, read = home(robot, servers)
            number += 1
            if where in homes:
                robot.close()
            else:
                homes[where], whole[where] = robot, read
        for _ in range(3):  # in turn, as a fleet asks
            for where, robot in homes.items():
                again, read = home(robot, servers)
                assert again == where
                assert read < whole[where] / 5, "the prompt is read anew"
        one.kill()
        homes[0].ask()  # at once, while the router still takes the server for alive
        before = tokens_read(two)
        homes[0].ask()
        moved = tokens_read(two) - before
        assert 0 < moved < whole[0] / 5
        homes[1].ask()
        two.kill()
        for robot in homes.values():
            with pytest.raises(ModelUnavailable):
                robot.ask()
            robot.close()
