"""The documented tables of settings stay those of the schema."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from embodied_agent.errors import SettingsError
from embodied_agent.settings import Settings
from embodied_agent.settings.table import BEGIN, END, main, rows, settings_tables, with_tables

DOCUMENT = Path(__file__).parents[2] / "docs" / "settings.md"


def names(section: BaseModel, prefix: str = "") -> list[str]:
    found = []
    for name in type(section).model_fields:
        value = getattr(section, name)
        inner = f"{prefix}{name}."
        found += names(value, inner) if isinstance(value, BaseModel) else [f"{prefix}{name}"]
    return found


def test_the_readme_holds_the_tables_of_the_schema(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", str(DOCUMENT)]) == 0, capsys.readouterr().err


def test_every_setting_has_its_row_with_default_and_meaning() -> None:
    lines = settings_tables().splitlines()
    for name in names(Settings()):
        (line,) = [line for line in lines if line.startswith(f"| `{name}` |")]
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        assert len(cells) == 4
        assert all(cells), f"{name} lacks a default, a range or a description"


def test_every_setting_says_what_it_means() -> None:
    for name, field in Settings.model_fields.items():
        assert [r.name for r in rows(field.default) if not r.meaning] == [], name


def test_the_environment_does_not_reach_the_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    before = settings_tables()
    monkeypatch.setenv("EMBODIED_AGENT_KEYFRAMES__FEATURES", "777")
    assert settings_tables() == before


def test_writing_changes_only_what_lies_between_the_markers(tmp_path: Path) -> None:
    path = tmp_path / "settings.md"
    path.write_text(f"# Title\n{BEGIN}\nout of date\n{END}\nrest\n", encoding="utf-8")
    assert main(["--check", str(path)]) == 1
    assert main(["--write", str(path)]) == 0
    assert main(["--check", str(path)]) == 0
    text = path.read_text(encoding="utf-8")
    assert text.startswith(f"# Title\n{BEGIN}\n**`keyframes`**")
    assert text.endswith(f"|\n{END}\nrest\n")
    assert "out of date" not in text


@pytest.mark.parametrize(
    "text", ["", BEGIN, END, f"{END}{BEGIN}", f"{BEGIN}{END}{BEGIN}{END}", f"{BEGIN}{END}{END}"]
)
def test_missing_or_doubled_markers_are_an_error_and_nothing_is_written(
    tmp_path: Path, text: str
) -> None:
    with pytest.raises(SettingsError, match="once each"):
        with_tables(text)
    path = tmp_path / "settings.md"
    path.write_text(text, encoding="utf-8")
    assert main(["--write", str(path)]) == 1
    assert path.read_text(encoding="utf-8") == text


def test_an_absent_file_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check", str(tmp_path / "absent.md")]) == 1
    assert "absent.md" in capsys.readouterr().err


def test_without_options_the_tables_are_printed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    assert capsys.readouterr().out.strip() == settings_tables()
