"""How long to wait before the next try: growing with each failure, and random.

Plain arithmetic on a clock, with no waiting of its own: callers wait in their own way, so that they
can be stopped meanwhile and can show how long the wait is.

Out of scope: whether to try at all (`breaker`).
"""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable

#: Doubling stops here: 2 ** 30 times any first wait is beyond every longest one.
_MOST_DOUBLINGS = 30


class Backoff:
    """The waits of one caller. Not thread-safe: the owner holds its own lock.

    Args:
        first_s: wait after the first failure, in seconds; each further one doubles it.
        max_s: the longest wait, in seconds.
        stable_s: a try that began (`begin`) this long ago was a good one, so the failure that ends
            it counts as the first again.
        clock: monotonic seconds.
        jitter: a number in [0, 1); waits are shortened by up to half of themselves, so that many
            agents don't all come back to a restarted server at once.
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
        """A try begins."""
        self._began = self._clock()

    def failure_s(self) -> float:
        """Count a failure; how long to wait before the next try, in seconds."""
        if self._clock() - self._began >= self._stable_s:
            self.failures = 0
        self.failures += 1
        doublings = min(self.failures - 1, _MOST_DOUBLINGS)
        wait_s = min(self._max_s, self._first_s * 2.0**doublings)
        return wait_s * (1 - 0.5 * self._jitter())

    def reset(self) -> None:
        """A try worked: the next failure is the first."""
        self.failures = 0
