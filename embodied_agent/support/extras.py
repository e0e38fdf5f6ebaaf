"""The message for a missing package of an optional extra.

Out of scope: which extras exist (pyproject.toml) and which modules need them.
"""

from __future__ import annotations

from typing import Literal

Extra = Literal["builtin", "web", "mqtt", "lerobot", "rerun", "fleet"]


def missing_package(needed_by: str, extra: Extra, error: ModuleNotFoundError) -> str:
    """The message for ``needed_by``, whose import raised ``error``, with the command to run."""
    return (
        f"{needed_by} needs a package that is not installed ({error.name}): "
        f"pip install 'embodied-agent[{extra}]'"
    )
