"""The interface between the agent and whatever turns keyframes into deltas."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from embodied_agent.records import Delta, Keyframe


class Perceiver(Protocol):
    """Turns keyframe pairs into deltas. Implementations are safe to call from several threads."""

    @property
    def name(self) -> str:
        """The model's name, as stored with each delta."""
        ...

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        """What changed from ``previous`` (``None`` for the first of a segment) to ``current``.

        An unusable reply gives a delta with ``usable=False`` that holds the egomotion only; it is
        never passed on as fact.

        Raises:
            ModelUnavailable: the model can't be reached now; the keyframe stays pending.
            ModelError: the model can't be loaded or used at all.
        """
        ...

    def perceive_batch(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Delta]:
        """`perceive` for several pairs, in order: the same results, possibly faster."""
        ...

    def close(self) -> None:
        """Release the model or the connection. Safe to call twice."""
        ...
