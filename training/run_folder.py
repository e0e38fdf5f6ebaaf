"""A run's folder: its provenance, and complete checkpoints.

Next to trl's checkpoints are ``config.yaml`` (after overrides) and ``run.json`` (versions, seed,
data hash, command). A resumed run must match both. ``whole.json`` marks a complete checkpoint: it
lists the sizes of all files and is written after them. A checkpoint without it, or with other
sizes, is renamed and never resumed from.

Out of scope: training itself.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import json
import logging
import os
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import yaml

from embodied_agent.errors import AgentError
from training.processes import PATIENCE_S, first_process
from training.run_config import RunConfig

log = logging.getLogger(__name__)

PACKAGES = ("torch", "transformers", "trl", "accelerate", "peft", "datasets", "deepspeed", "vllm")
MARK = "whole.json"
#: How often to check for disk space while waiting for it, seconds.
LOOK_S = 15.0
#: Trainer options that may change when a run resumes: they don't affect what was computed so far.
MAY_CHANGE = frozenset(
    {"max_steps", "num_train_epochs", "save_steps", "save_total_limit", "logging_steps",
     "eval_steps", "report_to", "log_completions", "output_dir"}
)  # fmt: skip


class RunError(AgentError):
    """A run can't start, resume or save; the message says what to do."""


def data_hash(rows: Iterable[Mapping[str, Any]]) -> str:
    """A hash of the rows' content and order."""
    digest = hashlib.sha256()
    for row in rows:
        digest.update(json.dumps(row, sort_keys=True, ensure_ascii=False).encode())
    return digest.hexdigest()[:16]


def open_run(
    folder: Path, config: RunConfig, *, data: str, seed: int, steps_matter: bool = True
) -> Path | None:
    """Create or reopen a run's folder; returns the last complete checkpoint, or ``None``.

    Args:
        folder: created if missing.
        config: written to ``config.yaml``.
        data: hash of the training data.
        seed: of the run.
        steps_matter: refuse a changed ``max_steps``, because schedules depend on it.

    Raises:
        RunError: the folder belongs to another configuration or other data, or can't be written.
    """
    content = config.model_dump(mode="json")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        run_file = folder / "run.json"
        if run_file.exists():
            _check_same_run(folder, content, data, seed, steps_matter)
        else:
            facts = {
                "seed": seed,
                "data": data,
                "versions": versions(),
                "command": [Path(sys.argv[0]).name, *sys.argv[1:]],
            }
            run_file.write_text(json.dumps(facts, indent=1) + "\n")
        (folder / "config.yaml").write_text(yaml.safe_dump(content, sort_keys=False))
    except (OSError, json.JSONDecodeError, yaml.YAMLError) as error:
        raise RunError(f"can't use {folder} as a run's folder: {error}") from error
    return last_checkpoint(folder)


def open_run_once(folder: Path, config: RunConfig, *, data: str, seed: int) -> Path | None:
    """`open_run` in the first of several processes; the others get its result.

    Raises:
        RunError: see `open_run`; in every process.
    """
    return first_process(
        lambda: open_run(folder, config, data=data, seed=seed),
        cpu=bool(config.trainer.get("use_cpu", False)),
    )


def _check_same_run(
    folder: Path, content: Mapping[str, Any], data: str, seed: int, steps_matter: bool
) -> None:
    facts = json.loads((folder / "run.json").read_text())
    before = yaml.safe_load((folder / "config.yaml").read_text())
    if facts["data"] != data or facts["seed"] != seed:
        raise RunError(
            f"{folder} was created with other data or another seed (data {facts['data']}, seed "
            f"{facts['seed']}; now {data}, {seed}): choose another --out, or restore them"
        )
    free = MAY_CHANGE - {"max_steps", "num_train_epochs"} if steps_matter else MAY_CHANGE

    def fixed(config: Mapping[str, Any]) -> dict[str, Any]:
        trainer = {k: v for k, v in config["trainer"].items() if k not in free}
        return {**{k: v for k, v in config.items() if k != "watch"}, "trainer": trainer}

    old, new = fixed(before), fixed(content)
    if old != new:
        changed = [key for key in new if old.get(key) != new[key]]
        raise RunError(
            f"{folder} was created with another configuration ({', '.join(changed)}): "
            f"choose another --out, or use {folder / 'config.yaml'}"
        )


def versions() -> dict[str, str]:
    """Versions of Python and the training packages, and the code's git revision if there is one."""
    by_name = {"python": platform.python_version()}
    for name in PACKAGES:
        try:
            by_name[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    root = Path(__file__).parent.parent
    try:
        revision = subprocess.run(
            ["git", "-C", str(root), "rev-parse", "HEAD"],
            capture_output=True, text=True, timeout=10, check=False,
        )  # fmt: skip
    except (OSError, subprocess.TimeoutExpired):
        return by_name
    if revision.returncode == 0:
        by_name["revision"] = revision.stdout.strip()
    return by_name


def mark_whole(checkpoint: Path) -> None:
    """Mark ``checkpoint`` as complete. Nothing may be written to it afterwards."""
    sizes = {
        str(path.relative_to(checkpoint)): path.stat().st_size
        for path in sorted(checkpoint.rglob("*"))
        if path.is_file() and path.name != MARK
    }
    part = checkpoint / f"{MARK}.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump(sizes, file, indent=1)
        file.flush()
        os.fsync(file.fileno())
    part.replace(checkpoint / MARK)


def is_whole(checkpoint: Path) -> bool:
    """Whether ``checkpoint`` has its mark, and every file that the mark lists in full size."""
    try:
        sizes = json.loads((checkpoint / MARK).read_text())
        return all((checkpoint / name).stat().st_size == size for name, size in sizes.items())
    except (OSError, json.JSONDecodeError, AttributeError):
        return False


def last_checkpoint(folder: Path) -> Path | None:
    """The newest complete checkpoint, or ``None``; newer incomplete ones are renamed."""
    numbered = sorted(
        (int(p.name.removeprefix("checkpoint-")), p)
        for p in folder.glob("checkpoint-*")
        if p.name.removeprefix("checkpoint-").isdigit()
    )
    for _, checkpoint in reversed(numbered):
        if is_whole(checkpoint):
            return checkpoint
        renamed = folder / f"broken-{checkpoint.name}"
        if renamed.exists():
            shutil.rmtree(renamed)
        checkpoint.rename(renamed)
        log.warning("%s is incomplete; renamed to %s", checkpoint.name, renamed.name)
    return None


def wait_for_space(
    folder: Path, needed_bytes: int, *, patience_s: float = PATIENCE_S, look_s: float = LOOK_S
) -> None:
    """Wait until the disk of ``folder`` has ``needed_bytes`` free, logging that it waits.

    Raises:
        RunError: there was not enough space for ``patience_s`` seconds.
    """
    never = threading.Event()
    waited_s = 0.0
    while (free := shutil.disk_usage(folder).free) < needed_bytes:
        if waited_s >= patience_s:
            raise RunError(
                f"no room for a checkpoint in {folder}: {needed_bytes >> 20} MiB needed, "
                f"{free >> 20} MiB free; training stops with the last complete checkpoint: make "
                "room and run the same command again"
            )
        log.warning(
            "%s has %d MiB free and a checkpoint needs %d: waiting for space",
            folder, free >> 20, needed_bytes >> 20,
        )  # fmt: skip
        never.wait(look_s)
        waited_s += look_s
