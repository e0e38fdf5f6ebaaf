"""The curriculum: published stages by fraction of training, and the right one after resuming."""

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


def test_a_resumed_run_starts_in_the_right_stage() -> None:
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


def test_a_curriculum_without_a_trainer_is_an_error() -> None:
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


def test_a_run_whose_steps_are_done_or_unknown_has_a_stage() -> None:
    assert [stage_at(PUBLISHED, step, 12) for step in (11, 12, 40)] == [2, 2, 2]
    late = [
        Stage(until=0.75, format=1, accuracy=0, consistency=0),
        Stage(until=1.0, format=0, accuracy=1, consistency=0),
    ]
    assert [stage_at(late, step, 1) for step in (0, 1)] == [0, 1]
    assert stage_at(PUBLISHED, 0, 0) == 0


def test_before_training_there_is_no_stage_to_report() -> None:
    assert Curriculum().metrics() == {}


def test_training_begins_with_the_weights_of_its_stage() -> None:
    trainer = SimpleNamespace(reward_weights=torch.zeros(3))
    curriculum = Curriculum(trainer=trainer)
    arguments = TrainingArguments(output_dir="unused", use_cpu=True, report_to=[])
    state = TrainerState(global_step=30, max_steps=120)
    curriculum.on_train_begin(arguments, state, TrainerControl())
    assert trainer.reward_weights.tolist() == pytest.approx([0.3, 0.7, 0.0])
    assert curriculum.metrics()["curriculum/stage"] == 2


def test_weights_are_float32_whatever_torch_makes_by_default() -> None:
    trainer = SimpleNamespace(reward_weights=torch.zeros(3))
    arguments = TrainingArguments(output_dir="unused", use_cpu=True, report_to=[])
    torch.set_default_dtype(torch.float64)
    try:
        Curriculum(trainer=trainer).on_step_begin(
            arguments, TrainerState(global_step=0, max_steps=12), TrainerControl()
        )
    finally:
        torch.set_default_dtype(torch.float32)
    assert trainer.reward_weights.dtype is torch.float32


def test_weights_are_set_once_a_stage_and_each_stage_is_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    trainer = SimpleNamespace(reward_weights=torch.zeros(3))
    curriculum = Curriculum(trainer=trainer)
    arguments = TrainingArguments(output_dir="unused", use_cpu=True, report_to=[])
    changes = []
    with caplog.at_level("INFO", "training.curriculum"):
        for step in range(12):
            before = trainer.reward_weights
            state = TrainerState(global_step=step, max_steps=12)
            curriculum.on_step_begin(arguments, state, TrainerControl())
            changes += [step] if trainer.reward_weights is not before else []
    assert changes == [0, 2, 4]
    assert [message.partition(",")[0] for message in caplog.messages] == [
        "curriculum: stage 1 of 3 from step 0 of 12",
        "curriculum: stage 2 of 3 from step 2 of 12",
        "curriculum: stage 3 of 3 from step 4 of 12",
    ]
    assert "0.30:0.70:0.00" in caplog.messages[1]


def test_stages_of_ones_own_are_followed() -> None:
    stages = [
        Stage(until=0.5, format=1, accuracy=1, consistency=2),
        Stage(until=1.0, format=0, accuracy=1, consistency=0),
    ]
    check_stages(stages)
    assert weights_at(5, 12, Curriculum(stages)) == [0.25, 0.25, 0.5]
    assert weights_at(6, 12, Curriculum(stages)) == [0.0, 1.0, 0.0]
    with pytest.raises(ValueError, match="up to 1"):
        Curriculum(stages[:1])
