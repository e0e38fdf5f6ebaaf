"""Loading of shipped models, seen from a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from embodied_agent.models import checkpoints
from tests.models.test_llama_gguf import checkpoint

#: What OpenMP reports of itself once torch has loaded it.
_LOAD = """
from embodied_agent.models.checkpoints import SHIPPED, load
load(SHIPPED / "judge", "reasoner")
"""


@pytest.mark.parametrize(("given", "policy"), [(None, "PASSIVE"), ("ACTIVE", "ACTIVE")])
def test_idle_threads_of_torch_sleep_unless_told_otherwise(given: str | None, policy: str) -> None:
    environment = {**os.environ, "OMP_DISPLAY_ENV": "TRUE"}
    environment.pop("OMP_WAIT_POLICY", None)
    if given:
        environment["OMP_WAIT_POLICY"] = given
    ran = subprocess.run(
        [sys.executable, "-c", _LOAD],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    assert f"OMP_WAIT_POLICY = '{policy}'" in ran.stderr


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_half_precision_is_not_made_the_default_of_the_whole_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else what another thread computes or loads at that moment is in half precision, too."""
    defaults: list[torch.dtype] = []
    set_default: Any = torch.set_default_dtype

    def recorded(dtype: torch.dtype) -> None:
        defaults.append(dtype)
        set_default(dtype)

    monkeypatch.setattr(torch, "set_default_dtype", recorded)
    monkeypatch.setattr(checkpoints, "half_is_faster", lambda folder: True)
    model, _ = checkpoints.load(checkpoint(tmp_path / "model"), "reasoner")
    assert torch.bfloat16 not in defaults
    assert {parameter.dtype for parameter in model.parameters()} == {torch.bfloat16}
    assert model.dtype == torch.bfloat16
    assert {buffer.dtype for buffer in model.buffers()} <= {torch.float32}
    monkeypatch.setattr(checkpoints, "_SMALL_BYTES", 0)
    checkpoints.load(tmp_path / "model", "reasoner")
    assert torch.bfloat16 in defaults  # what it would be otherwise
