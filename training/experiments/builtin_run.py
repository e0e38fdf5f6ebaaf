"""What a run of builtin.yaml gains over the shipped reasoner, on held-out scenes.

    python -m training.grpo --config training/configs/builtin.yaml --out runs/grpo \\
        --set trainer.max_steps=240
    python -m training.experiments.builtin_run --model runs/grpo

Both answer the same questions: freely, as in training, and with the likeliest of the choices, as
the runtime answers. The plot is the run's own log.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from training.evaluation.answering import open_model
from training.evaluation.marking import Mark, mark, wilson
from training.experiments.common import (
    SHIPPED_REASONER,
    Result,
    clock,
    judge,
    listed,
    marks_of,
    options,
    save,
)
from training.experiments.comparing import (
    WEAK,
    accuracy,
    by_question,
    consistency,
    formatted,
    paired,
    sound_consistency,
)
from training.rows import worlds
from training.run_config import DataConfig

#: Other held-out scenes than those that the run looked at while it trained.
SCENES = {"in": "house:24@520000,city:24@520000", "out": "warehouse:40@520000"}
CURVES = {
    "rewards/accuracy/mean": "accuracy, training",
    "rewards/consistency/mean": "consistency, training",
    "eval_id_rewards/accuracy/mean": "accuracy, held out",
    "eval_ood_rewards/accuracy/mean": "accuracy, warehouse",
}


def history(run: Path) -> list[dict[str, Any]]:
    """The log of a finished run."""
    last = max(run.glob("checkpoint-*"), key=lambda p: int(p.name.rsplit("-", 1)[1]))
    state = json.loads((last / "trainer_state.json").read_text(encoding="utf-8"))
    return list(state["log_history"])


def run_of(arguments: list[str]) -> tuple[Path, list[str]]:
    """The run's folder, and the arguments that are left."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--model", type=Path, default=Path("runs/grpo"))
    found, rest = parser.parse_known_args(arguments)
    return found.model, rest


def main() -> None:
    """Ask both, save."""
    run, sys.argv[1:] = run_of(sys.argv[1:])
    opts = options("builtin_run", __doc__)
    minutes, reference = clock(), judge()
    models = {"shipped": SHIPPED_REASONER, "after GRPO": run / "model"}
    data = DataConfig(questions=opts.scaled(8, 2), noise=0.5)
    log = history(run)
    steps = max(row["step"] for row in log)
    rows, said = [], []
    for part, spec in SCENES.items():
        episodes = worlds(spec, data)
        marks: dict[tuple[str, str], list[Mark]] = {}
        for name, model in models.items():
            marks[(name, "freely")] = marks_of(model, episodes, reference, opts)
            answerer, _ = open_model(str(model))
            replies = answerer.replies([e.prompt for e in episodes], max_tokens=160)
            marks[(name, "likeliest choice")] = mark(episodes, replies)
        for (name, how), some in marks.items():
            low, high = wilson(accuracy(some), len(some))
            row: dict[str, Any] = {
                "model": name,
                "scenes": part,
                "answers": how,
                "questions": len(some),
                "accuracy": f"{100 * accuracy(some):.1f}",
                "95 % interval": f"{100 * low:.1f} to {100 * high:.1f}",
            }
            if how == "freely":
                row |= {
                    "consistency": f"{100 * consistency(some):.1f}",
                    "consistency, 6 types": f"{100 * sound_consistency(some):.1f}",
                    "format": f"{100 * formatted(some):.1f}",
                    "tokens": f"{sum(m.tokens for m in some) / len(some):.0f}",
                }
            rows.append(row)
        place = "in distribution" if part == "in" else "in the warehouse"
        for how in ("freely", "likeliest choice"):
            before, after = (marks[(name, how)] for name in models)
            change = paired(by_question(before), by_question(after))
            said.append(f"accuracy {place}, {how}: {change}")
        before, after = (
            [m for m in marks[(name, "freely")] if m.category not in WEAK] for name in models
        )
        agreed = paired(by_question(before, "consistent"), by_question(after, "consistent"))
        said.append(f"consistency {place}, 6 types, where both are right: {agreed}")
    columns = tuple(dict.fromkeys(key for row in rows for key in row))
    result = Result(
        name="builtin_run",
        title="A run of builtin.yaml",
        question=f"What do {steps} steps of GRPO gain over the shipped reasoner?",
        finding=listed("Changes by the run", said),
        command=(
            "python -m training.grpo --config training/configs/builtin.yaml --out runs/grpo "
            f"--set trainer.max_steps={steps}\n{opts.command} --model {run}"
        ),
        seeds=(),
        scale=opts.scale,
        minutes=minutes(),
        columns=columns,
        rows=tuple(rows),
        caveats=(
            "One run, one seed: the intervals are over held-out scenes, not over trainings.",
            "6 types: without relative direction and relative distance, where the judge is weak.",
            "Minutes are those of the measurement, not of the training.",
        ),
    )

    def plot(axes: Any) -> None:
        for key, label in CURVES.items():
            points = [(row["step"], 100 * row[key]) for row in log if key in row]
            if points:
                style = "o--" if key.startswith("eval") else "-"
                axes.plot(*zip(*points, strict=True), style, label=label)
        axes.set(xlabel="step", ylabel="%", ylim=(0, 105))
        axes.legend(fontsize=8)

    save(result, opts, plot)


if __name__ == "__main__":
    main()
