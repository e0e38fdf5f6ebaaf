"""What models are called to people: those that come with the package are demonstrations.

Out of scope: loading them (`checkpoints`).
"""

from __future__ import annotations

from collections.abc import Iterable

#: Names, as deltas and answers carry them, of the checkpoints that are shipped.
SHIPPED_NAMES = frozenset({"builtin:perceiver", "builtin:reasoner"})
#: What people are told where one of them speaks.
DEMO = "built-in demo models"


def demo_note(models: Iterable[str]) -> str:
    """`DEMO` where one of the models comes with the package, else an empty text."""
    return DEMO if SHIPPED_NAMES & set(models) else ""
