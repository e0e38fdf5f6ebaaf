"""What all experiments share: options, arms trained per seed, marks, and saving with a plot.

A result says what was asked, which command made it, with which seeds and at which scale.

Not here: what any experiment asks, a result as it is kept (`results`).
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
#: Scenes of the held-out block that are read as text begin here, after those that are recorded.
HELD_SEED = HELD_OUT[100]
#: In distribution and out of it; 8 questions of each scene.
HELD = {"in": f"house:8@{HELD_SEED},city:8@{HELD_SEED}", "out": f"warehouse:16@{HELD_SEED}"}


@dataclass(frozen=True)
class Options:
    """What every experiment's command takes. ``began``: when, in seconds of the monotonic clock."""

    seeds: tuple[int, ...]
    scale: float
    runs: Path
    results: Path
    command: str
    began: float = field(default_factory=time.monotonic, compare=False)

    def scaled(self, count: int, least: int = 1) -> int:
        """``count`` at scale 1."""
        return max(least, round(count * self.scale))

    def result(self, **found: Any) -> Result:
        """What was found, by this command, with these seeds and scale unless it says otherwise."""
        minutes = round((time.monotonic() - self.began) / 60, 1)
        made = {
            "command": self.command, "seeds": self.seeds, "scale": self.scale, "minutes": minutes,
            "questions": EVEN,
        }  # fmt: skip
        return Result(**{**made, **found})


def options(name: str, docstring: str | None) -> Options:
    """Read an experiment's command line."""
    parser = argparse.ArgumentParser(
        description=docstring, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--seeds", type=int, default=3, help="how many; from 1 on")
    parser.add_argument("--scale", type=float, default=1.0, help="of steps and questions")
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
    """Train an arm (``grpo`` or ``sft``) from the supervised start, or take the finished one.

    The folder's name has scale and seed, so that arms are shared between experiments and a command
    that was interrupted goes on.
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


#: Shorter than builtin.yaml: 32 completions a step.
SHORT_GRPO = (
    "trainer.per_device_train_batch_size=32",
    "trainer.learning_rate=3e-4",
    "trainer.warmup_steps=4",
    "trainer.log_completions=false",
    "data.most_prompt_tokens=240",
)


def held(part: str, opts: Options, questions: int = 8) -> list[Episode]:
    """Held-out episodes ``in`` or ``out`` of distribution: all questions, also those whose answer
    does not follow from what was noted."""
    data = DataConfig(questions=opts.scaled(questions, 2), noise=0.5, answerable=False)
    return worlds(HELD[part], data)


def judge() -> Reference:
    """The shipped judge."""
    return open_reference("builtin")


def marks_of(
    model: Path, episodes: Sequence[Episode], reference: Reference, opts: Options
) -> list[Mark]:
    """A model's marks on episodes; it answers freely. Kept in ``opts.runs``, so that experiments
    that measure the same model share them, and one can read the replies."""
    digest = hashlib.sha256((model / "model.safetensors").read_bytes())
    digest.update(reference.name.encode())
    for episode in episodes:
        digest.update(f"{episode.transcript}{episode.task}{episode.answer}".encode())
    name = model.parent.name if model.name == "model" else model.name
    path = opts.runs / "marks" / f"{name}-{digest.hexdigest()[:12]}.jsonl"
    if not path.exists():
        answerer, _ = open_model(str(model), choose=False)
        found = evaluate(answerer, episodes, reference=reference, max_tokens=160)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_suffix(".part")
        part.write_text("".join(json.dumps(m.as_dict()) + "\n" for m in found.marks), "utf-8")
        part.replace(path)
    return [Mark(**json.loads(line)) for line in path.read_text(encoding="utf-8").splitlines()]


def spread(values: Sequence[float]) -> str:
    """Mean and, of two and more, the standard deviation over seeds, in per cent."""
    mean = 100 * statistics.fmean(values)
    if len(values) < 2:
        return f"{mean:.1f}"
    return f"{mean:.1f} ± {100 * statistics.stdev(values):.1f}"


def listed(head: str, lines: Sequence[str]) -> str:
    """A finding of several lines, as a Markdown list."""
    return "\n".join([f"{head}:", "", *(f"- {line}" for line in lines)])


def save(result: Result, opts: Options, plot: Callable[[Any], None] | None = None) -> None:
    """Write the JSON and the plot, and print the table."""
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
#: Where arms begin.
START = SUPERVISED
