"""The README's table of inputs is what the tests cover."""

from __future__ import annotations

from pathlib import Path

from tests.sources.builders.table import with_table

README = Path(__file__).parents[2] / "README.md"


def test_the_table_of_inputs_is_current() -> None:
    text = README.read_text(encoding="utf-8")
    assert with_table(text) == text, "run python -m tests.sources.builders.table --write README.md"
