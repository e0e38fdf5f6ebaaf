"""Experiment 2: training with and without the consistency reward, for the same number of steps.

    python -m training.experiments.consistency --seeds 3

`with` follows the published curriculum; `without` rewards format and accuracy only. Both arms start
from the supervised start, whose reasoning already leads to its answers, and from a start whose
conclusions use a notation of its own (`training.experiments.illegible`). The same judge rewards and
measures; experiment 4 measures with others.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from training.evaluation.marking import Mark
from training.experiments.common import (
    SHORT_GRPO,
    START,
    Options,
    held,
    judge,
    listed,
    marks_of,
    options,
    save,
    spread,
    trained,
)
from training.experiments.comparing import MEASURES, over_seeds
from training.experiments.illegible import STEPS as ILLEGIBLE_TRAINED
from training.experiments.illegible import drawn, illegible_start, preference

STEPS, ILLEGIBLE_STEPS = 30, 150
WITHOUT = (
    "curriculum=[{until: 0.16666667, format: 7, accuracy: 3, consistency: 0},"
    " {until: 1.0, format: 3, accuracy: 7, consistency: 0}]"
)
ARMS = {"with": (), "without": (WITHOUT,)}
NAMES = {"with": "with the reward", "without": "without it"}
ONE_SEED = "not compared: needs two or more seeds"

#: Marks per seed.
Marks = Sequence[Sequence[Mark]]


def arms(opts: Options) -> dict[str, list[Path]]:
    """The run folders of both arms, one per seed."""
    folders: dict[str, list[Path]] = {name: [] for name in ARMS}
    for seed in opts.seeds:
        for name, overrides in ARMS.items():
            more = [*SHORT_GRPO, *overrides]
            folders[name].append(trained("grpo", f"grpo-{name}", seed, opts, more, STEPS))
    return folders


def illegible_arms(opts: Options, start: Path) -> dict[str, list[Path]]:
    """The run folders of both arms from the illegible start."""
    return {
        name: [
            trained(
                "grpo", f"illegible-{name}", seed, opts,
                [*SHORT_GRPO, *overrides, f"model.path={start}"], ILLEGIBLE_STEPS,
            )
            for seed in opts.seeds
        ]
        for name, overrides in ARMS.items()
    }  # fmt: skip


def row_of(name: str, parts: Mapping[str, Marks]) -> dict[str, Any]:
    """An arm's table row: every measure in each part, as means over seeds."""
    row: dict[str, Any] = {"arm": name}
    for part, some in parts.items():
        for measure, value in MEASURES.items():
            row[f"{measure} ({part})"] = spread([value(marks) for marks in some])
    lengths = [m.tokens for marks in next(iter(parts.values())) for m in marks]
    row["tokens"] = f"{sum(lengths) / len(lengths):.0f}"
    return row


def means_of(models: Mapping[str, Marks]) -> dict[str, dict[str, float]]:
    """The mean of every measure over seeds, per model, for the plot."""
    return {
        name: {
            measure: sum(map(value, seeds)) / len(seeds)
            for measure, value in MEASURES.items()
        }
        for name, seeds in models.items()
    }  # fmt: skip


def compared(first: Marks, second: Marks, place: str) -> list[str]:
    """The differences of the second arm from the first, with intervals over the seeds."""
    findings = []
    for name in ("consistency", "accuracy"):
        value = MEASURES[name]
        difference = over_seeds([value(m) for m in first], [value(m) for m in second])
        findings.append(f"{name} {place}: {difference or ONE_SEED}")
    return findings


def bars(axes: Any, means: Mapping[str, Mapping[str, float]]) -> None:
    """Plot accuracy and consistency ratio of each model."""
    for shift, measure in ((-0.2, "accuracy"), (0.2, "consistency")):
        heights = [100 * some[measure] for some in means.values()]
        at = [i + shift for i in range(len(means))]
        axes.bar(at, heights, 0.38, label=measure)
        for x, height in zip(at, heights, strict=True):
            axes.text(x, height + 1, f"{height:.0f}", ha="center", fontsize=8)
    axes.set_xticks(range(len(means)), [name.replace(", ", ",\n") for name in means], fontsize=8)
    axes.set(ylabel="%", ylim=(0, 118))
    axes.legend(loc="upper center", ncols=2, fontsize=8)


def main() -> None:
    """Train and measure both arms, and save the result."""
    opts = options("consistency", __doc__)
    reference = judge()
    episodes = {part: held(part, opts) for part in ("in", "out")}
    illegible = illegible_start(opts)
    preferred = preference(episodes["in"], drawn(illegible, episodes["in"]))
    models: dict[str, list[Path]] = {"start": [START]}
    models |= {NAMES[name]: [run / "model" for run in runs] for name, runs in arms(opts).items()}
    models["illegible start"] = [illegible]
    models |= {
        f"illegible, {NAMES[name]}": [run / "model" for run in runs]
        for name, runs in illegible_arms(opts, illegible).items()
    }
    marks = {
        name: {p: [marks_of(f, e, reference, opts) for f in folders] for p, e in episodes.items()}
        for name, folders in models.items()
    }
    rows = tuple(row_of(name, parts) for name, parts in marks.items())
    means = means_of({name: parts["in"] for name, parts in marks.items()})
    findings = []
    for prefix, start in (
        ("", "from the supervised start"),
        ("illegible, ", "from the illegible start"),
    ):
        for part, place in (("in", "in distribution"), ("out", "out of distribution")):
            without, rewarded = (
                marks[f"{prefix}{NAMES[name]}"][part] for name in ("without", "with")
            )
            findings += compared(without, rewarded, f"{start}, {place}")
    result = opts.result(
        name="consistency",
        title="2. Consistency reward on and off",
        question="Does rewarding consistency increase it, and what does it cost in accuracy?",
        finding=listed("With the reward, compared with without it", findings),
        columns=tuple(rows[0]),
        rows=rows,
        caveats=(
            f"{opts.scaled(STEPS, 4)} steps of 32 completions from the supervised start, "
            f"{opts.scaled(ILLEGIBLE_STEPS, 4)} from the illegible one; the reward counts in the "
            "last two thirds of them. Far from converged.",
            f"{len(episodes['in'])} questions `in` distribution (house and city), "
            f"{len(episodes['out'])} `out` of distribution (the warehouse, never trained on).",
            "The illegible start was created for this experiment: the supervised start, trained "
            f"for {opts.scaled(ILLEGIBLE_TRAINED, 4)} more steps with a teacher that concludes "
            "three directions in four in compass points, which the judge never saw, and answers "
            "in words. All seeds share it.",
            f"Replies were sampled from it; on the {preferred.questions} questions with both kinds "
            f"of reply, {100 * preferred.compass:.0f} % of those in compass points and "
            f"{100 * preferred.words:.0f} % of those in words are right, so that accuracy hardly "
            "distinguishes them.",
            "Start and number of steps were chosen after seeing results: a start trained for 400 "
            'steps, and one that concludes with "done.", gave inconclusive differences; 50 steps '
            "from this one gave +16.3 points in distribution (-2.6 to +35.2). The experiment shows "
            "that the effect exists if accuracy has no preference, not how often that is the case.",
            "Advantages are normalised within a group: if all right replies of a group are "
            "equally consistent, the reward has no effect.",
            "Intervals of differences: Student's t over a small number of seeds.",
        ),
        details=means,
    )
    save(result, opts, lambda axes: bars(axes, means))


if __name__ == "__main__":
    main()
