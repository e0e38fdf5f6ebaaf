"""Lay the versions that fit beside vLLM over this environment; the Makefile calls this.

    python -m tests.with_train_vllm.prepare FOLDER

vLLM for CUDA can't be installed everywhere, but what training calls can: transformers, trl and what
they need, in the versions of ``constraints-train-vllm.txt``, for the newest Python and for 3.10,
whose trl is older. Each set goes into a folder of its own, which ``PYTHONPATH`` puts before the
packages of this environment; torch and the rest are the same in both. Prints the folders.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

from packaging.requirements import Requirement

LOCK = Path("constraints-train-vllm.txt")
#: What differs from this project's own environment.
PACKAGES = ("transformers", "trl", "huggingface-hub", "httpx", "httpcore")
PYTHONS = ("3.10", "3.12")


def pins(python: str, packages: tuple[str, ...] = PACKAGES) -> list[str]:
    """The locked versions of ``packages`` for a version of Python, as ``name==version``.

    Raises:
        SystemExit: one of them is not in the lock.
    """
    environment = {
        "python_version": python, "python_full_version": f"{python}.0",
        "platform_machine": "x86_64", "sys_platform": "linux",
    }  # fmt: skip
    locked: dict[str, str] = {}
    for line in LOCK.read_text().splitlines():
        if line.startswith("#") or not line.strip():
            continue
        requirement = Requirement(line)
        if requirement.marker is None or requirement.marker.evaluate(environment):
            locked[requirement.name] = f"{requirement.name}{requirement.specifier}"
    missing = [name for name in packages if name not in locked]
    if missing:
        raise SystemExit(f"{LOCK} does not pin {', '.join(missing)}: make lock")
    return [locked[name] for name in packages]


def overlay(root: Path, wanted: list[str]) -> Path:
    """The folder with the packages ``wanted``, installed if it is missing."""
    folder = root / hashlib.sha256(" ".join(wanted).encode()).hexdigest()[:12]
    if not (folder / "complete").exists():
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run(
            [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target",
             str(folder), *wanted],
            check=True, stdout=sys.stderr,
        )  # fmt: skip
        (folder / "complete").touch()
    return folder


def main(root: Path) -> None:
    """Install what is missing below ``root``."""
    for wanted in sorted({tuple(pins(python)) for python in PYTHONS}):
        print(overlay(root, list(wanted)).resolve())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
