"""Who counts as one client, and how often it may do something: a token bucket for each.

Out of scope: what is limited (`embodied_agent.interfaces.web.guard`).
"""

from __future__ import annotations

import ipaddress
import time
from collections import OrderedDict
from collections.abc import Callable

from starlette.types import Scope

from embodied_agent.agent.turns import client_name

#: Most addresses that are remembered; the one silent for longest is dropped first.
_ADDRESSES = 4096


def client_network(address: str) -> str:
    """The part of an address that identifies a client: all of an IPv4 address, and the first 64
    bits of an IPv6 address, because one owner has all addresses that begin with them."""
    try:
        ip = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(ip, ipaddress.IPv4Address):
        return str(ip)
    if ip.ipv4_mapped is not None:
        return str(ip.ipv4_mapped)
    return str(ipaddress.ip_network((ip, 64), strict=False))


def client_of(scope: Scope) -> str:
    """Who sends a request: the user whose certificate was verified, else the client's address."""
    user = str(scope.get("state", {}).get("user", ""))
    if user:
        return f"user {user}"
    return client_network(scope["client"][0]) if scope.get("client") else ""


def turn_of(scope: Scope) -> str:
    """Whose turn a question over HTTP takes (`embodied_agent.agent.turns`)."""
    return client_name("http", client_of(scope))


class Rate:
    """Allows each address ``burst`` actions at once and ``rate_hz`` per second in the long run.

    Not thread-safe: it belongs to the loop's thread.
    """

    def __init__(
        self, rate_hz: float, burst: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._rate_hz, self._burst, self._clock = rate_hz, float(burst), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, address: str) -> float:
        """Count one action; returns 0 if it is within the limits, else the seconds to wait."""
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
