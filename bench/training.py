"""The cost of a GRPO step of the built-in reasoner: generation, rewards, update.

    python bench/training.py --steps 2 --rounds 2

The same steps are run with each group's prompt processed once (`model.shared_prompts`) and, as in
trl, for every completion, in short runs that take turns in one process. `outside` is the time of a
step apart from generation, rewards, the reference policy and the update.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Before this file's own folder, in which `training` would mean this file.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not
os.environ.setdefault("OMP_NUM_THREADS", "1")
warnings.filterwarnings("ignore")

import torch  # noqa: E402
from transformers.utils import logging as transformers_logging  # noqa: E402

from training import grpo  # noqa: E402
from training.rows import training_rows  # noqa: E402
from training.run_config import load_config  # noqa: E402

CONFIG = Path(__file__).parent.parent / "training" / "configs" / "builtin.yaml"
PARTS = {
    "_generate_single_turn": "generate",
    "_calculate_rewards": "rewards",
    "_generate_and_score_completions": "sample and score",
    "training_step": "step",
}


@contextmanager
def timed(trainer: Any, spent: dict[str, float]) -> Iterator[None]:
    """Add the time spent in each part of the trainer to ``spent``."""
    for method, name in PARTS.items():
        inner = getattr(trainer, method)

        def outer(*args: Any, _inner: Any = inner, _name: str = name, **kwargs: Any) -> Any:
            began = time.perf_counter()
            try:
                return _inner(*args, **kwargs)
            finally:
                spent[_name] += time.perf_counter() - began

        setattr(trainer, method, outer)
    yield


def measure(shared: bool, steps: int, completions: int, spent: dict[str, float]) -> None:
    """Train the shipped reasoner for some steps, and add their times to ``spent``."""
    config = load_config(
        CONFIG,
        [
            f"model.shared_prompts={str(shared).lower()}",
            f"trainer.max_steps={steps}",
            f"trainer.per_device_train_batch_size={completions}",
            "trainer.eval_strategy=no",
            "trainer.save_strategy=no",
            "trainer.report_to=none",
            "trainer.log_completions=false",
            "trainer.logging_steps=1",
            "trainer.disable_tqdm=true",
            "data.worlds=house:3,city:3",
            "data.held_worlds=",
        ],
    )
    with tempfile.TemporaryDirectory() as folder:
        rows = training_rows(config.data, config.model.prompt)
        trainer = grpo.make_trainer(config, Path(folder), rows)
        with timed(trainer, spent):
            began = time.perf_counter()
            trainer.train()
            spent["all"] += time.perf_counter() - began
        logs = [row for row in trainer.state.log_history if "num_tokens" in row]
        spent["tokens read and written"] += logs[-1]["num_tokens"]
        spent["tokens written"] += sum(
            row["completions/mean_length"] * completions for row in logs if "loss" in row
        )
        spent["steps"] += steps


def main() -> None:
    """Parse the command line, measure, and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=2, help="steps of each short run")
    parser.add_argument("--rounds", type=int, default=2, help="short runs of each way")
    parser.add_argument("--completions", type=int, default=64, help="completions per step")
    parser.add_argument("--threads", type=int, default=1, help="CPU threads")
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    ways: dict[str, dict[str, float]] = {
        "prompt read once per group": defaultdict(float),
        "prompt read per completion": defaultdict(float),
    }
    measure(True, 1, a.completions, defaultdict(float))  # imports, first-time costs
    for _ in range(a.rounds):
        for shared, spent in zip((True, False), ways.values(), strict=True):
            measure(shared, a.steps, a.completions, spent)
    print(
        f"\n{a.completions} completions per step, {a.rounds * a.steps} steps of each way, "
        f"{a.threads} thread(s), {'GPU' if torch.cuda.is_available() else 'CPU'}\n"
    )
    print(
        "| | s a step | generate | rewards | reference policy | update | outside | generated "
        "tokens/s | trained tokens/s |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    for name, s in ways.items():
        steps = s["steps"]
        policy = s["sample and score"] - s["generate"] - s["rewards"]
        update = s["step"] - s["sample and score"]
        outside = s["all"] - s["step"]
        cells = [
            f"{s['all'] / steps:.2f}",
            *(f"{100 * part / s['all']:.0f} %" for part in
              (s["generate"], s["rewards"], policy, update, outside)),
            f"{s['tokens written'] / s['generate']:.0f}",
            f"{s['tokens read and written'] / update:.0f}",
        ]  # fmt: skip
        print(f"| {name} | {' | '.join(cells)} |")
    once, each = (s["all"] / s["steps"] for s in ways.values())
    print(f"\nReading each prompt once: {each / once:.1f} times as fast.")


if __name__ == "__main__":
    main()
