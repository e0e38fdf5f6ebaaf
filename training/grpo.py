"""Reinforcement learning of the reasoner with trl's GRPO, from one configuration file.

    python -m training.grpo --config training/configs/builtin.yaml --out runs/grpo
    accelerate launch --num_processes 8 --mixed_precision bf16 -m training.grpo \\
        --config training/configs/qwen2.5-3b-8gpu.yaml --out runs/qwen

Repeating the command resumes from the last complete checkpoint. The folder contains the
configuration, versions, seed, data hash, TensorBoard events, tables of completions, signs of
failure in ``signs.jsonl`` and, at the end, the model in ``model`` and, if an adapter was trained,
that in ``adapter``.

Out of scope: the rewards (`training.rewards`), their curriculum (`training.curriculum`), signs of
failure (`training.watch`), the data (`training.rows`) and saving the model (`training.saving`).
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import AutoTokenizer
from trl import GRPOConfig, GRPOTrainer

from embodied_agent.errors import SettingsError
from training.checkpointing import WholeCheckpoints
from training.command import train_from
from training.cpu_shards import CpuShards
from training.curriculum import Curriculum
from training.first_steps import FirstSteps
from training.gold_replies import begun_thought, check_gold_replies
from training.judge_skill import warn_of_weak_judge
from training.reference import open_reference
from training.restating import rewards as restating
from training.restating.rows import RESTATED
from training.rewards import ConsistencyReward, FormatReward, accuracy_reward
from training.rows import Row, held_rows, refuse_leaks, short_enough, training_rows
from training.run_config import RunConfig, trainer_arguments
from training.run_folder import data_hash, open_run_once
from training.saving import prompting_of, save_model
from training.sharing import SharedPrompts
from training.starting import trained_model
from training.watch import WatchCallback

log = logging.getLogger(__name__)


class Trainer(CpuShards, WholeCheckpoints, GRPOTrainer):  # type: ignore[misc]
    """trl's trainer with complete checkpoints, the curriculum in its log, and named evaluations."""

    curriculum: Curriculum

    def log(self, logs: dict[str, float], start_time: float | None = None) -> None:
        """Add the curriculum's stage to training, and the held-out set's name to evaluations."""
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
    """`Trainer` that reads each group's prompt once."""


def make_trainer(
    config: RunConfig,
    out: Path,
    rows: Sequence[Row],
    held: dict[str, list[Row]] | None = None,
    *,
    callbacks: Sequence[Any] = (),
    model: Any = None,
) -> Trainer:
    """Build the trainer for ``config``.

    Args:
        config: of the run.
        out: the run's folder.
        rows: training rows (`training.rows`).
        held: rows to evaluate on, by name.
        callbacks: in addition to the curriculum's and the watch's.
        model: used in place of the model that ``config`` names.

    Raises:
        SettingsError: trl refuses the options.
        ModelError: the reference can't be loaded.
    """
    tokenizer: Any = AutoTokenizer.from_pretrained(config.model.folder, padding_side="left")
    options = dict(config.trainer)
    # Load the reference first: once ZeRO-3 is configured, every loaded model is sharded.
    template = dict(options.get("chat_template_kwargs") or {})
    fitting = partial(short_enough, tokenizer=tokenizer, most_tokens=config.data.most_prompt_tokens)
    rows = fitting(rows)
    rewards = _rewards(config, rows, tokenizer, template, out)
    start = model if model is not None else trained_model(config, options)
    arguments = trainer_arguments(GRPOConfig, options, output_dir=str(out))
    curriculum = _TruncatedCurriculum(config, len(rewards))
    watch = WatchCallback(config.watch, out)
    first_steps = FirstSteps(watch)
    trainer_class = SharingTrainer if config.model.shared_prompts else Trainer
    trainer = trainer_class(
        model=start,
        reward_funcs=rewards,
        args=arguments,
        train_dataset=_dataset(rows),
        eval_dataset={n: _dataset(fitting(part)) for n, part in held.items()} if held else None,
        processing_class=tokenizer,
        callbacks=[curriculum, watch, first_steps, *callbacks],
        peft_config=None if config.lora and config.lora.start else lora_of(config),
    )
    curriculum.trainer = first_steps.trainer = trainer
    trainer.curriculum = curriculum
    return trainer


def _rewards(
    config: RunConfig, rows: Sequence[Row], tokenizer: Any, template: dict[str, Any], out: Path
) -> list[Any]:
    """The reward functions of a run, in the order of the curriculum's weights.

    Raises:
        SettingsError: the right replies don't earn them, or one that the curriculum weights is
            missing.
        ModelError: the reference can't be loaded.
    """
    judged = config.reference.spec or any(stage.consistency for stage in config.curriculum)
    if config.data.restatements:
        if judged or any(row["category"] != RESTATED for row in rows):
            raise SettingsError(
                "data.restatements is trained on alone, and without the consistency reward "
                "(restating has no reasoning): set reference.spec and the other data to nothing "
                "and the curriculum's weights of consistency to 0, or data.restatements to 0"
            )
        return [restating.format_reward, restating.accuracy_reward]
    check_gold_replies(rows, tokenizer, model=config.model.path, template_options=template)
    rewards: list[Any] = [FormatReward(begun_thought(tokenizer, template)), accuracy_reward]
    if config.reference.spec:
        reference = open_reference(
            config.reference.spec, model=config.reference.model, style=config.reference.style
        )
        warn_of_weak_judge(reference, config.reference.skill_questions, out)
        rewards.append(ConsistencyReward(reference))
    elif any(stage.consistency for stage in config.curriculum):
        raise SettingsError(
            "the curriculum weights consistency, but reference.spec is empty: name a checkpoint "
            "(`python -m training.judge` trains one) or a server, or set the weights to 0"
        )
    return rewards


class _TruncatedCurriculum(Curriculum):
    """A curriculum without the weight of consistency if there is no consistency reward."""

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
    """The adapter configuration for peft, or ``None`` if all weights are trained."""
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


def run(config: RunConfig, out: Path) -> Trainer:
    """Train according to ``config``, from the last complete checkpoint in ``out`` if there is one,
    and save the model.

    Raises:
        SettingsError: the configuration or the data can't be used.
        RunError: ``out`` belongs to another run, or the disk is full.
        ModelError: a model can't be loaded, or the reference's server stayed unreachable.
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
        log.info("resuming from %s", checkpoint)
    trainer.train(resume_from_checkpoint=str(checkpoint) if checkpoint else None)
    save_model(trainer, out / "model", prompting_of(config))
    return trainer


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and train."""
    return train_from(arguments, __doc__, run)


if __name__ == "__main__":
    sys.exit(main())
