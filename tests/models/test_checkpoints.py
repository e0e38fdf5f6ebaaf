"""Loading of shipped models, seen from a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

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
