"""What a robot publishes unasked: deltas and alerts.

Deltas wait for the broker in a bounded backlog that drops the oldest. Alerts wait in the memory
until the broker has them or they are too old.

Out of scope: what the messages look like (`messages`), one that can't be delivered (`sender`).
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.interfaces.mqtt.connection import Connection
from embodied_agent.interfaces.mqtt.faults import Refused
from embodied_agent.interfaces.mqtt.messages import alert_payload, delta_payload
from embodied_agent.interfaces.mqtt.packets import Outgoing
from embodied_agent.interfaces.mqtt.sender import Sender
from embodied_agent.interfaces.mqtt.topics import Topics
from embodied_agent.object_records import Alert
from embodied_agent.records import Delta, Keyframe
from embodied_agent.settings import AlertSettings, MqttSettings
from embodied_agent.support.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)


class News:
    """The deltas and alerts of one agent, over any number of connections.

    Args:
        agent: whose deltas and alerts are published.
        topics: where they are published.
        settings: how many deltas wait.
        alerts: for how long an alert is worth sending.

    Attributes:
        dropped: deltas that left the backlog before the broker had them.
    """

    def __init__(
        self, agent: Agent, topics: Topics, settings: MqttSettings, alerts: AlertSettings
    ) -> None:
        self._agent = agent
        self._topics = topics
        self._keep_s = alerts.keep_s
        self._deltas: deque[tuple[int, bytes]] = deque(maxlen=settings.delta_backlog)
        self._deltas_noted = 0
        self._delta_came = asyncio.Event()
        self._alert_came = asyncio.Event()
        self._warnings = ThrottledLog(_log.warning)
        self.dropped = 0

    @property
    def waiting(self) -> int:
        """Deltas in the backlog."""
        return len(self._deltas)

    def listener(self) -> Listener:
        """What the agent tells from now on; called on the asyncio loop that will send."""
        loop = asyncio.get_running_loop()
        self._delta_came, self._alert_came = asyncio.Event(), asyncio.Event()

        def on_alert(_: Alert) -> None:
            loop.call_soon_threadsafe(self._alert_came.set)

        def on_delta(keyframe: Keyframe, delta: Delta) -> None:
            # On a perception thread, which must not wait for a broker.
            loop.call_soon_threadsafe(self._note, delta_payload(keyframe, delta))

        return Listener(on_delta=on_delta, on_alert=on_alert)

    async def send_deltas(self, connection: Connection, sender: Sender) -> None:
        """Send deltas as they come, until the connection is lost.

        Raises:
            LinkError: the connection is lost.
        """
        self._delta_came.set()
        while True:
            await self._delta_came.wait()
            self._delta_came.clear()
            while self._deltas:
                number, payload = first = self._deltas[0]
                message = Outgoing(self._topics.delta, payload)
                try:
                    await sender.send_alone(connection, message, number)
                except Refused as error:
                    sender.sent.problem = f"a delta can't be published: {error}"
                    self._warnings.add("delta", sender.sent.problem)
                # The backlog may have dropped it meanwhile.
                if self._deltas and self._deltas[0] is first:
                    self._deltas.popleft()

    async def send_alerts(self, connection: Connection, sender: Sender) -> None:
        """Send alerts as they come, until the connection is lost.

        Raises:
            LinkError: the connection is lost.
            StoreError: the memory can't be read or written.
        """
        table = self._agent.store.alerts
        self._alert_came.set()
        while True:
            await self._alert_came.wait()
            self._alert_came.clear()
            while waiting := await asyncio.to_thread(table.undelivered, "published"):
                for alert in waiting:
                    if time.time() - alert.at_s <= self._keep_s:
                        message = Outgoing(self._topics.alert, alert_payload(alert))
                        try:
                            await sender.send_alone(connection, message, -alert.id)
                        except Refused as error:
                            sender.sent.problem = f"an alert can't be published: {error}"
                            self._warnings.add("alert", sender.sent.problem)
                    await asyncio.to_thread(table.delivered, alert.id, "published")

    def _note(self, payload: bytes) -> None:
        if len(self._deltas) == self._deltas.maxlen:
            self.dropped += 1
        self._deltas_noted += 1
        self._deltas.append((self._deltas_noted, payload))
        self._delta_came.set()
