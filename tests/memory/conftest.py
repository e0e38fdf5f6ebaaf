"""What the tests of memory files share."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture
def path(tmp_path: Path) -> str:
    """The name of a memory file that does not exist yet."""
    return str(tmp_path / "memory.db")
