"""Runs of two processes on a CPU: they train, save, resume and end as one process does.

The group is torch's (gloo). The sharding is DeepSpeed's ZeRO-3 and torch's FSDP2, as on GPUs.
"""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from transformers import AutoTokenizer, TrainingArguments

from embodied_agent.errors import SettingsError
from embodied_agent.models.checkpoints import SHIPPED
from embodied_agent.models.prompting import read_prompting
from tests.support.processes import Done, Launcher
from training import sft
from training.cpu_shards import SayShares
from training.reasoner_model import new_model, save_checkpoint
from training.run_config import load_config

pytestmark = [
    pytest.mark.models,
    pytest.mark.timeout(1800),
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
CONFIGS = Path("training/configs")
#: Steps of four questions, at the end of a run of three.
SUPERVISED = [
    "data.worlds=house:1", "data.held_worlds=", "lora.r=4", "lora.alpha=8", "lora.dropout=0",
    "trainer.use_cpu=true", "trainer.max_steps=3", "trainer.save_steps=2",
    "trainer.logging_steps=1", "trainer.warmup_steps=0", "trainer.eval_strategy=no", "threads=1",
]  # fmt: skip
ALL_WEIGHTS = [override for override in SUPERVISED if not override.startswith("lora.")]
ZERO3 = "trainer.deepspeed=training/configs/zero3.json"
SHARDING = {"whole": [], "zero3": [ZERO3], "fsdp": ["trainer.fsdp=true"]}
RUNNER = "tests/support/deepspeed_runner.py"


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = AutoTokenizer.from_pretrained(str(SHIPPED / "reasoner"))
    torch.manual_seed(3)
    model = new_model(tokenizer, width=32, layers=1)
    save_checkpoint(model, tokenizer, folder, dtype=torch.float32)
    return folder


@pytest.fixture(scope="module")
def alone(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The run's folder of one process."""
    out = tmp_path_factory.mktemp("alone")
    chosen = [*SUPERVISED, f"model.path={tiny}", "trainer.per_device_train_batch_size=4"]
    sft.run(load_config(CONFIGS / "builtin-sft.yaml", chosen), out)
    return out


@pytest.fixture(scope="module")
def all_weights_alone(tiny: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a run of one process that trains all weights."""
    out = tmp_path_factory.mktemp("all_weights_alone")
    chosen = [*ALL_WEIGHTS, f"model.path={tiny}", "trainer.per_device_train_batch_size=4"]
    sft.run(load_config(CONFIGS / "builtin-sft.yaml", chosen), out)
    return out


@pytest.fixture(scope="module")
def launcher() -> Iterator[Launcher]:
    launcher = Launcher()
    yield launcher
    launcher.close()


def in_two(
    launcher: Launcher, module: str, config: str, out: Path, overrides: Sequence[str]
) -> Done:
    words = [w for override in overrides for w in ("--set", override)]
    program = [RUNNER, module] if ZERO3 in overrides else ["-m", module]
    return launcher.run(2, [*program, "--config", str(CONFIGS / config), "--out", str(out), *words])


def losses(out: Path) -> list[float]:
    state = json.loads((out / "checkpoint-3" / "trainer_state.json").read_text())
    return [row["loss"] for row in state["log_history"] if "loss" in row]


def merged_by_hand(base: Path, adapter: Path) -> dict[str, torch.Tensor]:
    """The base's weights plus each adapter's product, as the formula says."""
    settings = json.loads((adapter / "adapter_config.json").read_text())
    scale = settings["lora_alpha"] / settings["r"]
    parts = load_file(adapter / "adapter_model.safetensors")
    whole = load_file(base / "model.safetensors")
    for name, b in parts.items():
        if "lora_B" in name:
            a = parts[name.replace("lora_B", "lora_A")]
            weight = name.removeprefix("base_model.model.").replace("lora_B.", "")
            whole[weight] = whole[weight] + scale * (b.float() @ a.float())
    return whole


def same_weights(
    one: dict[str, torch.Tensor], other: dict[str, torch.Tensor], **near: float
) -> None:
    assert one.keys() == other.keys()
    for name, weight in one.items():
        torch.testing.assert_close(weight.float(), other[name].float(), msg=name, **near)


def without_tied_head(weights: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """The weights without the output layer, which FSDP writes although it is the embedding's."""
    head = weights.pop("lm_head.weight", None)
    assert head is None or torch.equal(head, weights["model.embed_tokens.weight"])
    return weights


def parts_held_are_all_that_there_is(stderr: str) -> None:
    """Each of the two processes said how many weights it holds of how many."""
    held = re.findall(r"FSDP: process (\d) holds (\d+) of (\d+) weights", stderr)
    assert {process for process, _, _ in held} == {"0", "1"}
    assert len({total for _, _, total in held}) == 1
    assert sum(int(part) for _, part, _ in held) == int(held[0][2])


@pytest.mark.parametrize("how", SHARDING)
def test_two_processes_train_save_and_merge_as_one_does(
    how: str, launcher: Launcher, tiny: Path, alone: Path, tmp_path: Path
) -> None:
    if how == "zero3":
        pytest.importorskip("deepspeed")
    chosen = [
        *SUPERVISED, f"model.path={tiny}", "trainer.per_device_train_batch_size=2", *SHARDING[how],
    ]  # fmt: skip
    done = in_two(launcher, "training.sft", "builtin-sft.yaml", tmp_path, chosen)
    assert done.returncode == 0, done.stderr[-4000:]
    if how == "fsdp":
        parts_held_are_all_that_there_is(done.stderr)
    assert losses(tmp_path) == pytest.approx(losses(alone), rel=2e-3)
    whole = load_file(tmp_path / "model" / "model.safetensors")
    same_weights(whole, merged_by_hand(tiny, tmp_path / "adapter"), atol=1e-6, rtol=1e-5)
    # Rounding differs where one process averages what two have summed; Adam enlarges it.
    same_weights(whole, load_file(alone / "model" / "model.safetensors"), atol=3e-4, rtol=1e-2)
    start = load_file(tiny / "model.safetensors")
    assert any(not torch.equal(start[name], weight) for name, weight in whole.items())
    for folder in ("model", "adapter"):
        assert read_prompting(tmp_path / folder) == read_prompting(tiny)
    # The run was cut short while it wrote its last checkpoint: the same command ends the same.
    (tmp_path / "checkpoint-3" / "whole.json").unlink()
    shutil.rmtree(tmp_path / "model")
    done = in_two(launcher, "training.sft", "builtin-sft.yaml", tmp_path, chosen)
    assert done.returncode == 0, done.stderr[-4000:]
    assert (tmp_path / "broken-checkpoint-3").is_dir()
    again = load_file(tmp_path / "model" / "model.safetensors")
    same_weights(again, whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("how", SHARDING)
def test_two_processes_that_train_all_weights_resume_and_end_as_one_does(
    how: str, launcher: Launcher, tiny: Path, all_weights_alone: Path, tmp_path: Path
) -> None:
    if how == "zero3":
        pytest.importorskip("deepspeed")
    chosen = [
        *ALL_WEIGHTS, f"model.path={tiny}", "trainer.per_device_train_batch_size=2", *SHARDING[how],
    ]  # fmt: skip
    done = in_two(launcher, "training.sft", "builtin-sft.yaml", tmp_path, chosen)
    assert done.returncode == 0, done.stderr[-4000:]
    assert losses(tmp_path) == pytest.approx(losses(all_weights_alone), rel=2e-3)
    assert not (tmp_path / "adapter").exists()
    whole = without_tied_head(load_file(tmp_path / "model" / "model.safetensors"))
    alone = load_file(all_weights_alone / "model" / "model.safetensors")
    same_weights(whole, alone, atol=3e-4, rtol=1e-2)
    # Cut short within its last step: that step is repeated with the optimizer's state.
    (tmp_path / "checkpoint-3" / "whole.json").unlink()
    before = losses(tmp_path)
    shutil.rmtree(tmp_path / "model")
    done = in_two(launcher, "training.sft", "builtin-sft.yaml", tmp_path, chosen)
    assert done.returncode == 0, done.stderr[-4000:]
    assert "resuming from" in done.stderr
    assert losses(tmp_path) == pytest.approx(before, rel=1e-5)
    again = without_tied_head(load_file(tmp_path / "model" / "model.safetensors"))
    same_weights(again, whole, atol=1e-5, rtol=1e-4)


def test_two_processes_do_grpo_with_a_judge(launcher: Launcher, tiny: Path, tmp_path: Path) -> None:
    chosen = [
        f"model.path={tiny}", "model.dtype=float32", "data.train=[]", "data.held=[]",
        "data.worlds=house:1", "data.questions=4", "reference.spec=builtin",
        "reference.style=compact", "reference.skill_questions=8", "trainer.use_cpu=true",
        "trainer.bf16=false", "trainer.gradient_checkpointing=false", "trainer.fsdp=true",
        "trainer.per_device_train_batch_size=2", "trainer.gradient_accumulation_steps=2",
        "trainer.num_generations=4", "trainer.max_completion_length=8", "trainer.max_steps=3",
        "trainer.save_steps=3", "trainer.eval_strategy=no", "threads=1",
    ]  # fmt: skip
    done = in_two(launcher, "training.grpo", "qwen2.5-3b-lora-1gpu.yaml", tmp_path, chosen)
    assert done.returncode == 0, done.stderr[-4000:]
    parts_held_are_all_that_there_is(done.stderr)
    assert (tmp_path / "checkpoint-3" / "whole.json").is_file()
    whole = load_file(tmp_path / "model" / "model.safetensors")
    same_weights(whole, merged_by_hand(tiny, tmp_path / "adapter"), atol=1e-6, rtol=1e-5)
    # An untrained model never ends its reply within eight tokens: the run says so, once.
    signs = [json.loads(line) for line in (tmp_path / "signs.jsonl").read_text().splitlines()]
    assert [sign["name"] for sign in signs] == ["all_cut_off"]
    assert "trainer.max_completion_length = 8" in signs[0]["text"]


def test_fsdp1_is_refused_on_a_cpu(launcher: Launcher, tiny: Path, tmp_path: Path) -> None:
    chosen = [
        *SUPERVISED, f"model.path={tiny}", "trainer.per_device_train_batch_size=2",
        "trainer.fsdp=true", "trainer.fsdp_config={version: 1}",
    ]  # fmt: skip
    done = in_two(launcher, "training.sft", "builtin-sft.yaml", tmp_path, chosen)
    assert done.returncode != 0
    assert done.stderr.count("weights are sharded with FSDP2 only") == 2


def test_weights_that_stay_whole_with_fsdp_end_the_run() -> None:
    said = TrainingArguments(use_cpu=True, report_to=[])
    said.fsdp_plugin_args = {"fsdp_version": 2}
    callback = SayShares()
    model = torch.nn.Linear(3, 2)
    callback.on_train_begin(said, None, None, model=model)  # one process holds everything
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TrainingArguments, "world_size", 2)
        with pytest.raises(SettingsError, match="every process holds all weights"):
            callback.on_train_begin(said, None, None, model=model)


def test_a_folder_of_another_run_is_refused_by_both_processes(
    launcher: Launcher, alone: Path, tiny: Path
) -> None:
    chosen = [
        *SUPERVISED, f"model.path={tiny}", "trainer.per_device_train_batch_size=2",
        "trainer.learning_rate=0.5",
    ]  # fmt: skip
    done = in_two(launcher, "training.sft", "builtin-sft.yaml", alone, chosen)
    assert done.returncode != 0
    assert done.stderr.count("was created with another configuration") == 2
