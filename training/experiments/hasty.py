"""A start that answers before it has concluded: what the consistency reward is there to mend.

The supervised start concludes before it answers, so that nobody who reads its reasoning can be in
doubt. Published models do not begin like that. This one goes on from it for some steps with a
teacher who says "done." instead of the last line of most reasonings and gives the right answer all
the same: the answer is often right, and what was said does not lead to it.

Not here: what is measured with it (`training.experiments.consistency`).
"""

from __future__ import annotations

from pathlib import Path

from training.experiments.common import START, Options
from training.reasoner import train

#: Of the reasonings of two lines and more, how many are not concluded.
SHARE = 0.75
#: Steps of 7 questions.
STEPS = 400


def hasty_start(opts: Options) -> Path:
    """The checkpoint, trained once."""
    folder = opts.runs / f"hasty-{opts.scale:g}"
    if not (folder / "model" / "config.json").exists():
        train(
            folder, minutes=60, most_steps=opts.scaled(STEPS, 2), batch=1, rate=1e-3, width=0,
            layers=0, threads=1, seed=1, warm_share=0.0, start=START, hasty=SHARE,
        )  # fmt: skip
    return folder / "model"
