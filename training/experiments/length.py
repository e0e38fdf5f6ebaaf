"""Experiment 7: the length of replies during GRPO.

    python -m training.experiments.length --seeds 3

Reads the logs of experiment 2's arms, training missing ones, and compares the replies to the same
held-out questions before and after training.
"""

from __future__ import annotations

import json
import statistics
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from training.evaluation.marking import Mark
from training.experiments.common import (
    START,
    held,
    judge,
    listed,
    marks_of,
    options,
    save,
)
from training.experiments.comparing import Difference, over_seeds
from training.experiments.consistency import ONE_SEED, STEPS, arms


def lengths(run: Path) -> list[tuple[int, float]]:
    """Step and mean completion length (tokens) of each log entry of a finished run."""
    checkpoint = max(run.glob("checkpoint-*"), key=lambda p: int(p.name.rsplit("-", 1)[1]))
    state = json.loads((checkpoint / "trainer_state.json").read_text(encoding="utf-8"))
    key = "completions/mean_length"
    return [(row["step"], row[key]) for row in state["log_history"] if key in row]


def tokens(marks: Sequence[Mark]) -> float:
    """The mean length of the replies, in tokens."""
    return statistics.fmean(m.tokens for m in marks)


def _words(change: Difference | None) -> str:
    if change is None:
        return ONE_SEED
    return (
        f"{change.value:+.1f} (95 % interval {change.low:+.1f} to {change.high:+.1f}"
        f"{'' if change.decided else '; inconclusive'})"
    )


def main() -> None:
    """Compare lengths before and after training, and save the result."""
    opts = options("length", __doc__)
    runs = arms(opts)
    curves = {name: [lengths(run) for run in some] for name, some in runs.items()}
    reference, episodes = judge(), held("in", opts)
    before = tokens(marks_of(START, episodes, reference, opts))
    rows, findings = [], []
    for name, some in curves.items():
        quarter = max(1, len(some[0]) // 4)
        first = [statistics.fmean(n for _, n in curve[:quarter]) for curve in some]
        last = [statistics.fmean(n for _, n in curve[-quarter:]) for curve in some]
        after = [tokens(marks_of(run / "model", episodes, reference, opts)) for run in runs[name]]
        change = over_seeds([before] * len(after), after)
        findings.append(f"{name} the reward: {_words(change)}")
        rows.append(
            {
                "arm": f"{name} the reward",
                "held out, start": f"{before:.1f}",
                "held out, end": f"{statistics.fmean(after):.1f}",
                "training, first quarter": f"{statistics.fmean(first):.1f}",
                "training, last quarter": f"{statistics.fmean(last):.1f}",
                "training, per seed": ", ".join(
                    f"{a:.1f} to {b:.1f}" for a, b in zip(first, last, strict=True)
                ),
            }
        )
    result = opts.result(
        name="length",
        title="7. Response length over training",
        question="Do replies grow during training? The paper reports no growth.",
        finding=listed("Change of the mean reply to the same held-out questions, tokens", findings),
        columns=tuple(rows[0]),
        rows=tuple(rows),
        caveats=(
            f"{opts.scaled(STEPS, 4)} steps. Questions differ between training steps, and so do "
            "the lengths of replies; both arms of a seed have the same questions. The training "
            "columns and the plot therefore mostly reflect the order of the questions.",
        ),
    )

    def plot(axes: Any) -> None:
        for style, (name, some) in zip(("C0-", "C1--"), curves.items(), strict=True):
            for index, curve in enumerate(some):
                axes.plot(
                    *zip(*curve, strict=True),
                    style,
                    label=name if not index else None,
                )
        axes.set(xlabel="step", ylabel="tokens per reply", ylim=(0, None))
        axes.legend()

    save(result, opts, plot)


if __name__ == "__main__":
    main()
