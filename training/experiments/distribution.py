"""Experiment 3: supervised training against reinforcement learning, out of distribution.

    python -m training.experiments.distribution --seeds 3

Both arms continue from the supervised start on the same house and city scenes, for the same number
of replies (GRPO samples eight per question). Both are measured in house and city, and in the
warehouse, which has other rooms and other pairs of colour and kind.
"""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

from training.experiments.common import (
    START,
    held,
    judge,
    listed,
    marks_of,
    options,
    save,
    trained,
)
from training.experiments.comparing import accuracy, over_seeds
from training.experiments.consistency import ONE_SEED, STEPS, arms, row_of

#: As many replies per step as in GRPO: 32.
SFT = (
    "trainer.per_device_train_batch_size=32",
    "trainer.learning_rate=3e-4",
    "trainer.warmup_steps=4",
    "data.most_prompt_tokens=240",
)


def main() -> None:
    """Train and measure both arms, and save the result."""
    opts = options("distribution", __doc__)
    reference = judge()
    models: dict[str, list[Path]] = {"start": [START]}
    models["supervised"] = [
        trained("sft", "sft", seed, opts, SFT, STEPS) / "model" for seed in opts.seeds
    ]
    models["reinforcement"] = [folder / "model" for folder in arms(opts)["with"]]
    episodes = {part: held(part, opts) for part in ("in", "out")}
    by_model = {
        name: {p: [marks_of(f, e, reference, opts) for f in folders] for p, e in episodes.items()}
        for name, folders in models.items()
    }
    start = {part: accuracy(some[0]) for part, some in by_model["start"].items()}
    means = {
        (name, part): statistics.fmean(map(accuracy, some))
        for name, parts in by_model.items()
        for part, some in parts.items()
    }
    findings = []
    for name in ("supervised", "reinforcement"):
        for part, place in (("in", "in distribution"), ("out", "out of distribution")):
            each = [accuracy(marks) for marks in by_model[name][part]]
            change = over_seeds([start[part]] * len(each), each)
            findings.append(f"{name} compared with the start, {place}: {change or ONE_SEED}")
    difference = over_seeds(
        *([accuracy(m) for m in by_model[n]["out"]] for n in ("supervised", "reinforcement"))
    )
    findings.append(
        f"reinforcement compared with supervised, out of distribution: {difference or ONE_SEED}"
    )
    rows = tuple(row_of(name, parts) for name, parts in by_model.items())
    result = opts.result(
        name="distribution",
        title="3. Out of distribution: supervised against reinforcement",
        question="Which of the two generalises to scenes unlike those trained on?",
        finding=listed("Accuracy", findings),
        columns=tuple(rows[0]),
        rows=rows,
        caveats=(
            f"{opts.scaled(STEPS, 4)} steps: both arms are far from converged.",
            "The supervised arm learns the teacher's reasoning, which the start has learned too.",
            "Intervals: Student's t over the seeds, on the same questions. They measure how much "
            "training varies, not the effect of other questions.",
        ),
    )

    def plot(axes: Any) -> None:
        for shift, part in ((-0.2, "in"), (0.2, "out")):
            heights = [100 * means[(name, part)] for name in models]
            axes.bar([i + shift for i in range(len(models))], heights, 0.4, label=part)
        axes.set_xticks(range(len(models)), models)
        axes.set(ylabel="accuracy, %", ylim=(0, 100))
        axes.legend(title="distribution", loc="upper center", ncols=2)

    save(result, opts, plot)


if __name__ == "__main__":
    main()
