"""A model whose heads share keys and values gives the same numbers without copies of these: to the
last bit for a prompt, nearly for the tokens of a reply."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from embodied_agent.reasoning.kept_prefix import BLOCK, KeptPrefix, SideBySide
from embodied_agent.reasoning.shared_heads import NAME, share_heads


def decoder(keys: int, attention: str = "sdpa") -> Any:
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=97,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=keys,
        attn_implementation=attention,
    )
    return LlamaForCausalLM(config).eval()


def numbers(model: Any) -> tuple[list[torch.Tensor], list[torch.Tensor]]:
    """What follows a prompt of several blocks and one that continues it; and what follows some
    replies to them."""
    generator = torch.Generator().manual_seed(1)
    ids = torch.randint(97, (3 * BLOCK + 11,), generator=generator).tolist()
    kept = KeptPrefix(model, 1_000_000)
    read, replied = [], []
    for prompt in (ids[: 2 * BLOCK + 5], ids):
        for count in (1, 3):
            logits, cache = kept.read(prompt, lambda: None)
            read.append(logits.clone())
            together = SideBySide(model, cache, count)
            with torch.inference_mode():
                replied += [together.after(torch.arange(count)[:, None] + n) for n in (0, 9)]
            kept.release()
        _, cache = kept.read(prompt, lambda: None)
        with torch.inference_mode():
            tokens = torch.arange(4)[None]
            replied.append(model(input_ids=tokens, past_key_values=cache, use_cache=True).logits)
        kept.release()
    return read, replied


@pytest.mark.parametrize("keys", [1, 2])
def test_prompts_give_the_same_numbers_as_with_copies_and_replies_nearly_the_same(
    keys: int,
) -> None:
    plain, shared = decoder(keys), decoder(keys)
    share_heads(shared)
    assert shared.config._attn_implementation == NAME
    (read, replied), (read_shared, replied_shared) = numbers(plain), numbers(shared)
    for with_copies, without in zip(read, read_shared, strict=True):
        assert torch.equal(with_copies, without)
    for with_copies, without in zip(replied, replied_shared, strict=True):
        assert torch.allclose(with_copies, without, atol=1e-5)


def test_keys_are_not_copied_for_each_head(monkeypatch: pytest.MonkeyPatch) -> None:
    model, heads = decoder(2), set[int]()
    attend = torch.nn.functional.scaled_dot_product_attention

    def watched(query: torch.Tensor, key: torch.Tensor, *args: Any, **more: Any) -> torch.Tensor:
        heads.add(key.shape[1])
        return attend(query, key, *args, **more)

    monkeypatch.setattr(torch.nn.functional, "scaled_dot_product_attention", watched)
    numbers(model)
    assert 4 in heads
    heads.clear()
    share_heads(model)
    numbers(model)
    assert heads == {2}


@pytest.mark.parametrize(("keys", "attention"), [(4, "sdpa"), (1, "eager")])
def test_other_models_are_left_as_they_are(keys: int, attention: str) -> None:
    model = decoder(keys, attention)
    share_heads(model)
    assert model.config._attn_implementation == attention
