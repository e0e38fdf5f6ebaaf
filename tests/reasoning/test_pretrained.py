"""The real pretrained base with an adapter, in this process: 30 layers, a vocabulary of 49,152."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file

from embodied_agent.errors import ModelUnavailable, ReplyError
from embodied_agent.models.adapters import CONFIG, WEIGHTS
from embodied_agent.models.checkpoints import half_is_faster
from embodied_agent.models.prompting import Prompting, write_prompting
from embodied_agent.reasoning.base import Prompt, prompt_style, transcript_budget
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.kept_prefix import BLOCK
from embodied_agent.reasoning.prompts import build_prompt
from embodied_agent.records import Action, Delta, Mention, Question
from embodied_agent.settings import ReasoningSettings
from embodied_agent.transcript.text import Transcript
from tests.support.trained_adapter import fetched_base

pytestmark = [pytest.mark.models, pytest.mark.timeout(900)]

WAIT_S = 600.0
WHERE = Question("Where is the teapot now?", ("left", "right"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fetched_base(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def reasoner(base: Path, tmp_path_factory: pytest.TempPathFactory) -> BuiltinReasoner:
    """With an adapter that changes the base hardly, but in every layer."""
    folder = tmp_path_factory.mktemp("adapter")
    config = json.loads((base / "config.json").read_text())
    width, rank = config["hidden_size"], 4
    generator = torch.Generator().manual_seed(1)
    tensors = {}
    for layer in range(config["num_hidden_layers"]):
        module = f"base_model.model.model.layers.{layer}.self_attn.q_proj"
        for part, shape in (("lora_A", (rank, width)), ("lora_B", (width, rank))):
            weight = torch.randn(shape, generator=generator) * 0.02
            tensors[f"{module}.{part}.weight"] = weight.to(torch.bfloat16)
    save_file(tensors, str(folder / WEIGHTS))
    values = {"peft_type": "LORA", "r": rank, "lora_alpha": 8, "target_modules": ["q_proj"]}
    (folder / CONFIG).write_text(json.dumps({**values, "base_model_name_or_path": str(base)}))
    write_prompting(folder, Prompting.of_style("full"))
    settings = ReasoningSettings(model_path=str(folder), max_tokens=24)
    assert (prompt_style(settings), transcript_budget(settings)) == ("full", 1536)
    return BuiltinReasoner(settings)


def prompt_of(count: int) -> Prompt:
    deltas = [
        Delta(
            n, Action.ROTATE_LEFT if n else None, 30.0, (Mention("blue teapot", "front", "near"),)
        )
        for n in range(count)
    ]
    return build_prompt("full", Transcript.of(deltas, 1536).text(), "", WHERE)


def test_it_streams_stops_at_once_and_keeps_what_it_has_read(reasoner: BuiltinReasoner) -> None:
    prompt = prompt_of(12)
    stream = reasoner.stream(prompt, timeout_s=WAIT_S)
    assert next(stream) == "", "the prompt is being read"
    assert next(piece for piece in stream if piece), "the reply comes in pieces"
    with pytest.raises(ModelUnavailable, match="busy with other questions"):
        next(reasoner.stream(prompt, timeout_s=0.01))
    stream.close()
    read, kept = reasoner.tokens_read
    next(reasoner.stream(prompt, timeout_s=WAIT_S))
    reread = reasoner.tokens_read[0] - read
    assert 0 < reread <= BLOCK
    assert reasoner.tokens_read[1] - kept == read - reread


def test_what_was_read_ahead_gives_the_same_reply(reasoner: BuiltinReasoner) -> None:
    def reply() -> str:
        try:
            return "".join(reasoner.stream(prompt_of(20), timeout_s=WAIT_S))
        except ReplyError as error:  # it was not taught to end its replies
            return str(error)

    assert reasoner.read_ahead(prompt_of(20))
    read, kept = reasoner.tokens_read
    ahead = reply()
    own = len(reasoner._ids(prompt_of(20).task))
    assert reasoner.tokens_read[0] - read < own + 2 * BLOCK
    assert reasoner.tokens_read[1] > kept
    reasoner._kept._ids = []  # nothing of it is kept any more
    assert reply() == ahead


def test_it_runs_in_half_precision_where_that_is_faster_and_tells_its_memory(
    reasoner: BuiltinReasoner, base: Path
) -> None:
    parameters = sum(p.numel() for p in reasoner._model.parameters())
    assert parameters == 134_515_008
    if reasoner._model.device.type == "cpu":
        faster = half_is_faster(base)
        assert reasoner._model.dtype == (torch.bfloat16 if faster else torch.float32)
    size = reasoner._model.dtype.itemsize
    reasoner.read_ahead(prompt_of(20))
    # Keys and values of 30 layers, 3 heads of 64 numbers, in a room of at least 512 tokens.
    assert reasoner.held_bytes() >= parameters * size + 512 * 30 * 2 * 3 * 64 * size
    assert reasoner.held_bytes() < parameters * size + 4096 * 30 * 2 * 3 * 64 * size
