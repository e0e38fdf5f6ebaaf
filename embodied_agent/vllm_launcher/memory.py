"""GPU memory that a served model needs, from its shape: weights, cache, work space, overhead.

Weights and cache are calculated exactly. Work space is estimated from the largest arrays of one
step. The assumptions are the constants here; docs/serving.md explains them. vLLM itself measures
its memory use when it starts, and gives the rest of its share to the cache.

Out of scope: parameter counts (`shapes`), the share of a GPU (`shares`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

from embodied_agent.errors import SettingsError
from embodied_agent.vllm_launcher.shapes import Shape

Precision = Literal["bf16", "fp8", "int4", "fp32"]
GIB = 2**30

#: Assumption: memory of the driver, kernels and captured graphs on each GPU, in bytes.
OVERHEAD_BYTES = int(1.5 * GIB)
#: Assumption: buffers for communication within a tensor-parallel group, in bytes on each GPU.
COMMUNICATION_BYTES = int(0.5 * GIB)
#: Tokens in one step, across requests: vLLM's default on most GPUs.
STEP_TOKENS = 8192
#: Assumption: pictures that the image encoder processes at once, those of two requests.
ENCODER_PICTURES = 4
#: Groups of this many 4-bit weights share a 16-bit scale and a 4-bit zero point.
_GROUP = 128
_BYTES = {"bf16": 2.0, "fp8": 1.0, "fp32": 4.0, "int4": 0.5 + (2 + 0.5) / _GROUP}


@dataclass(frozen=True, slots=True)
class Need:
    """Memory in bytes on each GPU. The server must get at least ``total``."""

    weights: int
    cache: int
    work: int
    overhead: int

    @property
    def total(self) -> int:
        """The sum."""
        return self.weights + self.cache + self.work + self.overhead


def weight_bytes(shape: Shape, precision: Precision) -> int:
    """Bytes of all weights. fp8 and int4 apply to the decoder's linear layers; the rest stays in 16
    bits, as in the published checkpoints."""
    rest = 4.0 if precision == "fp32" else 2.0
    others = shape.embedding + shape.vision + shape.other
    return math.ceil(shape.linear * _BYTES[precision] + others * rest)


def cache_bytes(shape: Shape, tokens: int, *, gpus: int = 1, number_bytes: int = 2) -> int:
    """Bytes of keys and values for ``tokens`` on each of ``gpus``. Heads are distributed, and
    repeated if there are fewer heads than GPUs."""
    heads = math.ceil(shape.kv_heads / gpus)
    return 2 * shape.layers * heads * shape.head_dim * number_bytes * tokens


def picture_tokens(shape: Shape, width: int, height: int) -> int:
    """How many tokens a picture of ``width`` by ``height`` pixels becomes; 0 without vision."""
    if shape.image_tokens:
        return shape.image_tokens
    if not shape.patch_px:
        return 0
    return max(1, round(width / shape.patch_px)) * max(1, round(height / shape.patch_px))


def need(
    shape: Shape,
    precision: Precision,
    *,
    tokens: int,
    requests: int,
    gpus: int = 1,
    picture: tuple[int, int] = (640, 480),
) -> Need:
    """Memory on each GPU for ``requests`` concurrent requests of ``tokens`` each.

    Args:
        shape: the model's shape.
        precision: precision of the decoder's linear layers.
        tokens: maximum length of a prompt with its reply.
        requests: number of concurrent requests.
        gpus: how many GPUs each layer is split across (tensor parallel).
        picture: width and height of pictures, in pixels.

    Raises:
        SettingsError: the layers can't be split across ``gpus``, or the model's context is shorter
            than ``tokens``.
    """
    if shape.heads % gpus:
        raise SettingsError(
            f"{shape.heads} attention heads can't be split across {gpus} GPUs; choose a divisor"
        )
    if tokens > shape.longest:
        raise SettingsError(f"the model's context is {shape.longest} tokens, not {tokens}")
    step = min(STEP_TOKENS, max(tokens, requests))
    # At a layer's widest point: twice its input, and both halves of the gated feed-forward part.
    work = 2 * step * (2 * shape.hidden + 2 * shape.intermediate // gpus)
    work += 2 * 4 * requests * shape.vocabulary  # logits and their probabilities
    if shape.vision:
        # Each token of a picture is merged from several patches, which are at most as wide as the
        # decoder's input: queries, keys, values, and the feed-forward part.
        patches = 4 * picture_tokens(shape, *picture) * ENCODER_PICTURES
        work += 2 * patches * 8 * shape.hidden
    return Need(
        weights=math.ceil(weight_bytes(shape, precision) / gpus),
        cache=cache_bytes(
            shape, tokens * requests, gpus=gpus, number_bytes=4 if precision == "fp32" else 2
        ),
        work=work,
        overhead=OVERHEAD_BYTES + (COMMUNICATION_BYTES if gpus > 1 else 0),
    )
