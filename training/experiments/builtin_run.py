"""Measure what a run of builtin.yaml gains over its supervised start, on held-out scenes.

    python -m training.grpo --config training/configs/builtin.yaml --out runs/grpo
    python -m training.experiments.builtin_run --model runs/grpo --without runs/grpo-without

All models answer the same questions, both freely, as in training, and with the likeliest choice, as
the runtime does. ``--without`` is a second run of the same length whose curriculum does not reward
consistency. The plot shows the run's log. A run with another start (``--set model.path=…``) is
compared with that start and gets its own section.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from training.evaluation.answering import open_model
from training.evaluation.marking import Mark, mark
from training.experiments.common import (
    HELD_SEED,
    START,
    judge,
    listed,
    marks_of,
    options,
    save,
)
from training.experiments.comparing import (
    by_question,
    cells,
    consistency,
    formatted,
    paired,
)
from training.rows import worlds
from training.run_config import DataConfig, load_config

#: Scenes other than those on which the run was evaluated during training.
_FIRST = HELD_SEED + 200
SCENES = {"in": f"house:24@{_FIRST},city:24@{_FIRST}", "out": f"warehouse:40@{_FIRST}"}
WITHOUT = ("Without the reward: the same run with format and accuracy 3:7 to the end.",)
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


def start_of(run: Path) -> Path:
    """The checkpoint from which a run started."""
    return Path(load_config(run / "config.yaml").model.folder)


def training_time(start: Path) -> str:
    """How long a start was trained by `training.reasoner`, according to its log."""
    rows = (start.parent / "log.jsonl").read_text(encoding="utf-8").splitlines()
    last = json.loads(rows[-1])
    return f"{last['questions']:,} questions in {last['minutes']:.0f} minutes on one core"


def runs_of(arguments: list[str]) -> tuple[Path, Path | None, list[str]]:
    """The run's folder, that of the run without the consistency reward, and other arguments."""
    parser = argparse.ArgumentParser(add_help=False)
    parser.add_argument("--model", type=Path, default=Path("runs/grpo"))
    parser.add_argument("--without", type=Path)
    parsed, rest = parser.parse_known_args(arguments)
    return parsed.model, parsed.without, rest


def main() -> None:
    """Evaluate all models, and save the result."""
    run, without, sys.argv[1:] = runs_of(sys.argv[1:])
    opts = options("builtin_run", __doc__)
    reference = judge()
    start_folder = start_of(run)
    models = {"supervised start": start_folder, "after GRPO": run / "model"}
    if without is not None:
        models["without the consistency reward"] = without / "model"
    data = DataConfig(questions=opts.scaled(8, 2), noise=0.5, answerable=False)
    log = history(run)
    steps = max(row["step"] for row in log)
    rows, findings = [], []
    for part, spec in SCENES.items():
        episodes = worlds(spec, data)
        marks: dict[tuple[str, str], list[Mark]] = {}
        for name, model in models.items():
            marks[(name, "freely")] = marks_of(model, episodes, reference, opts)
            answerer, _ = open_model(str(model))
            replies = answerer.replies([e.prompt for e in episodes], max_tokens=160)
            marks[(name, "likeliest choice")] = mark(episodes, replies)
        for (name, how), selected in marks.items():
            row: dict[str, Any] = {
                "model": name,
                "scenes": part,
                "answers": how,
                "questions": len(selected),
                **cells(selected),
            }
            if how == "freely":
                row |= {
                    "consistency": f"{100 * consistency(selected):.1f}",
                    "format": f"{100 * formatted(selected):.1f}",
                    "tokens": f"{sum(m.tokens for m in selected) / len(selected):.0f}",
                }
            rows.append(row)
        place = "in distribution" if part == "in" else "in the warehouse"
        start, *trained = models
        for name in trained:
            for how in ("freely", "likeliest choice"):
                change = paired(by_question(marks[(start, how)]), by_question(marks[(name, how)]))
                findings.append(f"{name}, accuracy {place}, {how}: {change}")
            consistency_change = paired(
                *(by_question(marks[(m, "freely")], "consistent") for m in (start, name))
            )
            findings.append(
                f"{name}, consistency {place}, where both are right: {consistency_change}"
            )
    columns = tuple(dict.fromkeys(key for row in rows for key in row))
    other = "" if start_folder == START else f" --set model.path={start_folder}"
    result = opts.result(
        name="builtin_run_earlier_start" if other else "builtin_run",
        title="A run of builtin.yaml" + (" from an earlier start" if other else ""),
        question=f"What do {steps} steps of GRPO gain over "
        + ("a start with less supervised training?" if other else "its supervised start?"),
        finding=listed("Changes from the supervised start", findings),
        command=(
            f"python -m training.grpo --config training/configs/builtin.yaml{other} --out {run}\n"
            f"{opts.command} --model {run}" + (f" --without {without}" if without else "")
        ),
        seeds=(),
        columns=columns,
        rows=tuple(rows),
        caveats=(
            "One run, one seed: the intervals are over held-out scenes, not over training runs.",
            "All questions, including those whose answer does not follow from the deltas.",
            *WITHOUT[: without is not None],
            *(
                [f"The start was trained from random weights: {training_time(start_folder)}."]
                if other
                else []
            ),
            "The minutes are those of the measurement, not of the training.",
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
