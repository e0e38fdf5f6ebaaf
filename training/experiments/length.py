"""Experiment 7: how long the replies are while GRPO trains.

    python -m training.experiments.length --seeds 3

Reads the logs of experiment 2's arms, training those that are missing.
"""

from __future__ import annotations

import json
import statistics
from pathlib import Path
from typing import Any

from training.experiments.common import Result, clock, options, save
from training.experiments.consistency import STEPS, arms


def lengths(run: Path) -> list[tuple[int, float]]:
    """Step and mean completion length (tokens) of each log entry of a finished run."""
    checkpoint = max(run.glob("checkpoint-*"), key=lambda p: int(p.name.rsplit("-", 1)[1]))
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    key = "completions/mean_length"
    return [(row["step"], row[key]) for row in state["log_history"] if key in row]


def main() -> None:
    """Read, save."""
    opts = options("length", __doc__)
    minutes = clock()
    curves = {name: [lengths(run) for run in runs] for name, runs in arms(opts).items()}
    rows, ends = [], {}
    for name, some in curves.items():
        quarter = max(1, len(some[0]) // 4)
        first = [statistics.fmean(n for _, n in curve[:quarter]) for curve in some]
        last = [statistics.fmean(n for _, n in curve[-quarter:]) for curve in some]
        ends[name] = (statistics.fmean(first), statistics.fmean(last))
        rows.append(
            {
                "arm": f"{name} consistency reward",
                "first quarter, tokens": f"{ends[name][0]:.1f}",
                "last quarter, tokens": f"{ends[name][1]:.1f}",
                "per seed": ", ".join(
                    f"{a:.1f} to {b:.1f}" for a, b in zip(first, last, strict=True)
                ),
            }
        )
    said = "; ".join(f"{name}: {a:.1f} to {b:.1f} tokens" for name, (a, b) in ends.items())
    result = Result(
        name="length",
        title="7. Response length over training",
        question="Do replies grow while the model is trained? The paper saw no growth.",
        finding=f"From the first quarter of training to the last, {said}.",
        command=opts.command,
        seeds=opts.seeds,
        scale=opts.scale,
        minutes=minutes(),
        columns=tuple(rows[0]),
        rows=tuple(rows),
        caveats=(
            f"{opts.scaled(STEPS, 4)} steps; each step has other questions, whose length differs: "
            "a change of the size of the curves' own scatter means nothing.",
        ),
    )

    def plot(axes: Any) -> None:
        for colour, (name, some) in zip(("C0", "C1"), curves.items(), strict=True):
            for index, curve in enumerate(some):
                axes.plot(
                    *zip(*curve, strict=True),
                    color=colour,
                    alpha=0.7,
                    label=name if not index else None,
                )
        axes.set(xlabel="step", ylabel="tokens per reply", ylim=(0, None))
        axes.legend()

    save(result, opts, plot)


if __name__ == "__main__":
    main()
