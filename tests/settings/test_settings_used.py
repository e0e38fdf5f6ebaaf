"""Every setting has an effect: something outside the schema reads it."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

import embodied_agent
from embodied_agent.settings import Settings

PACKAGE = Path(embodied_agent.__file__).parent


def settings_of(section: type[BaseModel], path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The place of every setting: the names of its sections, then its own."""
    for name, field in section.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from settings_of(kind, (*path, name))
        else:
            yield (*path, name)


def section_class(path: tuple[str, ...]) -> str:
    section: type[BaseModel] = Settings
    for name in path[:-1]:
        kind = section.model_fields[name].annotation
        assert isinstance(kind, type)
        section = kind
    return section.__name__


def names_in(tree: ast.AST) -> tuple[set[str], set[str]]:
    """Attributes that are read, with names in strings (``model_dump(include={"topic"})``), and the
    identifiers in a file."""
    read = {
        node.attr
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load)
    }
    texts = {
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    imported = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return read | texts, names | imported | read


FILES = [
    names_in(ast.parse(path.read_text(encoding="utf-8")))
    for path in sorted(PACKAGE.rglob("*.py"))
    if PACKAGE / "settings" not in path.parents
]


def is_read(path: tuple[str, ...]) -> bool:
    """Whether a file that knows the section reads the setting."""
    *sections, name = path
    knows = {section_class(path), sections[-1]}
    return any(name in read and knows & names for read, names in FILES)


@pytest.mark.parametrize("path", list(settings_of(Settings)), ids=".".join)
def test_a_setting_is_read(path: tuple[str, ...]) -> None:
    assert is_read(path), f"nothing reads {'.'.join(path)}: give it an effect or remove it"


def test_a_setting_that_nothing_reads_would_be_found() -> None:
    assert not is_read(("ros", "max_image_pixels"))
    assert not is_read(("web", "overlap_threshold"))
