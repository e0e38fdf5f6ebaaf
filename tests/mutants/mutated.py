"""Reads what mutmut made of a module: which lines each mutant changed, and in which function.

mutmut writes the mutants of a function beside it, as ``x_NAME__mutmut_1`` and so on, methods as
``xǁCLASSǁNAME__mutmut_1``, and the function as it was as ``…__mutmut_orig``. Its numbers shift with
every edit of the function; the changed lines don't.

Out of scope: making and running them (mutmut).
"""

from __future__ import annotations

import ast
import difflib
import textwrap

from tests.mutants.config import Change

_MARK = "__mutmut_"


def changes(mutated: str) -> dict[str, Change]:
    """Each mutant's change, by the name of its function in the text of a mutated module."""
    texts: dict[str, str] = {}
    tree = ast.parse(mutated)
    lines = mutated.splitlines()
    bodies = [tree.body, *(node.body for node in tree.body if isinstance(node, ast.ClassDef))]
    for node in (node for body in bodies for node in body):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and _MARK in node.name:
            texts[node.name] = "\n".join(lines[node.lineno - 1 : node.end_lineno])
    return {
        name: _change(name, texts[f"{name.partition(_MARK)[0]}{_MARK}orig"], text)
        for name, text in texts.items()
        if not name.endswith(f"{_MARK}orig")
    }


def function_of(mutant: str) -> str:
    """The function that a mutant changes: ``recall``, or ``Breaker.begin``."""
    name = mutant.partition(_MARK)[0]
    return ".".join(name.split("ǁ")[1:]) if "ǁ" in name else name.removeprefix("x_")


def _change(name: str, original: str, mutant: str) -> Change:
    # The first line names the function, which differs in each.
    before, after = (
        textwrap.dedent(text).replace(mark, "NAME", 1).splitlines()
        for text, mark in ((original, f"{name.partition(_MARK)[0]}{_MARK}orig"), (mutant, name))
    )
    parts = list(difflib.ndiff(before, after))
    was, becomes = (
        "\n".join(part[2:].strip() for part in parts if part.startswith(sign))
        for sign in ("- ", "+ ")
    )
    return Change(function_of(name), was, becomes)
