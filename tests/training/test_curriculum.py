"""The curriculum: published stages by fraction of training, the right one after a resume."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from transformers import TrainerControl, TrainerState, TrainingArguments

from training.curriculum import PUBLISHED, Curriculum, Stage, check_stages, stage_at


def weights_at(step: int, steps: int, curriculum: Curriculum | None = None) -> list[float]:
    trainer = SimpleNamespace(reward_weights=torch.zeros(3))
    curriculum = curriculum or Curriculum()
    curriculum.trainer = trainer
    state = TrainerState(global_step=step, max_steps=steps)
    arguments = TrainingArguments(output_dir="unused", use_cpu=True, report_to=[])
    curriculum.on_step_begin(arguments, state, TrainerControl())
    return [round(w, 4) for w in trainer.reward_weights.tolist()]


def test_twelve_epochs_have_the_published_weights() -> None:
    stages = [stage_at(PUBLISHED, epoch, 12) for epoch in range(12)]
    assert stages == [0, 0, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2]


@pytest.mark.parametrize(
    ("step", "expected"),
    [(0, [0.7, 0.3, 0.0]), (20, [0.3, 0.7, 0.0]), (40, [0.1, 0.7, 0.2]), (119, [0.1, 0.7, 0.2])],
)
def test_weights_are_set_on_the_trainer(step: int, expected: list[float]) -> None:
    assert weights_at(step, 120) == expected


@given(st.integers(1, 5000))
def test_stages_only_ever_advance_and_all_are_visited(steps: int) -> None:
    seen = [stage_at(PUBLISHED, step, steps) for step in range(steps)]
    assert seen == sorted(seen)
    assert seen[0] == 0
    if steps >= 6:
        assert set(seen) == {0, 1, 2}


def test_a_fresh_curriculum_in_the_middle_is_in_the_right_stage() -> None:
    assert weights_at(60, 120, Curriculum()) == [0.1, 0.7, 0.2]


def test_the_log_names_the_stage_and_its_weights() -> None:
    curriculum = Curriculum()
    weights_at(30, 120, curriculum)
    assert curriculum.metrics() == {
        "curriculum/stage": 2,
        "curriculum/format": 0.3,
        "curriculum/accuracy": 0.7,
        "curriculum/consistency": 0.0,
    }


def test_a_curriculum_without_a_trainer_says_so() -> None:
    state = TrainerState(global_step=0, max_steps=10)
    arguments = TrainingArguments(output_dir="unused", use_cpu=True, report_to=[])
    with pytest.raises(RuntimeError, match="no trainer"):
        Curriculum().on_train_begin(arguments, state, TrainerControl())


@pytest.mark.parametrize("ends", [[], [0.5], [0.5, 0.3, 1.0], [0.5, 0.5, 1.0]])
def test_stages_out_of_order_are_refused(ends: list[float]) -> None:
    with pytest.raises(ValueError, match="growing order"):
        check_stages([Stage(until=e, format=1, accuracy=1, consistency=0) for e in ends])


def test_a_stage_without_weight_is_refused() -> None:
    with pytest.raises(ValidationError, match="above zero"):
        Stage(until=1, format=0, accuracy=0, consistency=0)
