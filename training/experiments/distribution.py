"""Experiment 3: out of distribution, supervised training against reinforcement learning.

    python -m training.experiments.distribution --seeds 3

Both go on from the shipped reasoner on the same house and city scenes for the same number of
question readings (GRPO reads each question eight times); both are measured there and in the
warehouse: other rooms, other pairs of colour and kind.
"""

from __future__ import annotations

from typing import Any

from training.experiments.common import (
    SHIPPED_REASONER,
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
from training.experiments.consistency import STEPS, arms

#: As many replies are read per step by both: 32.
SFT = (
    "trainer.per_device_train_batch_size=32",
    "trainer.learning_rate=1e-4",
    "trainer.warmup_steps=4",
    "data.most_prompt_tokens=240",
)


def main() -> None:
    """Train, measure, save."""
    opts = options("distribution", __doc__)
    minutes, reference = clock(), judge()
    models: dict[str, list[Any]] = {"start": [SHIPPED_REASONER]}
    models["supervised"] = [
        trained("sft", "sft", seed, opts, SFT, STEPS) / "model" for seed in opts.seeds
    ]
    models["reinforcement"] = [folder / "model" for folder in arms(opts)["with"]]
    episodes = {part: held(part, opts) for part in ("in", "out")}
    rows, means = [], {}
    for name, folders in models.items():
        row: dict[str, Any] = {"arm": name}
        for part, some in episodes.items():
            found = [marks_of(folder, some, reference) for folder in folders]
            row[f"accuracy {part}"] = spread([m["accuracy"] for m in found])
            row[f"consistency {part}"] = spread([m["consistency"] for m in found])
            means[(name, part)] = sum(m["accuracy"] for m in found) / len(found)
        rows.append(row)
    change = {
        (name, part): 100 * (means[(name, part)] - means[("start", part)])
        for name in ("supervised", "reinforcement")
        for part in episodes
    }
    result = Result(
        name="distribution",
        title="3. Out of distribution: supervised against reinforcement",
        question="Which of the two carries over to scenes unlike those trained on?",
        finding=(
            f"Against the start, supervised training changes accuracy by "
            f"{change[('supervised', 'in')]:+.1f} points in distribution and "
            f"{change[('supervised', 'out')]:+.1f} out of it; reinforcement learning by "
            f"{change[('reinforcement', 'in')]:+.1f} and {change[('reinforcement', 'out')]:+.1f}."
        ),
        command=opts.command,
        seeds=opts.seeds,
        scale=opts.scale,
        minutes=minutes(),
        columns=tuple(rows[0]),
        rows=tuple(rows),
        caveats=(
            f"{opts.scaled(STEPS, 4)} steps: far from converged, both arms.",
            "The supervised arm is shown the teacher's reasoning, which the start has learned too.",
        ),
    )

    def plot(axes: Any) -> None:
        for shift, part in ((-0.2, "in"), (0.2, "out")):
            heights = [100 * means[(name, part)] for name in models]
            axes.bar([i + shift for i in range(len(models))], heights, 0.4, label=part)
        axes.set_xticks(range(len(models)), models)
        axes.set_ylabel("accuracy, %")
        axes.legend(title="distribution")

    save(result, opts, plot)


if __name__ == "__main__":
    main()
