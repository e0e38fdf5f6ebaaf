"""The tables of settings in docs/settings.md, generated from the schema.

python -m embodied_agent.settings.table                    # print
python -m embodied_agent.settings.table --check docs/settings.md  # fail if it is out of date
python -m embodied_agent.settings.table --write docs/settings.md  # update it
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args, get_origin

from annotated_types import Ge, Gt, Le, Lt
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from embodied_agent.errors import AgentError, SettingsError
from embodied_agent.settings import Settings

BEGIN = "<!-- settings:begin -->"
END = "<!-- settings:end -->"


class Row(NamedTuple):
    """One setting: its dotted name within the section, and its description in the schema."""

    name: str
    default: str
    allowed: str
    meaning: str


def rows(section: BaseModel, prefix: str = "") -> Iterator[Row]:
    """The settings of a section and of the sections within it, in the schema's order."""
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if isinstance(value, BaseModel):
            yield from rows(value, f"{prefix}{name}.")
        else:
            yield Row(f"{prefix}{name}", _shown(value), _allowed(field), field.description or "")


def settings_tables() -> str:
    """Markdown with a table of settings for each section, below its name and meaning."""
    parts = []
    for name, field in Settings.model_fields.items():
        # The schema's own defaults; an instance of Settings would read the environment.
        section = field.get_default(call_default_factory=True, validated_data={})
        if not isinstance(section, BaseModel):
            raise SettingsError(f"the setting {name!r} is not in a section; move it into one")
        lines = [
            f"**`{name}`**: {_caption(section)}",
            "",
            "| setting | default | allowed | meaning |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| `{name}.{row.name}` | {row.default} | {row.allowed} | {_cell(row.meaning)} |"
            for row in rows(section)
        ]
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


def with_tables(text: str) -> str:
    """``text`` with the current tables between the two markers.

    Raises:
        SettingsError: a marker is missing or repeated, or the two are in the wrong order.
    """
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end or BEGIN in rest or END in before + after:
        raise SettingsError(f"the text must contain {BEGIN} and then {END}, once each")
    return f"{before}{BEGIN}\n{settings_tables()}\n{END}{after}"


def main(arguments: list[str] | None = None) -> int:
    """The command line. Returns 0, or 1 if the file is out of date or can't be used."""
    parser = argparse.ArgumentParser(description="Write the tables of all settings as Markdown.")
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", type=Path, metavar="FILE", help="fail if FILE is out of date")
    choice.add_argument("--write", type=Path, metavar="FILE", help="update FILE")
    options = parser.parse_args(arguments)
    path: Path | None = options.check or options.write
    if path is None:
        print(settings_tables())
        return 0
    try:
        old = path.read_text(encoding="utf-8")
        new = with_tables(old)
        if options.write and new != old:
            path.write_text(new, encoding="utf-8")
    except (OSError, UnicodeDecodeError, AgentError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 1
    if options.check and new != old:
        command = f"python -m embodied_agent.settings.table --write {path}"
        print(f"{path}: the tables of settings are out of date; run {command}", file=sys.stderr)
        return 1
    return 0


def _caption(section: BaseModel) -> str:
    return (type(section).__doc__ or "").strip().splitlines()[0]


def _shown(value: Any) -> str:
    if value is None:
        return "none"
    if value in ("", ()):
        return "empty"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return _number(value)
    return f"`{_cell(str(value))}`"


def _allowed(field: FieldInfo) -> str:
    if get_origin(field.annotation) is Literal:
        return ", ".join(f"`{choice}`" for choice in get_args(field.annotation))
    if field.annotation is bool:
        return "true, false"
    bounds = []
    for limit in field.metadata:
        for kind, sign, name in (
            (Gt, ">", "gt"),
            (Ge, "≥", "ge"),
            (Lt, "<", "lt"),
            (Le, "≤", "le"),
        ):
            if isinstance(limit, kind):
                bounds.append(f"{sign} {_number(getattr(limit, name))}")
    if bounds:
        return ", ".join(bounds)
    if field.annotation is str:
        return "text"
    if get_origin(field.annotation) is tuple:
        return "list of texts"
    return "text or none" if type(None) in get_args(field.annotation) else "number"


def _number(value: float) -> str:
    # Four digits are readable without a separator, and a port such as 8080 must not have one.
    if abs(value) < 10_000:
        return f"{value:g}"
    return f"{value:,}" if isinstance(value, int) else f"{value:,g}"


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    raise SystemExit(main())
