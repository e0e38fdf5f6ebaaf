"""Replays whose memory (RAM) runs out at any moment."""

from __future__ import annotations

import random
from pathlib import Path

from embodied_agent.memory.repair import check
from tests.faults.tally import Tally
from tests.support.crashes import Runner, contents, has_tables, pictures

#: Most that a replay may take beyond what it has at its start, in bytes.
_MOST_BYTES = 120_000_000


def limits(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """Replays under a limit of address space; afterwards one without goes on from there."""
    with Runner(pictures(folder / "frames")) as runner:
        whole = folder / "whole.db"
        assert runner.replay(whole).status == 0
        expected = contents(whole)
        for number in range(count):
            memory = folder / f"{number}.db"
            more_bytes = draw.randrange(_MOST_BYTES)
            with tally.attempt(f"replay {number} with {more_bytes:,} more bytes"):
                attempt = runner.start("replay", memory, more_bytes=more_bytes)
                after = contents(memory)
                assert after[0] == expected[0][: len(after[0])], "other keyframes than of the whole"
                assert after[1] == expected[1][: len(after[1])], "other deltas than of the whole"
                assert max(attempt.stored, default=-1) < len(after[0]), "a keyframe is not there"
                if has_tables(memory):
                    assert check(str(memory)).is_whole, check(str(memory))
                assert runner.replay(memory).status == 0
                assert contents(memory) == expected, "it is not the same memory"
