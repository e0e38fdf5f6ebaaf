"""What summaries cost: ``python bench/summaries.py [--keyframes 5000]``.

A memory in RAM is filled with the deltas of `bench/soak.py`'s robot. Times are thread times,
without waiting for a core.
"""

from __future__ import annotations

import argparse
import math
import statistics
import sys
import time
from pathlib import Path

import apsw

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from bench.soak import Floor, place_of
from embodied_agent.codec import to_json
from embodied_agent.memory.store import Store
from embodied_agent.memory.summaries import BLOCK, cover
from embodied_agent.records import Pose
from embodied_agent.settings import MemorySettings
from embodied_agent.transcript.summary_text import summary_text
from embodied_agent.transcript.text import Transcript

#: Keyframes in a lap of the robot, seconds between two, and tokens that the lines may take.
LAP, EVERY_S, TOKENS = 75, 4, 1536


def timed(store: Store, took_s: list[float]) -> None:
    """From now on, add how long summaries take with each delta to ``took_s``, in seconds."""
    extend = store.summaries.extend

    def timed_extend(db: apsw.Connection, last_id: int) -> None:
        started = time.thread_time()
        extend(db, last_id)
        took_s.append(time.thread_time() - started)

    store.summaries.extend = timed_extend  # type: ignore[method-assign]


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--keyframes", type=int, default=5000)
    count: int = parser.parse_args().keyframes
    floor, sizes, took_s = Floor(seed=0), [], []
    with Store.open("", MemorySettings(max_bytes=0)) as store:
        timed(store, took_s)
        for number in range(count):
            x, y, heading = place_of(number / LAP)
            turn = (0.0, 0.0, math.sin(heading / 2), math.cos(heading / 2))
            keyframe = store.add_keyframe(
                stamp_ns=number * EVERY_S * 10**9,
                jpeg=b"",
                width=160,
                height=120,
                reason="overlap",
                segment=0,
                pose=Pose((x, y, 0.0), turn, "map"),
            )
            delta = floor.perceive(None, keyframe)
            sizes.append(len(to_json(delta)))
            store.commit_delta(delta)
        started = time.thread_time()
        parts = store.summaries.before(count - 300)
        text = summary_text(parts, count - 300, TOKENS, Transcript(TOKENS).count)
        read_s = time.thread_time() - started
        stored = sum(len(to_json(part)) for part in parts)
    rows = len(list(cover((count - 300) // BLOCK)))
    print(f"{count} keyframes, {statistics.mean(sizes):.0f} bytes of delta each")
    print(f"with each delta    {1e3 * statistics.mean(took_s):.2f} ms on average, ", end="")
    print(f"{1e3 * max(took_s):.0f} ms at most")
    print(f"for a prompt       {rows} rows, {stored} bytes, read and written as ", end="")
    print(f"{text.count(chr(10))} lines in {1e3 * read_s:.0f} ms")


if __name__ == "__main__":
    main()
