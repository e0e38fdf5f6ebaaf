"""The agent on an MQTT 5 broker: requests in, answers, deltas and status out.

A request is acknowledged to the broker once it is on the disk; after a crash between the two, the
broker sends it again, and its id shows the repetition. An answer leaves the outbox once the broker
has acknowledged it, so after a failure it may be sent twice, with the same id and the same text.
While the broker is away, the service reconnects after growing, random delays, and deltas wait in a
bounded backlog that drops the oldest.

Out of scope: what happens to a request (`desk`), what messages look like (`messages`), answers that
can't be delivered (`sender`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any, Literal

import embodied_agent
from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.codec import JsonObject, encodable, to_values
from embodied_agent.errors import LinkError, SettingsError, StoreError
from embodied_agent.interfaces.mqtt.connection import Connection
from embodied_agent.interfaces.mqtt.credentials import password, tls_context
from embodied_agent.interfaces.mqtt.desk import Counters, Desk
from embodied_agent.interfaces.mqtt.fact_desk import FactDesk
from embodied_agent.interfaces.mqtt.faults import Refused, TooLarge
from embodied_agent.interfaces.mqtt.messages import (
    StatusMessage,
    alert_payload,
    delta_payload,
    status_payload,
)
from embodied_agent.interfaces.mqtt.packets import Incoming, Outgoing
from embodied_agent.interfaces.mqtt.sender import Sender, Sent
from embodied_agent.interfaces.mqtt.topics import Topics
from embodied_agent.interfaces.mqtt.witness import Witness
from embodied_agent.interfaces.status import MqttStatus
from embodied_agent.interfaces.wire.from_records import without_credentials_in
from embodied_agent.interfaces.wire.models import RobotFaultReply, RobotStatusReply
from embodied_agent.object_records import Alert
from embodied_agent.records import Delta, Keyframe
from embodied_agent.settings import Settings
from embodied_agent.support.backoff import Backoff
from embodied_agent.support.redaction import without_credentials
from embodied_agent.support.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)

#: After a connection has lasted this long, in seconds, the delay starts over from the first.
_STABLE_S = 10.0
#: Time to send the last answers at shutdown, in seconds.
_FAREWELL_S = 3.0

State = Literal["off", "connecting", "connected", "waiting", "stopped"]


class Service:
    """One robot on one broker.

    Args:
        agent: whose deltas and status are published.
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
        self._deltas: deque[tuple[int, bytes]] = deque(maxlen=self._settings.delta_backlog)
        self._delta_came = asyncio.Event()
        self._alert_came = asyncio.Event()
        self._keep_s = settings.alerts.keep_s
        self._state: State = "off"
        self._last_error = ""
        self._connections = self._deltas_noted = self._deltas_dropped = self._dropped = 0
        #: Set once it serves, or tries to.
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
            deltas_waiting=len(self._deltas),
            deltas_dropped=self._deltas_dropped,
            messages_dropped=self._dropped,
        )

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set; answers that are ready by then are still sent.

        Raises:
            SettingsError: a file of certificates or the password can no longer be used.
            StoreError: the memory can't be read.
        """
        loop = asyncio.get_running_loop()
        self._desk = Desk(
            self._questions, self._agent.store, self._settings, timeout_s=self._timeout_s
        )
        self._sender = Sender(self._desk, Witness(self._settings, self._client_id))
        self._resumed = False
        self._delta_came, self._alert_came = asyncio.Event(), asyncio.Event()

        def on_alert(_: Alert) -> None:
            loop.call_soon_threadsafe(self._alert_came.set)

        def on_delta(keyframe: Keyframe, delta: Delta) -> None:
            # On a perception thread, which must not wait for a broker.
            loop.call_soon_threadsafe(self._note, delta_payload(keyframe, delta))

        unlisten = self._agent.listen(Listener(on_delta=on_delta, on_alert=on_alert))
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
                # The broker is there, and the message in question will go last.
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
            will=self._offline("connection lost"),
        ) as connection:
            connection.on_drop = self._count_drop
            await connection.listen(self._topics.ask)
            await self._listen_to_operators(connection)
            await self._listen_to_facts(connection)
            sender.begin()
            self._state = "connected"
            await self._say_online(connection, sender)
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
                self._send_deltas(connection, sender),
                self._send_alerts(connection, sender),
                self._send_status(connection, sender),
            ]
            tasks = [asyncio.ensure_future(part) for part in work]
            stopping = asyncio.ensure_future(stop.wait())
            try:
                await asyncio.wait((*tasks, stopping), return_when=asyncio.FIRST_COMPLETED)
                if stop.is_set() and not any(task.done() for task in tasks):
                    async with receiving:  # everything taken in is acknowledged by now
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
                # Completed even if the connection is lost meanwhile: a question that is stored
                # must also be asked.
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
        asked = [message for message in messages if not self._topics.is_fact(message.topic)]
        if asked:
            await desk.take(asked)

    async def _listen_to_facts(self, connection: Connection) -> None:
        try:
            await connection.listen(self._topics.fact)
            await connection.listen(self._topics.fact_of_operators)
        except LinkError as error:
            if connection.lost:
                raise
            # As with an access list from before there were facts.
            self._warnings.add("facts", f"facts can't be noted over MQTT: {error}")

    async def _listen_to_operators(self, connection: Connection) -> None:
        try:
            await connection.listen(self._topics.ask_of_operators)
        except LinkError as error:
            if connection.lost:
                raise
            # As with an access list from before operators had topics of their own.
            self._warnings.add("operators", f"operators can't ask on topics of their own: {error}")

    async def _send(self, connection: Connection, desk: Desk, sender: Sender) -> None:
        desk.wake.set()
        while True:
            await desk.wake.wait()
            desk.wake.clear()
            await sender.send_ready(connection)

    async def _send_deltas(self, connection: Connection, sender: Sender) -> None:
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

    async def _send_alerts(self, connection: Connection, sender: Sender) -> None:
        """Send alerts until the broker has each; they wait in the memory."""
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

    async def _send_status(self, connection: Connection, sender: Sender) -> None:
        while True:
            await asyncio.sleep(self._settings.status_interval_s)
            await self._say_online(connection, sender)

    async def _say_online(self, connection: Connection, sender: Sender) -> None:
        try:
            await sender.send_plainly(connection, await self._online())
        except TooLarge:
            bare = self._status_message("online", "", time.time(), None)
            await sender.send_plainly(connection, bare)

    async def _farewell(self, connection: Connection, desk: Desk, sender: Sender) -> None:
        await desk.wait_until_stored(_FAREWELL_S)
        await sender.send_ready(connection)
        await sender.send_plainly(connection, self._offline("stopped"))

    def _count_drop(self) -> None:
        self._dropped += 1

    def _note(self, payload: bytes) -> None:
        if len(self._deltas) == self._deltas.maxlen:
            self._deltas_dropped += 1
        self._deltas_noted += 1
        self._deltas.append((self._deltas_noted, payload))
        self._delta_came.set()

    async def _online(self) -> Outgoing:
        surroundings: JsonObject = {
            "asks": to_values(self._questions.status()),
            "mqtt": without_credentials_in(self.status()),
        }
        details: RobotStatusReply | RobotFaultReply
        try:
            status = await asyncio.to_thread(self._agent.status)
            details = RobotStatusReply.model_validate(
                {**without_credentials_in(status), **surroundings}
            )
        except StoreError as error:
            details = RobotFaultReply.model_validate(
                {**surroundings, "last_error": without_credentials(encodable(str(error)))}
            )
        return self._status_message("online", "", time.time(), details)

    def _offline(self, reason: str) -> Outgoing:
        return self._status_message(
            "offline", reason, time.time() if reason == "stopped" else None, None
        )

    def _status_message(
        self,
        state: Literal["online", "offline"],
        reason: str,
        at_s: float | None,
        details: RobotStatusReply | RobotFaultReply | None,
    ) -> Outgoing:
        message = StatusMessage(
            robot=self._settings.robot,
            state=state,
            reason=reason,
            version=embodied_agent.__version__,
            at_s=at_s,
            details=details,
        )
        return Outgoing(self._topics.status, status_payload(message), retain=True)

    def _warn_of_plain_passwords(self) -> None:
        local = self._settings.host in ("127.0.0.1", "::1", "localhost")
        if self._settings.username and not self._settings.tls and not local:
            _log.warning(
                "the MQTT password goes over the network as plain text; set mqtt.tls to encrypt it"
            )
