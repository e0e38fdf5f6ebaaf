"""Supervised baseline of the reasoner, in the same frame as `training.grpo`.

    python -m training.sft --config training/configs/builtin-sft.yaml --out runs/sft

Learns each row's ``reply``: the teacher's reasoning, where the episode has one, and the answer.
Same configuration file, data, run folder, checkpoints and command to go on; ``trainer`` goes to
trl's SFTConfig.

Not here: the long supervised start from random weights (`training.reasoner`).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoTokenizer
from trl import SFTConfig, SFTTrainer

from training.checkpointing import WholeCheckpoints
from training.command import train_from
from training.grpo import lora_of, save_model
from training.rows import Row, held_rows, refuse_leaks, shorter, training_rows
from training.run_config import RunConfig, trainer_arguments
from training.run_folder import data_hash, open_run_once

log = logging.getLogger(__name__)


class Trainer(WholeCheckpoints, SFTTrainer):  # type: ignore[misc]
    """trl's trainer with whole checkpoints."""


def _dataset(rows: Sequence[Row]) -> Dataset:
    return Dataset.from_list(
        [
            {"prompt": r["prompt"], "completion": [{"role": "assistant", "content": r["reply"]}]}
            for r in rows
        ]
    )


def run(config: RunConfig, out: Path) -> Trainer:
    """Train as ``config`` says, from the last whole checkpoint in ``out``, and save the model.

    Raises:
        SettingsError: the configuration or the data can't be used.
        RunError: ``out`` belongs to another run, or the disk is full.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    rows = training_rows(config.data, config.model.prompt)
    # Where there is a teacher, an answer without reasoning is no lesson.
    rows = [row for row in rows if row["reasoned"]] or rows
    held = held_rows(config.data, config.model.prompt)
    refuse_leaks(rows, [row for part in held.values() for row in part])
    seed = int(config.trainer.get("seed", 42))
    checkpoint = open_run_once(out, config, data=data_hash(rows), seed=seed)
    tokenizer: Any = AutoTokenizer.from_pretrained(config.model.folder)
    options = dict(config.trainer)
    options["model_init_kwargs"] = {
        "dtype": config.model.dtype, **options.get("model_init_kwargs", {})
    }  # fmt: skip
    trainer = Trainer(
        model=config.model.folder,
        args=trainer_arguments(SFTConfig, options, output_dir=str(out)),
        train_dataset=_dataset(shorter(rows, tokenizer, config.data.most_prompt_tokens)),
        eval_dataset={n: _dataset(part) for n, part in held.items()} if held else None,
        processing_class=tokenizer,
        peft_config=lora_of(config),
    )
    if checkpoint is not None:
        log.info("going on from %s", checkpoint)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    save_model(trainer, out / "model")
    return trainer


def main(arguments: Sequence[str] | None = None) -> int:
    """Read the command line and train."""
    return train_from(arguments, __doc__, run)


if __name__ == "__main__":
    sys.exit(main())
