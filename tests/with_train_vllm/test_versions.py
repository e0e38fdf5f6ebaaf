"""The versions for training beside vLLM fit it and each other, as far as their metadata say.

Without the Makefile's overlay, this environment's own are installed, and the test that compares
installed versions with the lock is skipped.
"""

from __future__ import annotations

import importlib.metadata
import re
import sys
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.version import Version

from tests.with_train_vllm.prepare import LOCK, PACKAGES, PYTHONS, pins

ROOT = Path(__file__).resolve().parents[2]


def locked(name: str) -> set[Version]:
    return {Version(v) for v in re.findall(rf"^{name}==([0-9.]+)", LOCK.read_text(), re.M)}


def test_the_locked_vllm_is_one_that_the_installed_trl_supports() -> None:
    installed = importlib.metadata.version("trl")
    supported = next(
        requirement.specifier
        for requirement in map(Requirement, importlib.metadata.requires("trl") or ())
        if requirement.name == "vllm"
    )
    together = [pins(python, ("trl", "vllm")) for python in PYTHONS]
    vllms = [vllm.partition("==")[2] for trl, vllm in together if trl == f"trl=={installed}"]
    assert vllms, f"no Python is locked to the installed trl {installed}: {together}"
    assert all(supported.contains(version) for version in vllms)


def test_every_python_has_its_versions_and_cuda_comes_along() -> None:
    for python in PYTHONS:
        assert len(pins(python)) == len(PACKAGES)
    text = LOCK.read_text()
    assert re.search(r"^torch==[0-9.]+$", text, re.M), "torch of CUDA has no local version"
    assert "nvidia-cublas==" in text


def test_both_environments_use_the_same_torch_peft_and_accelerate() -> None:
    own = (ROOT / "constraints.txt").read_text()
    for name in ("torch", "peft", "accelerate", "deepspeed", "datasets"):
        versions = {Version(v) for v in re.findall(rf"^{name}==([0-9.]+)", own, re.M)}
        assert locked(name) == versions, name


def test_what_runs_here_is_what_the_lock_names() -> None:
    if not any(".venv-train-vllm" in path for path in sys.path):
        pytest.skip("run by `make test-train-vllm`, which lays these versions over")
    for name in ("transformers", "trl", "huggingface-hub"):
        assert Version(importlib.metadata.version(name)) in locked(name), name
