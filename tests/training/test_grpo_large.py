"""The configurations for large models, run with the shipped reasoner instead: trl, peft, accelerate
and DeepSpeed accept every option, and two steps run."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from safetensors import safe_open
from transformers import AutoTokenizer
from trl import GRPOConfig, SFTConfig

from embodied_agent.models.checkpoints import SHIPPED
from tests.support.processes import LOOPBACK, python_path
from training import grpo, sft
from training.reasoner_model import new_model, save_checkpoint
from training.run_config import _under_present_names, load_config, trainer_arguments

pytestmark = [
    pytest.mark.models,
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
CONFIGS = Path("training/configs")
EIGHT, ONE = CONFIGS / "qwen2.5-3b-8gpu.yaml", CONFIGS / "qwen2.5-3b-lora-1gpu.yaml"
#: The only values that differ on a small machine: model, data and sizes.
IN_SMALL = [
    "model.path=builtin",
    "data.train=[]",
    "data.held=[]",
    "data.worlds=house:1",
    "data.questions=4",
    f"reference.spec={SHIPPED / 'judge'}",
    "reference.style=compact",
    "trainer.use_cpu=true",
    "trainer.per_device_train_batch_size=2",
    "trainer.gradient_accumulation_steps=2",
    "trainer.num_generations=4",
    "trainer.max_completion_length=8",
    "trainer.max_steps=2",
    "trainer.save_steps=2",
    "trainer.eval_strategy=no",
    "threads=1",
]


@pytest.mark.parametrize("path", sorted(CONFIGS.glob("*.yaml")), ids=lambda p: p.stem)
def test_trl_has_every_option_of_every_configuration(path: Path, tmp_path: Path) -> None:
    config = load_config(path)
    kind = SFTConfig if "sft" in path.stem else GRPOConfig
    # The run below uses DeepSpeed's file; here it would start to set up a cluster.
    options = {k: v for k, v in config.trainer.items() if k != "deepspeed"}
    made = trainer_arguments(kind, {**options, "use_cpu": True}, output_dir=str(tmp_path))
    names = {field.name for field in dataclasses.fields(kind)}
    for name, value in _under_present_names(options, names).items():
        if name != "report_to":
            found = getattr(made, name)
            assert getattr(found, "value", found) == value, name


def test_the_configuration_has_the_published_hyperparameters() -> None:
    config = load_config(EIGHT)
    published = {
        "learning_rate": 5e-7, "num_train_epochs": 12, "temperature": 1.0, "beta": 0.001,
        "num_generations": 8, "max_completion_length": 2048, "bf16": True, "warmup_steps": 0.05,
    }  # fmt: skip
    assert {name: config.trainer[name] for name in published} == published
    assert config.data.most_prompt_tokens == 6144
    assert [s.weights for s in config.curriculum] == [
        pytest.approx(w) for w in ((0.7, 0.3, 0.0), (0.3, 0.7, 0.0), (0.1, 0.7, 0.2))
    ]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A decoder of one layer: ZeRO-3 gathers each layer's weights in Python, and this is short."""
    folder = tmp_path_factory.mktemp("tiny")
    tokenizer = AutoTokenizer.from_pretrained(str(SHIPPED / "reasoner"))
    save_checkpoint(new_model(tokenizer, width=32, layers=1), tokenizer, folder)
    return f"model.path={folder}"


def test_the_one_gpu_configuration_trains_adapters_for_two_steps_and_merges_them(
    tmp_path: Path, tiny: str
) -> None:
    trainer = grpo.run(load_config(ONE, [*IN_SMALL, tiny]), tmp_path)
    assert trainer.state.global_step == 2
    with safe_open(tmp_path / "checkpoint-2" / "adapter_model.safetensors", "pt") as adapter:
        names = list(adapter.keys())
    assert names
    assert all("lora_" in name for name in names)
    assert json.loads((tmp_path / "model" / "config.json").read_text())["model_type"] == "llama"
    assert not (tmp_path / "model" / "adapter_config.json").exists()


def test_the_eight_gpu_configuration_runs_two_steps_of_zero3_without_vllm(
    tmp_path: Path, tiny: str
) -> None:
    pytest.importorskip("deepspeed")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    environment = {
        **os.environ,
        "DS_ACCELERATOR": "cpu", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "1", "OMP_NUM_THREADS": "1",
        "GLOO_SOCKET_IFNAME": LOOPBACK,
        "PYTHONPATH": python_path(), "TORCHDYNAMO_DISABLE": "1", "PYTHONWARNINGS": "ignore",
    }  # fmt: skip
    overrides = [*IN_SMALL, tiny, "trainer.use_vllm=false"]
    done = subprocess.run(
        [sys.executable, "tests/support/deepspeed_runner.py", "training.grpo",
         "--config", str(EIGHT), "--out", str(tmp_path),
         *(word for override in overrides for word in ("--set", override))],
        env=environment, capture_output=True, text=True, timeout=1000, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    assert (tmp_path / "checkpoint-2" / "whole.json").is_file()
    state = json.loads((tmp_path / "checkpoint-2" / "trainer_state.json").read_text())
    assert state["global_step"] == 2
    assert list((tmp_path / "checkpoint-2").glob("global_step*/*optim_states.pt"))
    assert (tmp_path / "model" / "model.safetensors").is_file()


def test_the_supervised_baseline_learns_resumes_and_saves(tmp_path: Path) -> None:
    small = [
        "data.worlds=house:1", "data.held_worlds=", "trainer.eval_strategy=no",
        "trainer.per_device_train_batch_size=4", "trainer.max_steps=4", "trainer.save_steps=2",
        "trainer.logging_steps=1", "trainer.warmup_steps=0", "trainer.use_cpu=true", "threads=1",
    ]  # fmt: skip
    config = load_config(CONFIGS / "builtin-sft.yaml", small)
    whole = sft.run(config, tmp_path)
    (tmp_path / "checkpoint-4" / "whole.json").unlink()
    again = sft.run(config, tmp_path)
    losses = [
        [row["loss"] for row in trainer.state.log_history if "loss" in row]
        for trainer in (whole, again)
    ]
    assert losses[1] == pytest.approx(losses[0], rel=1e-3)
    assert (tmp_path / "model" / "model.safetensors").is_file()
