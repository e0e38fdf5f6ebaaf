"""Does the consistency reward carry over to questions without choices?

    python -m training.experiments.open_ended --seeds 3

GRPO on questions asked openly (the answer in words), with and without the consistency reward; both
measured on open questions of held-out scenes. They begin at a start that concludes in a notation
of its own (`training.experiments.illegible`). An answer is right when its words are the truth's,
and consistent when the reference, shown the reasoning only, says the same words.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from training.episodes.rows import Episode, prompt_of
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
    trained,
)
from training.experiments.consistency import ARMS, bars, compared, means_of, row_of
from training.experiments.illegible import illegible_start
from training.samples import NEEDS_CHOICES

STEPS = 60


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
    reference = judge()
    start = illegible_start(opts)
    models: dict[str, list[Path]] = {"supervised start": [START], "illegible start": [start]}
    for name, overrides in ARMS.items():
        more = [*SHORT_GRPO, *overrides, "data.open_share=1.0", f"model.path={start}"]
        models[name] = [
            trained("grpo", f"open-{name}", seed, opts, more, STEPS) / "model"
            for seed in opts.seeds
        ]
    episodes = opened("in", opts)
    found = {
        name: [marks_of(folder, episodes, reference, opts) for folder in folders]
        for name, folders in models.items()
    }
    names = {"with": "with the reward", "without": "without it"}
    rows = tuple(row_of(names.get(name, name), {"open": some}) for name, some in found.items())
    means = means_of(found)
    result = opts.result(
        name="open_ended",
        title="The consistency reward on open-ended questions",
        question="Does the reward work where there are no choices to agree on?",
        finding=listed(
            "With the reward against without it",
            compared(found["without"], found["with"], "on open questions"),
        ),
        columns=tuple(rows[0]),
        rows=rows,
        caveats=(
            "Both arms begin at the illegible start of experiment 2.",
            f"{opts.scaled(STEPS, 4)} steps of 32 completions; {len(episodes)} held-out questions.",
            "The length was chosen after looking: 16 steps from a start that was taught for 400 "
            "gave +2.9 points of consistency (-1.6 to +7.3).",
            "Agreement is by normalised words: a true answer in other words counts as none.",
        ),
        details=means,
    )
    save(result, opts, lambda axes: bars(axes, means))


if __name__ == "__main__":
    main()
