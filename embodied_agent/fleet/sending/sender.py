"""Sends what a robot's memory holds to a fleet server; an interface of the running agent.

The memory file is the outbox: the server says how far it is, and the rest is sent in the order of
ids, in requests of limited size. There is no other queue, and the robot never waits for the server:
if the link is down, it keeps working and sends the rest once the link is back.

What people forget or correct on the robot is forgotten and corrected in the fleet too.

Out of scope: the messages (`outgoing`), the requests (`shipping`), how they travel (`uplink`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from contextlib import suppress

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.errors import LinkError
from embodied_agent.fleet.link import Link, Refused, Unreachable
from embodied_agent.fleet.sending.shipping import Shipping
from embodied_agent.fleet.sending.uplink import HttpUplink, Uplink
from embodied_agent.interfaces.status import FleetStatus
from embodied_agent.settings import FleetSettings, MqttSettings
from embodied_agent.support.backoff import Backoff
from embodied_agent.support.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)

#: How often to look for new rows that nothing announced, in seconds.
_IDLE_S = 5.0
#: A server whose failures are this far apart, in seconds, starts over from the first delay.
_STABLE_S = 60.0


class Sender:
    """Sends the memory of one agent.

    Args:
        agent: whose memory.
        settings: of the fleet.
        uplink: to the server; it is closed when `serve` ends.
    """

    def __init__(self, agent: Agent, settings: FleetSettings, uplink: Uplink) -> None:
        self._agent = agent
        self._settings = settings
        self._uplink = uplink
        self._shipping = Shipping(agent.store, settings, uplink)
        self._backoff = Backoff(settings.retry_s, settings.retry_max_s, stable_s=_STABLE_S)
        self._warnings = ThrottledLog(_log.warning, every_s=60.0)
        self._state = "off"
        self._last_error = ""
        #: Set once it serves, whether or not the server can be reached.
        self.ready = threading.Event()

    def status(self) -> FleetStatus:
        """State and counters at this moment; called from any thread."""
        counts = self._shipping.counts
        return FleetStatus(
            state=self._state,
            last_error=self._last_error,
            server=self._uplink.server,
            robot=self._settings.robot,
            keyframes_waiting=counts.waiting,
            keyframes_sent=counts.keyframes,
            answers_sent=counts.answers,
            facts_sent=counts.facts,
            reduced=counts.reduced,
        )

    async def serve(self, stop: asyncio.Event) -> None:
        """Send until ``stop`` is set.

        Raises:
            StoreError: the memory can't be read.
        """
        loop = asyncio.get_running_loop()
        news = asyncio.Event()

        def on_news(*_: object) -> None:
            with suppress(RuntimeError):  # the loop has ended
                loop.call_soon_threadsafe(news.set)

        unlisten = self._agent.listen(Listener(on_delta=on_news))
        self._state = "connecting"
        self.ready.set()
        try:
            while not stop.is_set():
                news.clear()
                wait_s, wakes = await asyncio.to_thread(self._send)
                if wait_s:
                    await _first_of(wait_s, stop, *((news,) if wakes else ()))
        finally:
            unlisten()
            await asyncio.to_thread(self._uplink.close)
            self._state = "off"
            self.ready.clear()

    def _send(self) -> tuple[float, bool]:
        """Send one request; returns how long to wait before the next one, in seconds, and whether a
        new delta ends the wait."""
        self._backoff.begin()
        try:
            more = self._shipping.step(time.monotonic())
        except LinkError as error:
            wait_s = self._backoff.failure_s()
            if isinstance(error, Unreachable):
                self._state = "waiting"
                wait_s = max(wait_s, min(error.retry_after_s, self._settings.retry_max_s))
            else:
                self._state = "refused"
            self._last_error = str(error)
            kind = str(error.status) if isinstance(error, Refused) else "unreachable"
            self._warnings.add(kind, f"nothing is sent to the fleet: {error}")
            return wait_s, False
        self._backoff.reset()
        self._last_error = ""
        self._state = "sending" if more else "current"
        return (0.0, False) if more else (min(_IDLE_S, self._settings.objects_s), True)


def uplink_for(settings: FleetSettings, mqtt: MqttSettings) -> Uplink:
    """The connection to the server, as set.

    Raises:
        SettingsError: certificates or the password can't be used.
        ModuleNotFoundError: the packages for MQTT are not installed.
    """
    token = settings.token.get_secret_value() if settings.token else ""
    if settings.transport == "mqtt":
        from embodied_agent.fleet.sending.mqtt_uplink import MqttUplink

        return MqttUplink(mqtt, settings.robot, token=token, timeout_s=settings.timeout_s)
    link = Link(settings.url, token=token, ca_file=settings.ca_file, timeout_s=settings.timeout_s)
    return HttpUplink(link, settings.robot)


async def _first_of(timeout_s: float, *events: asyncio.Event) -> None:
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()
