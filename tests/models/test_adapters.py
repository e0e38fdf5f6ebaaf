"""Adapters merge into their base as peft merges them; what can't be merged is refused."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from transformers import AutoModelForCausalLM

from embodied_agent.errors import ModelError
from embodied_agent.models.adapters import CONFIG, WEIGHTS, base_of, is_adapter
from embodied_agent.models.catalogue import BASES, base_folder
from embodied_agent.models.checkpoints import checkpoint_folder, load, recorded_style
from embodied_agent.models.prompting import Prompting, write_prompting
from tests.models.test_llama_gguf import checkpoint

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),  # of peft, about what it was not given
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
TARGETS = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return checkpoint(tmp_path_factory.mktemp("base") / "model")


def adapter(base: Path, folder: Path, **options: Any) -> Path:
    """An adapter with random weights, saved by peft."""
    model = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32)
    options = {"r": 4, "lora_alpha": 12, "target_modules": TARGETS, **options}
    adapted = get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", **options))
    torch.manual_seed(3)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.normal_(0, 0.1)
    adapted.save_pretrained(str(folder))
    return folder


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"use_rslora": True},
        {"target_modules": ["q_proj", "down_proj"]},
        {"rank_pattern": {"q_proj": 2}, "alpha_pattern": {"model.layers.1.mlp.up_proj": 3}},
    ],
    ids=["plain", "rslora", "two targets", "patterns"],
)
def test_the_merged_weights_are_those_of_peft(
    base: Path, tmp_path: Path, options: dict[str, Any]
) -> None:
    folder = adapter(base, tmp_path / "adapter", **options)
    model = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32)
    expected = PeftModel.from_pretrained(model, str(folder)).merge_and_unload().state_dict()
    merged, _ = load(folder, "reasoner")
    plain = AutoModelForCausalLM.from_pretrained(str(base), dtype=torch.float32).state_dict()
    changed = 0
    for name, tensor in merged.state_dict().items():
        assert torch.allclose(tensor, expected[name], atol=1e-6), name
        changed += not torch.equal(tensor, plain[name])
    assert changed == 2 * len(options.get("target_modules", TARGETS))


def test_an_adapter_names_its_base_by_folder_or_by_a_fetched_base(
    base: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = adapter(base, tmp_path / "adapter")
    assert is_adapter(folder)
    assert not is_adapter(base)
    assert base_of(folder) == base
    monkeypatch.setenv("EMBODIED_AGENT_MODELS", str(tmp_path / "cache"))
    smollm2 = BASES["smollm2"]
    _change(folder, base_model_name_or_path=smollm2.hub)
    with pytest.raises(ModelError, match="embodied-agent models get smollm2"):
        base_of(folder)
    cached = base_folder(smollm2)
    cached.mkdir(parents=True)
    (cached / "config.json").write_text("{}")
    assert base_of(folder) == cached
    _change(folder, base_model_name_or_path="/nowhere")
    with pytest.raises(ModelError, match="/nowhere"):
        base_of(folder)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"peft_type": "IA3"}, "IA3"),
        ({"use_dora": True}, "use_dora"),
        ({"modules_to_save": ["lm_head"]}, "modules_to_save"),
        ({"bias": "all"}, "bias"),
    ],
)
def test_what_a_sum_of_matrices_does_not_express_is_refused(
    base: Path, tmp_path: Path, changes: dict[str, Any], said: str
) -> None:
    folder = adapter(base, tmp_path / "adapter")
    _change(folder, **changes)
    with pytest.raises(ModelError, match=said):
        load(folder, "reasoner")


def test_a_damaged_or_foreign_adapter_is_an_error(base: Path, tmp_path: Path) -> None:
    folder = adapter(base, tmp_path / "adapter")
    whole = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(whole[:1000])
    with pytest.raises(ModelError, match=WEIGHTS):
        load(folder, "reasoner")
    (folder / WEIGHTS).write_bytes(whole)
    other = checkpoint(tmp_path / "other", intermediate=160)
    _change(folder, base_model_name_or_path=str(other))
    with pytest.raises(ModelError, match="does not fit its base"):
        load(folder, "reasoner")
    (folder / CONFIG).write_text("[]")
    with pytest.raises(ModelError, match=CONFIG):
        load(folder, "reasoner")


def test_a_base_that_was_not_fetched_says_how_to_fetch_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBODIED_AGENT_MODELS", str(tmp_path))
    with pytest.raises(ModelError, match="embodied-agent models get smollm2"):
        checkpoint_folder("smollm2", "reasoner")


def test_the_style_is_what_the_folder_records(tmp_path: Path) -> None:
    assert recorded_style("") is None
    assert recorded_style("smollm2") == "full"
    assert recorded_style(str(tmp_path)) is None
    write_prompting(tmp_path, Prompting.of_style("full"))
    assert recorded_style(str(tmp_path)) == "full"


def _change(folder: Path, **values: Any) -> None:
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps({**config, **values}))
