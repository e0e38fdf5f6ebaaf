"""Experiment 3: out of distribution, supervised training against reinforcement learning.

    python -m training.experiments.distribution --seeds 3

Both go on from the supervised one on the same house and city scenes for the same number of
question readings (GRPO reads each question eight times); both are measured there and in the
warehouse: other rooms, other pairs of colour and kind.
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

#: As many replies are read per step by both: 32.
SFT = (
    "trainer.per_device_train_batch_size=32",
    "trainer.learning_rate=3e-4",
    "trainer.warmup_steps=4",
    "data.most_prompt_tokens=240",
)


def main() -> None:
    """Train, measure, save."""
    opts = options("distribution", __doc__)
    reference = judge()
    models: dict[str, list[Path]] = {"start": [START]}
    models["supervised"] = [
        trained("sft", "sft", seed, opts, SFT, STEPS) / "model" for seed in opts.seeds
    ]
    models["reinforcement"] = [folder / "model" for folder in arms(opts)["with"]]
    episodes = {part: held(part, opts) for part in ("in", "out")}
    found = {
        name: {p: [marks_of(f, e, reference, opts) for f in folders] for p, e in episodes.items()}
        for name, folders in models.items()
    }
    start = {part: accuracy(some[0]) for part, some in found["start"].items()}
    means = {
        (name, part): statistics.fmean(map(accuracy, some))
        for name, parts in found.items()
        for part, some in parts.items()
    }
    said = []
    for name in ("supervised", "reinforcement"):
        for part, place in (("in", "in distribution"), ("out", "out of it")):
            each = [accuracy(marks) for marks in found[name][part]]
            change = over_seeds([start[part]] * len(each), each)
            said.append(f"{name} against the start, {place}: {change or ONE_SEED}")
    apart = over_seeds(
        *([accuracy(m) for m in found[n]["out"]] for n in ("supervised", "reinforcement"))
    )
    said.append(f"reinforcement against supervised, out of distribution: {apart or ONE_SEED}")
    rows = tuple(row_of(name, parts) for name, parts in found.items())
    result = opts.result(
        name="distribution",
        title="3. Out of distribution: supervised against reinforcement",
        question="Which of the two carries over to scenes unlike those trained on?",
        finding=listed("Accuracy", said),
        columns=tuple(rows[0]),
        rows=rows,
        caveats=(
            f"{opts.scaled(STEPS, 4)} steps: far from converged, both arms.",
            "The supervised arm is shown the teacher's reasoning, which the start has learned too.",
            "Intervals: Student's t over the seeds, on the same questions. They say how much "
            "training varies, not how much another choice of questions would.",
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
