"""Merge an adapter into its base, as a folder that the runtime, transformers and vLLM load.

    python -m training.merging --adapter runs/grpo/adapter --out runs/grpo/model

The sum is computed in 32 bits from the base's own weights and stored in the base's precision, so
the result does not depend on the precision or the sharding of training.

Out of scope: saving adapters and unmerged models (`training.saving`).
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from embodied_agent.errors import AgentError, ModelError
from embodied_agent.models.prompting import FILE as PROMPTING
from training.adapter_files import local_name

#: Variables that launchers set for a process of a group; a merge is not part of a group.
_OF_GROUPS = (
    "RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "GROUP_RANK", "MASTER_ADDR",
    "MASTER_PORT",
)  # fmt: skip
_PREFIXES_OF_GROUPS = ("ACCELERATE_", "FSDP_", "TORCHELASTIC_", "PMI_", "OMPI_")
#: The longest that a merge may take: reading and writing 3 B weights takes minutes on slow disks.
_LONGEST_S = 6 * 3600


def merge(adapter: Path, folder: Path, *, base: str = "") -> None:
    """Merge the adapter in ``adapter`` into its base and write the whole model to ``folder``.

    Args:
        adapter: as written by peft; its tokenizer, if it has one, is copied too.
        folder: complete or absent: it is renamed into place at the end.
        base: the base's folder or hub name; empty: as the adapter names it.

    Raises:
        ModelError: the adapter or its base can't be loaded, or the folder can't be written.
    """
    import torch
    from peft import PeftConfig, PeftModel
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    part = folder.with_name(f"{folder.name}.part-{os.getpid()}")
    try:
        base = base or str(PeftConfig.from_pretrained(str(adapter)).base_model_name_or_path)
        base = local_name(base)
        stored = AutoConfig.from_pretrained(base).dtype or torch.float32
        model: Any = AutoModelForCausalLM.from_pretrained(
            base, dtype=torch.float32, use_safetensors=True
        )
        whole = PeftModel.from_pretrained(model, str(adapter)).merge_and_unload(safe_merge=True)
        whole.config.use_cache = True  # training may have switched it off
        whole.to(stored).save_pretrained(str(part))
        has_tokenizer = (adapter / "tokenizer_config.json").is_file()
        AutoTokenizer.from_pretrained(str(adapter) if has_tokenizer else base).save_pretrained(
            str(part)
        )
        if (adapter / PROMPTING).is_file():
            shutil.copy(adapter / PROMPTING, part / PROMPTING)
        if folder.exists():
            shutil.rmtree(folder)
        part.rename(folder)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        raise ModelError(
            f"can't merge {adapter} into {base or 'its base'}: {error}. The adapter is kept; the "
            f"same again: python -m training.merging --adapter {adapter} --out {folder}"
        ) from error
    finally:
        shutil.rmtree(part, ignore_errors=True)


def merge_apart(adapter: Path, folder: Path, *, base: str = "") -> None:
    """`merge` in a process of its own, outside the group: where ZeRO or FSDP is set up, a model is
    sharded as soon as it is loaded.

    Raises:
        ModelError: see `merge`.
    """
    environment = {
        name: value
        for name, value in os.environ.items()
        if name not in _OF_GROUPS and not name.startswith(_PREFIXES_OF_GROUPS)
    }
    environment["CUDA_VISIBLE_DEVICES"] = ""
    root = str(Path(__file__).resolve().parent.parent)
    before = environment.get("PYTHONPATH")
    environment["PYTHONPATH"] = f"{root}{os.pathsep}{before}" if before else root
    command = [
        sys.executable, "-m", "training.merging", "--adapter", str(adapter), "--out", str(folder),
        *(["--base", base] if base else []),
    ]  # fmt: skip
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=_LONGEST_S,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired as error:
        raise ModelError(f"merging {adapter} took more than {_LONGEST_S // 3600} hours") from error
    if done.returncode:
        raise ModelError(done.stderr.strip()[-2000:] or f"merging {adapter} failed")


def main(arguments: Sequence[str] | None = None) -> int:
    """Parse the command line and merge."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--adapter", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument(
        "--base", default="", help="folder or hub name; default: what the adapter was trained on"
    )
    a = parser.parse_args(arguments)
    started = time.monotonic()
    try:
        merge(a.adapter, a.out, base=a.base)
    except AgentError as error:
        print(error, file=sys.stderr)
        return 1
    print(f"{a.out} written in {time.monotonic() - started:.0f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
