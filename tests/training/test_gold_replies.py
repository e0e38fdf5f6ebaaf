"""Before and at the start of a run: templates, tokenizers, the judge and the first steps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from transformers import AutoTokenizer, TrainerControl, TrainerState, TrainingArguments

from embodied_agent.errors import SettingsError
from embodied_agent.models.checkpoints import SHIPPED
from training.first_steps import FirstSteps
from training.gold_replies import begun_thought, check_gold_replies
from training.judge_skill import main as measure_judge
from training.judge_skill import warn_of_weak_judge
from training.reference import Reasoned, _Outage
from training.rewards import FormatReward, accuracy_reward
from training.watch import WatchCallback

pytestmark = pytest.mark.models

ROW = {
    "question": "Where is the red sofa?",
    "choices": ["front", "left"],
    "answer": "left",
    "category": "landmark_position",
    "scene": "house_1",
    "reply": "<think>the red sofa #4 left near.</think><answer> left</answer>",
}
PLAIN = (
    "{% for m in messages %}<|{{ m.role }}|>{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>TAIL{% endif %}"
)


def tokenizer_with(tail: str = "") -> Any:
    tokenizer = AutoTokenizer.from_pretrained(str(SHIPPED / "reasoner"))
    tokenizer.chat_template = PLAIN.replace("TAIL", tail)
    return tokenizer


def check(tokenizer: Any, **changed: Any) -> None:
    check_gold_replies([{**ROW, **changed}], tokenizer, model="theirs")


def test_right_replies_of_ordinary_templates_pass() -> None:
    check(tokenizer_with())
    check(tokenizer_with(), reply="<think></think><answer> left</answer>")
    check(AutoTokenizer.from_pretrained(str(SHIPPED / "reasoner")))


def test_a_template_that_begins_the_thought_counts_as_part_of_the_reply() -> None:
    tokenizer = tokenizer_with("<think>\n")
    assert begun_thought(tokenizer) == "<think>\n"
    check(tokenizer)
    reward = FormatReward(begun_thought(tokenizer))
    replies = [
        "so left.</think><answer>B</answer>",
        "<think>so left.</think><answer>B</answer>",  # a second opening
        "so left. <answer>B</answer>",
    ]
    assert reward(replies) == [1.0, 0.0, 0.0]
    assert FormatReward()(replies) == [0.0, 1.0, 0.0]


def test_a_template_that_opens_and_closes_the_thought_leaves_the_reply_whole() -> None:
    tokenizer = tokenizer_with("<think>\n\n</think>\n\n")
    assert begun_thought(tokenizer) == ""
    check(tokenizer)


def test_options_of_the_template_are_respected() -> None:
    tokenizer = tokenizer_with("{% if enable_thinking is not false %}<think>{% endif %}")
    assert begun_thought(tokenizer) == "<think>"
    assert begun_thought(tokenizer, {"enable_thinking": False}) == ""


def test_a_thought_that_was_read_apart_counts() -> None:
    message = {
        "role": "assistant",
        "reasoning_content": "so left.",
        "content": "<answer>B</answer>",
    }
    for begun in ("", "<think>\n"):
        assert FormatReward(begun)([[message]]) == [1.0]
    assert accuracy_reward([[message]], answer=["left"], choices=[["front", "left"]]) == [1.0]


def test_a_tokenizer_that_loses_tags_is_named() -> None:
    tokenizer = AutoTokenizer.from_pretrained(str(SHIPPED / "reasoner"))
    tokenizer.add_special_tokens({"additional_special_tokens": ["<answer>", "</answer>"]})
    with pytest.raises(SettingsError, match=r"tokenizer of theirs loses .*</answer>"):
        check(tokenizer)


def test_an_answer_that_does_not_read_back_is_named() -> None:
    with pytest.raises(SettingsError, match=r"Where is the red sofa.*landmark_position.*house_1"):
        check(tokenizer_with(), answer="front")


def test_a_reply_in_another_form_is_named_with_the_template() -> None:
    reply = "<think>left.<think></think><answer> left</answer>"
    with pytest.raises(SettingsError, match="begins the reply with '<think>'"):
        check(tokenizer_with("<think>"), reply=reply)


# ---- The judge.


class First:
    """A judge that reads nothing: always the first choice."""

    name = "first"

    def answers(self, items: Sequence[Reasoned]) -> list[str | None]:
        return [item.choices[0] for item in items]


def test_the_shipped_judge_is_good_enough_by_its_command(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert measure_judge(["--questions", "24", "--json"]) == 0
    figures = json.loads(capsys.readouterr().out)
    assert figures["least"] >= 0.9
    assert figures["true"]["count"] > figures["redirected"]["count"] > 5
    assert measure_judge(["--reference", str(tmp_path)]) == 2
    assert "no reference model" in capsys.readouterr().err


def test_a_weak_judge_raises_a_sign_before_training(tmp_path: Path) -> None:
    warn_of_weak_judge(First(), 24, tmp_path)
    (line,) = (tmp_path / "signs.jsonl").read_text().splitlines()
    assert json.loads(line)["name"] == "weak_judge"
    assert "below 90%" in json.loads(line)["text"]


def test_waits_for_a_server_that_comes_and_goes_add_up() -> None:
    now = [0.0]
    outage = _Outage(lambda: now[0])
    with outage.request() as failed:
        assert failed() == 0.0
        now[0] = 20.0
        with outage.request() as other:
            assert other() == 20.0
        assert failed() == 20.0
    now[0] = 100.0  # meanwhile it answered
    with outage.request() as failed:
        assert failed() == 20.0
        now[0] = 130.0
        assert failed() == 50.0


# ---- The first steps.


def after_steps(tmp_path: Path, steps: Sequence[dict[str, float]]) -> list[dict[str, Any]]:
    arguments = TrainingArguments(output_dir=str(tmp_path), use_cpu=True)
    metrics: dict[str, list[float]] = {}
    trainer = SimpleNamespace(
        _metrics={"train": metrics},
        args=SimpleNamespace(max_completion_length=16, num_generations=8, temperature=0.7),
    )
    callback = FirstSteps(WatchCallback(folder=tmp_path), trainer)
    for step, measured in enumerate(steps, 1):
        for name, value in measured.items():
            metrics.setdefault(name, []).append(value)
        state = TrainerState(global_step=step)
        callback.on_step_end(arguments, state, TrainerControl())
    path = tmp_path / "signs.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def step(clipped: float, equal: float, reward: float) -> dict[str, float]:
    return {"completions/clipped_ratio": clipped, "frac_reward_zero_std": equal, "reward": reward}


def test_replies_that_are_all_cut_off_raise_a_sign_that_names_the_setting(tmp_path: Path) -> None:
    (sign,) = after_steps(tmp_path, [step(1.0, 0.5, 0.2)] * 7)
    assert (sign["name"], sign["step"]) == ("all_cut_off", 3)
    assert "trainer.max_completion_length = 16" in sign["text"]


@pytest.mark.parametrize(
    ("reward", "setting"), [(0.0, "model.path"), (0.6, "trainer.temperature (now 0.7)")]
)
def test_equal_rewards_raise_a_sign_by_the_fifth_step(
    tmp_path: Path, reward: float, setting: str
) -> None:
    (sign,) = after_steps(tmp_path, [step(0.0, 1.0, reward)] * 7)
    assert (sign["name"], sign["step"]) == ("no_signal_at_all", 5)
    assert setting in sign["text"]
    assert "trainer.num_generations = 8" in sign["text"]


def test_a_start_with_some_signal_raises_nothing(tmp_path: Path) -> None:
    assert after_steps(tmp_path, [step(1.0, 1.0, 0.5), *[step(0.9, 0.9, 0.5)] * 6]) == []
