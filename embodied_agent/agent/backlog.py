"""Which pending keyframe is perceived next, and which one never will be.

Oldest first, but what a question waits for comes before everything. What failed is taken again
before anything new. A keyframe that the model refuses, or fails on, again and again although others
of its kind pass is a fault of that keyframe: it is given up, so that it can't hold back the rest.

Not here: threads, waiting and committing (`pipeline`); pending keyframes lie in the store.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embodied_agent.memory.store import Store
from embodied_agent.records import Keyframe

#: A keyframe that was refused so often is given up, if another of its kind ever passed.
REFUSALS = 2
#: So, too, one on which the model failed so often, once another passes: its reply never came, or
#: the server broke, which may also be an outage.
FAILURES = 8
#: So many refused keyframes are no accident: nothing new is tried before one of them passes.
_REFUSED_AT_ONCE = 2


@dataclass
class _Trouble:
    """What became of a keyframe's tries. ``pictures``: how many were sent with it."""

    keyframe: Keyframe
    pictures: int
    refusals: int = 0
    failures: int = 0


class Backlog:
    """The keyframes of one store that are yet to be perceived. The owner holds a lock."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next = 0  # keyframes from this id on were never taken in their turn
        self._ahead: set[int] = set()  # of those, these were taken out of turn
        self._again: dict[int, Keyframe] = {}  # taken, failed, to be taken again
        self._trouble: dict[int, _Trouble] = {}
        self._asked: list[int] = []
        self._accepted = 0  # most pictures of a request that passed

    def ask(self, keyframe_id: int) -> None:
        """A question waits for that one: it comes next, before others that were asked for."""
        if keyframe_id not in self._asked:
            self._asked.append(keyframe_id)

    def take(self, size: int) -> list[Keyframe]:
        """The next keyframes, at most ``size``; empty where none is to be perceived.

        Raises:
            StoreError: the memory can't be read.
        """
        asked = self._take_asked()
        if asked is not None:
            return [asked]
        refused = {number for number in self._again if self._refusals(number)}
        failed = sorted(self._again.keys() - refused)[:size]
        if failed:
            return [self._again.pop(number) for number in failed]
        if len(refused) < _REFUSED_AT_ONCE:
            fresh = self._fresh(size)
            if fresh:
                return fresh
        if not refused:
            return []
        number = min(refused, key=lambda number: (self._refusals(number), number))
        return [self._again.pop(number)]

    def failed(
        self, pairs: Sequence[tuple[Keyframe | None, Keyframe]], *, refused: bool
    ) -> list[Keyframe]:
        """Those were tried in vain, and come again. ``refused``: the model finds fault with the
        request; else it could not be reached, or broke. Returns those that are given up."""
        for previous, keyframe in pairs:
            known = self._trouble.setdefault(
                keyframe.id, _Trouble(keyframe, 1 if previous is None else 2)
            )
            known.refusals += refused
            known.failures += not refused
            self._again[keyframe.id] = keyframe
        return self._hopeless(passed=0)

    def put_back(self, batch: Sequence[Keyframe]) -> None:
        """Those were not tried after all."""
        for keyframe in batch:
            self._again[keyframe.id] = keyframe

    def passed(self, pairs: Sequence[tuple[Keyframe | None, Keyframe]]) -> list[Keyframe]:
        """Those were perceived. Returns the keyframes that are given up on that account."""
        pictures = max(1 if previous is None else 2 for previous, _ in pairs)
        self._accepted = max(self._accepted, pictures)
        for _, keyframe in pairs:
            self._trouble.pop(keyframe.id, None)
        return self._hopeless(passed=pictures)

    def _hopeless(self, *, passed: int) -> list[Keyframe]:
        """Take out those to give up; ``passed``: pictures of a request that just passed."""
        hopeless = [
            known.keyframe
            for number, known in self._trouble.items()
            if number in self._again
            and (
                (known.refusals >= REFUSALS and known.pictures <= self._accepted)
                or (known.failures >= FAILURES and known.pictures <= passed)
            )
        ]
        for keyframe in hopeless:
            del self._again[keyframe.id], self._trouble[keyframe.id]
        return hopeless

    def _refusals(self, number: int) -> int:
        known = self._trouble.get(number)
        return 0 if known is None else known.refusals

    def _take_asked(self) -> Keyframe | None:
        while self._asked:
            number = self._asked[-1]
            keyframe = self._again.get(number)
            if keyframe is None and number >= self._next and number not in self._ahead:
                keyframe = self._store.keyframe(number)
            self._asked.pop()
            self._again.pop(number, None)
            if keyframe is not None:  # else it is being perceived, or done
                if number >= self._next:
                    self._ahead.add(number)
                return keyframe
        return None

    def _fresh(self, size: int) -> list[Keyframe]:
        batch: list[Keyframe] = []
        while len(batch) < size:
            found = self._store.pending(size - len(batch), since=self._next)
            if not found:
                break
            self._next = found[-1].id + 1
            batch += [keyframe for keyframe in found if keyframe.id not in self._ahead]
            self._ahead.difference_update(keyframe.id for keyframe in found)
        return batch
