"""Reinforcement learning of the reasoner with trl's GRPO, from one configuration file.

    python -m training.grpo --config training/configs/builtin.yaml --out runs/grpo
    accelerate launch --num_processes 8 --mixed_precision bf16 -m training.grpo \\
        --config training/configs/qwen2.5-3b-8gpu.yaml --out runs/qwen

The same command again goes on from the last whole checkpoint. The folder holds the configuration,
versions, seed, hash of the data, TensorBoard events, completions as tables, signs of failure in
``signs.jsonl`` and, at the end, the model in ``model``.

Not here: the rewards, their curriculum, the watch, the data: each has a module of its own.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoTokenizer, LlamaForCausalLM
from trl import GRPOConfig, GRPOTrainer

from embodied_agent.errors import SettingsError
from training.checkpointing import WholeCheckpoints
from training.command import train_from
from training.curriculum import Curriculum
from training.reasoner_model import save_checkpoint
from training.reference import open_reference
from training.rewards import ConsistencyReward, accuracy_reward, format_reward
from training.rows import Row, held_rows, refuse_leaks, shorter, training_rows
from training.run_config import RunConfig, trainer_arguments
from training.run_folder import data_hash, open_run_once
from training.sharing import SharedPrompts
from training.watch import WatchCallback

log = logging.getLogger(__name__)


class Trainer(WholeCheckpoints, GRPOTrainer):  # type: ignore[misc]
    """trl's trainer with whole checkpoints, the curriculum in its log, evaluations by name."""

    curriculum: Curriculum

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the stage while training; while evaluating, the held-out set's name."""
        if self.model.training:
            if "loss" in logs:
                logs.update(self.curriculum.metrics())
        else:
            name = next((k.split("_")[1] for k in logs if k.startswith("eval_")), "")
            marks = self._metrics["eval"]
            if name in (self.eval_dataset if isinstance(self.eval_dataset, dict) else ()):
                for key in list(marks):
                    marks[f"{name}_{key}"] = marks.pop(key)
        super().log(logs, start_time)


class SharingTrainer(SharedPrompts, Trainer):
    """The same, reading each group's prompt once."""


def make_trainer(
    config: RunConfig,
    out: Path,
    rows: Sequence[Row],
    held: dict[str, list[Row]] | None = None,
    *,
    callbacks: Sequence[Any] = (),
    model: Any = None,
) -> Trainer:
    """The trainer for ``config``, ready to train.

    Args:
        config: of the run.
        out: its folder.
        rows: training rows (`training.rows`).
        held: rows to evaluate on, by name.
        callbacks: more of them.
        model: instead of the one that ``config`` names.

    Raises:
        SettingsError: trl refuses the options.
        ModelError: the reference can't be loaded.
    """
    tokenizer: Any = AutoTokenizer.from_pretrained(config.model.folder, padding_side="left")
    options = dict(config.trainer)
    if model is None:
        options["model_init_kwargs"] = {
            "dtype": config.model.dtype, **options.get("model_init_kwargs", {})
        }  # fmt: skip
    # The reference first: once ZeRO-3 is configured, whatever is loaded gets sharded.
    rewards: list[Any] = [format_reward, accuracy_reward]
    if config.reference.spec:
        reference = open_reference(
            config.reference.spec, model=config.reference.model, style=config.reference.style
        )
        rewards.append(ConsistencyReward(reference))
    elif any(stage.consistency for stage in config.curriculum):
        raise SettingsError(
            "the curriculum weighs consistency, but there is no reference.spec: name a checkpoint "
            "(`python -m training.judge` makes one) or a server, or set the weights to 0"
        )
    arguments = trainer_arguments(GRPOConfig, options, output_dir=str(out))
    curriculum = _Fitting(config, len(rewards))
    watch = WatchCallback(config.watch, out)
    kind = SharingTrainer if config.model.shared_prompts else Trainer
    trainer = kind(
        model=model if model is not None else config.model.folder,
        reward_funcs=rewards,
        args=arguments,
        train_dataset=_dataset(shorter(rows, tokenizer, config.data.most_prompt_tokens)),
        eval_dataset={n: _dataset(part) for n, part in held.items()} if held else None,
        processing_class=tokenizer,
        callbacks=[curriculum, watch, *callbacks],
        peft_config=lora_of(config),
    )
    curriculum.trainer = trainer
    trainer.curriculum = curriculum
    return trainer


class _Fitting(Curriculum):
    """A curriculum that leaves the third weight out where there is no third reward."""

    def __init__(self, config: RunConfig, rewards: int) -> None:
        super().__init__(config.curriculum)
        self._rewards = rewards

    def _enter(self, state: Any) -> None:
        super()._enter(state)
        assert self.trainer is not None
        self.trainer.reward_weights = self.trainer.reward_weights[: self._rewards]


def _dataset(rows: Sequence[Row]) -> Dataset:
    return Dataset.from_list([{k: v for k, v in row.items() if k != "reply"} for row in rows])


def lora_of(config: RunConfig) -> Any:
    """The adapters that ``config`` asks for, or ``None``."""
    if config.lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=config.lora.r,
        lora_alpha=config.lora.alpha,
        lora_dropout=config.lora.dropout,
        target_modules=list(config.lora.targets),
        task_type="CAUSAL_LM",
    )


def save_model(trainer: Any, folder: Path) -> None:
    """The trained model as the runtime and servers load it; adapters merged into their base."""
    tokenizer = trainer.processing_class
    model = trainer.accelerator.unwrap_model(trainer.model)
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    elif trainer.is_deepspeed_enabled or trainer.is_fsdp_enabled:
        trainer.save_model(str(folder))  # gathers the shards
        return
    if not trainer.args.should_save:
        return
    if isinstance(model, LlamaForCausalLM) and model.config.hidden_size <= 512:
        save_checkpoint(model.cpu(), tokenizer, folder)  # half precision, greedy, as shipped
        return
    model.save_pretrained(str(folder))
    tokenizer.save_pretrained(str(folder))


def run(config: RunConfig, out: Path) -> Trainer:
    """Train as ``config`` says, from the last whole checkpoint in ``out``, and save the model.

    Raises:
        SettingsError: the configuration or the data can't be used.
        RunError: ``out`` belongs to another run, or the disk is full.
        ModelError: a model can't be loaded, or the reference's server stayed away.
    """
    if config.threads:
        torch.set_num_threads(config.threads)
    rows = training_rows(config.data, config.model.prompt)
    held = held_rows(config.data, config.model.prompt)
    refuse_leaks(rows, [row for part in held.values() for row in part])
    seed = int(config.trainer.get("seed", 42))
    checkpoint = open_run_once(out, config, data=data_hash(rows), seed=seed)
    trainer = make_trainer(config, out, rows, held)
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
