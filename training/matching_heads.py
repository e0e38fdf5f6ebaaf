"""Attention heads initialised to match tokens: find where a token occurred, copy what followed it.

A reasoner looks up transcript lines by their number (``#17``). That takes an induction circuit of
two heads in consecutive layers: the first writes each token's predecessor into its stream, the
second finds the position whose predecessor is the current token and copies its token. A model this
small does not learn that pair within an hour; it guesses the line from its neighbours. Here both
heads are added to a model, using directions of its stream with little activity. All weights stay
trainable.

Out of scope: training (`training.reasoner`), which adds them with ``--matching-heads``.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from transformers import LlamaConfig, LlamaForCausalLM

#: Rotary pairs slower than this, in radians per token, can match over a whole transcript.
SLOW = 4e-3
#: Attention score of a match above that of no match, before the softmax.
SHARPNESS = 40.0
#: Norms of a mark's code and of what a match writes, relative to a mark's embedding.
CODED, COPIED = 0.8, 6.0
#: Gain of the first layer when it writes codes: the rest of the layer has large outputs.
GAIN = 3.0
#: Heads added per layer; the width stays a multiple of the number of heads.
ADDED_HEADS = 4


def with_matching_heads(
    model: LlamaForCausalLM, marks: Sequence[int], texts: Sequence[torch.Tensor]
) -> LlamaForCausalLM:
    """A copy of ``model`` with `ADDED_HEADS` more heads per layer.

    In the first layer, two of them write the code of each token's own mark and of the mark before
    it. In the second layer, one finds an earlier position of the current mark and copies the token
    after it. The other heads initially have no effect. Codes use the directions of the embedding
    that the model uses least.

    Args:
        model: a decoder with attention biases and as many key heads as query heads.
        marks: ids of the tokens to match.
        texts: token ids (1, n), on which quiet directions and copied tokens are estimated.
    """
    wider = _widened(model)
    size = wider.config.head_dim
    theta = float(wider.config.rope_parameters["rope_theta"])
    frequency = theta ** (-torch.arange(0, size, 2) / size)
    slow = torch.nonzero(frequency < SLOW).flatten()
    dims = torch.cat((slow, slow + size // 2))
    heads = wider.config.num_attention_heads
    other, last = (slice((heads - n) * size, (heads - n + 1) * size) for n in (2, 1))
    with torch.no_grad():
        quiet = _quiet(wider, texts, 2 * len(dims))
        own, before = quiet[: len(dims)], quiet[len(dims) :]
        embedding = wider.get_input_embeddings().weight
        length = CODED * float(embedding[list(marks)].norm(dim=1).mean())
        codes = torch.nn.functional.normalize(torch.randn(len(marks), len(dims)), dim=1)
        embedding[list(marks)] += length * codes @ own
        _write_code(wider, 0 * frequency, other, own, own)
        _write_code(wider, frequency, last, own, before)
        _match_and_copy(wider, dims, last, own, before, marks, texts)
    return wider


def _widened(model: LlamaForCausalLM) -> LlamaForCausalLM:
    """The same function with `ADDED_HEADS` more heads per layer, whose output is zero."""
    config = model.config
    values = config.to_dict()
    size = config.head_dim
    values |= {
        "num_attention_heads": config.num_attention_heads + ADDED_HEADS,
        "num_key_value_heads": config.num_attention_heads + ADDED_HEADS,
        "head_dim": size,
    }
    wider = LlamaForCausalLM(LlamaConfig(**values))
    state = wider.state_dict()
    for name, value in model.state_dict().items():
        if state[name].shape == value.shape:
            state[name] = value.clone()
        elif name.endswith("o_proj.weight"):
            state[name] = torch.cat((value, value.new_zeros(value.shape[0], ADDED_HEADS * size)), 1)
        else:  # q, k, v: fresh rows, small
            rows = 0.02 * torch.randn(ADDED_HEADS * size, *value.shape[1:])
            state[name] = torch.cat((value, rows))
    wider.load_state_dict(state)
    wider.generation_config = model.generation_config
    return wider


def _streams(model: LlamaForCausalLM, texts: Sequence[torch.Tensor]) -> list[torch.Tensor]:
    """The residual stream before each of the first layers, (tokens, width) over all texts."""
    outputs = [model(input_ids=t, output_hidden_states=True, use_cache=False) for t in texts]
    return [torch.cat([s.hidden_states[i][0] for s in outputs]) for i in range(3)]


def _quiet(model: LlamaForCausalLM, texts: Sequence[torch.Tensor], count: int) -> torch.Tensor:
    """Orthonormal directions (count, width) in which the first layers' streams vary least."""
    streams = torch.cat([s / s.norm(dim=1, keepdim=True) for s in _streams(model, texts)])
    return torch.linalg.svd(streams - streams.mean(0), full_matrices=False).Vh[-count:]


def _reading(model: LlamaForCausalLM, layer: int, directions: torch.Tensor) -> torch.Tensor:
    """Weights that read these directions of the stream through the layer's norm."""
    return directions / model.model.layers[layer].input_layernorm.weight


def _write_code(
    model: LlamaForCausalLM,
    turn: torch.Tensor,
    rows: slice,
    own: torch.Tensor,
    into: torch.Tensor,
) -> None:
    """First layer: attend to the token that is ``turn`` (angles of the rotary pairs) back, 0 being
    the token itself, read its code and write it into the directions ``into``."""
    attention = model.model.layers[0].self_attn
    size, count = attention.head_dim, len(own)
    strength = 20.0**0.5 * size**0.25
    attention.q_proj.weight[rows] = 0.0
    attention.k_proj.weight[rows] = 0.0
    attention.q_proj.bias[rows] = strength * torch.cat(
        (torch.ones(size // 2), torch.zeros(size // 2))
    )
    attention.k_proj.bias[rows] = strength * torch.cat((turn.cos(), turn.sin()))
    attention.v_proj.weight[rows] = 0.0
    attention.v_proj.bias[rows] = 0.0
    attention.v_proj.weight[rows][:count] = _reading(model, 0, own)
    attention.o_proj.weight[:, rows][:, :count] = GAIN * into.T


def _match_and_copy(
    model: LlamaForCausalLM,
    dims: torch.Tensor,
    rows: slice,
    own: torch.Tensor,
    before: torch.Tensor,
    marks: Sequence[int],
    texts: Sequence[torch.Tensor],
) -> None:
    """Second layer: find the position whose predecessor is the current mark, and copy its token."""
    layer = model.model.layers[1]
    attention = layer.self_attn
    size = attention.head_dim
    stream = _streams(model, texts)[1]
    inputs = layer.input_layernorm(stream)
    ids = torch.cat([text[0] for text in texts])
    marked = torch.isin(ids, torch.tensor(list(marks)))
    after = torch.cat((marked.new_zeros(1), marked[:-1]))
    sharp = (SHARPNESS * size**0.5) ** 0.5
    for projection, directions, places in (
        (attention.q_proj, own, marked),
        (attention.k_proj, before, after),
    ):
        read = _reading(model, 1, directions)
        loudness = (inputs[places] @ read.T).norm(dim=1).mean()
        weight = torch.zeros(size, inputs.shape[1])
        weight[dims] = sharp * read / loudness
        projection.weight[rows] = weight
        projection.bias[rows] = 0.0
    embedded = model.get_input_embeddings().weight[ids[after]]
    main = torch.linalg.svd(embedded, full_matrices=False).Vh[:size]
    attention.v_proj.weight[rows] = _reading(model, 1, main)
    attention.v_proj.bias[rows] = 0.0
    loudness = (inputs[after] @ _reading(model, 1, main).T).norm(dim=1).mean()
    length = COPIED * model.get_input_embeddings().weight[list(marks)].norm(dim=1).mean()
    attention.o_proj.weight[:, rows] = length * main.T / loudness
