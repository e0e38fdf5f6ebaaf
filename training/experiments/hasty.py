"""A start that answers before it has concluded: what the consistency reward is there to mend.

The supervised start concludes before it answers, so that nobody who reads its reasoning can be in
doubt. Published models do not begin like that. This one goes on from it for some steps with a
teacher who leaves the last line of three reasonings in four out and gives the right answer all the
same: the answer is often right, and what was said does not lead to it.

Not here: what is measured with it (`training.experiments.consistency`).
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from training import sft
from training.experiments.common import CONFIGS, Options
from training.rows import Row, training_rows
from training.run_config import load_config

#: Of the reasonings of two lines and more, how many lose their last.
SHARE = 0.75
STEPS = 60
OVERRIDES = (
    "data.worlds=house:80,city:80",
    "data.held_worlds=",
    "data.most_prompt_tokens=240",
    "trainer.eval_strategy=no",
    "trainer.per_device_train_batch_size=32",
    "trainer.learning_rate=3e-4",
    "trainer.warmup_steps=10",
)


def shortened(rows: Sequence[Row], share: float, seed: int) -> list[Row]:
    """The rows, of whose replies that many stop before the last line of their reasoning."""
    rng = np.random.default_rng([seed, 29])
    found = []
    for row in rows:
        reasoning, closed, answer = row["reply"].partition("</think>")
        begun, newline, _ = reasoning.rpartition("\n")
        if newline and rng.random() < share:
            row = {**row, "reply": f"{begun}{closed}{answer}"}
        found.append(row)
    return found


def hasty_start(opts: Options) -> Path:
    """The checkpoint, trained once."""
    folder = opts.runs / f"hasty-{opts.scale:g}"
    if not (folder / "model" / "config.json").exists():
        steps = opts.scaled(STEPS, 4)
        config = load_config(
            CONFIGS / "builtin-sft.yaml",
            [*OVERRIDES, f"trainer.max_steps={steps}", f"trainer.save_steps={steps}"],
        )
        rows = training_rows(config.data, config.model.prompt)
        sft.run(config, folder, shortened(rows, SHARE, config.data.seed))
    return folder / "model"
