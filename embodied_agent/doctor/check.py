"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check.

    Attributes:
        name: what was checked.
        works: whether it works.
        detail: the finding, or what to do about it.
        needed: the chosen settings can't run without it.
        off: the settings don't use it, so it was not checked; ``detail`` says how to enable it.
    """

    name: str
    works: bool
    detail: str
    needed: bool
    off: bool = False
