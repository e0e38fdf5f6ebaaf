"""Real kill -9 at random moments of a replay: nothing committed is lost or doubled."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import queue
import random
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import apsw
import cv2
import pytest

from embodied_agent.memory.schema import version_of
from embodied_agent.memory.store import Store
from embodied_agent.settings import MemorySettings
from tests.support.views import panorama_views

KILLS = 60


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
    status: int = 0
    stored: list[int] = field(default_factory=list)
    committed: list[int] = field(default_factory=list)


class Runner:
    """Starts replays and kills them."""

    def __init__(self, folder: Path) -> None:
        root = Path(__file__).parents[2]
        self._folder = folder
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).parents[1] / "support" / "crash_runner.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=root,
            env={**os.environ, "PYTHONPATH": str(root), "OMP_NUM_THREADS": "1"},
        )
        self._lines: queue.Queue[str] = queue.Queue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()
        self.imported = self._lines.get(timeout=60)

    def _read(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._lines.put(line.strip())

    def replay(self, memory: Path, kill_after_s: float | None = None) -> Attempt:
        assert self._process.stdin is not None
        self._process.stdin.write(
            json.dumps({"folder": str(self._folder), "memory": str(memory)}) + "\n"
        )
        self._process.stdin.flush()
        attempt, pid, started = Attempt(), None, False
        timer: threading.Timer | None = None
        while True:
            word, _, value = self._lines.get(timeout=60).partition(" ")
            if word == "pid":
                pid = int(value)
            elif word == "start":
                started = True
            elif word == "k":
                attempt.stored.append(int(value))
            elif word == "d":
                attempt.committed.append(int(value))
            elif word == "exit":
                if timer is not None:
                    timer.cancel()
                attempt.status = int(value)
                return attempt
            if started and pid and timer is None and kill_after_s is not None:
                timer = threading.Timer(kill_after_s, _kill, (pid,))
                timer.start()

    def close(self) -> None:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait(timeout=60)
        self._reader.join(timeout=60)
        self._process.stdout.close()


def _kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


@pytest.fixture
def runner(tmp_path: Path) -> Iterator[Runner]:
    folder = tmp_path / "frames"
    folder.mkdir()
    for i, view in enumerate(panorama_views(120, step_px=16, width=160)):
        cv2.imwrite(str(folder / f"{i:04d}.jpg"), view)
    runner = Runner(folder)
    yield runner
    runner.close()


def test_a_replay_killed_at_any_moment_goes_on_to_the_same_memory(
    runner: Runner, tmp_path: Path
) -> None:
    assert runner.imported == "imported nothing heavy"
    whole = tmp_path / "whole.db"
    first = runner.replay(whole)
    assert first.status == 0
    keyframes, deltas = contents(whole)
    assert len(keyframes) == len(deltas) == len(first.stored) > 10

    chance = random.Random(20250)
    kills = found_pending = resumed = 0
    memory, memories = tmp_path / "0.db", 1
    # Grows where the machine is slow, so that late moments are hit as well as early ones.
    longest_s = 0.4
    while kills < KILLS:
        before = contents(memory)
        attempt = runner.replay(memory, kill_after_s=chance.uniform(0.0, longest_s))
        if attempt.status == 0:
            assert contents(memory) == (keyframes, deltas)
            memory, memories = tmp_path / f"{memories}.db", memories + 1
            longest_s = max(0.2, longest_s * 0.8)
            continue
        assert attempt.status == -signal.SIGKILL
        kills += 1
        longest_s *= 1.03
        after = contents(memory)
        assert after[0] == keyframes[: len(after[0])], "keyframes are those of the whole run"
        assert after[1] == deltas[: len(after[1])], "deltas are those of the whole run"
        assert after[0][: len(before[0])] == before[0], "what was there is still there"
        assert len(after[1]) >= len(before[1])
        assert max(attempt.stored, default=-1) < len(after[0]), "what was told stored is stored"
        assert max(attempt.committed, default=-1) < len(after[1])
        found_pending += len(after[0]) > len(after[1])
        resumed += bool(before[0])
    assert runner.replay(memory).status == 0
    assert contents(memory) == (keyframes, deltas)
    again = runner.replay(memory)
    assert (again.status, again.stored, again.committed) == (0, [], [])
    assert contents(memory) == (keyframes, deltas)
    print(f"{kills} kills, {memories} memories, {resumed} resumed, {found_pending} left pending")
    assert found_pending
    assert resumed
