"""Load a checkpoint folder with transformers, in this process, on the CPU or a GPU.

Shared by the built-in perceiver, reasoner and judge. Weights are read from safetensors only, and
code that comes with a checkpoint is never run. Loading takes seconds, so it is logged.
"""

from __future__ import annotations

import importlib
import json
import logging
import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

from embodied_agent.errors import ModelError
from embodied_agent.models.adapters import base_of, is_adapter, merge_adapter
from embodied_agent.models.catalogue import BASES, Base, base_folder, is_fetched, named
from embodied_agent.models.prompting import read_prompting
from embodied_agent.support.extras import missing_package

_log = logging.getLogger(__name__)

#: One model is loaded at a time.
_LOADING = threading.Lock()
#: Larger weights are built in their own type at once, in bytes.
_SMALL_BYTES = 1_000_000_000
#: The folder of the shipped checkpoints.
SHIPPED = Path(__file__).parent


def checkpoint_folder(model_path: str, shipped: Literal["perceiver", "reasoner"]) -> Path:
    """The folder that ``model_path`` names: of a checkpoint, of an adapter, or of a fetched base
    (`embodied_agent.models.catalogue`); the shipped checkpoint if it is empty.

    Raises:
        ModelError: the folder contains neither, or the base was not fetched.
    """
    folder = Path(model_path).expanduser() if model_path else SHIPPED / shipped
    if (folder / "config.json").is_file() or is_adapter(folder):
        return folder
    base = named(model_path)
    if base is not None and not folder.exists():
        if is_fetched(base):
            return base_folder(base)
        raise ModelError(_not_fetched(base))
    raise ModelError(
        f"there is no checkpoint in {folder}: it needs config.json and model.safetensors, as "
        "written by transformers, or adapter_config.json and adapter_model.safetensors, as written "
        f"by peft; leave model_path empty to use the shipped {shipped}"
    )


def reasoner_folder(model_path: str) -> Path:
    """The folder that ``reasoning.model_path`` names.

    As `checkpoint_folder`, but the short name of a base means the adapter on it that is shipped
    with the package, if there is one (`shipped_adapter`). The base's name on the hub always means
    the base alone.

    Raises:
        ModelError: there is nothing of that name, or the base was not fetched.
    """
    base = BASES.get(model_path)
    folder = None if base is None else shipped_adapter(base)
    if base is None or folder is None or Path(model_path).exists():
        return checkpoint_folder(model_path, "reasoner")
    if not is_fetched(base):
        raise ModelError(_not_fetched(base))
    return folder


def shipped_adapter(base: Base) -> Path | None:
    """The folder of the adapter on ``base`` in this package; ``None`` if none is shipped."""
    folder = SHIPPED / base.name
    return folder if is_adapter(folder) else None


def _not_fetched(base: Base) -> str:
    return (
        f"the base model {base.name} ({base.file_bytes / 1e6:.0f} MB) has not been fetched: run "
        f"`embodied-agent models get {base.name}`"
    )


def recorded_style(model_path: str) -> Literal["full", "compact"] | None:
    """The prompt style that a reasoner's checkpoint records (`embodied_agent.models.prompting`);
    ``None`` if it records none, or is not there.

    Raises:
        ModelError: the record is damaged.
    """
    if not model_path:
        return None
    base = named(model_path)
    adapter = shipped_adapter(base) if base is not None and model_path == base.name else None
    if base is not None and adapter is None:
        return "full"
    prompting = read_prompting(adapter or Path(model_path).expanduser())
    return prompting.style if prompting else None


def require_packages(kind: str) -> None:
    """Check that the packages that run models in process can be imported.

    Raises:
        ModelError: one of them is not installed.
    """
    # OpenMP reads it when torch loads. Its threads otherwise spin while they wait for each other,
    # which wastes whole cores on a machine where other processes are busy, as on a robot.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    try:
        for package in ("torch", "transformers", "safetensors", "PIL"):
            importlib.import_module(package)
    except ModuleNotFoundError as error:
        message = missing_package(f"the built-in {kind}", "builtin", error)
        raise ModelError(f"{message}; or choose another backend") from error


@contextmanager
def without_progress_bars() -> Iterator[None]:
    """Keep transformers from drawing progress bars while it loads a checkpoint."""
    from transformers.utils import logging as transformers_logging

    had_progress_bar = transformers_logging.is_progress_bar_enabled()
    transformers_logging.disable_progress_bar()  # type: ignore[no-untyped-call]
    try:
        yield
    finally:
        if had_progress_bar:
            transformers_logging.enable_progress_bar()  # type: ignore[no-untyped-call]


def load(folder: Path, kind: Literal["perceiver", "reasoner"]) -> tuple[Any, Any]:
    """The model in evaluation mode, and its processor (perceiver) or tokenizer (reasoner).

    An adapter is merged into its base, which is looked for where its configuration says, or among
    the fetched ones.

    Raises:
        ModelError: the files are missing, damaged or of the wrong kind, or the packages that run
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

    model_class = AutoModelForImageTextToText if kind == "perceiver" else AutoModelForCausalLM
    reader_class = AutoProcessor if kind == "perceiver" else AutoTokenizer
    device = "cuda" if torch.cuda.is_available() else "cpu"
    try:
        weights = base_of(folder) if is_adapter(folder) else folder
        dtype = torch.bfloat16 if device == "cuda" or half_is_faster(weights) else torch.float32
        # transformers sets torch's default type for the whole process while it builds a model in
        # another one; what other threads compute or load at that moment would be in it, too.
        builds_in = torch.float32 if device == "cpu" and _is_small(weights) else dtype
        with _LOADING, without_progress_bars():
            reader = reader_class.from_pretrained(str(weights), local_files_only=True)
            model = model_class.from_pretrained(
                str(weights), dtype=builds_in, local_files_only=True, use_safetensors=True
            )
        if builds_in != dtype:
            _convert(model, dtype)
        if weights != folder:
            merge_adapter(model, folder)
    except (OSError, ValueError, RuntimeError, KeyError, ImportError) as error:
        raise ModelError(f"can't load the {kind} from {folder}: {error}") from error
    weights_bytes = sum(p.numel() * p.element_size() for p in model.parameters())
    _log.log(
        logging.DEBUG if shipped and weights == folder else logging.INFO,
        "Loaded %s in %.1f s: %.0f MB of weights in %s",
        name, time.monotonic() - started, weights_bytes / 1e6, str(dtype).removeprefix("torch."),
    )  # fmt: skip
    return model.to(device).eval(), reader  # type: ignore[arg-type]


def _is_small(folder: Path) -> bool:
    """Whether weights fit twice into memory without regret."""
    return sum(path.stat().st_size for path in folder.glob("*.safetensors")) < _SMALL_BYTES


def _convert(model: Any, dtype: Any) -> None:
    """Convert the parameters; buffers, such as those of rotary positions, keep their precision."""
    for parameter in model.parameters():
        parameter.data = parameter.data.to(dtype)


def half_is_faster(folder: Path) -> bool:
    """Whether the CPU should run the checkpoint in ``folder`` in bfloat16: it was saved so, and the
    CPU computes in it. Others emulate it, which takes several times as long as 32 bits. The small
    shipped models, saved in another precision, gain nothing from it anywhere.
    """
    import torch

    try:
        config = json.loads((folder / "config.json").read_text("utf-8"))
    except (OSError, ValueError):
        return False
    if "bfloat16" not in (config.get("dtype"), config.get("torch_dtype")):
        return False
    capabilities: dict[str, Any] = getattr(torch.cpu, "get_capabilities", dict)()
    return bool(capabilities.get("avx512_bf16") or capabilities.get("amx_bf16"))
