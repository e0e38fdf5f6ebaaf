"""An agent on a broker, in a process of its own that a test can kill, and requests for it."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.support.mqtt import WAIT_S, until


class Process:
    """`mqtt_runner` in a process of its own."""

    def __init__(self, port: int, memory: Path, *, held: bool) -> None:
        root = Path(__file__).parents[2]
        self.lines: list[str] = []
        self._process = subprocess.Popen(
            [
                sys.executable,
                str(Path(__file__).with_name("mqtt_runner.py")),
                str(port),
                str(memory),
                "held" if held else "free",
            ],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": f"{root}", "OMP_NUM_THREADS": "1"},
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.wait("ready")

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self.lines.append(line.strip())

    def wait(self, line: str) -> None:
        until(lambda: line in self.lines or self._process.poll() is not None, 2 * WAIT_S)
        assert line in self.lines

    def say(self, line: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()

    def kill(self) -> None:
        self._process.kill()
        self.end()

    def end(self) -> None:
        self._process.communicate(timeout=WAIT_S)
        self._reader.join(WAIT_S)


def fuzzed(rng: random.Random) -> bytes:
    """A request with something wrong in it, mostly."""
    junk: list[Any] = [None, True, -1, 1e308, 2**70, "", "tag é\x00", [], ["a"], {}, {"a": [1]}]
    body: dict[str, Any] = {"question": f"tag {rng.random()}"}
    for name in rng.sample(["id", "question", "choices", "timeout_s", "at_ns", "stream", "x"], 3):
        body[name] = rng.choice(junk)
    raw = bytearray(json.dumps(body).encode())
    for _ in range(rng.choice([0, 0, 1, 5])):
        raw[rng.randrange(len(raw))] = rng.randrange(256)
    return bytes(raw[: rng.choice([len(raw), len(raw), rng.randrange(len(raw))])])
