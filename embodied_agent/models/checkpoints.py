"""Loading a checkpoint folder with transformers, in process, on the CPU or a GPU.

Shared by the built-in perceiver, reasoner and judge. Weights are read from safetensors only, and
code that comes with a checkpoint is never run. Loading takes seconds, so it is logged.
"""

from __future__ import annotations

import importlib
import logging
import time
from pathlib import Path
from typing import Any, Literal

from embodied_agent.errors import ModelError
from embodied_agent.support.extras import missing_package

_log = logging.getLogger(__name__)

#: The folder of the shipped checkpoints.
SHIPPED = Path(__file__).parent


def checkpoint_folder(model_path: str, shipped: Literal["perceiver", "reasoner"]) -> Path:
    """The folder of a checkpoint: ``model_path``, or the shipped one where that is empty.

    Raises:
        ModelError: the folder holds no model.
    """
    folder = Path(model_path).expanduser() if model_path else SHIPPED / shipped
    if not (folder / "config.json").is_file():
        raise ModelError(
            f"there is no checkpoint in {folder}: it needs config.json and model.safetensors, as "
            f"written by transformers; leave model_path empty to use the shipped {shipped}"
        )
    return folder


def require_packages(kind: str) -> None:
    """Import what runs a model in process.

    Raises:
        ModelError: it is not installed.
    """
    try:
        for package in ("torch", "transformers", "safetensors", "PIL"):
            importlib.import_module(package)
    except ModuleNotFoundError as error:
        message = missing_package(f"the built-in {kind}", "builtin", error)
        raise ModelError(f"{message}; or choose another backend") from error


def load(folder: Path, kind: Literal["perceiver", "reasoner"]) -> tuple[Any, Any]:
    """The model in evaluation mode and its processor or tokenizer.

    Raises:
        ModelError: the files are missing, damaged or of another kind, or the packages that run
            models in process are not installed.
    """
    started = time.monotonic()
    shipped = folder.parent == SHIPPED
    name = f"the built-in {folder.name}" if shipped else f"the {kind} from {folder}"
    # Before the imports, which take most of the time.
    _log.info("Loading %s…", name)
    require_packages(kind)
    import torch
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForImageTextToText,
        AutoProcessor,
        AutoTokenizer,
    )
    from transformers.utils import logging as noise

    quiet = noise.is_progress_bar_enabled()
    noise.disable_progress_bar()  # type: ignore[no-untyped-call]
    model_class = AutoModelForImageTextToText if kind == "perceiver" else AutoModelForCausalLM
    reader_class = AutoProcessor if kind == "perceiver" else AutoTokenizer
    device = "cuda" if torch.cuda.is_available() else "cpu"
    # Half precision gains nothing on a CPU, where the small models run.
    dtype = torch.bfloat16 if device == "cuda" else torch.float32
    try:
        reader = reader_class.from_pretrained(str(folder), local_files_only=True)
        model = model_class.from_pretrained(
            str(folder), dtype=dtype, local_files_only=True, use_safetensors=True
        )
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(f"can't load the {kind} from {folder}: {error}") from error
    finally:
        if quiet:
            noise.enable_progress_bar()  # type: ignore[no-untyped-call]
    _log.debug("loaded %s in %.1f s", name, time.monotonic() - started)
    return model.to(device).eval(), reader  # type: ignore[arg-type]
