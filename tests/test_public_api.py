"""What `import embodied_agent` gives: the public names, lazily."""

from __future__ import annotations

import ast
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest

import embodied_agent
from embodied_agent import errors

ROOT = Path(__file__).parents[1]


def test_every_public_name_can_be_imported_and_is_documented() -> None:
    for name in embodied_agent.__all__:
        value = getattr(embodied_agent, name)
        assert name in dir(embodied_agent)
        assert name == "__version__" or inspect.getdoc(value), name


def test_the_whole_exception_tree_is_public() -> None:
    tree = {name for name, value in vars(errors).items() if inspect.isclass(value)}
    assert tree <= set(embodied_agent.__all__)


def test_the_reference_shows_what_a_public_class_inherits_from_other_modules() -> None:
    pages = "".join(path.read_text() for path in (ROOT / "docs" / "reference").glob("*.md"))
    shown = set(
        re.findall(r"^::: (\S+)\n    options:\n      inherited_members: true$", pages, re.M)
    )
    for name in embodied_agent.__all__:
        value = getattr(embodied_agent, name)
        path = f"{getattr(value, '__module__', '')}.{name}"
        if inspect.isclass(value) and re.search(rf"^::: {re.escape(path)}$", pages, re.M):
            inherited = {
                member
                for base in value.__mro__[1:]
                if base.__module__.startswith("embodied_agent.")
                for member in vars(base)
                if not member.startswith("_")
            }
            assert path in shown or not inherited - vars(value).keys(), path


def test_type_checkers_see_the_names_that_are_public() -> None:
    module = ast.parse(Path(embodied_agent.__file__).read_text())
    (block,) = [node for node in module.body if isinstance(node, ast.If)]
    seen = {
        alias.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    seen |= {node.target.id for node in block.body if isinstance(node, ast.AnnAssign)}
    assert seen == set(embodied_agent.__all__)


def test_a_name_that_does_not_exist_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="nothing_like_it"):
        embodied_agent.nothing_like_it  # noqa: B018


def test_importing_the_package_imports_nothing_of_it() -> None:
    code = (
        "import sys, embodied_agent; dir(embodied_agent); "
        "print(sorted(m for m in sys.modules if m.startswith('embodied_agent.')), "
        "{'numpy', 'cv2', 'pydantic', 'torch'} & sys.modules.keys())"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert out.stdout.strip() == "[] set()"
