"""HTTP/1.1 connections that can't be held open by sending a request's head slowly or not at all.

uvicorn waits for a head without a limit; a few hundred slow clients would use up all connections.
Here, a connection is closed if a head is not complete in time.

Out of scope: limits on bodies and rates (`embodied_agent.interfaces.web.guard`).
"""

from __future__ import annotations

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol

from embodied_agent.interfaces.web.connections import Tally
from embodied_agent.interfaces.web.tls import user_of

#: Longest wait for a request's head, in seconds: for the first, since the connection began; for
#: others, since their first byte.
HEAD_S = 10.0


class ImpatientProtocol(H11Protocol):
    """uvicorn's own protocol with that one time-out. Requests know the user whose certificate was
    verified (``scope["state"]["user"]``), and each has a limited number of connections."""

    #: The connections of each user; set by `limited`.
    users = Tally(1, 1)
    _timer: asyncio.TimerHandle | None = None
    _user = ""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        user = user_of(transport.get_extra_info("peercert"))
        if user:
            if not self.users.take(user):
                transport.abort()
                return
            self._user = user
            self.app_state = {**self.app_state, "user": user}
        self._timer = self.loop.call_later(HEAD_S, self._give_up)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        if self._in_request():
            self._forget()
        elif self._timer is None and self.timeout_keep_alive_task is None:
            self._timer = self.loop.call_later(HEAD_S, self._give_up)

    def connection_lost(self, exc: Exception | None) -> None:
        self._forget()
        user, self._user = self._user, ""
        if user:
            self.users.give_back(user)
        super().connection_lost(exc)

    def _in_request(self) -> bool:
        return self.cycle is not None and not self.cycle.response_complete

    def _forget(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _give_up(self) -> None:
        self._timer = None
        if not self._in_request():
            self.transport.close()


def limited(users: Tally) -> type[ImpatientProtocol]:
    """The protocol of one server, which counts its users' connections in ``users``."""
    return type("LimitedProtocol", (ImpatientProtocol,), {"users": users})
