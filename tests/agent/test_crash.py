"""Real kill -9 at random moments of a replay: nothing committed is lost or doubled."""

from __future__ import annotations

import random
import signal
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.crashes import Runner, contents, pictures
from tests.support.scratch import quick_folder

KILLS = 60


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir=quick_folder()) as name:
        yield Path(name)


@pytest.fixture
def runner(folder: Path) -> Iterator[Runner]:
    with Runner(pictures(folder / "frames")) as runner:
        yield runner


@pytest.mark.timeout(1200)
def test_a_replay_killed_at_any_moment_goes_on_to_the_same_memory(
    runner: Runner, folder: Path
) -> None:
    assert runner.imported == "imported nothing heavy"
    whole = folder / "whole.db"
    first = runner.replay(whole)
    assert first.status == 0
    keyframes, deltas = contents(whole)
    assert len(keyframes) == len(deltas) == len(first.stored) > 10

    chance = random.Random(20250)
    kills = found_pending = resumed = 0
    memory, memories = folder / "0.db", 1
    # Grows, faster while nothing is stored yet, so that a slow machine is hit at late moments too.
    longest_s = 0.4
    while kills < KILLS:
        before = contents(memory)
        attempt = runner.replay(memory, kill_after_s=chance.uniform(0.0, longest_s))
        if attempt.status == 0:
            assert contents(memory) == (keyframes, deltas)
            memory, memories = folder / f"{memories}.db", memories + 1
            longest_s = max(0.2, longest_s * 0.8)
            continue
        assert attempt.status == -signal.SIGKILL
        kills += 1
        after = contents(memory)
        longest_s *= 1.03 if after[0] else 1.3
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
