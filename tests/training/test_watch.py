"""The watch: each sign of failure is raised once, in words, with its numbers and what to do."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import pytest
from transformers import TrainerControl, TrainerState, TrainingArguments

from training.watch import Sign, Watch, WatchCallback, WatchConfig

HEALTHY = {
    "reward": 0.6,
    "rewards/accuracy/mean": 0.6,
    "rewards/consistency/mean": 0.95,
    "frac_reward_zero_std": 0.3,
    "completions/mean_length": 40.0,
    "completions/clipped_ratio": 0.0,
    "kl": 0.01,
}


def signs(rows: Iterable[dict[str, float]], window: int = 4) -> list[Sign]:
    watch = Watch(WatchConfig(window=window))
    return [s for step, row in enumerate(rows) for s in watch.see(step, {**HEALTHY, **row})]


def names(rows: Iterable[dict[str, float]]) -> list[str]:
    return [sign.name for sign in signs(rows)]


def test_a_healthy_run_raises_nothing() -> None:
    assert names([{}] * 40) == []


def test_stagnating_low_consistency_is_raised_once_with_its_numbers() -> None:
    found = signs([{"rewards/consistency/mean": 0.7}] * 40)
    assert [s.name for s in found] == ["consistency_low"]
    assert "70%" in found[0].text
    assert "80%" in found[0].text
    assert "Raise the consistency weight" in found[0].text


def test_low_consistency_that_rises_is_no_sign() -> None:
    assert names([{"rewards/consistency/mean": 0.4 + 0.02 * i} for i in range(16)]) == []


def test_accuracy_up_and_consistency_down_is_memorising() -> None:
    rows = [
        {"rewards/accuracy/mean": 0.5 + 0.02 * i, "rewards/consistency/mean": 0.99 - 0.015 * i}
        for i in range(12)
    ]
    found = [s for s in signs(rows) if s.name == "memorising"]
    assert len(found) == 1
    assert "Strengthen the process reward" in found[0].text


def test_accuracy_up_alone_is_no_sign() -> None:
    assert names([{"rewards/accuracy/mean": 0.3 + 0.03 * i} for i in range(16)]) == []


def test_groups_with_equal_rewards_are_no_signal() -> None:
    assert names([{"frac_reward_zero_std": 0.97}] * 10) == ["no_signal"]


def test_replies_that_collapse_are_seen() -> None:
    lengths = [60.0] * 8 + [20.0] * 8
    assert names([{"completions/mean_length": n} for n in lengths]) == ["length_collapse"]


def test_replies_that_explode_and_are_cut_off_are_seen() -> None:
    rows = [{"completions/mean_length": 40.0}] * 6
    rows += [{"completions/mean_length": 120.0, "completions/clipped_ratio": 0.6}] * 8
    assert set(names(rows)) == {"length_explosion", "cut_off"}


def test_a_policy_that_runs_away_is_seen() -> None:
    assert names([{}] * 4 + [{"kl": 2.0}] * 8) == ["kl_blow_up"]


def test_a_sign_is_raised_again_after_it_had_gone() -> None:
    rows = [{"kl": 2.0}] * 6 + [{}] * 12 + [{"kl": 2.0}] * 6
    assert names(rows) == ["kl_blow_up", "kl_blow_up"]


def test_accuracy_that_collapses_out_of_distribution_is_seen() -> None:
    watch = Watch()
    key = "eval_ood_rewards/accuracy/mean"
    found = [watch.see(step, {key: value}) for step, value in enumerate([0.5, 0.58, 0.55, 0.41])]
    assert [len(part) for part in found] == [0, 0, 0, 1]
    assert "58%" in found[3][0].text
    assert "41%" in found[3][0].text


def test_accuracy_that_falls_in_distribution_only_is_not_that_sign() -> None:
    watch = Watch()
    key = "eval_id_rewards/accuracy/mean"
    assert [watch.see(s, {key: v}) for s, v in enumerate([0.6, 0.3])] == [[], []]


def test_missing_metrics_are_no_sign() -> None:
    watch = Watch()
    assert [watch.see(step, {"reward": 0.1}) for step in range(40)] == [[]] * 40


def test_signs_are_kept_in_the_run_folder_and_remembered_on_resume(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to=[])
    callback = WatchCallback(WatchConfig(window=4), tmp_path)
    state = TrainerState()
    for step in range(20):
        state.global_step = step
        row = {**HEALTHY, "kl": 3.0}
        state.log_history.append(row)
        callback.on_log(arguments, state, TrainerControl(), logs=row)
    [line] = (tmp_path / "signs.jsonl").read_text().splitlines()
    assert json.loads(line)["name"] == "kl_blow_up"
    assert "Lower the learning rate" in caplog.text
    again = WatchCallback(WatchConfig(window=4), tmp_path)
    again.on_train_begin(arguments, state, TrainerControl())
    again.on_log(arguments, state, TrainerControl(), logs={**HEALTHY, "kl": 3.0})
    assert again.signs == []
