"""The result of one check."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was tried.

    Attributes:
        name: what was tried.
        works: whether it does.
        detail: what was found, or what to do.
        needed: the chosen settings can't run without it.
        off: the settings don't use it, so it was not tried; ``detail`` says how to switch it on.
    """

    name: str
    works: bool
    detail: str
    needed: bool
    off: bool = False
