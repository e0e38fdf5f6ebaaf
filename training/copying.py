"""A start for small decoders: heads that look back, and heads that copy what came after.

All that the reasoner does rests on "where did I read this token, and what came after it?". Two
layers of attention do that (an *induction head*, Olsson et al. 2022): one head tells each token
which token came before it, a later one finds the places whose previous token equals the current one
and copies what stands there. From random weights this takes more steps than a CPU has patience for;
here it is written into the first two layers, roughly and trainable, and training sharpens it.
"""

from __future__ import annotations

import torch
from transformers import LlamaForCausalLM

#: Standard deviation of all other fresh weights, and of the embeddings.
INITIAL_SCALE, EMBEDDING_SCALE = 0.04, 0.1
#: All other layers begin by writing this much less, so that what is written here stands out.
QUIET = 0.2
#: Slow rotations, so that most of a head's dimensions compare content at any distance.
ROPE_THETA = 1e7
#: Sharpness of attention to a fixed offset.
LOOK_BACK_STRENGTH = 20.0
#: Size of what a look-back head writes, next to that of an embedding.
WRITTEN = 0.6
#: Sharpness of the comparison of tokens, and strength of the copy.
MATCH_GAIN, COPY_GAIN = 3.0, 4.0


def teach_copying(model: LlamaForCausalLM) -> None:
    """Write look-back heads (offsets 1 and 2) into layer 0 and copying heads into layers 1 and 2."""
    config = model.config
    size, width = config.hidden_size // config.num_attention_heads, config.hidden_size
    generator = torch.Generator().manual_seed(0)

    def frame() -> torch.Tensor:
        """Orthonormal rows (size, width)."""
        square = torch.randn(width, width, generator=generator)
        return torch.linalg.qr(square).Q[:size]

    norm = EMBEDDING_SCALE * width**0.5
    with torch.no_grad():
        model.get_input_embeddings().weight.normal_(0.0, EMBEDDING_SCALE, generator=generator)
        for block in model.model.layers:
            block.self_attn.o_proj.weight *= QUIET
            block.mlp.down_proj.weight *= QUIET
        for head, offset in enumerate((1, 2)):
            read, place = frame(), frame()
            look_back(model, 0, head, offset)
            first = model.model.layers[0].self_attn
            rows = slice(head * size, (head + 1) * size)
            first.v_proj.weight[rows] = read
            first.o_proj.weight[:, rows] = place.T * (WRITTEN * norm / size**0.5)
            for layer in (1, 2):
                if layer >= config.num_hidden_layers:
                    continue
                copying = model.model.layers[layer].self_attn
                copied = frame()
                copying.q_proj.weight[rows] = read * MATCH_GAIN
                copying.k_proj.weight[rows] = place * MATCH_GAIN
                copying.v_proj.weight[rows] = copied
                copying.o_proj.weight[:, rows] = copied.T * (COPY_GAIN * norm / size**0.5)


def look_back(model: LlamaForCausalLM, layer: int, head: int, offset: int) -> None:
    """Let a head attend to the token ``offset`` places before.

    With rotary positions a constant query and a constant key, rotated by the offset, do that.
    """
    config = model.config
    attention = model.model.layers[layer].self_attn
    size = config.hidden_size // config.num_attention_heads
    rows = slice(head * size, (head + 1) * size)
    turn = offset / ROPE_THETA ** (torch.arange(0, size, 2) / size)
    strength = LOOK_BACK_STRENGTH**0.5 * size**0.25
    with torch.no_grad():
        attention.q_proj.weight[rows] = 0.0
        attention.k_proj.weight[rows] = 0.0
        ahead = torch.cat((torch.ones(size // 2), torch.zeros(size // 2)))
        attention.q_proj.bias[rows] = strength * ahead
        attention.k_proj.bias[rows] = strength * torch.cat((torch.cos(turn), torch.sin(turn)))
