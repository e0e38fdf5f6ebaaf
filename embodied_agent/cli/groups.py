"""Groups of commands whose help shows no value for options that take none.

Typer prints the type of its own options (``--help <bool>``), as if they needed a value.

Out of scope: the commands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup


class Command(TyperCommand):
    """A command."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All arguments and options."""
        return _flags_untyped(super().get_params(ctx))


class Group(TyperGroup):
    """Commands under one name."""

    def get_params(self, ctx: Any) -> list[Any]:
        """All arguments and options."""
        return _flags_untyped(super().get_params(ctx))


class Commands(typer.Typer):
    """A `typer.Typer` of these groups and commands."""

    def __init__(self, *, cls: type[Group] = Group, **more: Any) -> None:
        super().__init__(cls=cls, **more)

    def command(self, name: str | None = None, **more: Any) -> Callable[[Any], Any]:
        """Register a command."""
        return super().command(name, cls=Command, **more)


def _flags_untyped(parameters: list[Any]) -> list[Any]:
    for one in parameters:
        if getattr(one, "is_flag", False) and one.metavar is None:
            one.metavar = ""
    return parameters
