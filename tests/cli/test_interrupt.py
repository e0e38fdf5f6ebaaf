"""Ctrl-C at any time: one word, the exit code of an interruption, and nothing half."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from embodied_agent.memory.repair import check

#: Says "up" as soon as an interrupt is handled by the program instead of by Python's start.
_PROGRAM = """
import embodied_agent.cli.entry as entry, os
handled = entry._interruptible
def announced():
    before = handled()
    os.write(1, b"up")
    return before
entry._interruptible = announced
entry.main()
"""


@pytest.mark.parametrize("after_s", [0.0, 0.02, 0.1, 0.3, 0.8, 1.5, 3.0])
def test_a_replay_that_is_interrupted_ends_cleanly(
    walk: Path, tmp_path: Path, after_s: float
) -> None:
    memory = tmp_path / "memory.db"
    its = subprocess.Popen(
        [
            *(sys.executable, "-c", _PROGRAM, "replay", str(walk), "--memory", str(memory)),
            *("--perception", "geometry", "--speed", "0.2"),
        ],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert its.stdout is not None
    assert its.stdout.read(2) == b"up"
    time.sleep(after_s)
    its.send_signal(signal.SIGINT)
    _, told = its.communicate(timeout=60)
    assert its.returncode == 130, told
    assert b"Traceback" not in told
    # While the command line is being parsed, nothing has begun and nothing is printed.
    assert b"interrupted" in told or not told.strip()
    if memory.exists() and memory.stat().st_size:
        assert check(str(memory)).is_whole
