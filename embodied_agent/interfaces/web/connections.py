"""Limits the number of connections, per client and in total.

The limits apply as soon as a connection is accepted, before any byte is read: a client that opens
hundreds of connections and sends nothing, or sends a TLS handshake byte by byte, reaches its own
limit and takes no connection away from others.

Out of scope: how often a client may ask (`limits`), how slowly (`protocol`).
"""

from __future__ import annotations

import socket
from collections import Counter
from typing import Any

from embodied_agent.interfaces.web.limits import client_network


class Tally:
    """Counts open connections, up to a limit for each client and for all together.

    Not thread-safe: it belongs to the loop's thread.
    """

    def __init__(self, each: int, total: int) -> None:
        self._each, self._total = each, total
        self._counts: Counter[str] = Counter()
        self.open = 0
        #: How often `take` has refused.
        self.refused = 0

    def take(self, client: str) -> bool:
        """Count one more; returns False if that is too many."""
        if self.open >= self._total or self._counts[client] >= self._each:
            self.refused += 1
            if not self._counts[client]:
                del self._counts[client]
            return False
        self._counts[client] += 1
        self.open += 1
        return True

    def give_back(self, client: str) -> None:
        """Count one less."""
        self._counts[client] -= 1
        self.open -= 1
        if not self._counts[client]:
            del self._counts[client]


class _Counted(socket.socket):
    """A connection that is counted until it is closed."""

    _tally: Tally | None = None
    _client = ""

    def count(self, tally: Tally, client: str) -> None:
        self._tally, self._client = tally, client

    def close(self) -> None:
        tally, self._tally = self._tally, None
        if tally is not None:
            tally.give_back(self._client)
        super().close()


class LimitedListener(socket.socket):
    """A listening socket that closes connections beyond the limits as soon as it has accepted them.

    Args:
        family: of its address.
        tally: the limits; clients are told apart by `client_network`.
    """

    def __init__(self, family: socket.AddressFamily, tally: Tally) -> None:
        super().__init__(family, socket.SOCK_STREAM)
        self._tally = tally

    def accept(self) -> tuple[socket.socket, Any]:
        """The next connection within the limits; raises `BlockingIOError` if there is none."""
        while True:
            connection, address = super().accept()
            client = client_network(str(address[0]))
            if not self._tally.take(client):
                connection.close()
                continue
            counted = _Counted(
                connection.family, connection.type, connection.proto, fileno=connection.detach()
            )
            counted.count(self._tally, client)
            return counted, address
