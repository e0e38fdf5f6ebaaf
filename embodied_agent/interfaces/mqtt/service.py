"""The agent on an MQTT 5 broker: requests in, answers, deltas and status out.

A request is acknowledged to the broker once it is on the disk; after a crash between the two, the
broker sends it again, and its id shows the repetition. An answer leaves the outbox once the broker
has acknowledged it, so after a failure it may be sent twice, with the same id and the same text.
While the broker is away, the service reconnects after growing, random delays, and deltas wait in a
bounded backlog that drops the oldest.

Out of scope: what happens to a request (`desk`), deltas and alerts (`news`), the status
(`presence`), what messages look like (`messages`), answers that can't be delivered (`sender`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, Literal

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.errors import LinkError, SettingsError
from embodied_agent.interfaces.mqtt.connection import Connection
from embodied_agent.interfaces.mqtt.credentials import password, tls_context
from embodied_agent.interfaces.mqtt.desk import Counters, Desk
from embodied_agent.interfaces.mqtt.fact_desk import FactDesk
from embodied_agent.interfaces.mqtt.news import News
from embodied_agent.interfaces.mqtt.packets import Incoming
from embodied_agent.interfaces.mqtt.presence import Presence
from embodied_agent.interfaces.mqtt.sender import Sender, Sent
from embodied_agent.interfaces.mqtt.topics import Topics
from embodied_agent.interfaces.mqtt.witness import Witness
from embodied_agent.interfaces.status import MqttStatus
from embodied_agent.settings import Settings
from embodied_agent.support.backoff import Backoff
from embodied_agent.support.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)

#: If a connection has lasted this long, in seconds, the next delay is the first again.
_STABLE_S = 10.0
#: Time to send the last answers at shutdown, in seconds.
_FAREWELL_S = 3.0

State = Literal["off", "connecting", "connected", "waiting", "stopped"]


class Service:
    """One robot on one broker.

    Args:
        agent: the agent whose deltas, alerts and status are published.
        questions: the question queue.
        settings: the section ``mqtt``, and the time-out of questions.

    Raises:
        SettingsError: a file of certificates or the password can't be used, or the agent's memory
            is read-only.
    """

    def __init__(self, agent: Agent, questions: QuestionQueue, settings: Settings) -> None:
        self._settings = settings.mqtt
        tls_context(self._settings)
        password(self._settings)
        if agent.store.read_only:
            raise SettingsError("MQTT needs a memory that is not read-only; open it for writing")
        self._agent = agent
        self._questions = questions
        self._timeout_s = settings.reasoning.timeout_s
        self._topics = Topics.of(self._settings)
        self._client_id = self._settings.client_id or f"embodied_agent-{self._settings.robot}"
        self._warnings = ThrottledLog(_log.warning)
        self._desk: Desk | None = None
        self._sender: Sender | None = None
        self._resumed = False
        self._intakes: set[asyncio.Future[None]] = set()
        self._news = News(agent, self._topics, self._settings, settings.alerts)
        self._presence = Presence(agent, questions, self._topics, self._settings, self.status)
        self._state: State = "off"
        self._last_error = ""
        self._connections = self._dropped = 0
        #: Set once it tries to connect.
        self.ready = threading.Event()

    def status(self) -> MqttStatus:
        """State, last error and counters at this moment; called from any thread."""
        counters = Counters() if self._desk is None else self._desk.counters
        sent = Sent() if self._sender is None else self._sender.sent
        return MqttStatus(
            state=self._state,
            last_error=self._last_error,
            broker=f"{self._settings.host}:{self._settings.port}",
            robot=self._settings.robot,
            connections=self._connections,
            received=counters.received,
            refused=counters.refused,
            refused_by_code=dict(counters.by_code),
            repeated=counters.repeated,
            expired=counters.expired,
            answered=counters.answered,
            unreadable=counters.unreadable,
            sent=sent.answers,
            undeliverable=sent.undeliverable + counters.undeliverable,
            set_aside=sent.set_aside,
            last_undeliverable=sent.problem,
            deltas_waiting=self._news.waiting,
            deltas_dropped=self._news.dropped,
            messages_dropped=self._dropped,
        )

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set; answers that are ready by then are still sent.

        Raises:
            SettingsError: a file of certificates or the password can no longer be used.
            StoreError: the memory can't be read.
        """
        self._desk = Desk(
            self._questions, self._agent.store, self._settings, timeout_s=self._timeout_s
        )
        self._sender = Sender(self._desk, Witness(self._settings, self._client_id))
        self._resumed = False
        unlisten = self._agent.listen(self._news.listener())
        self._warn_of_plain_passwords()
        self.ready.set()
        try:
            await self._stay_connected(self._desk, self._sender, stop)
        finally:
            unlisten()
            await self._sender.end()
            if self._intakes:
                await asyncio.wait(self._intakes, timeout=_FAREWELL_S)
            self._desk.cancel()
            self._state = "stopped"

    async def _stay_connected(self, desk: Desk, sender: Sender, stop: asyncio.Event) -> None:
        backoff = Backoff(self._settings.retry_s, self._settings.retry_max_s, stable_s=_STABLE_S)
        while not stop.is_set():
            backoff.begin()
            self._state = "connecting"
            try:
                await self._until(stop, self._connected(desk, sender, stop))
            except LinkError as error:
                self._last_error = str(error)
            if stop.is_set():
                return
            self._state = "waiting"
            if sender.accused:
                # The broker can be reached, and the accused message will be sent last.
                sender.accused = False
                backoff.reset()
            wait_s = backoff.failure_s()
            self._warnings.add("connection", f"{self._last_error}; next try in {wait_s:.1f} s")
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)

    async def _until(self, stop: asyncio.Event, connected: Coroutine[Any, Any, None]) -> None:
        """Run ``connected``, but don't wait for a silent broker once ``stop`` is set."""
        task, stopping = asyncio.ensure_future(connected), asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait((task, stopping), return_when=asyncio.FIRST_COMPLETED)
            if self._state == "connecting" and not task.done():
                task.cancel()
            with suppress(asyncio.CancelledError):
                await task
        finally:
            task.cancel()
            stopping.cancel()

    async def _connected(self, desk: Desk, sender: Sender, stop: asyncio.Event) -> None:
        """Serve over one connection, from its beginning to its end.

        Raises:
            LinkError: it could not be established, or was lost.
        """
        async with Connection(
            self._settings,
            client_id=self._client_id,
            session_expiry_s=self._settings.session_expiry_s,
            max_payload_bytes=self._settings.max_request_bytes,
            will=self._presence.offline("connection lost"),
        ) as connection:
            connection.on_drop = self._count_drop
            await connection.listen(self._topics.ask)
            await self._listen_to_operators(connection)
            await self._listen_to_facts(connection)
            sender.begin()
            self._state = "connected"
            await self._presence.say_online(connection, sender)
            self._connections += 1
            self._last_error = ""
            _log.info("connected to the broker %s:%d", self._settings.host, self._settings.port)
            if not self._resumed:
                await desk.resume()
                self._resumed = True
            receiving = asyncio.Lock()
            work: list[Coroutine[Any, Any, None]] = [
                self._receive(connection, desk, receiving),
                self._send(connection, desk, sender),
                self._news.send_deltas(connection, sender),
                self._news.send_alerts(connection, sender),
                self._presence.keep_online(connection, sender),
            ]
            tasks = [asyncio.ensure_future(part) for part in work]
            stopping = asyncio.ensure_future(stop.wait())
            try:
                await asyncio.wait((*tasks, stopping), return_when=asyncio.FIRST_COMPLETED)
                if stop.is_set() and not any(task.done() for task in tasks):
                    async with receiving:  # everything received is acknowledged by now
                        tasks[0].cancel()
                    with suppress(LinkError, asyncio.TimeoutError):
                        await asyncio.wait_for(
                            self._farewell(connection, desk, sender), _FAREWELL_S
                        )
            finally:
                for task in (*tasks, stopping):
                    task.cancel()
                results = await asyncio.gather(*tasks, stopping, return_exceptions=True)
            for result in results:
                if isinstance(result, Exception):
                    raise result

    async def _receive(self, connection: Connection, desk: Desk, receiving: asyncio.Lock) -> None:
        while True:
            messages = await connection.next()
            async with receiving:
                # Completed even if the connection is lost meanwhile: a stored question must also
                # be asked.
                intake = asyncio.ensure_future(self._take(messages, desk))
                self._intakes.add(intake)
                intake.add_done_callback(self._intakes.discard)
                await asyncio.shield(intake)
            await desk.wait_for_room()

    async def _take(self, messages: Sequence[Incoming], desk: Desk) -> None:
        facts = [message for message in messages if self._topics.is_fact(message.topic)]
        if facts:
            most = self._settings.max_request_bytes
            await FactDesk(self._agent, desk, self._topics, most).take(facts)
        requests = [message for message in messages if not self._topics.is_fact(message.topic)]
        if requests:
            await desk.take(requests)

    async def _listen_to_facts(self, connection: Connection) -> None:
        try:
            await connection.listen(self._topics.fact)
            await connection.listen(self._topics.fact_of_operators)
        except LinkError as error:
            if connection.lost:
                raise
            # For example, with an access list that is older than facts.
            self._warnings.add("facts", f"facts can't be noted over MQTT: {error}")

    async def _listen_to_operators(self, connection: Connection) -> None:
        try:
            await connection.listen(self._topics.ask_of_operators)
        except LinkError as error:
            if connection.lost:
                raise
            # For example, with an access list that is older than operators' own topics.
            self._warnings.add("operators", f"operators can't ask on topics of their own: {error}")

    async def _send(self, connection: Connection, desk: Desk, sender: Sender) -> None:
        desk.wake.set()
        while True:
            await desk.wake.wait()
            desk.wake.clear()
            await sender.send_ready(connection)

    async def _farewell(self, connection: Connection, desk: Desk, sender: Sender) -> None:
        await desk.wait_until_stored(_FAREWELL_S)
        await sender.send_ready(connection)
        await sender.send_plainly(connection, self._presence.offline("stopped"))

    def _count_drop(self) -> None:
        self._dropped += 1

    def _warn_of_plain_passwords(self) -> None:
        local = self._settings.host in ("127.0.0.1", "::1", "localhost")
        if self._settings.username and not self._settings.tls and not local:
            _log.warning(
                "the MQTT password goes over the network as plain text; set mqtt.tls to encrypt it"
            )
