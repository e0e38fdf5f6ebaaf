"""What a node complains about: counted by kind, and logged at most every ten seconds each.

A camera that sends something unusable does so thirty times a second. The log gets the first case in
words and from then on a sum; diagnostics get the counts.

Not here: what is wrong with which message (`images`, `poses`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

#: A kind of complaint is logged at most this often, in seconds.
LOG_EVERY_S = 10.0


class Complaints:
    """Counts by kind. Every method may be called from any thread.

    Args:
        log: writes one line.
        clock: seconds that only grow.
    """

    def __init__(
        self, log: Callable[[str], object], clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._log = log
        self._clock = clock
        self._lock = threading.Lock()
        self._counts: dict[str, int] = {}
        self._logged: dict[str, tuple[float, int]] = {}

    def add(self, kind: str, message: str) -> None:
        """Count one case of ``kind``; ``message`` says what was wrong and what to do."""
        now = self._clock()
        with self._lock:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            last_s, reported = self._logged.get(kind, (-LOG_EVERY_S, 0))
            if now - last_s < LOG_EVERY_S:
                return
            self._logged[kind] = now, count
        more = count - reported - 1
        self._log(f"{message} ({kind}; {more} more since the last such line)" if more else message)

    def counts(self) -> dict[str, int]:
        """How many of each kind."""
        with self._lock:
            return dict(self._counts)

    def total(self) -> int:
        """How many in all."""
        with self._lock:
            return sum(self._counts.values())
