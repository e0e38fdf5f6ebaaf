"""Experiment 2: the consistency reward on and off, at equal length of training.

    python -m training.experiments.consistency --seeds 3

Both arms start from the shipped reasoner. `with` follows the published curriculum; `without` gives
the third weight to nobody (format and accuracy only). The judge that pays and the one that measures
are the same; experiment 4 measures with others.
"""

from __future__ import annotations

from typing import Any

from training.experiments.common import (
    SHIPPED_REASONER,
    SHORT_GRPO,
    Options,
    Result,
    clock,
    held,
    judge,
    marks_of,
    options,
    save,
    spread,
    trained,
)

STEPS = 48
WITHOUT = (
    "curriculum=[{until: 0.16666667, format: 7, accuracy: 3, consistency: 0},"
    " {until: 1.0, format: 3, accuracy: 7, consistency: 0}]"
)
ARMS = {"with": (), "without": (WITHOUT,)}


def arms(opts: Options) -> dict[str, list[Any]]:
    """The run folders of both arms, one per seed."""
    return {
        name: [
            trained("grpo", f"grpo-{name}", seed, opts, [*SHORT_GRPO, *overrides], STEPS)
            for seed in opts.seeds
        ]
        for name, overrides in ARMS.items()
    }


def main() -> None:
    """Train, measure, save."""
    opts = options("consistency", __doc__)
    minutes, reference = clock(), judge()
    episodes = {part: held(part, opts) for part in ("in", "out")}
    models: dict[str, list[Any]] = {"start": [SHIPPED_REASONER]}
    models |= {name: [f / "model" for f in found] for name, found in arms(opts).items()}
    rows, means = [], {}
    for name, folders in models.items():
        found = {p: [marks_of(f, e, reference) for f in folders] for p, e in episodes.items()}
        row = {"arm": name if name == "start" else f"{name} consistency reward"}
        for part, some in found.items():
            row[f"accuracy {part}"] = spread([m["accuracy"] for m in some])
            row[f"consistency {part}"] = spread([m["consistency"] for m in some])
        row["format"] = spread([m["format"] for m in found["in"]])
        row["tokens"] = f"{sum(m['tokens'] for m in found['in']) / len(folders):.0f}"
        rows.append(row)
        means[name] = {
            k: sum(m[k] for m in found["in"]) / len(folders) for k in ("accuracy", "consistency")
        }
    gain = 100 * (means["with"]["consistency"] - means["without"]["consistency"])
    cost = 100 * (means["with"]["accuracy"] - means["without"]["accuracy"])
    result = Result(
        name="consistency",
        title="2. Consistency reward on and off",
        question="Does paying for consistency raise it, and what does it cost in accuracy?",
        finding=(
            f"With the reward the consistency ratio ends {gain:+.1f} points from without it, the "
            f"accuracy {cost:+.1f} points."
        ),
        command=opts.command,
        seeds=opts.seeds,
        scale=opts.scale,
        minutes=minutes(),
        columns=tuple(rows[0]),
        rows=tuple(rows),
        caveats=(
            f"{opts.scaled(STEPS, 4)} steps of 32 completions: far from converged.",
            "`in` are house and city, `out` is the warehouse, which is never trained on.",
        ),
        details=means,
    )

    def plot(axes: Any) -> None:
        names = list(means)
        for shift, key in ((-0.2, "accuracy"), (0.2, "consistency")):
            axes.bar(
                [i + shift for i in range(len(names))], [100 * means[n][key] for n in names],
                0.4, label=key,
            )  # fmt: skip
        axes.set_xticks(range(len(names)), names)
        axes.set_ylabel("%")
        axes.legend()

    save(result, opts, plot)


if __name__ == "__main__":
    main()
