"""How the shipped models are presented to users: as demonstrations.

Out of scope: loading them (`checkpoints`).
"""

from __future__ import annotations

from collections.abc import Iterable

#: Names of the shipped checkpoints in deltas and answers.
SHIPPED_NAMES = frozenset({"builtin:perceiver", "builtin:reasoner"})
#: How users see them named.
DEMO = "built-in demo models"


def demo_note(models: Iterable[str]) -> str:
    """`DEMO` if any of the models is shipped with the package, else an empty text."""
    return DEMO if SHIPPED_NAMES & set(models) else ""
