"""The model that restates questions, in this process: ``python bench/restating.py``.

Loads the shipped adapter on its base (`embodied-agent models get smollm2`) and restates questions
of the development authors, one after the other: seconds per question, by the clock and of processor
time of all threads together, beside what the rules alone take to understand it; and the memory of
the process before and after.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not
# As the runtime does it before it imports torch (`embodied_agent.models.checkpoints`).
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import numpy as np
import torch

from embodied_agent.reasoning.restating import BuiltinRestater
from embodied_agent.rules.families import is_plain, understand
from embodied_agent.support.memory_use import resident_bytes
from training.restating.bank import development, filled


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Wall-clock and processor seconds."""
    wall, cpu = time.monotonic(), time.process_time()
    work()
    return time.monotonic() - wall, time.process_time() - cpu


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--model", default="", help="adapter or model; empty: the shipped adapter")
    parser.add_argument("--questions", type=int, default=60, help="how many are restated")
    parser.add_argument("--threads", type=int, default=0, help="of torch; 0: its default")
    a = parser.parse_args()
    if a.threads:
        torch.set_num_threads(a.threads)
    rng = np.random.default_rng(1)
    texts = [filled(phrasing, rng)[0] for phrasing in development()]
    asked = [texts[int(i)] for i in rng.permutation(len(texts))]
    asked = [text for text in asked if not is_plain(text)][: a.questions]
    understand(asked[0])
    before = resident_bytes() or 0
    models: list[BuiltinRestater] = []
    load = timed(lambda: models.append(BuiltinRestater(a.model)))
    restater = models[0]
    restater.restate(asked[0], timeout_s=600)
    times = [timed(lambda text=text: restater.restate(text, timeout_s=600)) for text in asked]
    rules_s = statistics.median(timed(lambda text=text: understand(text))[0] for text in asked)
    wall = sorted(seconds for seconds, _ in times)
    cpu = statistics.median(seconds for _, seconds in times)
    after = resident_bytes() or 0
    print(f"threads: {torch.get_num_threads()}, questions: {len(asked)}")
    print(f"loading: {load[0]:.1f} s ({load[1]:.1f} s of processor time)")
    print(
        f"a question: median {statistics.median(wall):.2f} s ({cpu:.2f} s of processor time), "
        f"95 % within {wall[int(0.95 * (len(wall) - 1))]:.2f} s, longest {wall[-1]:.2f} s"
    )
    print(f"understanding it by the rules alone: median {1000 * rules_s:.1f} ms")
    print(f"memory: {before / 1e6:.0f} MB before, {after / 1e6:.0f} MB with the model")


if __name__ == "__main__":
    main()
