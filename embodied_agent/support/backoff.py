"""Delay before the next attempt: it grows with each failure and is jittered.

Only arithmetic on a clock; nothing here waits. Callers wait in their own way, so that they can be
interrupted and can report the remaining time.

Out of scope: whether to try at all (`breaker`).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

#: Doubling stops here, before the float overflows: 2 ** 30 first waits exceed any sensible maximum.
_MAX_DOUBLINGS = 30


class Backoff:
    """The delays of one caller. Not thread-safe: the owner holds its own lock.

    Args:
        first_s: delay after the first failure, in seconds; each further failure doubles it.
        max_s: the longest delay, in seconds.
        stable_s: if an attempt (`begin`) lasted at least this many seconds, the failure that ends
            it counts as the first one again.
        clock: returns monotonic seconds.
        jitter: returns a number in [0, 1), by half of which delays are shortened, so that many
            agents don't return to a restarted server at the same moment.
    """

    def __init__(
        self,
        first_s: float,
        max_s: float,
        *,
        stable_s: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._first_s, self._max_s, self._stable_s = first_s, max_s, stable_s
        self._clock, self._jitter = clock, jitter
        self._began = math.inf
        self.failures = 0  # in a row

    def begin(self) -> None:
        """Record that an attempt begins."""
        self._began = self._clock()

    def failure_s(self) -> float:
        """Count a failure and return the delay before the next attempt, in seconds."""
        if self._clock() - self._began >= self._stable_s:
            self.failures = 0
        self.failures += 1
        doublings = min(self.failures - 1, _MAX_DOUBLINGS)
        wait_s = min(self._max_s, self._first_s * 2.0**doublings)
        return wait_s * (1 - 0.5 * self._jitter())

    def reset(self) -> None:
        """Record a success: the next failure counts as the first."""
        self.failures = 0
