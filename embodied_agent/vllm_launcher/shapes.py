"""The exact number of a model's parameters, calculated from its config.json alone.

Supported architectures are those that this project serves: Qwen2 and Llama decoders, and the
vision-language models Qwen2.5-VL and Idefics3. The counts equal those of the published weights
(tests compare them). A model of another architecture is refused rather than estimated.

Out of scope: bytes (`memory`), configs of public models (`catalogue`).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embodied_agent.errors import ModelError

#: The contents of a config.json.
Config = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Shape:
    """The properties of a model that determine how much memory it needs.

    The first four are numbers of parameters. ``linear``: the decoder's linear layers, which
    quantisation makes smaller. ``embedding``: the token embedding, and the output layer unless the
    two are tied. ``vision``: the image encoder and its connector. ``other``: norms and biases.

    ``longest`` is the context length in tokens. ``patch_px`` is the side, in pixels, of the square
    that becomes one token; 0 without vision. ``image_tokens`` is the number of tokens of any
    picture; 0 if it depends on the picture's size.
    """

    kind: str
    linear: int
    embedding: int
    vision: int
    other: int
    layers: int
    hidden: int
    intermediate: int
    vocabulary: int
    heads: int
    kv_heads: int
    head_dim: int
    longest: int
    quantization: str = ""
    patch_px: int = 0
    image_tokens: int = 0

    @property
    def parameters(self) -> int:
        """The total number of parameters."""
        return self.linear + self.embedding + self.vision + self.other

    @property
    def kv_per_token(self) -> int:
        """How many numbers, keys and values of all layers, one token keeps in the cache."""
        return 2 * self.layers * self.kv_heads * self.head_dim


def read_config(folder: Path) -> dict[str, Any]:
    """The contents of a config.json, given its path or the model's folder.

    Raises:
        ModelError: the file is missing or can't be read.
    """
    path = folder / "config.json" if folder.is_dir() else folder
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ModelError(f"can't read a model's config from {path}: {error}") from error
    if not isinstance(values, dict):
        raise ModelError(f"{path} is not the config of a model")
    return values


def shape_of(config: Config) -> Shape:
    """The shape of the model that ``config``, the contents of its config.json, describes.

    Raises:
        ModelError: the architecture is not supported, or a value is missing or invalid.
    """
    kind = str(config.get("model_type", ""))
    supported = {"qwen2": _decoder, "llama": _decoder, "qwen2_5_vl": _qwen_vl, "idefics3": _idefics}
    if kind not in supported:
        raise ModelError(
            f"models of type {kind or 'unknown'!r} are not supported, only {', '.join(supported)}"
        )
    try:
        return supported[kind](config)
    except (KeyError, TypeError, ValueError) as error:
        raise ModelError(
            f"the config of this {kind} model has a missing or invalid value: {error}"
        ) from error


def _decoder(config: Config, *, vision: int = 0, kind: str = "", **image: int) -> Shape:
    """A decoder with grouped-query attention and a gated feed-forward part in each layer."""
    model_type = str(config["model_type"])
    hidden, layers = int(config["hidden_size"]), int(config["num_hidden_layers"])
    heads, inner = int(config["num_attention_heads"]), int(config["intermediate_size"])
    kv_heads = int(config.get("num_key_value_heads") or heads)
    head_dim = int(config.get("head_dim") or hidden // heads)
    vocabulary = int(config["vocab_size"])
    tied = bool(config.get("tie_word_embeddings", False))
    queries, keys = heads * head_dim, kv_heads * head_dim
    linear = 2 * hidden * queries + 2 * hidden * keys + 3 * hidden * inner
    other = 2 * hidden
    if model_type == "llama":
        other += (queries + 2 * keys + hidden) * bool(config.get("attention_bias", False))
        other += (2 * inner + hidden) * bool(config.get("mlp_bias", False))
    else:  # Qwen2 has biases on queries, keys and values only
        other += queries + 2 * keys
    quantized = config.get("quantization_config") or {}
    return Shape(
        kind=kind or model_type,
        linear=layers * linear,
        embedding=vocabulary * hidden * (1 if tied else 2),
        vision=vision,
        other=layers * other + hidden,
        layers=layers,
        hidden=hidden,
        intermediate=inner,
        vocabulary=vocabulary,
        heads=heads,
        kv_heads=kv_heads,
        head_dim=head_dim,
        longest=int(config["max_position_embeddings"]),
        quantization=str(quantized.get("quant_method", "")),
        **image,
    )


def _text(config: Config, model_type: str) -> dict[str, Any]:
    """The decoder's part of a config: a separate section, or the top level."""
    section = config.get("text_config") or config
    shared = {
        key: config[key] for key in ("tie_word_embeddings", "quantization_config") if key in config
    }
    return {**section, **shared, "model_type": section.get("model_type", model_type)}


def _qwen_vl(config: Config) -> Shape:
    vision = config["vision_config"]
    hidden, inner = int(vision["hidden_size"]), int(vision["intermediate_size"])
    patch, merge = int(vision["patch_size"]), int(vision["spatial_merge_size"])
    frames = int(vision.get("temporal_patch_size", 2))
    channels = int(vision.get("in_channels") or vision.get("in_chans") or 3)
    block = 2 * hidden  # norms
    block += 4 * hidden * hidden + 4 * hidden  # queries, keys, values, output
    block += 3 * hidden * inner + 2 * inner + hidden
    merged = merge * merge * hidden
    out = int(vision["out_hidden_size"])
    count = channels * frames * patch * patch * hidden + int(vision["depth"]) * block
    count += hidden + merged * merged + merged + merged * out + out
    text = {**_text(config, "qwen2"), "model_type": "qwen2"}
    return _decoder(text, vision=count, kind="qwen2_5_vl", patch_px=patch * merge)


def _idefics(config: Config) -> Shape:
    vision = config["vision_config"]
    hidden, inner = int(vision["hidden_size"]), int(vision["intermediate_size"])
    patch, size = int(vision["patch_size"]), int(vision["image_size"])
    scale = int(config["scale_factor"])
    layer = 4 * (hidden * hidden + hidden) + 2 * hidden * inner + inner + hidden + 4 * hidden
    count = int(vision.get("num_channels", 3)) * patch * patch * hidden + hidden
    count += (size // patch) ** 2 * hidden + int(vision["num_hidden_layers"]) * layer + 2 * hidden
    text = _text(config, "llama")
    count += hidden * scale * scale * int(text["hidden_size"])
    tokens = (size // patch // scale) ** 2
    return _decoder(text, vision=count, kind="idefics3", image_tokens=tokens)
