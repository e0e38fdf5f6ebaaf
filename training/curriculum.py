"""The reward curriculum: the weight of each reward, by fraction of training.

The published curriculum for 12 epochs is format:accuracy:consistency = 7:3:0 for the first two
epochs, 3:7:0 for the next two and 1:7:2 for the rest. Here stages are fractions of all steps, so
that they fit any length, and a resumed run finds its stage without stored state.

Out of scope: the rewards (`training.rewards`).
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from pydantic import BaseModel, ConfigDict, Field, model_validator
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

log = logging.getLogger(__name__)

NAMES = ("format", "accuracy", "consistency")


class Stage(BaseModel):
    """Weights of format, accuracy and consistency, until a fraction of training is done."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    until: float = Field(gt=0, le=1, description="fraction of all steps at which the stage ends")
    format: float = Field(ge=0)
    accuracy: float = Field(ge=0)
    consistency: float = Field(ge=0)

    @property
    def weights(self) -> tuple[float, float, float]:
        """The three weights, normalised to a sum of 1."""
        parts = (self.format, self.accuracy, self.consistency)
        return tuple(part / sum(parts) for part in parts)  # type: ignore[return-value]

    @model_validator(mode="after")
    def _has_weight(self) -> Stage:
        if self.format + self.accuracy + self.consistency <= 0:
            raise ValueError("a stage needs at least one weight above zero")
        return self


PUBLISHED = (
    Stage(until=2 / 12, format=7, accuracy=3, consistency=0),
    Stage(until=4 / 12, format=3, accuracy=7, consistency=0),
    Stage(until=1.0, format=1, accuracy=7, consistency=2),
)


def check_stages(stages: Sequence[Stage]) -> None:
    """Check that the stages are in order and reach the end of training.

    Raises:
        ValueError: there are no stages, they are out of order, or the last ends before 1.0.
    """
    ends = [stage.until for stage in stages]
    if not ends or ends != sorted(set(ends)) or ends[-1] != 1.0:
        raise ValueError(
            f"the ends of curriculum stages must be in growing order, up to 1.0: {ends}"
        )


def stage_at(stages: Sequence[Stage], step: int, steps: int) -> int:
    """Index of the stage that contains ``step`` (from 0) of ``steps``."""
    progress = step / max(1, steps)
    # A step that begins exactly at the end of a stage belongs to the next one; 1e-9 absorbs
    # floating-point error in products such as 4/12 · 12.
    return next((i for i, s in enumerate(stages) if progress < s.until - 1e-9), len(stages) - 1)


class Weighted(Protocol):
    """A trainer whose reward weights can be set, such as trl's GRPO trainer."""

    reward_weights: torch.Tensor


class Curriculum(TrainerCallback):
    """Sets ``trainer.reward_weights`` before each step; `metrics` reports the current stage.

    Args:
        stages: in order; the last ends at 1.0.
        trainer: can also be set later, as the attribute ``trainer``.
    """

    def __init__(
        self, stages: Sequence[Stage] = PUBLISHED, trainer: Weighted | None = None
    ) -> None:
        check_stages(stages)
        self.stages, self.trainer = tuple(stages), trainer
        self.stage: int | None = None

    def on_step_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Enter the stage of the step that begins."""
        self._enter(state)

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any
    ) -> None:
        """Enter the first stage, or that in which a resumed run continues."""
        self._enter(state)

    def metrics(self) -> dict[str, float]:
        """The stage's number, from 1, and its weights, for the log."""
        if self.stage is None:
            return {}
        weights = zip(NAMES, self.stages[self.stage].weights, strict=True)
        return {"curriculum/stage": self.stage + 1, **{f"curriculum/{n}": w for n, w in weights}}

    def _enter(self, state: TrainerState) -> None:
        if self.trainer is None:
            raise RuntimeError("the curriculum has no trainer: set its `trainer` before training")
        stage = stage_at(self.stages, state.global_step, state.max_steps)
        if stage == self.stage:
            return
        self.stage = stage
        self.trainer.reward_weights = torch.tensor(self.stages[stage].weights, dtype=torch.float32)
        log.info(
            "curriculum: stage %d of %d from step %d of %d, format:accuracy:consistency = %s",
            stage + 1, len(self.stages), state.global_step, state.max_steps,
            ":".join(f"{w:.2f}" for w in self.stages[stage].weights),
        )  # fmt: skip
