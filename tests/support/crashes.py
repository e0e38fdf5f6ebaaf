"""Starts replays, runs and questions in processes of their own, kills them, and reads what is left.

Out of scope: what those processes do (`crash_runner`).
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import apsw
import cv2

from embodied_agent.memory.schema import version_of
from embodied_agent.memory.store import Store
from embodied_agent.settings import MemorySettings
from tests.support.views import panorama_views

#: How long the next line of a runner may take, in seconds.
_WAIT_S = 300


def pictures(folder: Path, count: int = 120) -> Path:
    """A folder with a walk of small pictures."""
    folder.mkdir()
    for i, view in enumerate(panorama_views(count, step_px=16, width=160)):
        cv2.imwrite(str(folder / f"{i:04d}.jpg"), view)
    return folder


def contents(path: Path) -> tuple[list[Any], list[Any]]:
    """Keyframes with the hash of their picture, and deltas without their latency."""
    if not has_tables(path):
        return [], []
    with Store.open(str(path), MemorySettings(), read_only=True) as store:
        keyframes = [
            replace(k, jpeg=hashlib.sha256(k.jpeg).digest()) for k in store.keyframes(pictures=True)
        ]
        fields = [tuple(getattr(k, name) for name in k.__dataclass_fields__) for k in keyframes]
        return fields, [replace(delta, latency_s=0.0) for delta in store.deltas()]


def has_tables(path: Path) -> bool:
    """Whether the file got as far as having tables before the process died."""
    if not path.exists():
        return False
    connection = apsw.Connection(str(path))
    try:
        return bool(version_of(connection))
    finally:
        connection.close()


@dataclass
class Attempt:
    """What a process said before it ended or was killed."""

    status: int = 0
    stored: list[int] = field(default_factory=list)
    committed: list[int] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)


class Runner:
    """Starts processes and kills them. A context manager; or call `close`."""

    def __init__(self, folder: Path) -> None:
        root = Path(__file__).parents[2]
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("crash_runner.py"))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        )
        self._lines: queue.Queue[str | None] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.imported = self._line()

    def __enter__(self) -> Runner:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())
        self._lines.put(None)

    def _line(self) -> str:
        """The next line that it says."""
        line = self._lines.get(timeout=_WAIT_S)
        assert line is not None, f"the runner itself ended with {self._process.wait(_WAIT_S)}"
        return line

    def replay(self, memory: Path, kill_after_s: float | None = None) -> Attempt:
        """Replay the folder into ``memory``."""
        return self.start("replay", memory, kill_after_s)

    def start(
        self,
        what: str,
        memory: Path,
        kill_after_s: float | None = None,
        *,
        more_bytes: int | None = None,
    ) -> Attempt:
        """Do a job of `crash_runner`, and kill it so long after its start.

        With ``more_bytes``, its address space may grow by that much.
        """
        assert self._process.stdin is not None
        job = {"what": what, "folder": str(self._folder), "memory": str(memory)}
        if more_bytes is not None:
            job["more_bytes"] = str(more_bytes)
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        attempt, pid, started = Attempt(), None, False
        timer: threading.Timer | None = None
        while True:
            line = self._line()
            word, _, value = line.partition(" ")
            if word == "pid":
                pid = int(value)
            elif word == "start":
                started = True
            elif word == "k":
                attempt.stored.append(int(value))
            elif word == "d":
                attempt.committed.append(int(value))
            elif word == "a":
                attempt.answered.append(value)
            elif word == "exit":
                if timer is not None:
                    timer.cancel()
                attempt.status = int(value)
                return attempt
            else:
                self._note(attempt, line)
            if started and pid and timer is None and kill_after_s is not None:
                timer = threading.Timer(kill_after_s, _kill, (pid,))
                timer.start()

    @staticmethod
    def _note(attempt: Attempt, line: str) -> None:
        """A line of a log; the last one may be torn."""
        with contextlib.suppress(ValueError):
            event = json.loads(line)
            if isinstance(event, dict) and event.get("event") == "keyframe":
                attempt.stored.append(event["keyframe"])
            elif isinstance(event, dict) and event.get("event") == "delta":
                attempt.committed.append(event["keyframe"])
        attempt.lines.append(line)

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=_WAIT_S)
        self._reader.join(timeout=_WAIT_S)
        self._process.stdout.close()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
