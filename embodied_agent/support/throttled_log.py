"""Rate-limited warnings: counted by kind, and logged at most once every few seconds per kind.

A faulty camera may send thirty unusable frames per second, and a client can send bad requests as
fast as it likes. The log gets the first case in words and later cases with a count of those
omitted; diagnostics get the counts.

Out of scope: the wording of the warnings.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class ThrottledLog:
    """Counts and logs warnings by kind. Every method may be called from any thread.

    Args:
        write: logs one line.
        every_s: the shortest time between two log lines of the same kind, in seconds.
        clock: returns monotonic seconds.
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
        self._logged: dict[str, tuple[float, int]] = {}  # time of the last line, and the count then

    def add(self, kind: str, message: str) -> None:
        """Count one case of ``kind``; ``message`` says what is wrong and what to do."""
        now = self._clock()
        with self._lock:
            count = self._counts[kind] = self._counts.get(kind, 0) + 1
            last_s, logged = self._logged.get(kind, (-self._every_s, 0))
            if logged and now - last_s < self._every_s:
                return
            self._logged[kind] = now, count
        omitted = count - logged - 1
        text = (
            f"{message} ({kind}; {omitted} more since the last such line)" if omitted else message
        )
        self._write(text)

    def counts(self) -> dict[str, int]:
        """The number of cases, by kind."""
        with self._lock:
            return dict(self._counts)
