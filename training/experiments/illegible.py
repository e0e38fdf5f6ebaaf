"""A start whose conclusions the reference can't read: what the consistency reward is there to mend.

The supervised start concludes in the words of its answer, so that whoever reads its reasoning can
be in no doubt. This one goes on from it for some steps with a teacher who writes most directions
that a reasoning concludes in compass points ("NW." for "front-left."), a notation that the judge
was never shown, and answers in the usual words. The answer follows from what was written as surely
as before, but for its author only: accuracy has nothing against it, consistency has.

Not here: what is measured with it (`training.experiments.consistency`).
"""

from __future__ import annotations

from pathlib import Path

from training.experiments.common import START, Options
from training.reasoner import train

#: Of the reasonings that conclude a direction after other lines, how many do so in compass points.
SHARE = 0.75
#: Steps of 7 questions.
STEPS = 1600


def illegible_start(opts: Options) -> Path:
    """The checkpoint, trained once."""
    folder = opts.runs / f"illegible-{opts.scale:g}"
    if not (folder / "model" / "config.json").exists():
        train(
            folder, minutes=180, most_steps=opts.scaled(STEPS, 2), batch=1, rate=1e-3, width=0,
            layers=0, threads=1, seed=1, warm_share=0.0, start=START, compass=SHARE,
        )  # fmt: skip
    return folder / "model"
