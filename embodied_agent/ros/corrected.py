"""Whether people corrected the memory, by whichever interface.

Out of scope: what a correction changes (`embodied_agent.agent.corrections`).
"""

from __future__ import annotations

from embodied_agent.agent import Agent
from embodied_agent.object_records import Correction


class Corrected:
    """The corrections that were made since this was asked last."""

    def __init__(self, agent: Agent) -> None:
        self._corrections = agent.store.corrections
        self._newest = self._corrections.newest()

    def __call__(self) -> list[Correction]:
        """Raises `StoreError` if the memory can't be read."""
        before, self._newest = self._newest, self._corrections.newest()
        if self._newest == before:
            return []
        return [one for one in self._corrections.all() if (one.id or 0) > before]


def forgets(corrections: list[Correction]) -> bool:
    """Whether something was to be forgotten."""
    return any(one.kind == "forget" for one in corrections)
