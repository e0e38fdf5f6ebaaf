"""Experiment 2: the consistency reward on and off, at equal length of training.

    python -m training.experiments.consistency --seeds 3

`with` follows the published curriculum; `without` gives the third weight to nobody (format and
accuracy only). Both begin at the supervised start, whose reasoning leads to its answers anyway, and
again at one that concludes in a notation of its own (`training.experiments.illegible`). The judge
that pays and the one that measures are the same; experiment 4 measures with others.
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
ONE_SEED = "not compared, for want of seeds"

#: Marks per seed.
Marks = Sequence[Sequence[Mark]]


def arms(opts: Options) -> dict[str, list[Path]]:
    """The run folders of both arms, one per seed."""
    found: dict[str, list[Path]] = {name: [] for name in ARMS}
    for seed in opts.seeds:
        for name, overrides in ARMS.items():
            more = [*SHORT_GRPO, *overrides]
            found[name].append(trained("grpo", f"grpo-{name}", seed, opts, more, STEPS))
    return found


def illegible_arms(opts: Options, start: Path) -> dict[str, list[Path]]:
    """The same from the illegible start."""
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
    """An arm's row: every measure in each part, means over seeds."""
    row: dict[str, Any] = {"arm": name}
    for part, some in parts.items():
        for measure, value in MEASURES.items():
            row[f"{measure} ({part})"] = spread([value(marks) for marks in some])
    lengths = [m.tokens for marks in next(iter(parts.values())) for m in marks]
    row["tokens"] = f"{sum(lengths) / len(lengths):.0f}"
    return row


def means_of(models: Mapping[str, Marks]) -> dict[str, dict[str, float]]:
    """Per model the mean of every measure over seeds, for the plot."""
    return {
        name: {
            measure: sum(map(value, some)) / len(some)
            for measure, value in MEASURES.items()
        }
        for name, some in models.items()
    }  # fmt: skip


def compared(first: Marks, second: Marks, place: str) -> list[str]:
    """What the second arm has over the first, by measure, with intervals over the seeds."""
    said = []
    for name in ("consistency", "accuracy"):
        value = MEASURES[name]
        difference = over_seeds([value(m) for m in first], [value(m) for m in second])
        said.append(f"{name} {place}: {difference or ONE_SEED}")
    return said


def bars(axes: Any, means: Mapping[str, Mapping[str, float]]) -> None:
    """Accuracy and consistency ratio of each model."""
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
    """Train, measure, save."""
    opts = options("consistency", __doc__)
    reference = judge()
    episodes = {part: held(part, opts) for part in ("in", "out")}
    illegible = illegible_start(opts)
    liked = preference(episodes["in"], drawn(illegible, episodes["in"]))
    models: dict[str, list[Path]] = {"start": [START]}
    models |= {NAMES[name]: [run / "model" for run in runs] for name, runs in arms(opts).items()}
    models["illegible start"] = [illegible]
    models |= {
        f"illegible, {NAMES[name]}": [run / "model" for run in runs]
        for name, runs in illegible_arms(opts, illegible).items()
    }
    found = {
        name: {p: [marks_of(f, e, reference, opts) for f in folders] for p, e in episodes.items()}
        for name, folders in models.items()
    }
    rows = tuple(row_of(name, parts) for name, parts in found.items())
    means = means_of({name: parts["in"] for name, parts in found.items()})
    said = []
    for begun, start in (
        ("", "from the supervised start"),
        ("illegible, ", "from the illegible start"),
    ):
        for part, place in (("in", "in distribution"), ("out", "out of it")):
            without, paid = (found[f"{begun}{NAMES[name]}"][part] for name in ("without", "with"))
            said += compared(without, paid, f"{start}, {place}")
    result = opts.result(
        name="consistency",
        title="2. Consistency reward on and off",
        question="Does paying for consistency raise it, and what does it cost in accuracy?",
        finding=listed("With the reward against without it", said),
        columns=tuple(rows[0]),
        rows=rows,
        caveats=(
            f"{opts.scaled(STEPS, 4)} steps of 32 completions from the supervised start, "
            f"{opts.scaled(ILLEGIBLE_STEPS, 4)} from the illegible one, the last two thirds of "
            "them with the reward: far from converged.",
            f"{len(episodes['in'])} questions `in` distribution (house and city), "
            f"{len(episodes['out'])} `out` of it (the warehouse, which is never trained on).",
            "The illegible start is made for this: the supervised start goes on for "
            f"{opts.scaled(ILLEGIBLE_TRAINED, 4)} steps with a teacher who concludes three "
            "directions in four in compass points, which the judge was never shown, and answers in "
            "words. There is one such start, whatever the seed.",
            f"Of replies drawn from it to the {liked.questions} questions that got both kinds, "
            f"{100 * liked.compass:.0f} % in compass points and {100 * liked.words:.0f} % in words "
            "are right: accuracy has no more than that to prefer.",
            "Start and length were chosen after looking: a start that was taught for 400 steps, "
            'and one that says "done." instead of concluding, showed no difference that the data '
            "decide; 50 steps from this one gave +16.3 points in distribution (-2.6 to +35.2). It "
            "shows that the effect exists where accuracy has no preference, not how often that is "
            "so.",
            "Advantages are normalised within a group: where all right replies of a group are "
            "equally consistent, the reward changes nothing.",
            "Intervals of differences: Student's t over the seeds, which are few.",
        ),
        details=means,
    )
    save(result, opts, lambda axes: bars(axes, means))


if __name__ == "__main__":
    main()
