"""A second connection to a broker, which tells a hang-up on a message from a restart.

MQTT does not say why a connection was lost, and a broker that restarts, or a network that fails,
ends every connection, whatever is on its way. While a suspected message is sent, the witness is
connected too and sends nothing. If the broker disconnects the sender and still serves the witness
afterwards, only that one connection was ended. If the witness is lost as well, the message is not
to blame.

The witness subscribes to nothing and leaves no session. Its client id is the agent's with
``-witness`` at its end; a broker may refuse that, and then there is none.

Out of scope: which messages are suspected, and what follows (`sender`).
"""

from __future__ import annotations

import logging
from contextlib import suppress

import aiomqtt

from embodied_agent.errors import LinkError
from embodied_agent.interfaces.mqtt.connection import Connection
from embodied_agent.settings import MqttSettings

_log = logging.getLogger(__name__)


class Witness:
    """The second connection. Used on one asyncio loop.

    Args:
        settings: the broker.
        client_id: that of the agent's own connection.
    """

    def __init__(self, settings: MqttSettings, client_id: str) -> None:
        self._settings = settings
        self._client_id = f"{client_id}-witness"
        self._topic = f"{client_id}/nothing"
        self._connection: Connection | None = None
        self._refused = False

    @property
    def present(self) -> bool:
        """Whether `come` has connected it; the broker may have disconnected it since."""
        return self._connection is not None

    def allow(self) -> None:
        """Allow another attempt after the broker refused the connection."""
        self._refused = False

    async def come(self) -> None:
        """Connect, unless it is connected; if that fails, there is no witness."""
        if self._connection is not None and self._connection.lost:
            await self.leave()
        if self._connection is not None or self._refused:
            return
        connection = Connection(
            self._settings, client_id=self._client_id, session_expiry_s=0, max_payload_bytes=0
        )
        try:
            await connection.__aenter__()
        except LinkError as error:
            self._refused = True
            _log.debug("no witness of lost connections: %s", error)
            return
        self._connection = connection

    async def is_served(self) -> bool:
        """Whether the broker still replies over the connection that `come` made."""
        if self._connection is None or self._connection.lost:
            return False
        try:
            # This needs no permission, and changes nothing.
            await self._connection.unsubscribe(self._topic)
        except aiomqtt.MqttError:
            return False
        return True

    async def leave(self) -> None:
        """Disconnect. Safe to call twice."""
        connection, self._connection = self._connection, None
        if connection is not None:
            with suppress(LinkError):
                await connection.__aexit__(None, None, None)
