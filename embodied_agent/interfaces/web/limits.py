"""How often one address may do something: a token bucket for each recent address.

Out of scope: what is limited (`embodied_agent.interfaces.web.guard`).
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

#: Most addresses remembered; the one that was silent for longest is dropped first.
_ADDRESSES = 4096


class Rate:
    """Each address may do ``burst`` things at once and ``rate_hz`` per second in the long run.

    Not thread-safe: it belongs to the loop's thread.
    """

    def __init__(
        self, rate_hz: float, burst: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate_hz, self._burst, self._clock = rate_hz, float(burst), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> float:
        """Count one thing; 0 where it is within the limits, else the seconds until it would be."""
        left, now = self._left(address)
        allowed = left >= 1
        self._buckets[address] = (left - allowed, now)
        self._buckets.move_to_end(address)
        if len(self._buckets) > _ADDRESSES:
            self._buckets.popitem(last=False)
        return 0.0 if allowed else (1 - left) / self._rate_hz

    def exhausted(self, address: str) -> bool:
        """Whether `take` would refuse, without counting anything."""
        return self._left(address)[0] < 1

    def _left(self, address: str) -> tuple[float, float]:
        now = self._clock()
        left, since = self._buckets.get(address, (self._burst, now))
        return min(self._burst, left + (now - since) * self._rate_hz), now
