"""What to say where a package of an optional extra is not installed.

Out of scope: which extras there are (pyproject.toml), and who needs one.
"""

from __future__ import annotations

from typing import Literal

Extra = Literal["builtin", "web", "mqtt", "lerobot", "rerun"]


def missing_package(needed_by: str, extra: Extra, error: ModuleNotFoundError) -> str:
    """The message for ``needed_by``, whose import ended in ``error``, with the command to run."""
    return (
        f"{needed_by} needs a package that is not installed ({error.name}): "
        f"pip install 'embodied-agent[{extra}]'"
    )
