"""Matching heads find lines by their number without training."""

from __future__ import annotations

import pytest
import torch
from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

from training.matching_heads import ADDED_HEADS, with_matching_heads
from training.reasoner_model import new_model, number_tokens, whole_texts
from training.samples import corpus
from training.vocabulary import train_tokenizer


@pytest.fixture(scope="module")
def tokenizer() -> PreTrainedTokenizerFast:
    return train_tokenizer(corpus(40), whole_names=True)


@pytest.fixture(scope="module")
def texts(tokenizer) -> list[torch.Tensor]:
    return list(whole_texts(tokenizer, 12))


@pytest.fixture(scope="module")
def models(tokenizer, texts) -> tuple[LlamaForCausalLM, LlamaForCausalLM]:
    torch.manual_seed(0)
    plain = new_model(tokenizer, width=128, layers=3)
    return plain, with_matching_heads(plain, number_tokens(tokenizer), texts)


def lines(tokenizer, text: torch.Tensor) -> list[tuple[int, int]]:
    """The positions of line numbers in the reply, and of what follows them in the transcript."""
    names = tokenizer.convert_ids_to_tokens(text[0].tolist())
    reply = names.index("<|assistant|>")
    return [
        (here, names.index(token) + 1)
        for here, token in enumerate(names)
        if here > reply and token.startswith("#") and token in names[:reply]
    ]


def looked_up(model: LlamaForCausalLM, tokenizer, texts) -> float:
    """The second layer's highest attention to the token after a line's number, over its heads."""
    model.set_attn_implementation("eager")
    shares = []
    with torch.no_grad():
        for text in texts:
            weights = model(input_ids=text, output_attentions=True).attentions[1][0]
            shares += [weights[:, here, there] for here, there in lines(tokenizer, text)]
    assert len(shares) > 10
    return float(torch.stack(shares).mean(0).max())


def test_lines_are_found_without_training(models, tokenizer, texts) -> None:
    plain, matching = models
    assert looked_up(plain, tokenizer, texts) < 0.2
    assert looked_up(matching, tokenizer, texts) > 0.6


def test_only_heads_are_added(models) -> None:
    plain, matching = models
    assert matching.config.num_attention_heads == plain.config.num_attention_heads + ADDED_HEADS
    assert matching.config.hidden_size == plain.config.hidden_size
    assert matching.config.head_dim == plain.config.head_dim


def test_only_numbers_get_codes(models, tokenizer) -> None:
    before, after = (m.get_input_embeddings().weight for m in models)
    changed = (before != after).any(1).nonzero().flatten().tolist()
    assert sorted(changed) == sorted(number_tokens(tokenizer))


def test_the_model_can_be_saved_and_loaded(models, tmp_path) -> None:
    _, matching = models
    matching.save_pretrained(str(tmp_path))
    again = LlamaForCausalLM.from_pretrained(str(tmp_path))
    ids = torch.arange(20)[None]
    with torch.no_grad():
        assert torch.allclose(again(ids).logits, matching(ids).logits, atol=1e-5)
