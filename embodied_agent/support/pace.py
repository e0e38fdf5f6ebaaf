"""When each frame of a recording is due, so that it plays at the pace of its stamps.

Out of scope: waiting until then, which callers do in their own way.
"""

from __future__ import annotations

import time
from collections.abc import Callable

#: A longer gap between stamps, in seconds, is skipped.
_LONGEST_GAP_S = 5.0
#: At most this much lost time, in seconds, is caught up. After a longer stall, the rest of the
#: recording plays later.
_CATCH_UP_S = 1.0


class Pace:
    """The due times of one pass through a recording.

    Args:
        speed: pace relative to the stamps; 2 is twice as fast.
        clock: returns monotonic seconds.
    """

    def __init__(self, speed: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._speed = speed
        self._clock = clock
        self._last_ns: int | None = None
        self._due = 0.0

    def wait_s(self, stamp_ns: int) -> float:
        """Seconds from now until the frame with this stamp is due; 0 if it is overdue."""
        now = self._clock()
        if self._last_ns is None:
            self._due = now
        else:
            gap_s = (stamp_ns - self._last_ns) / 1e9
            if not 0 <= gap_s <= _LONGEST_GAP_S:
                gap_s = 0.0
            self._due = max(self._due + gap_s / self._speed, now - _CATCH_UP_S)
        self._last_ns = stamp_ns
        return max(0.0, self._due - now)
