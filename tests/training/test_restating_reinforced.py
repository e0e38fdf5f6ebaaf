"""Reinforcement of a model that restates questions, with a small base of SmolLM2's kind: the
experiment from its command to its result, and what it refuses."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
import yaml

from embodied_agent.errors import SettingsError
from tests.models.test_llama_gguf import checkpoint
from training import grpo
from training.experiments import restating
from training.run_config import load_config

pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::UserWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]
CONFIGS = Path("training/configs")


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small llama with grouped heads, long enough for questions of single letters."""
    folder = checkpoint(tmp_path_factory.mktemp("base") / "model")
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "max_position_embeddings": 8192}))
    return folder


IN_SMALL = {
    "data": {"restatements": 64, "questions_per_sequence": 4},
    "lora": {"r": 4},
    "trainer": {
        "bf16": False, "per_device_train_batch_size": 2, "warmup_steps": 0, "logging_steps": 1,
        "report_to": [],
    },
}  # fmt: skip


def test_reinforcement_on_restating_is_compared_with_supervision(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for kind in ("sft", "grpo"):
        name = f"smollm2-restating-{kind}.yaml"
        config = yaml.safe_load((CONFIGS / name).read_text())
        config["model"] |= {"path": str(base), "dtype": "float32"}
        config["threads"] = 1
        for section, values in IN_SMALL.items():
            config[section] |= values
        if kind == "grpo":
            del config["data"]["questions_per_sequence"]
            config["trainer"] |= {"num_generations": 2, "max_completion_length": 4}
        (tmp_path / name).write_text(yaml.safe_dump(config))
    monkeypatch.setattr(restating, "CONFIGS", tmp_path)
    results = tmp_path / "results"
    words = ["--seeds", "2", "--scale", "0.02", "--runs", str(tmp_path / "runs")]
    monkeypatch.setattr(sys, "argv", ["restating", *words, "--results", str(results)])
    restating.main()
    kept = json.loads((results / "restating.json").read_text())
    assert [row["trained"] for row in kept["rows"]] == ["start", "supervised", "reinforcement"]
    assert "reinforcement compared with supervised, out of distribution" in kept["finding"]
    assert (results / "restating.png").stat().st_size > 1000


@pytest.mark.parametrize(
    "other",
    [
        "data.worlds=house:1",
        "reference.spec=builtin",
        "curriculum=[{until: 1.0, format: 1, accuracy: 7, consistency: 2}]",
    ],
)
def test_restating_is_reinforced_alone_and_without_consistency(
    base: Path, tmp_path: Path, other: str
) -> None:
    overrides = [f"model.path={base}", "data.questions=4"]
    overrides += [other, "data.restatements=8", "data.most_prompt_tokens=4000", "threads=1"]
    config = load_config(CONFIGS / "smollm2-restating-grpo.yaml", overrides)
    with pytest.raises(SettingsError, match=r"data\.restatements is trained on alone"):
        grpo.run(config, tmp_path / "run")
