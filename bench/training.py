"""The cost of a GRPO step: generation, rewards, update; beside trl's own trainer.

    python bench/training.py --steps 2 --rounds 2
    python bench/training.py --model smollm2 --completions 8 --completion-tokens 32 \\
        --prompt-tokens 350 --steps 1 --rounds 2 --cpu-time

The same steps are run three ways, in short runs that take turns in one process, in one order and
then in the other: with each group's prompt processed once (`model.shared_prompts`); with it
processed for every completion, as trl does; and with trl's `GRPOTrainer` itself, given the same
arguments, data, rewards and model. `outside` is the time of a step apart from generation, rewards,
the reference policy and the update.

Rewards are computed, then replaced by others that differ within every group: a group without a
gradient would be skipped by one of the ways and not by the others.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
import warnings
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Before this file's own folder, in which `training` would mean this file.
sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not
os.environ.setdefault("OMP_NUM_THREADS", "1")
warnings.filterwarnings("ignore")

import torch  # noqa: E402
from transformers.utils import logging as transformers_logging  # noqa: E402
from trl import GRPOTrainer  # noqa: E402

from embodied_agent.errors import AgentError  # noqa: E402
from training import grpo  # noqa: E402
from training.rows import training_rows  # noqa: E402
from training.run_config import RunConfig, load_config  # noqa: E402

CONFIG = Path(__file__).parent.parent / "training" / "configs" / "builtin.yaml"
PARTS = {
    "_generate_single_turn": "generate",
    "_calculate_rewards": "rewards",
    "_generate_and_score_completions": "sample and score",
    "training_step": "step",
}
ONCE, EACH, PLAIN = (
    "prompt read once per group", "prompt read per completion", "trl's GRPOTrainer"
)  # fmt: skip
Clock = Callable[[], float]


@contextmanager
def timed(trainer: Any, spent: dict[str, float], clock: Clock) -> Iterator[None]:
    """Add the time spent in each part of the trainer to ``spent``."""
    for method, name in PARTS.items():
        inner = getattr(trainer, method)

        def outer(*args: Any, _inner: Any = inner, _name: str = name, **kwargs: Any) -> Any:
            began = clock()
            try:
                return _inner(*args, **kwargs)
            finally:
                spent[_name] += clock() - began

        setattr(trainer, method, outer)
    yield


def varied(reward: Any) -> Any:
    """``reward`` is computed as ever; what counts is a value that differs from reply to reply."""

    def rewarded(*args: Any, completions: list[Any], **kwargs: Any) -> list[float]:
        reward(*args, completions=completions, **kwargs)
        return [number % 8 / 8 for number in range(len(completions))]

    return rewarded


def make_trainer(way: str, config: RunConfig, out: Path) -> Any:
    """The trainer of one of the three ways."""
    trainer: Any = grpo.make_trainer(config, out, training_rows(config.data, config.model.prompt))
    trainer.reward_funcs = [varied(reward) for reward in trainer.reward_funcs]
    if way != PLAIN:
        return trainer
    plain = GRPOTrainer(
        model=trainer.model,
        reward_funcs=trainer.reward_funcs,
        args=trainer.args,
        train_dataset=trainer.train_dataset,
        processing_class=trainer.processing_class,
    )
    first = config.curriculum[0].weights
    plain.reward_weights = torch.tensor(first[: len(trainer.reward_funcs)])
    return plain


def measure(way: str, a: argparse.Namespace, steps: int, spent: dict[str, float]) -> None:
    """Train for some steps in one of the ways, and add their times to ``spent``."""
    clock: Clock = time.process_time if a.cpu_time else time.perf_counter
    builtin = a.model == "builtin"
    config = load_config(
        CONFIG,
        [
            *([] if builtin else [
                f"model.path={a.model}", "model.prompt=full", "reference.spec=",
                "curriculum=[{until: 1.0, format: 3, accuracy: 7, consistency: 0}]",
            ]),
            f"model.shared_prompts={str(way == ONCE).lower()}",
            f"data.most_prompt_tokens={a.prompt_tokens}",
            f"trainer.max_completion_length={a.completion_tokens}",
            f"trainer.max_steps={steps}",
            f"trainer.per_device_train_batch_size={a.completions}",
            "trainer.eval_strategy=no",
            "trainer.save_strategy=no",
            "trainer.report_to=none",
            "trainer.log_completions=false",
            "trainer.logging_steps=1",
            "trainer.disable_tqdm=true",
            f"trainer.use_cpu={str(not torch.cuda.is_available()).lower()}",
            "data.worlds=house:3,city:3",
            "data.held_worlds=",
            *a.set,
        ],
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        trainer = make_trainer(way, config, Path(folder))
        with timed(trainer, spent, clock):
            began = clock()
            trainer.train()
            spent["all"] += clock() - began
        logs = [row for row in trainer.state.log_history if "num_tokens" in row]
        spent["tokens read and written"] += logs[-1]["num_tokens"]
        spent["tokens written"] += sum(
            row["completions/mean_length"] * a.completions for row in logs if "loss" in row
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
    parser.add_argument(
        "--model", default="builtin", help="builtin, a checkpoint folder or a fetched base"
    )
    parser.add_argument("--prompt-tokens", type=int, default=320, help="longest prompt")
    parser.add_argument("--completion-tokens", type=int, default=160, help="longest completion")
    parser.add_argument(
        "--set", action="append", default=[], metavar="SECTION.KEY=VALUE",
        help="override one value of the configuration",
    )  # fmt: skip
    parser.add_argument(
        "--cpu-time", action="store_true",
        help="count this process's CPU seconds: for a machine with other work",
    )  # fmt: skip
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    ways: dict[str, dict[str, float]] = {way: defaultdict(float) for way in (ONCE, EACH, PLAIN)}
    try:
        measure(ONCE, a, 1, defaultdict(float))  # imports, first-time costs
        for turn in range(a.rounds):
            for way in [*ways] if turn % 2 == 0 else [*ways][::-1]:
                measure(way, a, a.steps, ways[way])
    except AgentError as error:
        sys.exit(str(error))
    print_table(ways, a)


def print_table(ways: dict[str, dict[str, float]], a: argparse.Namespace) -> None:
    """The costs of each way, and how they compare."""
    print(
        f"\n{a.model}: {a.completions} completions a step, {a.rounds * a.steps} steps of each way, "
        f"{a.threads} thread(s), {'GPU' if torch.cuda.is_available() else 'CPU'}, "
        f"{'CPU' if a.cpu_time else 'wall'} seconds\n"
    )
    print(
        "| | s per step | generate | rewards | reference policy | update | outside | generated "
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
    plain = ways[PLAIN]["all"] / ways[PLAIN]["steps"]
    for way in (ONCE, EACH):
        share = ways[way]["all"] / ways[way]["steps"] / plain
        print(f"\n{way}: {share:.2f} of the time of {PLAIN}.")


if __name__ == "__main__":
    main()
