"""An adapter that is shipped with the package: one name means it and the base that it needs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors import safe_open
from transformers import AutoModelForCausalLM
from typer.testing import CliRunner

from embodied_agent.cli.main import app
from embodied_agent.errors import ModelError
from embodied_agent.models import checkpoints
from embodied_agent.models.adapters import CONFIG, WEIGHTS
from embodied_agent.models.catalogue import BASES, Base, base_folder
from embodied_agent.models.checkpoints import (
    checkpoint_folder,
    reasoner_folder,
    recorded_style,
    shipped_adapter,
)
from embodied_agent.models.prompting import Prompting, read_prompting, write_prompting
from embodied_agent.reasoning.base import Prompt
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.settings import ReasoningSettings
from tests.models.test_llama_gguf import checkpoint

pytestmark = [
    pytest.mark.filterwarnings("ignore::UserWarning"),  # of peft, about what it was not given
    pytest.mark.filterwarnings("ignore::FutureWarning"),
]
SMOLLM2 = BASES["smollm2"]
#: Most bytes that all files of a shipped adapter may have.
MOST_BYTES = 40_000_000
PROMPT = Prompt("", "#1 start: red sofa front near.\n", "Question: Where is the sofa?\n")


@pytest.fixture
def fetched(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny model in the place of the fetched base, and no adapter."""
    monkeypatch.setenv("EMBODIED_AGENT_MODELS", str(tmp_path / "cache"))
    monkeypatch.setattr(checkpoints, "SHIPPED", tmp_path / "package")
    return checkpoint(base_folder(SMOLLM2))


@pytest.fixture
def adapter(fetched: Path, tmp_path: Path) -> Path:
    """An adapter on it, as the package ships one."""
    model = AutoModelForCausalLM.from_pretrained(str(fetched), dtype=torch.float32)
    adapted = get_peft_model(
        model, LoraConfig(task_type="CAUSAL_LM", r=4, target_modules=["q_proj", "down_proj"])
    )
    torch.manual_seed(3)
    with torch.no_grad():
        for name, parameter in adapted.named_parameters():
            if "lora_" in name:
                parameter.normal_(0, 0.5)
    folder = tmp_path / "package" / SMOLLM2.name
    adapted.save_pretrained(str(folder))
    config = json.loads((folder / CONFIG).read_text())
    config["base_model_name_or_path"] = SMOLLM2.hub
    (folder / CONFIG).write_text(json.dumps(config))
    write_prompting(folder, Prompting("compact", "text"))
    return folder


def logits(model_path: str) -> torch.Tensor:
    reasoner = BuiltinReasoner(ReasoningSettings(model_path=model_path))
    with torch.inference_mode():
        ids = torch.tensor([reasoner._prompt_ids(PROMPT, 16)])
        return reasoner._model(input_ids=ids).logits


def test_the_short_name_means_base_and_adapter_and_the_hubs_name_the_base(adapter: Path) -> None:
    assert reasoner_folder("smollm2") == adapter
    assert torch.equal(logits("smollm2"), logits(str(adapter)))
    assert not torch.allclose(logits("smollm2"), logits(SMOLLM2.hub))
    assert torch.equal(logits(SMOLLM2.hub), logits(str(base_folder(SMOLLM2))))
    assert BuiltinReasoner(ReasoningSettings(model_path="smollm2")).name == "builtin:smollm2"


def test_the_prompt_style_is_that_of_the_adapter(adapter: Path) -> None:
    assert recorded_style("smollm2") == "compact"
    assert recorded_style(SMOLLM2.hub) == "full"
    (adapter / CONFIG).unlink()
    assert recorded_style("smollm2") == "full"


def test_training_starts_from_the_base_under_the_same_name(adapter: Path) -> None:
    assert checkpoint_folder("smollm2", "reasoner") == base_folder(SMOLLM2)


def test_without_an_adapter_the_name_means_the_base(fetched: Path) -> None:
    assert shipped_adapter(SMOLLM2) is None
    assert reasoner_folder("smollm2") == fetched


def test_without_the_base_one_sentence_says_what_to_run(
    adapter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMBODIED_AGENT_MODELS", str(tmp_path / "empty"))
    for name in ("smollm2", SMOLLM2.hub):
        with pytest.raises(ModelError) as raised:
            BuiltinReasoner(ReasoningSettings(model_path=name))
        assert str(raised.value) == (
            "the base model smollm2 (98 MB) has not been fetched: run "
            "`embodied-agent models get smollm2`"
        )


def test_the_list_names_the_adapter(adapter: Path) -> None:
    listed = json.loads(CliRunner().invoke(app, ["models", "list", "--json"]).stdout)
    assert listed["models"][0]["adapter"] == str(adapter)
    assert str(adapter) in CliRunner().invoke(app, ["models", "list"]).stdout
    (adapter / CONFIG).unlink()
    listed = json.loads(CliRunner().invoke(app, ["models", "list", "--json"]).stdout)
    assert listed["models"][0]["adapter"] is None


@pytest.mark.parametrize(
    "base", [base for base in BASES.values() if shipped_adapter(base)], ids=lambda base: base.name
)
def test_what_is_shipped_is_small_complete_and_names_its_base_for_everyone(base: Base) -> None:
    folder = shipped_adapter(base)
    assert folder is not None
    assert sum(path.stat().st_size for path in folder.iterdir()) <= MOST_BYTES
    assert json.loads((folder / CONFIG).read_text())["base_model_name_or_path"] == base.hub
    assert read_prompting(folder) is not None
    assert (folder / "README.md").read_text().startswith("#")
    with safe_open(str(folder / WEIGHTS), "pt") as file:
        assert any(".lora_A." in key for key in file.keys())  # noqa: SIM118
