"""A sample of `tests.sources.mutations`, which reads 500 copies of each format."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.sources.mutations import FORMATS, run_apart


@pytest.mark.parametrize("name", sorted(FORMATS))
def test_mutated_copies_are_read_in_part_or_refused(tmp_path: Path, name: str) -> None:
    code, said = run_apart(name, 10, 1, tmp_path)
    assert code == 0, said
