"""Attention of models in which several heads of the queries share keys and values, on a CPU.

Transformers copies keys and values for each of these heads, in every layer and for every block of
the prompt or token of the reply. With thousands of tokens in the cache, copying takes longer than
attending. For a block of tokens the kernel can read them in place, with the same operations, so
that results are identical to the last bit. For a few tokens, the queries that share keys are
given to the kernel as if they were further tokens, which reads the keys once instead of once for
each head: for one token after 1,800, in bfloat16, that takes an eighth of the time. Its sums have
another order, so that results may differ in the last bit, always in the same way.

Out of scope: GPUs, whose kernels need the copies.
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, AttentionMaskInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward
from transformers.masking_utils import sdpa_mask

NAME = "sdpa_shared_heads"
#: At most this many tokens are given to the kernel in the way of a reply, not of a prompt.
FEW = 4


def share_heads(model: Any) -> None:
    """Let a decoder attend without copies, where it runs on a CPU and attends by SDPA."""
    config = model.config
    queries = getattr(config, "num_attention_heads", 0)
    keys = getattr(config, "num_key_value_heads", None) or queries
    sdpa = getattr(config, "_attn_implementation", "") == "sdpa"
    if sdpa and keys < queries and model.device.type == "cpu":
        AttentionInterface.register(NAME, _attend)
        AttentionMaskInterface.register(NAME, sdpa_mask)
        model.set_attn_implementation(NAME)


def _attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **others: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of queries (batch, heads, tokens, size) to keys and values of fewer heads; returns
    (batch, tokens, heads, size)."""
    rows, heads, tokens, size = query.shape
    sharing = heads // key.shape[1]
    if (
        tokens <= FEW
        and others.get("position_bias") is None
        and (tokens == 1 or attention_mask is not None)
    ):
        attended = torch.nn.functional.scaled_dot_product_attention(
            query.reshape(rows, key.shape[1], sharing * tokens, size),
            key,
            value,
            attn_mask=None if attention_mask is None else attention_mask.repeat(1, 1, sharing, 1),
            dropout_p=dropout,
            scale=scaling,
        )
        return attended.reshape(rows, heads, tokens, size).transpose(1, 2).contiguous(), None
    if attention_mask is None or others.get("position_bias") is not None:
        output, none = sdpa_attention_forward(
            module, query, key, value, attention_mask, dropout, scaling, **others
        )
        return output, none
    attended = torch.nn.functional.scaled_dot_product_attention(
        query,
        key,
        value,
        attn_mask=attention_mask,
        dropout_p=dropout,
        scale=scaling,
        enable_gqa=True,
    )
    return attended.transpose(1, 2).contiguous(), None
