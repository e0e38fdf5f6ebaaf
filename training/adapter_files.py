"""Make a trained adapter's folder portable.

Training saves the weights in 32 bits, the path of the base on this machine, and a card with
blanks. Here the weights are converted to the base's precision, which halves the file, and a base
that `embodied-agent models get` fetches is named as on the hub, so that the adapter loads anywhere.

Out of scope: saving (`training.saving`), merging (`training.merging`), the card
(`training.adapter_card`).
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from embodied_agent.errors import ModelError
from embodied_agent.models.adapters import CONFIG, WEIGHTS
from embodied_agent.models.catalogue import BASES, base_folder, is_fetched, named


def settle_adapter(folder: Path) -> None:
    """Convert an adapter's weights to its base's precision, and name its base as on the hub.

    Raises:
        ModelError: the folder can't be read or written.
    """
    try:
        config = json.loads((folder / CONFIG).read_text("utf-8"))
        base = str(config.get("base_model_name_or_path") or "")
        precision = _precision(base)
        if precision is not None:
            tensors = load_file(str(folder / WEIGHTS))
            part = folder / f"{WEIGHTS}.part"
            save_file({k: t.to(precision) for k, t in tensors.items()}, part, {"format": "pt"})
            os.replace(part, folder / WEIGHTS)
        config["base_model_name_or_path"] = portable_name(base)
        part = folder / f"{CONFIG}.part"
        part.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
        os.replace(part, folder / CONFIG)
    except (OSError, ValueError, RuntimeError) as error:
        raise ModelError(f"can't finish the adapter in {folder}: {error}") from error


def portable_name(base: str) -> str:
    """The hub's name of a fetched base that lies in the folder ``base``; else ``base``."""
    for known in BASES.values():
        if base and Path(base).absolute() == base_folder(known):
            return known.hub
    return base


def local_name(base: str) -> str:
    """The folder of a fetched base that ``base`` names; else ``base``."""
    known = named(base)
    return str(base_folder(known)) if known is not None and is_fetched(known) else base


def _precision(base: str) -> Any:
    """bfloat16 if the base in the folder ``base`` is stored in it; else ``None``: as trained."""
    try:
        config = json.loads((Path(local_name(base)) / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return None
    stored = config.get("dtype") or config.get("torch_dtype")
    return torch.bfloat16 if stored == "bfloat16" else None
