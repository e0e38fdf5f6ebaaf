"""A base that answers every question with A, and an adapter on it that answers with B.

The weights are set, not trained: which token comes next depends on the last one alone, and the
adapter changes what follows where the letter comes. So no engine is ever in doubt between two
tokens, replies have the right form, and their marks depend on the questions. What evaluations of it
compare is the way to a model and back: prompts, servers, adapters, replies, marks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from tokenizers import AddedToken
from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from embodied_agent.models.prompting import Prompting, write_prompting
from sim_clips.splits import FIRST_TRAINING_SEED
from tests.models.test_llama_gguf import tokenizer
from training.episodes.rows import Episode
from training.episodes.worlds import WorldUnit, world_episodes
from training.evaluate import evaluate
from training.evaluation.answering import OneByOne, open_model

#: Scenes of each kind of world, and questions about each of them.
SCENES, QUESTIONS = 5, 6
#: Longest prompt that the model takes, and longest reply.
CONTEXT, MAX_TOKENS = 8192, 32
TAGS = ("<think>", "</think>", "<answer>", "</answer>")
RANK = 8


@dataclass(frozen=True)
class AdaptedModel:
    """The folders of the base and of the adapter on it, and the questions."""

    base: Path
    adapter: Path
    episodes: list[Episode]


def adapted_model(root: Path) -> AdaptedModel:
    """Make it all below ``root``."""
    reader = tokenizer()
    reader.add_tokens([AddedToken(tag, normalized=False) for tag in TAGS])
    size = -(-(len(reader) + 1) // 32) * 32
    unused = size - 1  # no token: where the adapter leaves its mark
    config = LlamaConfig(
        vocab_size=size, hidden_size=size, intermediate_size=32, num_hidden_layers=1,
        num_attention_heads=2, num_key_value_heads=2, head_dim=32, max_position_embeddings=CONTEXT,
        tie_word_embeddings=False, bos_token_id=reader.bos_token_id,
        eos_token_id=reader.eos_token_id, pad_token_id=reader.pad_token_id,
    )  # fmt: skip
    said = reader("<think>so</think><answer>A</answer>").input_ids
    assert len(said) == len(set(said)), "a token that comes twice has two that follow"
    (a,), (b,), (tag,) = (reader(text).input_ids for text in ("A", "B", "<answer>"))
    follows = dict(zip(said, [*said[1:], reader.eos_token_id], strict=True))
    follows[b] = follows[a]
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "norm" not in name:
                weight.zero_()
        model.model.embed_tokens.weight.copy_(torch.eye(size))
        for token in range(size):
            model.lm_head.weight[follows.get(token, said[0]), token] = 1.0
        model.lm_head.weight[:, unused] = 0.0
        model.lm_head.weight[b, unused] = 1.0
        mlp = model.model.layers[0].mlp
        mlp.gate_proj.weight[0, tag] = mlp.up_proj.weight[0, tag] = 0.1
    model.save_pretrained(str(root / "base"))
    reader.save_pretrained(str(root / "base"))

    base = AutoModelForCausalLM.from_pretrained(str(root / "base"), dtype=torch.float32)
    targets = ["q_proj", "down_proj"]
    lora = LoraConfig(task_type="CAUSAL_LM", r=RANK, lora_alpha=RANK, target_modules=targets)
    adapted = get_peft_model(base, lora)
    with torch.no_grad():
        for name, weight in adapted.named_parameters():
            if "lora_" in name:
                weight.zero_()
            if "down_proj.lora_A" in name:
                weight[0, 0] = 1.0
            elif "down_proj.lora_B" in name:
                weight[unused, 0] = 1.0
    adapted.save_pretrained(str(root / "adapter"))
    reader.save_pretrained(str(root / "adapter"))
    write_prompting(root / "adapter", Prompting.of_style("full"))

    episodes: list[Episode] = []
    for world in ("house", "city"):
        unit = WorldUnit(world, FIRST_TRAINING_SEED, SCENES, questions=QUESTIONS, noise=0.0)
        episodes += world_episodes(unit, "full", {})[0]
    return AdaptedModel(root / "base", root / "adapter", episodes)


def marks_of(
    model: str, episodes: list[Episode], *, server_model: str = "", max_tokens: int = MAX_TOKENS
) -> dict[str, dict[str, Any]]:
    """The marks of an evaluation, by question, as `training.evaluate` writes them."""
    answerer, style = open_model(
        model, server_model=server_model, parallel=2, choose=False, asked="full"
    )
    assert style == "full"
    result = evaluate(answerer, episodes, max_tokens=max_tokens)
    if isinstance(answerer, OneByOne):
        answerer.close()
        assert answerer.unanswered == 0
    return {mark.id: mark.as_dict() for mark in result.marks}


def answers_with(marks: dict[str, dict[str, Any]], episodes: list[Episode], letter: str) -> bool:
    """Whether every mark is that of a well-formed reply with ``letter``, right where it is."""
    return all(
        mark["formatted"] and mark["right"] == float(episode.answer == letter)
        for mark, episode in zip(marks.values(), episodes, strict=True)
    )
