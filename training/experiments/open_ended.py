"""Does the consistency reward carry over to questions without choices?

    python -m training.experiments.open_ended --seeds 3

GRPO on questions asked openly (the answer in words), with and without the consistency reward; both
measured on open questions of held-out scenes. An answer is right when its words are the truth's,
and consistent when the reference, shown the reasoning only, says the same words.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from training.episodes.rows import Episode, prompt_of
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
from training.experiments.consistency import ARMS
from training.rows import NEEDS_CHOICES

STEPS = 32


def opened(part: str, opts: Options) -> list[Episode]:
    """Held-out questions without their choices."""
    found = []
    for episode in held(part, opts):
        if episode.kind == "choice" and episode.category not in NEEDS_CHOICES:
            free = replace(episode, choices=(), kind="text", answer=episode.answer_text)
            prompt = prompt_of(free.deltas, free.asked, "compact")
            found.append(replace(free, transcript=prompt.transcript, task=prompt.task))
    return found


def main() -> None:
    """Train, measure, save."""
    opts = options("open_ended", __doc__)
    minutes, reference = clock(), judge()
    models: dict[str, list[Any]] = {"start": [SHIPPED_REASONER]}
    for name, overrides in ARMS.items():
        more = [*SHORT_GRPO, *overrides, "data.open_share=1.0"]
        models[name] = [
            trained("grpo", f"open-{name}", seed, opts, more, STEPS) / "model"
            for seed in opts.seeds
        ]
    episodes = opened("in", opts)
    rows, means = [], {}
    for name, folders in models.items():
        found = [marks_of(folder, episodes, reference) for folder in folders]
        means[name] = {
            key: sum(m[key] or 0.0 for m in found) / len(found)
            for key in ("accuracy", "consistency")
        }
        rows.append(
            {
                "arm": name if name == "start" else f"{name} consistency reward",
                "accuracy": spread([m["accuracy"] for m in found]),
                "consistency": spread([m["consistency"] or 0.0 for m in found]),
                "format": spread([m["format"] for m in found]),
            }
        )
    gain = 100 * (means["with"]["consistency"] - means["without"]["consistency"])
    result = Result(
        name="open_ended",
        title="The consistency reward on open-ended questions",
        question="Does the reward work where there are no choices to agree on?",
        finding=f"With the reward, consistency ends {gain:+.1f} points from without it.",
        command=opts.command,
        seeds=opts.seeds,
        scale=opts.scale,
        minutes=minutes(),
        columns=tuple(rows[0]),
        rows=tuple(rows),
        caveats=(
            f"{opts.scaled(STEPS, 4)} steps of 32 completions.",
            "Agreement is by normalised words: a true answer in other words counts as none.",
        ),
    )

    def plot(axes: Any) -> None:
        for shift, key in ((-0.2, "accuracy"), (0.2, "consistency")):
            heights = [100 * means[name][key] for name in means]
            axes.bar([i + shift for i in range(len(means))], heights, 0.4, label=key)
        axes.set_xticks(range(len(means)), means)
        axes.set_ylabel("%")
        axes.legend()

    save(result, opts, plot)


if __name__ == "__main__":
    main()
