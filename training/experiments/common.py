"""Shared parts of the experiments: options, arms trained per seed, marks, saving with a plot.

Out of scope: the individual experiments, the format of results (`results`).
"""

from __future__ import annotations

import argparse
import hashlib
import json
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from embodied_agent.models.checkpoints import SHIPPED
from sim_clips.splits import HELD_OUT
from training import grpo, sft
from training.episodes.rows import Episode
from training.evaluate import evaluate
from training.evaluation.answering import open_model
from training.evaluation.marking import Mark
from training.experiments.results import EVEN, RESULTS, Result, table, write_result
from training.reference import Reference, open_reference
from training.rows import worlds
from training.run_config import SUPERVISED, DataConfig, load_config

CONFIGS = Path(__file__).parent.parent / "configs"
#: First seed of the held-out block for text episodes; earlier ones are recorded as clips.
HELD_SEED = HELD_OUT[100]
#: Scenes in distribution and out of distribution, with 8 questions each.
HELD = {"in": f"house:8@{HELD_SEED},city:8@{HELD_SEED}", "out": f"warehouse:16@{HELD_SEED}"}


@dataclass(frozen=True)
class Options:
    """Command-line options of every experiment. ``began`` is the start on the monotonic clock, in
    seconds."""

    seeds: tuple[int, ...]
    scale: float
    runs: Path
    results: Path
    command: str
    began: float = field(default_factory=time.monotonic, compare=False)

    def scaled(self, count: int, least: int = 1) -> int:
        """``count`` times the scale, at least ``least``."""
        return max(least, round(count * self.scale))

    def result(self, **fields: Any) -> Result:
        """A result of this command; fields that are not given come from the options."""
        minutes = round((time.monotonic() - self.began) / 60, 1)
        defaults = {
            "command": self.command, "seeds": self.seeds, "scale": self.scale, "minutes": minutes,
            "questions": EVEN,
        }  # fmt: skip
        return Result(**{**defaults, **fields})


def options(name: str, docstring: str | None) -> Options:
    """Parse an experiment's command line."""
    parser = argparse.ArgumentParser(
        description=docstring, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, help="number of seeds, from 1")
    parser.add_argument("--scale", type=float, default=1.0, help="scale of steps and questions")
    parser.add_argument("--runs", type=Path, default=Path("runs/experiments"))
    parser.add_argument("--results", type=Path, default=RESULTS)
    parser.add_argument("--threads", type=int, default=1)
    a = parser.parse_args()
    torch.set_num_threads(a.threads)
    command = f"python -m training.experiments.{name} --seeds {a.seeds} --scale {a.scale:g}"
    return Options(tuple(range(1, a.seeds + 1)), a.scale, a.runs, a.results, command)


def trained(
    kind: str, name: str, seed: int, opts: Options, overrides: Sequence[str], steps: int
) -> Path:
    """Train an arm (``grpo`` or ``sft``) from the supervised start, unless it is already trained;
    returns its folder.

    The folder's name contains scale and seed, so that experiments share arms and an interrupted
    command resumes.
    """
    folder = opts.runs / f"{name}-{opts.scale:g}-seed{seed}"
    if (folder / "model" / "config.json").exists():
        return folder
    config = load_config(
        CONFIGS / ("builtin.yaml" if kind == "grpo" else "builtin-sft.yaml"),
        [
            f"trainer.max_steps={opts.scaled(steps, 4)}",
            f"trainer.seed={seed}",
            f"data.seed={seed}",
            "data.worlds=house:40,city:40",
            "data.held_worlds=",
            "trainer.eval_strategy=no",
            f"trainer.save_steps={opts.scaled(steps, 4)}",
            "trainer.logging_steps=2",
            *overrides,
        ],
    )
    (grpo if kind == "grpo" else sft).run(config, folder)
    return folder


#: Overrides of builtin.yaml for short runs: 32 completions per step.
SHORT_GRPO = (
    "trainer.per_device_train_batch_size=32",
    "trainer.learning_rate=3e-4",
    "trainer.warmup_steps=4",
    "trainer.log_completions=false",
    "data.most_prompt_tokens=240",
)


def held(part: str, opts: Options, questions: int = 8) -> list[Episode]:
    """Held-out episodes, ``in`` or ``out`` of distribution: all questions, including those whose
    answer does not follow from the deltas."""
    data = DataConfig(questions=opts.scaled(questions, 2), noise=0.5, answerable=False)
    return worlds(HELD[part], data)


def judge() -> Reference:
    """The shipped judge."""
    return open_reference("builtin")


def marks_of(
    model: Path, episodes: Sequence[Episode], reference: Reference, opts: Options
) -> list[Mark]:
    """The marks of a model that answers freely. They are stored in ``opts.runs``, so that
    experiments on the same model share them and the replies can be inspected."""
    digest = hashlib.sha256((model / "model.safetensors").read_bytes())
    digest.update(reference.name.encode())
    for episode in episodes:
        digest.update(f"{episode.transcript}{episode.task}{episode.answer}".encode())
    name = model.parent.name if model.name == "model" else model.name
    path = opts.runs / "marks" / f"{name}-{digest.hexdigest()[:12]}.jsonl"
    if not path.exists():
        answerer, _ = open_model(str(model), choose=False)
        evaluation = evaluate(answerer, episodes, reference=reference, max_tokens=160)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text("".join(json.dumps(m.as_dict()) + "\n" for m in evaluation.marks), "utf-8")
        part.replace(path)
    return [Mark(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def spread(values: Sequence[float]) -> str:
    """Mean over seeds and, with two or more, standard deviation, in per cent."""
    mean = 100 * statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.1f}"
    return f"{mean:.1f} ± {100 * statistics.stdev(values):.1f}"


def listed(head: str, lines: Sequence[str]) -> str:
    """A finding with several items, as a Markdown list."""
    return "\n".join([f"{head}:", "", *(f"- {line}" for line in lines)])


def save(result: Result, opts: Options, plot: Callable[[Any], None] | None = None) -> None:
    """Write the JSON and the plot, and print table and finding."""
    write_result(result, opts.results)
    if plot is not None:
        import matplotlib

        matplotlib.use("Agg")
        from matplotlib import pyplot

        figure, axes = pyplot.subplots(figsize=(6.4, 3.4))
        plot(axes)
        axes.grid(alpha=0.3)
        figure.tight_layout()
        figure.savefig(opts.results / f"{result.name}.png", dpi=110)
        pyplot.close(figure)
    print(table(result))
    print(result.finding)


SHIPPED_REASONER = SHIPPED / "reasoner"
#: The checkpoint from which arms start.
START = SUPERVISED
