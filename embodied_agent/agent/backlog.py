"""Which pending keyframe is perceived next, and which one is given up.

A keyframe that a question waits for comes first, then the oldest. Failed keyframes are tried again
before new ones. If the model keeps refusing or failing on one keyframe while others of its kind
pass, that keyframe is given up, so that it can't hold back the rest.

Out of scope: threads, waiting and committing (`perception_workers`); storing the pending keyframes
(`embodied_agent.memory.store`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embodied_agent.memory.store import Store
from embodied_agent.records import Keyframe

#: A keyframe is given up after this many refusals, if another of its kind was ever accepted.
REFUSALS = 2
#: A keyframe is given up after this many failures (no reply, or a broken one) once another one
#: succeeds: until then, it may be an outage.
FAILURES = 8
#: This many refused keyframes can't be chance: no new one is tried until one of them is accepted.
_REFUSED_AT_ONCE = 2


@dataclass
class _Trouble:
    """The failed attempts at a keyframe. ``pictures``: how many were sent with it."""

    keyframe: Keyframe
    pictures: int
    refusals: int = 0
    failures: int = 0


class Backlog:
    """The keyframes of one store that are yet to be perceived. Not thread-safe."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next = 0  # keyframes from this id on have not been taken in their turn
        self._ahead: set[int] = set()  # of those, the ones taken out of turn
        self._retries: dict[int, Keyframe] = {}  # those that failed, to be tried again
        self._troubles: dict[int, _Trouble] = {}
        self._urgent: list[int] = []  # ids that questions wait for
        self._accepted = 0  # most pictures in a request that was accepted

    def ask(self, keyframe_id: int) -> None:
        """A question waits for that keyframe: it comes next, even before those that earlier
        questions wait for."""
        if keyframe_id not in self._urgent:
            self._urgent.append(keyframe_id)

    def take(self, size: int) -> list[Keyframe]:
        """The next keyframes, at most ``size``; empty if none is to be perceived.

        Raises:
            StoreError: the memory can't be read.
        """
        urgent = self._take_urgent()
        if urgent is not None:
            return [urgent]
        refused = {number for number in self._retries if self._refusals(number)}
        failed = sorted(self._retries.keys() - refused)[:size]
        if failed:
            return [self._retries.pop(number) for number in failed]
        if len(refused) < _REFUSED_AT_ONCE:
            fresh = self._fresh(size)
            if fresh:
                return fresh
        if not refused:
            return []
        number = min(refused, key=lambda number: (self._refusals(number), number))
        return [self._retries.pop(number)]

    def failed(
        self, pairs: Sequence[tuple[Keyframe | None, Keyframe]], *, refused: bool
    ) -> list[Keyframe]:
        """Count failed tries; the keyframes are tried again.

        Args:
            pairs: what was sent, each keyframe with the one before it.
            refused: the model finds fault with the request; else it could not be reached, or broke.

        Returns:
            The keyframes that are given up.
        """
        for previous, keyframe in pairs:
            trouble = self._troubles.setdefault(
                keyframe.id, _Trouble(keyframe, 1 if previous is None else 2)
            )
            trouble.refusals += refused
            trouble.failures += not refused
            self._retries[keyframe.id] = keyframe
        return self._hopeless(passed=0)

    def put_back(self, batch: Sequence[Keyframe]) -> None:
        """These were not tried after all."""
        for keyframe in batch:
            self._retries[keyframe.id] = keyframe

    def passed(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Keyframe]:
        """These were perceived. Returns the keyframes that are given up because others pass."""
        pictures = max(1 if previous is None else 2 for previous, _ in pairs)
        self._accepted = max(self._accepted, pictures)
        for _, keyframe in pairs:
            self._troubles.pop(keyframe.id, None)
        return self._hopeless(passed=pictures)

    def _hopeless(self, *, passed: int) -> list[Keyframe]:
        """Take out the keyframes to give up; ``passed``: pictures of a request that just passed."""
        hopeless = [
            trouble.keyframe
            for number, trouble in self._troubles.items()
            if number in self._retries
            and (
                (trouble.refusals >= REFUSALS and trouble.pictures <= self._accepted)
                or (trouble.failures >= FAILURES and trouble.pictures <= passed)
            )
        ]
        for keyframe in hopeless:
            del self._retries[keyframe.id], self._troubles[keyframe.id]
        return hopeless

    def _refusals(self, number: int) -> int:
        trouble = self._troubles.get(number)
        return 0 if trouble is None else trouble.refusals

    def _take_urgent(self) -> Keyframe | None:
        while self._urgent:
            number = self._urgent[-1]
            keyframe = self._retries.get(number)
            if keyframe is None and number >= self._next and number not in self._ahead:
                keyframe = self._store.keyframe(number)
            self._urgent.pop()
            self._retries.pop(number, None)
            if keyframe is not None:  # else it is being perceived, or done
                if number >= self._next:
                    self._ahead.add(number)
                return keyframe
        return None

    def _fresh(self, size: int) -> list[Keyframe]:
        batch: list[Keyframe] = []
        while len(batch) < size:
            pending = self._store.pending(size - len(batch), since=self._next)
            if not pending:
                break
            self._next = pending[-1].id + 1
            batch += [keyframe for keyframe in pending if keyframe.id not in self._ahead]
            self._ahead.difference_update(keyframe.id for keyframe in pending)
        return batch
