"""Deltas that are perceived in any order, committed to the memory in keyframe order.

Out of scope: perceiving (`perceiving`), locking (the caller uses one thread at a time).
"""

from __future__ import annotations

from embodied_agent.agent.listeners import Listeners
from embodied_agent.memory.store import Store
from embodied_agent.records import Delta, Keyframe


class OrderedCommits:
    """Holds each delta until no earlier keyframe is pending. Its length is the number of deltas
    that it holds. Not thread-safe.

    Args:
        store: where deltas are committed.
        listeners: told of each delta once it is committed.

    Attributes:
        count: how many deltas were committed.
        unusable: how many of them are unusable.
        disagreed: in how many of them the model named another motion than was measured.
    """

    def __init__(self, store: Store, listeners: Listeners) -> None:
        self._store = store
        self._listeners = listeners
        self._waiting: dict[int, tuple[Keyframe, Delta]] = {}
        self._seconds = 0.0
        self.count = 0
        self.unusable = 0
        self.disagreed = 0

    def __len__(self) -> int:
        return len(self._waiting)

    def add(self, keyframe: Keyframe, delta: Delta) -> None:
        """Hold the delta of a keyframe until its turn."""
        self._waiting[keyframe.id] = keyframe, delta

    def waiting(self, keyframe_id: int) -> Delta | None:
        """The delta of that keyframe, if it is held."""
        held = self._waiting.get(keyframe_id)
        return None if held is None else held[1]

    def commit(self) -> bool:
        """Commit the deltas that no earlier keyframe holds up; returns whether there were any.

        Raises:
            StoreError: the memory can't be read or written; what was not committed is still held.
        """
        before = self.count
        while self._waiting:
            oldest = self._store.oldest_pending()
            if oldest is None or oldest not in self._waiting:
                break
            keyframe, delta = self._waiting[oldest]
            self._store.commit_delta(delta)
            del self._waiting[oldest]
            self.count += 1
            self.unusable += not delta.usable
            self.disagreed += delta.agrees_with_egomotion is False
            self._seconds += delta.latency_s
            self._listeners.delta(keyframe, delta)
        return self.count > before

    @property
    def mean_latency_s(self) -> float | None:
        """How long a keyframe took on average, in seconds; ``None`` before the first."""
        return self._seconds / self.count if self.count else None

    def expected_s(self, missing: int, parallel: int) -> float:
        """How long ``missing`` keyframes will take, in seconds, judging by earlier ones, if
        ``parallel`` are perceived at a time."""
        if not self.count:
            return 0.0 if missing <= parallel else float("inf")
        return missing / parallel * self._seconds / self.count
