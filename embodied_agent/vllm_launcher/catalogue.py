"""Configs of public models, as far as memory depends on them, so that plans need no download.

The numbers and keys are those of the published config.json files. The config of a model that is not
listed here is read from its folder or from a config.json.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from embodied_agent.errors import ModelError
from embodied_agent.models.checkpoints import SHIPPED
from embodied_agent.vllm_launcher.shapes import Shape, read_config, shape_of

#: The model name that means the shipped checkpoint for a role.
SHIPPED_MODEL = "shipped"

_AWQ = {"quant_method": "awq", "bits": 4, "group_size": 128, "zero_point": True}


def _qwen2(
    hidden: int, layers: int, heads: int, kv_heads: int, inner: int, vocabulary: int, *, tied: bool
) -> dict[str, Any]:
    return {
        "model_type": "qwen2",
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "num_key_value_heads": kv_heads,
        "intermediate_size": inner,
        "vocab_size": vocabulary,
        "tie_word_embeddings": tied,
        "max_position_embeddings": 32768,
    }


def _with_vision(text: dict[str, Any], vision_inner: int) -> dict[str, Any]:
    vision = {
        "depth": 32,
        "hidden_size": 1280,
        "intermediate_size": vision_inner,
        "num_heads": 16,
        "in_chans": 3,
        "patch_size": 14,
        "temporal_patch_size": 2,
        "spatial_merge_size": 2,
        "out_hidden_size": text["hidden_size"],
    }
    return {
        **text,
        "model_type": "qwen2_5_vl",
        "max_position_embeddings": 128000,
        "vision_config": vision,
    }


_3B = _qwen2(2048, 36, 16, 2, 11008, 151936, tied=True)
_7B = _qwen2(3584, 28, 28, 4, 18944, 152064, tied=False)
_72B = _qwen2(8192, 80, 64, 8, 29568, 152064, tied=False)
_PLAIN: dict[str, dict[str, Any]] = {
    "Qwen/Qwen2.5-VL-72B-Instruct": _with_vision(_72B, 3456),
    "Qwen/Qwen2.5-VL-7B-Instruct": _with_vision(_7B, 3420),
    "Qwen/Qwen2.5-VL-3B-Instruct": _with_vision(_3B, 3420),
    "Qwen/Qwen2.5-7B-Instruct": _7B,
    "Qwen/Qwen2.5-3B-Instruct": _3B,
}
#: By name on the Hugging Face hub. Each is published in bfloat16 and with 4-bit AWQ weights.
CONFIGS: dict[str, dict[str, Any]] = {
    **_PLAIN,
    **{f"{name}-AWQ": {**config, "quantization_config": _AWQ} for name, config in _PLAIN.items()},
}


def model_folder(model: str, role: str) -> str:
    """The model for vLLM to load: the folder of the shipped checkpoint, or ``model`` as given."""
    return str(SHIPPED / role) if model == SHIPPED_MODEL else model


def find_shape(model: str) -> Shape:
    """The shape of a model, given its name, its folder, or its config.json.

    Raises:
        ModelError: the model is neither known nor on disk, or its architecture is not supported.
    """
    if model in CONFIGS:
        return shape_of(CONFIGS[model])
    path = Path(model).expanduser()
    if path.exists():
        return shape_of(read_config(path))
    raise ModelError(
        f"the config of {model} is not known; give its folder or its config.json, or one of "
        f"{', '.join(CONFIGS)}"
    )
