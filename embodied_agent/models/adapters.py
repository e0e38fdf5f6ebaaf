"""Merge a low-rank adapter into its base, without the library that trained it.

An adapter is what peft saves: ``adapter_config.json`` and ``adapter_model.safetensors``. For each
adapted matrix W it holds A and B of a low rank, and the merged matrix is W + scale · B · A (LoRA,
arXiv 2106.09685), computed in 32 bits. Merging once at loading costs nothing per token and needs no
further package at run time. Adapters that this sum does not express are refused.

Out of scope: training adapters (`training.sft`), serving them unmerged (vLLM does).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from embodied_agent.errors import ModelError
from embodied_agent.models.catalogue import base_folder, is_fetched, named

CONFIG, WEIGHTS = "adapter_config.json", "adapter_model.safetensors"
#: Largest configuration that is read, in bytes.
_MOST_CONFIG = 1 << 20
_PREFIX = "base_model.model."


def is_adapter(folder: Path) -> bool:
    """Whether a folder holds an adapter, and no whole model."""
    return (folder / CONFIG).is_file() and not (folder / "config.json").is_file()


def base_of(folder: Path) -> Path:
    """The folder of the model that the adapter in ``folder`` was trained on.

    Raises:
        ModelError: the configuration can't be read, or its base is neither a folder nor fetched.
    """
    name = str(_config(folder).get("base_model_name_or_path") or "")
    base = named(name)
    if base is not None and is_fetched(base):
        return base_folder(base)
    path = Path(name).expanduser() if name else Path()
    if name and (path / "config.json").is_file():
        return path
    if base is not None:
        raise ModelError(
            f"the adapter in {folder} belongs to {name}, which has not been fetched: run "
            f"`embodied-agent models get {base.name}`"
        )
    raise ModelError(
        f"the adapter in {folder} belongs to {name or 'an unnamed model'}, which is not a folder "
        f"here: put that folder's path, or a name of `embodied-agent models list`, into {CONFIG} "
        "as base_model_name_or_path"
    )


def merge_adapter(model: Any, folder: Path) -> int:
    """Add the adapter in ``folder`` to the weights of ``model``; returns how many matrices changed.

    Raises:
        ModelError: the adapter is damaged, does not fit the model, or is of a kind that can't be
            merged.
    """
    import safetensors
    import torch

    config = _config(folder)
    _refuse_other_kinds(config, folder)
    try:
        with safetensors.safe_open(str(folder / WEIGHTS), "pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118
    except (OSError, safetensors.SafetensorError) as error:
        raise ModelError(f"can't read {folder / WEIGHTS}: {error}") from error
    parameters = dict(model.named_parameters())
    merged = 0
    try:
        with torch.no_grad():
            for key in sorted(tensors):
                module, part, _ = key.removeprefix(_PREFIX).rpartition(".lora_A.")
                if not part:
                    if ".lora_B." in key:
                        continue
                    raise ModelError(
                        f"{folder / WEIGHTS} holds {key}, which is not a low-rank part: merge it "
                        "with peft, and name the merged folder"
                    )
                weight = parameters[f"{module}.weight"]
                low, high = tensors[key].float(), tensors[key.replace("lora_A", "lora_B")].float()
                change = (high @ low) * _scale(config, module)
                weight.copy_(weight.float() + change.to(weight.device))
                merged += 1
    except KeyError as error:
        raise ModelError(
            f"the adapter in {folder} does not fit its base: the one or the other has no {error}"
        ) from error
    except RuntimeError as error:
        raise ModelError(f"the adapter in {folder} does not fit its base: {error}") from error
    if not merged:
        raise ModelError(f"{folder / WEIGHTS} holds no low-rank parts")
    return merged


def _config(folder: Path) -> Mapping[str, Any]:
    path = folder / CONFIG
    try:
        with path.open("rb") as file:
            content = json.loads(file.read(_MOST_CONFIG + 1))
    except (OSError, ValueError, RecursionError) as error:
        raise ModelError(f"can't read {path}: {error}") from error
    if not isinstance(content, dict):
        raise ModelError(f"{path} holds no adapter's configuration")
    return content


def _refuse_other_kinds(config: Mapping[str, Any], folder: Path) -> None:
    kind = config.get("peft_type")
    if kind != "LORA":
        raise ModelError(f"the adapter in {folder} is of the kind {kind}; only LORA can be merged")
    unexpressed = [
        name
        for name, plain in (
            ("use_dora", False), ("bias", "none"), ("modules_to_save", None),
            ("fan_in_fan_out", False), ("alora_invocation_tokens", None),
            ("trainable_token_indices", None), ("lora_bias", False),
        )
        if config.get(name, plain) not in (plain, None)
    ]  # fmt: skip
    if unexpressed:
        raise ModelError(
            f"the adapter in {folder} uses {', '.join(unexpressed)}, which can't be merged here: "
            "merge it with peft, and name the merged folder"
        )


def _scale(config: Mapping[str, Any], module: str) -> float:
    """alpha / rank of a module; patterns name modules by the ends of their paths."""

    def value(name: str, patterns: str) -> float:
        for pattern, own in dict(config.get(patterns) or {}).items():
            if module == pattern or module.endswith(f".{pattern}"):
                return float(own)
        return float(config[name])

    rank = value("r", "rank_pattern")
    return value("lora_alpha", "alpha_pattern") / (rank**0.5 if config.get("use_rslora") else rank)
