"""Several replies in the cache of one prompt: each is as if it were alone."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM, MistralConfig, MistralForCausalLM

from embodied_agent.reasoning.kept_prefix import BLOCK, KeptPrefix, SideBySide
from embodied_agent.reasoning.shared_heads import share_heads

SIZES = {
    "vocab_size": 97,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}


def llama(keys: int, attention: str = "sdpa") -> Any:
    config = LlamaConfig(**SIZES, num_key_value_heads=keys, attn_implementation=attention)
    return LlamaForCausalLM(config)


def with_a_window() -> Any:
    """A model whose layers see the last 20 tokens only, so that no prompt of it is kept."""
    config = MistralConfig(
        **SIZES, num_key_value_heads=2, sliding_window=20, attn_implementation="sdpa"
    )
    return MistralForCausalLM(config)


@pytest.mark.parametrize(
    "make",
    [lambda: llama(2), lambda: llama(4), lambda: llama(2, "eager"), with_a_window],
    ids=["shared heads", "own heads", "eager", "window"],
)
def test_each_reply_is_as_if_it_were_alone(make: Any) -> None:
    torch.manual_seed(0)
    model = make().eval()
    share_heads(model)
    prompt = torch.randint(97, (BLOCK + 30,)).tolist()
    replies = torch.randint(97, (3, 6))
    kept = KeptPrefix(model, 10_000_000)
    for count in (1, 3):
        _, cache = kept.read(prompt, lambda: None)
        together = SideBySide(model, cache, count)
        with torch.inference_mode():
            for step in range(replies.shape[1]):
                logits = together.after(replies[:count, step : step + 1])
                assert logits.shape == (count, 97)
                for row in range(count):
                    ids = [*prompt, *replies[row, : step + 1].tolist()]
                    alone = model(input_ids=torch.tensor([ids])).logits[0, -1]
                    assert torch.allclose(logits[row], alone, atol=1e-4)
        kept.release()


def test_the_prompt_stays_kept_for_the_next_question() -> None:
    torch.manual_seed(0)
    model = llama(2).eval()
    share_heads(model)
    prompt = torch.randint(97, (2 * BLOCK + 7,)).tolist()
    kept = KeptPrefix(model, 10_000_000)
    before = kept.read(prompt, lambda: None)[0].clone()
    kept.release()
    _, cache = kept.read(prompt, lambda: None)
    with torch.inference_mode():
        together = SideBySide(model, cache, 4)
        for _ in range(5):
            together.after(torch.zeros((4, 1), dtype=torch.long))
    kept.release()
    read = kept.read_tokens
    assert torch.equal(kept.read(prompt, lambda: None)[0], before)
    assert kept.read_tokens - read == 7
