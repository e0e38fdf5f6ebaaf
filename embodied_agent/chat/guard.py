"""The circuit breaker of one server, shared by all who ask it: after a failure, one asks for all.

Whoever comes while the server is thought to be down waits a little, if there is time for that, and
is told at once otherwise: an answer that says "the server is down" is worth more now than later.

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

#: First and longest wait after failures, in seconds.
_FIRST_S, _LONGEST_S = 0.5, 15.0
#: Part of the time that is left which may go by before the server is asked at all.
_PATIENCE = 0.25


class TooSlow(ModelUnavailable):
    """A reply took longer than it was allowed to."""


class Call:
    """One call under way. ``began``: the server sent something, so it is not down."""

    def __init__(self) -> None:
        self.began = False


class Guard:
    """Counts a server's failures in a row. Every method may be called from any thread."""

    def __init__(self, where: str) -> None:
        self._where = where
        self._changed = threading.Condition()
        self._breaker = Breaker(_FIRST_S, _LONGEST_S)
        self._last_error = ""
        self._calls = self._failed = self._turned_away = 0

    @contextmanager
    def call(self, left_s: float) -> Iterator[Call]:
        """One call to the server, which may take ``left_s`` seconds.

        A call that the server began to answer and that then took too long is no sign of an outage.

        Raises:
            ModelUnavailable: the server is thought to be down for longer than may be waited.
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
            # It was reached; what it says, or that nobody waits any more, is no outage.
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
        """Counters and state at this moment."""
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
                        f"{self._where} failed {self._breaker.failures} times in a row "
                        f"({self._last_error}); it is asked again in {wait_s:.1f} s"
                    )
                # Until the wait is over, or whoever asks now has its answer.
                self._changed.wait(wait_s or patience_s)
            self._calls += 1
