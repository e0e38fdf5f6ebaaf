"""Tests with a real vLLM: `make test-vllm` runs them and says where vLLM is."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

PROGRAM = os.environ.get("VLLM_PROGRAM", "")
# Helpers of the other tests.
sys.path.insert(0, str(Path(__file__).parents[1]))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skip where no vLLM is named."""
    if PROGRAM:
        return
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker(pytest.mark.skip(reason="no vLLM is named: run `make test-vllm`"))
