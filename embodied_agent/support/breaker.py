"""A circuit breaker: after a failure, calls are blocked until a growing, jittered delay has passed.

Then one caller probes; its success lets everybody through again. Plain arithmetic on a clock, no
threads and no waiting of its own: callers read `wait_s` and wait in their own way.

Out of scope: how long the waits are (`backoff`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Literal

from embodied_agent.support.backoff import Backoff


class Breaker:
    """Not thread-safe: the owner holds its own lock.

    Args:
        first_s: wait after the first failure, in seconds; each further one doubles it.
        max_s: the longest wait.
        clock: monotonic seconds.
        jitter: a number in [0, 1) that shortens the waits (`Backoff`).
    """

    def __init__(
        self,
        first_s: float,
        max_s: float,
        *,
        clock: Callable[[], float] = time.monotonic,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self._backoff = Backoff(first_s, max_s, clock=clock, jitter=jitter)
        self._clock = clock
        self._until: float | None = None  # None: closed
        self._probing = False

    @property
    def failures(self) -> int:
        """Failures in a row."""
        return self._backoff.failures

    @property
    def state(self) -> Literal["closed", "open", "half-open"]:
        """``closed``: calls pass; ``open``: they must wait; ``half-open``: one may probe."""
        if self._until is None:
            return "closed"
        return "open" if self._until > self._clock() else "half-open"

    def wait_s(self) -> float:
        """Seconds until a call may be tried; 0: now."""
        return 0.0 if self._until is None else max(0.0, self._until - self._clock())

    def begin(self) -> bool:
        """Whether the caller may call now. It then owes a `success`, `failure` or `cancel`."""
        if self._until is None:
            return True
        if self._probing or self._until > self._clock():
            return False
        self._probing = True
        return True

    def cancel(self) -> None:
        """The call was not made after all."""
        self._probing = False

    def success(self) -> None:
        """The call worked: everybody may call."""
        self._until, self._probing = None, False
        self._backoff.reset()

    def failure(self) -> None:
        """The call failed: wait, longer than last time."""
        if self._until is not None and not self._probing:
            return  # begun before the circuit opened: the same outage, counted already
        self._until = self._clock() + self._backoff.failure_s()
        self._probing = False
