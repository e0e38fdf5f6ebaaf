"""A circuit breaker: after a failure, calls are blocked until a growing, jittered delay has passed.

Then one caller probes; if it succeeds, all callers may proceed again. Only arithmetic on a clock:
nothing here starts a thread or waits. Callers read `wait_s` and wait in their own way.

Out of scope: how long the delays are (`backoff`).
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import Literal

from embodied_agent.support.backoff import Backoff


class Breaker:
    """A circuit breaker. Not thread-safe: the owner holds its own lock.

    Args:
        first_s: delay after the first failure, in seconds; each further failure doubles it.
        max_s: the longest delay, in seconds.
        clock: returns monotonic seconds.
        jitter: returns a number in [0, 1) that shortens the delays (`Backoff`).
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
        """``closed``: calls may proceed; ``open``: they must wait; ``half-open``: one may probe."""
        if self._until is None:
            return "closed"
        return "open" if self._until > self._clock() else "half-open"

    def wait_s(self) -> float:
        """Seconds until the next call may be attempted; 0 means now."""
        return 0.0 if self._until is None else max(0.0, self._until - self._clock())

    def begin(self) -> bool:
        """Whether the caller may call now. If so, it must then report `success`, `failure` or
        `cancel`."""
        if self._until is None:
            return True
        if self._probing or self._until > self._clock():
            return False
        self._probing = True
        return True

    def cancel(self) -> None:
        """Report that the permitted call did not take place."""
        self._probing = False

    def success(self) -> None:
        """Report that the call succeeded: all callers may proceed."""
        self._until, self._probing = None, False
        self._backoff.reset()

    def failure(self) -> None:
        """Report that the call failed: callers wait, longer than last time."""
        if self._until is not None and not self._probing:
            return  # begun before the circuit opened: part of the outage already counted
        self._until = self._clock() + self._backoff.failure_s()
        self._probing = False
