"""Warnings that come in floods: counted by kind, and logged at most every few seconds each.

A camera that sends something unusable does so thirty times a second, and a client can send bad
requests as fast as it likes. The log gets the first case in words and from then on a sum;
diagnostics get the counts.

Out of scope: what is wrong with which message.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class ThrottledLog:
    """Counts by kind. Every method may be called from any thread.

    Args:
        write: logs one line.
        every_s: one kind is logged at most this often, in seconds.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        write: Callable[[str], object],
        *,
        every_s: float = 10.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._write = write
        self._every_s = every_s
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._logged: dict[str, tuple[float, int]] = {}  # when last, and the count then

    def add(self, kind: str, message: str) -> None:
        """Count one case of ``kind``; ``message`` says what is wrong and what to do."""
        now = self._clock()
        with self._lock:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            last_s, logged = self._logged.get(kind, (-self._every_s, 0))
            if logged and now - last_s < self._every_s:
                return
            self._logged[kind] = now, count
        more = count - logged - 1
        text = f"{message} ({kind}; {more} more since the last such line)" if more else message
        self._write(text)

    def counts(self) -> dict[str, int]:
        """How many cases of each kind."""
        with self._lock:
            return dict(self._counts)
