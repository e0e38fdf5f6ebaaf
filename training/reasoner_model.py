"""The built-in reasoner's decoder: initial weights with heads that look back, and checkpoints.

Out of scope: heads that match keyframe numbers (`training.matching_heads`), training
(`training.reasoner`).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from transformers import (
    GenerationConfig,
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
)

from embodied_agent.models.prompting import Prompting, write_prompting
from embodied_agent.transcript.text import entry_text
from sim_clips.splits import TRAINED_WORLDS, pairs_of
from training.samples import samples_of, training_scene
from training.vocabulary import ASSISTANT, USER, save_tokenizer

#: Standard deviation of random weights; the usual 0.02 suits models ten times as wide.
INITIAL_SCALE = 0.06


def new_model(tokenizer: PreTrainedTokenizerFast, *, width: int, layers: int) -> LlamaForCausalLM:
    """A decoder with random weights, except for heads that look back (`_look_back`)."""
    config = LlamaConfig(
        vocab_size=-(-len(tokenizer) // 64) * 64,
        hidden_size=width,
        intermediate_size=3 * width,
        num_hidden_layers=layers,
        num_attention_heads=width // 32,
        num_key_value_heads=width // 32,
        max_position_embeddings=4096,
        attention_bias=True,
        initializer_range=INITIAL_SCALE,
        tie_word_embeddings=True,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
    )
    model = LlamaForCausalLM(config)
    for head, offset in enumerate((1, 2, 3)[: width // 32 - 1]):
        _look_back(model, head, offset)
    return model


def _look_back(model: LlamaForCausalLM, head: int, offset: int) -> None:
    """Initialise a head of the first layer to attend to the token ``offset`` positions back.

    Everything the model does depends on finding what came after a token, which needs such a head;
    from random weights one takes thousands of steps to form. With rotary positions, a constant
    query and a constant key rotated by the offset suffice; both stay trainable.
    """
    attention = model.model.layers[0].self_attn
    size = attention.head_dim
    rows = slice(head * size, (head + 1) * size)
    turn = offset / 10000.0 ** (torch.arange(0, size, 2) / size)
    strength = 20.0**0.5 * size**0.25
    with torch.no_grad():
        attention.q_proj.weight[rows] *= 0.1
        attention.k_proj.weight[rows] *= 0.1
        ahead = torch.cat((torch.ones(size // 2), torch.zeros(size // 2)))
        attention.q_proj.bias[rows] = strength * ahead
        attention.k_proj.bias[rows] = strength * torch.cat((torch.cos(turn), torch.sin(turn)))


def number_tokens(tokenizer: PreTrainedTokenizerFast) -> list[int]:
    """The tokens of keyframe numbers, at the start of a line and after a space."""
    return [i for token, i in tokenizer.get_vocab().items() if re.fullmatch(r"Ġ?#\d+", token)]


def whole_texts(tokenizer: PreTrainedTokenizerFast, journeys: int = 60) -> Iterator[torch.Tensor]:
    """Token ids (1, n) of questions with transcript and reply, to initialise heads on."""
    rng = np.random.default_rng(5)
    for _ in range(journeys):
        world, scene = training_scene(rng)
        deltas, samples = samples_of(world, scene, rng, questions=2, longest=24, noise=0.0)
        for sample in samples:
            transcript = "".join(entry_text(d) for d in deltas[: sample.now + 1])
            text = f"{USER}{transcript}{sample.task}{ASSISTANT}{sample.reply}"
            encoded = tokenizer.backend_tokenizer.encode(text, add_special_tokens=False)
            yield torch.tensor([encoded.ids])


def save_checkpoint(
    model: LlamaForCausalLM,
    tokenizer: PreTrainedTokenizerFast,
    folder: Path,
    *,
    dtype: torch.dtype = torch.float16,
) -> None:
    """Save all that transformers, ``transformers serve`` and vLLM need to load the model."""
    copy = LlamaForCausalLM(model.config)
    copy.load_state_dict(model.state_dict())
    copy.config.use_cache = True  # training may have switched it off
    copy.generation_config = GenerationConfig(
        do_sample=False,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        max_new_tokens=512,
    )
    copy.to(dtype).save_pretrained(str(folder))
    save_tokenizer(tokenizer, folder)
    write_prompting(folder, Prompting("compact", "text", pairs_of(TRAINED_WORLDS[0])))
