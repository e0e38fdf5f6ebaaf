"""How a robot's requests reach the fleet server; over HTTP here, over MQTT in `mqtt_uplink`.

Out of scope: what is sent and when (`shipping`).
"""

from __future__ import annotations

from typing import Protocol

from embodied_agent.fleet.link import Link
from embodied_agent.fleet.wire import Audit, Audited, Batch, Cursor, Restart


class Uplink(Protocol):
    """Requests of one robot. Each returns once the server has done it, and can safely be repeated.
    Each raises `Refused` if the server refuses it, and `Unreachable` if there is no reply."""

    @property
    def server(self) -> str:
        """Where the server or the broker is, without credentials."""
        ...

    def cursor(self, memory: str) -> Cursor:
        """How far the server is with a memory."""
        ...

    def batch(self, batch: Batch) -> Cursor:
        """Send rows of a memory; returns how far the server is then."""
        ...

    def audit(self, audit: Audit) -> Audited:
        """Compare checksums; returns the ids of rows that the server wants."""
        ...

    def restart(self, memory: str) -> Cursor:
        """Make the server delete all it has of a memory."""
        ...

    def close(self) -> None:
        """Close the connection; the next request opens a new one."""
        ...


class HttpUplink:
    """Requests over HTTP.

    Args:
        link: to the server.
        robot: the robot's name in the fleet.
    """

    def __init__(self, link: Link, robot: str) -> None:
        self._link = link
        self._path = f"/api/robots/{robot}"

    @property
    def server(self) -> str:
        """The address of the server."""
        return self._link.server

    def cursor(self, memory: str) -> Cursor:
        """How far the server is with a memory."""
        return self._link.get(f"{self._path}/memories/{memory}/cursor", Cursor)

    def batch(self, batch: Batch) -> Cursor:
        """Send rows of a memory; returns how far the server is then."""
        return self._link.post(f"{self._path}/batch", batch, Cursor)

    def audit(self, audit: Audit) -> Audited:
        """Compare checksums; returns the ids of rows that the server wants."""
        return self._link.post(f"{self._path}/audit", audit, Audited)

    def restart(self, memory: str) -> Cursor:
        """Make the server delete all it has of a memory."""
        return self._link.post(f"{self._path}/restart", Restart(memory=memory), Cursor)

    def close(self) -> None:
        """Do nothing: no connection stays open between requests."""
