"""The watch: each sign of failure is raised once, with its numbers and advice."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

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


def test_rising_low_consistency_is_not_a_sign() -> None:
    assert names([{"rewards/consistency/mean": 0.4 + 0.02 * i} for i in range(16)]) == []


def test_accuracy_up_and_consistency_down_is_memorising() -> None:
    rows = [
        {"rewards/accuracy/mean": 0.5 + 0.02 * i, "rewards/consistency/mean": 0.99 - 0.015 * i}
        for i in range(12)
    ]
    found = [s for s in signs(rows) if s.name == "memorising"]
    assert len(found) == 1
    assert "Strengthen the process reward" in found[0].text


def test_rising_accuracy_alone_is_not_a_sign() -> None:
    assert names([{"rewards/accuracy/mean": 0.3 + 0.03 * i} for i in range(16)]) == []


def test_groups_with_equal_rewards_are_no_signal() -> None:
    assert names([{"frac_reward_zero_std": 0.97}] * 10) == ["no_signal"]


def test_collapsing_replies_are_a_sign() -> None:
    lengths = [60.0] * 8 + [20.0] * 8
    assert names([{"completions/mean_length": n} for n in lengths]) == ["length_collapse"]


def test_exploding_and_cut_off_replies_are_signs() -> None:
    rows = [{"completions/mean_length": 40.0}] * 6
    rows += [{"completions/mean_length": 120.0, "completions/clipped_ratio": 0.6}] * 8
    assert set(names(rows)) == {"length_explosion", "cut_off"}


def test_a_drifting_policy_is_a_sign() -> None:
    assert names([{}] * 4 + [{"kl": 2.0}] * 8) == ["kl_blow_up"]


def test_a_sign_is_raised_again_after_it_disappeared() -> None:
    rows = [{"kl": 2.0}] * 6 + [{}] * 12 + [{"kl": 2.0}] * 6
    assert names(rows) == ["kl_blow_up", "kl_blow_up"]


def test_collapsing_accuracy_out_of_distribution_is_a_sign() -> None:
    watch = Watch()
    key = "eval_ood_rewards/accuracy/mean"
    found = [watch.see(step, {key: value}) for step, value in enumerate([0.5, 0.58, 0.55, 0.41])]
    assert [len(part) for part in found] == [0, 0, 0, 1]
    assert "58%" in found[3][0].text
    assert "41%" in found[3][0].text


def test_falling_accuracy_in_distribution_only_is_not_that_sign() -> None:
    watch = Watch()
    key = "eval_id_rewards/accuracy/mean"
    assert [watch.see(s, {key: v}) for s, v in enumerate([0.6, 0.3])] == [[], []]


def test_missing_metrics_are_not_signs() -> None:
    watch = Watch()
    assert [watch.see(step, {"reward": 0.1}) for step in range(40)] == [[]] * 40


def test_signs_are_stored_in_the_run_folder_and_not_repeated_on_resume(
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


#: Log entries that show each sign, after healthy ones.
BAD: dict[str, list[dict[str, float]]] = {
    "consistency_low": [{"rewards/consistency/mean": 0.5}] * 12,
    "memorising": [
        {"rewards/accuracy/mean": 0.6 + 0.05 * n, "rewards/consistency/mean": 0.95 - 0.03 * n}
        for n in range(5)
    ],
    "no_signal": [{"frac_reward_zero_std": 0.95}] * 8,
    "length_collapse": [{"completions/mean_length": 10.0}] * 8,
    "length_explosion": [{"completions/mean_length": 100.0}] * 8,
    "cut_off": [{"completions/clipped_ratio": 0.3}] * 8,
    "kl_blow_up": [{"kl": 0.6}] * 8,
}


@pytest.mark.parametrize("name", BAD)
def test_each_sign_is_raised_once_and_again_after_it_disappeared(name: str) -> None:
    healthy: list[dict[str, float]] = [{}] * 20
    found = signs([*healthy, *BAD[name], *healthy, *BAD[name]])
    assert [sign.name for sign in found] == [name, name]
    first, second = (sign.step for sign in found)
    assert 20 < first < 20 + len(BAD[name])
    assert second == first + 20 + len(BAD[name])


def test_a_collapse_out_of_distribution_is_raised_again_after_a_recovery() -> None:
    watch = Watch()
    key = "eval_ood_rewards/accuracy/mean"
    raised = [len(watch.see(step, {key: v})) for step, v in enumerate((0.6, 0.4, 0.3, 0.6, 0.4))]
    assert raised == [0, 1, 0, 0, 1]


def test_training_entries_and_evaluations_do_not_settle_each_others_signs() -> None:
    watch = Watch(WatchConfig(window=2))
    ood = "eval_ood_rewards/accuracy/mean"
    drifting = {**HEALTHY, "kl": 2.0}
    assert [s.name for n in range(2) for s in watch.see(n, drifting)] == ["kl_blow_up"]
    watch.see(2, {ood: 0.6})
    assert [s.name for s in watch.see(3, {ood: 0.2})] == ["ood_collapse"]
    assert watch.see(4, drifting) == []
    assert watch.see(5, {ood: 0.2}) == []


@pytest.mark.parametrize(
    "logs",
    [
        {"eval_ood_rewards/consistency/mean": 0.1},
        {"eval_rewards/accuracy/mean": 0.1},
        {"eval_ood_rewards/accuracy/std": 0.1},
        {"eval_ood_rewards/accuracy/mean": "not a number"},
    ],
)
def test_only_the_accuracy_out_of_distribution_is_compared(logs: dict[str, Any]) -> None:
    watch = Watch()
    higher = dict.fromkeys(logs, 0.9)
    assert [watch.see(n, each) for n, each in enumerate((higher, logs, higher))] == [[]] * 3


def test_a_sign_in_one_of_several_evaluations_is_seen() -> None:
    watch = Watch()
    one, other = "eval_ood_home_accuracy/mean", "eval_ood_street_accuracy/mean"
    more = {"eval_loss": 1.0, "eval_ood_park_accuracy/mean": "not a number"}
    watch.see(0, {**more, one: 0.5, other: 0.9})
    [sign] = watch.see(1, {**more, one: 0.5, other: 0.6})
    assert (sign.name, sign.step) == ("ood_collapse", 1)
    assert "from 90% to 60%" in sign.text


# Thresholds: at the limit itself there is no sign yet, or already one. These numbers are exact.


def exact(rows: list[dict[str, float]], **thresholds: float) -> list[str]:
    watch = Watch(WatchConfig(window=2, **thresholds))
    return [s.name for step, row in enumerate(rows) for s in watch.see(step, {"reward": 0, **row})]


def test_consistency_at_its_least_is_enough() -> None:
    key = "rewards/consistency/mean"
    assert exact([{key: 0.75}] * 8, least_consistency=0.75) == []
    assert exact([{key: 0.625}] * 8, least_consistency=0.75) == ["consistency_low"]


def test_consistency_that_gains_as_much_as_is_asked_for_does_not_stagnate() -> None:
    key = "rewards/consistency/mean"
    rows = [{key: 0.25}] * 2 + [{key: 0.5}] * 2
    assert exact(rows, stagnant_gain=0.25) == []
    assert exact(rows, stagnant_gain=0.3125) == ["consistency_low"]
    rows = [{key: n / 16} for n in range(10)]
    assert exact(rows, stagnant_gain=0.125) == []
    assert exact(rows, stagnant_gain=0.1875) == ["consistency_low"]


@pytest.mark.parametrize(
    ("accuracy", "consistency", "found"),
    [
        (0.25, 0.25, ["memorising"]),
        (0.25, 0.125, []),
        (0.125, 0.25, []),
        (0.5, 0.5, ["memorising"]),
        (-0.25, 0.25, []),
        (0.25, -0.25, []),
    ],
)
def test_memorising_is_a_rise_and_a_fall_of_at_least_the_drift(
    accuracy: float, consistency: float, found: list[str]
) -> None:
    a, c = "rewards/accuracy/mean", "rewards/consistency/mean"
    rows = [{a: 0.5, c: 0.5}] * 2 + [{a: 0.5 + accuracy, c: 0.5 - consistency}] * 2
    thresholds = {"least_consistency": 0.0}
    assert exact(rows, drift=0.25, **thresholds) == found


def test_memorising_needs_both_accuracies() -> None:
    a, c = "rewards/accuracy/mean", "rewards/consistency/mean"
    fall = [{c: 0.75}] * 2 + [{c: 0.25}] * 2
    assert exact(fall, least_consistency=0.0) == []
    assert exact(fall[:2] + [{**row, a: 0.9} for row in fall[2:]], least_consistency=0.0) == []
    assert exact([{**row, a: 0.1} for row in fall[:2]] + fall[2:], least_consistency=0.0) == []


def test_as_many_equal_groups_and_cut_replies_as_the_limit_are_signs() -> None:
    assert exact([{"frac_reward_zero_std": 0.75}] * 4, most_equal_groups=0.75) == ["no_signal"]
    assert exact([{"frac_reward_zero_std": 0.625}] * 4, most_equal_groups=0.75) == []
    rows = [{"completions/mean_length": 40.0, "completions/clipped_ratio": 0.25}] * 6
    assert exact(rows, most_clipped=0.25) == ["cut_off"]
    assert exact(rows, most_clipped=0.3125) == []


@pytest.mark.parametrize(
    ("length", "found"),
    [(20.0, []), (19.0, ["length_collapse"]), (80.0, []), (81.0, ["length_explosion"])],
)
def test_lengths_may_halve_or_double_and_no_more(length: float, found: list[str]) -> None:
    rows = [{"completions/mean_length": n} for n in (30.0, 50.0, 40.0, *[length] * 4)]
    assert exact(rows) == found


def test_lengths_are_compared_with_those_of_the_start() -> None:
    rows = [{}] + [{"completions/mean_length": float(n)} for n in (40, 40, 50, 60, 70, 80, 80)]
    assert exact(rows) == []
    assert exact([*rows, {"completions/mean_length": 90.0}]) == ["length_explosion"]


def test_the_drift_of_the_policy_may_reach_its_limit() -> None:
    assert exact([{"kl": 0.5}] * 4, most_kl=0.5) == []
    assert exact([{"kl": 0.625}] * 4, most_kl=0.5) == ["kl_blow_up"]


def test_a_drop_out_of_distribution_as_large_as_the_limit_is_a_sign() -> None:
    key = "eval_ood_accuracy/mean"
    for drop, count in ((0.25, 1), (0.3125, 0)):
        watch = Watch(WatchConfig(ood_drop=drop))
        watch.see(0, {key: 0.75})
        assert len(watch.see(1, {key: 0.5})) == count


def test_a_mean_needs_half_a_window_of_values_and_at_least_two() -> None:
    assert exact([{"kl": 2.0}]) == []
    assert exact([{"kl": 2.0}] * 2) == ["kl_blow_up"]
    for window, needed in ((4, 2), (5, 2), (6, 3), (8, 4)):
        watch = Watch(WatchConfig(window=window))
        raised = [watch.see(n, {"reward": 0.0, "kl": 2.0}) for n in range(window)]
        assert [bool(each) for each in raised].index(True) + 1 == needed


def test_a_mean_is_of_the_window_and_forgets_what_was_before() -> None:
    assert exact([{"kl": 0.0}] * 5 + [{"kl": 0.6}] * 2) == ["kl_blow_up"]
    assert exact([{"kl": 8.0}, *[{"kl": 0.0}] * 5]) == ["kl_blow_up"]
    assert exact([{"kl": 0.5}, {"kl": 0.5}, {"kl": 0.25}, {"kl": 0.75}] * 3) == ["kl_blow_up"] * 2


def test_an_entry_without_a_reward_is_not_counted() -> None:
    watch = Watch(WatchConfig(window=2))
    assert [watch.see(step, {"kl": 9.0, "train_loss": 1.0}) for step in range(9)] == [[]] * 9
    assert watch.see(9, {"reward": 1, "kl": 9, "note": "text"}) == []
    assert [s.name for s in watch.see(10, {"reward": 1, "kl": 9, "note": "x"})] == ["kl_blow_up"]


def test_each_sign_is_a_line_of_the_file_with_its_step(tmp_path: Path) -> None:
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to=[])
    callback = WatchCallback(WatchConfig(window=2), tmp_path)
    state = TrainerState()
    for step in range(3):
        state.global_step = 10 + step
        row = {**HEALTHY, "kl": 3.0, "frac_reward_zero_std": 1.0 if step else 0.0}
        callback.on_log(arguments, state, TrainerControl(), logs=row)
    callback.on_log(arguments, state, TrainerControl(), logs=None)
    callback.on_log(arguments, state, TrainerControl())
    lines = [json.loads(line) for line in (tmp_path / "signs.jsonl").read_text().splitlines()]
    assert [(line["name"], line["step"]) for line in lines] == [
        ("kl_blow_up", 11),
        ("no_signal", 12),
    ]
    assert [asdict(sign) for sign in callback.signs] == lines


def test_only_the_first_process_of_a_run_watches(tmp_path: Path) -> None:
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True, report_to=[])
    callback = WatchCallback(WatchConfig(window=2), tmp_path)
    state = TrainerState(is_world_process_zero=False)
    for _ in range(4):
        callback.on_log(arguments, state, TrainerControl(), logs={**HEALTHY, "kl": 3.0})
    assert callback.signs == []
    assert list(tmp_path.iterdir()) == []


def test_without_a_folder_signs_are_logged_only(caplog: pytest.LogCaptureFixture) -> None:
    arguments = TrainingArguments(output_dir="unused", use_cpu=True, report_to=[])
    callback = WatchCallback()
    assert callback.watch.config == WatchConfig()
    for step in range(8):
        state = TrainerState(global_step=step)
        callback.on_log(arguments, state, TrainerControl(), logs={**HEALTHY, "kl": 3.0})
    assert [sign.name for sign in callback.signs] == ["kl_blow_up"]
    assert len(caplog.messages) == 1
    assert "step 3, kl_blow_up: the policy is 3.00 nats" in caplog.messages[0]
