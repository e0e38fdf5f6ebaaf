"""Supervised baseline of the reasoner, with the same setup as `training.grpo`.

    python -m training.sft --config training/configs/builtin-sft.yaml --out runs/sft

Trains on each row's ``reply``: the teacher's reasoning, if the episode has any, and the answer. The
configuration file, data, run folder, checkpoints and resuming are those of `training.grpo`;
``trainer`` is passed to trl's SFTConfig.

Out of scope: the long supervised training from random weights (`training.reasoner`).
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

from embodied_agent.errors import SettingsError
from training.checkpointing import WholeCheckpoints
from training.command import train_from
from training.cpu_shards import CpuShards
from training.grpo import lora_of
from training.prepare import prepared
from training.rows import Row, held_rows, refuse_leaks, short_enough, training_rows
from training.run_config import RunConfig, trainer_arguments
from training.run_folder import data_hash, open_run_once
from training.saving import prompting_of, save_model
from training.shared_transcripts import (
    LONGEST,
    SharedTranscripts,
    collated,
    packed_rows,
    use_packing,
)
from training.starting import trained_model

log = logging.getLogger(__name__)


class Trainer(CpuShards, WholeCheckpoints, SFTTrainer):  # type: ignore[misc]
    """trl's trainer with complete checkpoints."""


class SharingTrainer(SharedTranscripts, Trainer):
    """`Trainer` that reads each transcript once."""


def _dataset(rows: Sequence[Row]) -> Dataset:
    return Dataset.from_list(
        [
            {"prompt": r["prompt"], "completion": [{"role": "assistant", "content": r["reply"]}]}
            for r in rows
        ]
    )


def run(config: RunConfig, out: Path) -> Trainer:
    """Train according to ``config``, from the last complete checkpoint in ``out`` if there is one,
    and save the model.

    Raises:
        SettingsError: the configuration or the data can't be used.
        RunError: ``out`` belongs to another run, or the disk is full.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    tokenizer: Any = AutoTokenizer.from_pretrained(config.model.folder)
    shared = config.model.shared_prompts
    held = held_rows(config.data, config.model.prompt)
    rows: list[Row] = []
    ready: Dataset | None = None
    if config.data.prepared:
        if not shared:
            raise SettingsError("data.prepared needs model.shared_prompts")
        ready, data = prepared(config, tokenizer, out / "prepared")
    else:
        rows = training_rows(config.data, config.model.prompt)
        # If there is a teacher's reasoning, don't train on answers without it.
        rows = [row for row in rows if row["reasoned"]] or rows
        refuse_leaks(rows, [row for part in held.values() for row in part])
        data = data_hash(rows)
    seed = int(config.trainer.get("seed", 42))
    checkpoint = open_run_once(out, config, data=data, seed=seed)
    options = dict(config.trainer)
    more: dict[str, Any] = {}
    if shared:
        options["remove_unused_columns"] = False
        options["dataset_kwargs"] = {"skip_prepare_dataset": True}
        more["data_collator"] = collated
        longest = options.get("max_length") or LONGEST

    def dataset(part: Sequence[Row]) -> Any:
        part = short_enough(part, tokenizer, config.data.most_prompt_tokens)
        if not shared:
            return _dataset(part)
        questions = config.data.questions_per_sequence
        return packed_rows(part, tokenizer, longest=longest, questions=questions)

    model = trained_model(config, options)
    trainer = (SharingTrainer if shared else Trainer)(
        model=model,
        args=trainer_arguments(SFTConfig, options, output_dir=str(out)),
        train_dataset=ready if ready is not None else dataset(rows),
        eval_dataset={n: dataset(part) for n, part in held.items()} if held else None,
        processing_class=tokenizer,
        peft_config=None if config.lora and config.lora.start else lora_of(config),
        **more,
    )
    if shared:
        use_packing(trainer.accelerator.unwrap_model(trainer.model))
    if checkpoint is not None:
        log.info("resuming from %s", checkpoint)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    save_model(trainer, out / "model", prompting_of(config))
    return trainer


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and train."""
    return train_from(arguments, __doc__, run)


if __name__ == "__main__":
    sys.exit(main())
