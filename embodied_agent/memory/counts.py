"""How much a memory holds, as typed values.

Out of scope: the counting itself (`query`, `outbox`).
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class KeyframeCounts:
    """Keyframes by state: ``pending`` ones have no delta yet, ``done`` ones have a usable delta,
    ``unusable`` ones a delta that holds the egomotion only."""

    pending: int = 0
    done: int = 0
    unusable: int = 0

    @property
    def total(self) -> int:
        """All keyframes."""
        return self.pending + self.done + self.unusable


@dataclass(frozen=True, slots=True)
class MemoryStatus:
    """What a memory file holds.

    Stamps are nanoseconds of the sensor's clock, ``None`` while there are no keyframes.
    ``pictures`` counts the keyframes whose picture retention has not dropped; ``mentions`` counts
    every mention of an object, ``objects`` the different names. Sizes are in bytes.
    """

    path: str
    keyframes: int
    segments: int
    first_stamp_ns: int | None
    last_stamp_ns: int | None
    pictures: int
    picture_bytes: int
    mentions: int
    objects: int
    answers: int
    pending: int
    done: int
    unusable: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """Requests over MQTT: ids that are ``remembered``, questions still ``open``, answers ``due``
    for delivery."""

    remembered: int
    open: int
    due: int
