"""The circuit breaker of one server, shared by all its callers: after a failure, only one retries.

While the server is considered down, a call waits a little if it has the time, and otherwise fails
at once: the sooner the caller knows that the server is down, the better.

Out of scope: the breaker's arithmetic (`embodied_agent.support.breaker`), perception's own retries
(`embodied_agent.agent.perception_workers`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from embodied_agent.chat.status import ServerStatus
from embodied_agent.errors import ModelUnavailable
from embodied_agent.support.breaker import Breaker

#: First and maximum delay after failures, in seconds.
_FIRST_S, _LONGEST_S = 0.5, 15.0
#: Fraction of its remaining time that a call may wait for the breaker.
_PATIENCE = 0.25


class TooSlow(ModelUnavailable):
    """A reply took longer than allowed."""


class Call:
    """A call in progress. ``began`` means that the server has sent something, so it is not down."""

    def __init__(self) -> None:
        self.began = False


class Guard:
    """Lets calls through or turns them away, by the server's consecutive failures.

    Every method may be called from any thread.
    """

    def __init__(self, where: str) -> None:
        self._where = where
        self._changed = threading.Condition()
        self._breaker = Breaker(_FIRST_S, _LONGEST_S)
        self._last_error = ""
        self._calls = self._failed = self._turned_away = 0

    @contextmanager
    def call(self, left_s: float) -> Iterator[Call]:
        """Guard a call to the server that may take ``left_s`` seconds.

        A reply that began but then took too long does not count as an outage.

        Raises:
            ModelUnavailable: the server is considered down for longer than the call may wait.
        """
        self._enter(left_s)
        call = Call()
        try:
            yield call
        except ModelUnavailable as error:
            with self._changed:
                self._failed += 1
                if call.began and isinstance(error, TooSlow):
                    self._breaker.success()
                else:
                    self._breaker.failure()
                    self._last_error = str(error)
                self._changed.notify_all()
            raise
        except BaseException:
            # The server refused the request, or the caller gave up: neither is an outage.
            with self._changed:
                if call.began:
                    self._breaker.success()
                else:
                    self._breaker.cancel()
                self._changed.notify_all()
            raise
        with self._changed:
            self._breaker.success()
            self._changed.notify_all()

    def status(self) -> ServerStatus:
        """The current counters and state."""
        with self._changed:
            return ServerStatus(
                url=self._where,
                state=self._breaker.state,
                failures_in_a_row=self._breaker.failures,
                retry_in_s=round(self._breaker.wait_s(), 3),
                calls=self._calls,
                failed=self._failed,
                turned_away=self._turned_away,
                last_error=self._last_error,
            )

    def _enter(self, left_s: float) -> None:
        until = time.monotonic() + max(0.0, left_s) * _PATIENCE
        with self._changed:
            while not self._breaker.begin():
                patience_s = until - time.monotonic()
                wait_s = self._breaker.wait_s()
                if wait_s > patience_s or patience_s <= 0:
                    self._turned_away += 1
                    raise ModelUnavailable(
                        f"{self._where} failed {_times(self._breaker.failures)} "
                        f"({self._last_error}); it is tried again in {wait_s:.1f} s"
                    )
                # Until the delay is over, or the call that probes the server has ended.
                self._changed.wait(wait_s or patience_s)
            self._calls += 1


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times in a row"
