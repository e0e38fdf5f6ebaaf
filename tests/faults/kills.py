"""kill -9 at random moments of a replay, of `run`, and of answering.

Out of scope: the broker's kills and the agent's MQTT service (`broker`).
"""

from __future__ import annotations

import random
import signal
from pathlib import Path

from embodied_agent.memory.repair import check
from embodied_agent.memory.store import Store
from embodied_agent.settings import MemorySettings
from tests.faults.tally import Tally
from tests.support.crashes import Attempt, Runner, contents, has_tables, pictures

#: Starts in a row that may end before they are killed.
_MOST_ENDED = 50


def replay(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """Replays that are killed, and gone on with until they are whole."""
    with Runner(pictures(folder / "frames")) as runner:
        whole = folder / "whole.db"
        assert runner.replay(whole).status == 0
        keyframes, deltas = contents(whole)
        assert len(keyframes) == len(deltas) > 10
        memory, memories, longest_s, kills, ended = folder / "0.db", 1, 0.4, 0, 0
        while kills < count and ended < _MOST_ENDED:
            before = contents(memory)
            attempt = runner.replay(memory, kill_after_s=draw.uniform(0.0, longest_s))
            if attempt.status == 0:
                ended += 1
                with tally.attempt(f"replay {memory.name} to its end", 0):
                    assert contents(memory) == (keyframes, deltas), "it is not the same memory"
                    _whole(memory)
                memory, memories = folder / f"{memories}.db", memories + 1
                longest_s = max(0.2, longest_s * 0.8)
                continue
            ended, kills = 0, kills + 1
            with tally.attempt(f"kill {kills} of {memory.name}"):
                _killed(attempt)
                after = contents(memory)
                longest_s *= 1.03 if after[0] else 1.3
                assert after[0] == keyframes[: len(after[0])], "other keyframes than of the whole"
                assert after[1] == deltas[: len(after[1])], "other deltas than of the whole"
                assert after[0][: len(before[0])] == before[0], "a keyframe is gone"
                assert len(after[1]) >= len(before[1]), "a delta is gone"
                _told(attempt, len(after[0]), len(after[1]))
        with tally.attempt("the end of the last replay", 0):
            assert runner.replay(memory).status == 0
            assert contents(memory) == (keyframes, deltas), "it is not the same memory"
            again = runner.replay(memory)
            assert (again.status, again.stored, again.committed) == (0, [], [])


def run(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """`embodied-agent run`, killed and started again with the same memory."""
    memory, longest_s = folder / "run.db", 1.0
    with Runner(pictures(folder / "frames", 40)) as runner:
        for kill in range(count):
            before = contents(memory)
            attempt = runner.start("run", memory, kill_after_s=draw.uniform(0.0, longest_s))
            with tally.attempt(f"kill {kill}"):
                _killed(attempt)
                after = contents(memory)
                grown = len(after[0]) > len(before[0])
                longest_s = max(0.5, longest_s * (0.9 if grown else 1.5))
                assert after[0][: len(before[0])] == before[0], "an earlier keyframe changed"
                assert after[1][: len(before[1])] == before[1], "an earlier delta changed"
                _told(attempt, len(after[0]), len(after[1]))
                if grown and before[0]:
                    first, last = after[0][len(before[0])], before[0][-1]
                    assert _segment(first) > _segment(last), "the restart began no segment"
                _whole(memory)


def ask(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """An agent that answers one question after another, killed and started again."""
    memory, longest_s = folder / "ask.db", 0.5
    with Runner(pictures(folder / "frames", 40)) as runner:
        assert runner.replay(memory).status == 0
        seen = contents(memory)
        given: set[str] = set()
        for kill in range(count):
            attempt = runner.start("ask", memory, kill_after_s=draw.uniform(0.0, longest_s))
            longest_s *= 0.95 if attempt.answered else 1.3
            given.update(attempt.answered)
            with tally.attempt(f"kill {kill}"):
                _killed(attempt)
                with Store.open(str(memory), MemorySettings(), read_only=True) as store:
                    stored = [question.id for question, _ in store.answers(limit=1_000_000)]
                assert len(stored) == len(set(stored)), "an answer is stored twice"
                assert given <= set(stored), f"not stored: {sorted(given - set(stored))[:5]}"
                assert contents(memory) == seen, "what was seen changed"
                _whole(memory)


def _killed(attempt: Attempt) -> None:
    assert attempt.status == -signal.SIGKILL, f"it ended with {attempt.status}: {attempt.lines}"


def _told(attempt: Attempt, keyframes: int, deltas: int) -> None:
    """What the process said was stored is stored."""
    assert max(attempt.stored, default=-1) < keyframes, "a keyframe that was told is not there"
    assert max(attempt.committed, default=-1) < deltas, "a delta that was told is not there"


def _whole(memory: Path) -> None:
    if has_tables(memory):
        found = check(str(memory))
        assert found.is_whole, found


def _segment(keyframe: tuple[object, ...]) -> int:
    from embodied_agent.records import Keyframe

    place = list(Keyframe.__dataclass_fields__).index("segment")
    value = keyframe[place]
    assert isinstance(value, int)
    return value
