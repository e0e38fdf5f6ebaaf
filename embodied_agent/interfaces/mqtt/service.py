"""The agent on an MQTT 5 broker: requests in, answers, deltas and status out.

A request is acknowledged to the broker once it is on the disk; after a crash between the two, the
broker sends it again, and its id shows the repetition. An answer leaves the outbox once the broker
has acknowledged it, so after a failure it may be sent twice, with the same id and the same text.
While the broker is away, the service reconnects after growing, random delays, and deltas wait in a
bounded backlog that drops the oldest.

Out of scope: what happens to a request (`desk`), what messages look like (`messages`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections import deque
from collections.abc import Coroutine
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
from embodied_agent.interfaces.mqtt.faults import Refused
from embodied_agent.interfaces.mqtt.messages import (
    StatusMessage,
    Topics,
    delta_payload,
    status_payload,
)
from embodied_agent.interfaces.mqtt.packets import Outgoing
from embodied_agent.interfaces.status import MqttStatus
from embodied_agent.interfaces.wire.models import RobotFaultReply, RobotStatusReply
from embodied_agent.memory.outbox import Delivery
from embodied_agent.records import Delta, Keyframe
from embodied_agent.settings import Settings
from embodied_agent.support.backoff import Backoff
from embodied_agent.support.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)

#: Maximum number of answers sent to the broker together.
_AT_ONCE = 16
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
        self._topics = Topics(self._settings.robot)
        self._warnings = ThrottledLog(_log.warning)
        self._desk: Desk | None = None
        self._resumed = False
        self._intakes: set[asyncio.Future[None]] = set()
        self._deltas: deque[bytes] = deque(maxlen=self._settings.delta_backlog)
        self._delta_came = asyncio.Event()
        self._state: State = "off"
        self._last_error = ""
        self._connections = self._published = self._deltas_dropped = self._dropped = 0
        self._undeliverable = 0
        #: Set once it serves, or tries to.
        self.ready = threading.Event()

    def status(self) -> MqttStatus:
        """State, last error and counters at this moment; called from any thread."""
        counters = Counters() if self._desk is None else self._desk.counters
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
            sent=self._published,
            undeliverable=self._undeliverable + counters.undeliverable,
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
        self._resumed = False
        self._delta_came = asyncio.Event()

        def on_delta(keyframe: Keyframe, delta: Delta) -> None:
            # On a perception thread, which must not wait for a broker.
            loop.call_soon_threadsafe(self._note, delta_payload(keyframe, delta))

        unlisten = self._agent.listen(Listener(on_delta=on_delta))
        self._warn_of_plain_passwords()
        self.ready.set()
        try:
            await self._stay_connected(self._desk, stop)
        finally:
            unlisten()
            if self._intakes:
                await asyncio.wait(self._intakes, timeout=_FAREWELL_S)
            self._desk.cancel()
            self._state = "stopped"

    async def _stay_connected(self, desk: Desk, stop: asyncio.Event) -> None:
        backoff = Backoff(self._settings.retry_s, self._settings.retry_max_s, stable_s=_STABLE_S)
        while not stop.is_set():
            backoff.begin()
            self._state = "connecting"
            try:
                await self._until(stop, self._connected(desk, stop))
            except LinkError as error:
                self._last_error = str(error)
            if stop.is_set():
                return
            self._state = "waiting"
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

    async def _connected(self, desk: Desk, stop: asyncio.Event) -> None:
        """Serve over one connection, from its beginning to its end.

        Raises:
            LinkError: it could not be established, or was lost.
        """
        async with Connection(
            self._settings,
            client_id=self._settings.client_id or f"embodied_agent-{self._settings.robot}",
            session_expiry_s=self._settings.session_expiry_s,
            max_payload_bytes=self._settings.max_request_bytes,
            will=self._offline("connection lost"),
        ) as connection:
            connection.on_drop = self._count_drop
            await connection.listen(self._topics.ask)
            self._state = "connected"
            await connection.send(await self._online())
            self._connections += 1
            self._last_error = ""
            _log.info("connected to the broker %s:%d", self._settings.host, self._settings.port)
            if not self._resumed:
                await desk.resume()
                self._resumed = True
            receiving = asyncio.Lock()
            work: list[Coroutine[Any, Any, None]] = [
                self._receive(connection, desk, receiving),
                self._send(connection, desk),
                self._send_deltas(connection),
                self._send_status(connection),
            ]
            tasks = [asyncio.ensure_future(part) for part in work]
            stopping = asyncio.ensure_future(stop.wait())
            try:
                await asyncio.wait((*tasks, stopping), return_when=asyncio.FIRST_COMPLETED)
                if stop.is_set() and not any(task.done() for task in tasks):
                    async with receiving:  # everything taken in is acknowledged by now
                        tasks[0].cancel()
                    with suppress(LinkError, asyncio.TimeoutError):
                        await asyncio.wait_for(self._farewell(connection, desk), _FAREWELL_S)
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
                intake = asyncio.ensure_future(desk.take(messages))
                self._intakes.add(intake)
                intake.add_done_callback(self._intakes.discard)
                await asyncio.shield(intake)
                for message in messages:
                    message.acknowledge()
            await desk.wait_for_room()

    async def _send(self, connection: Connection, desk: Desk) -> None:
        desk.wake.set()
        while True:
            await desk.wake.wait()
            desk.wake.clear()
            await self._send_ready(connection, desk)

    async def _send_ready(self, connection: Connection, desk: Desk) -> None:
        """Send everything that is ready: pieces, refusals, answers."""
        while True:
            while refusals := desk.refusals(_AT_ONCE):
                results = await self._publish(connection, refusals)
                desk.discard_refusals(
                    [r for r, settled in zip(refusals, results, strict=True) if settled]
                )
            try:
                due = await desk.due(_AT_ONCE)
                # After fetching answers: the pieces of one go before it.
                for piece in desk.pieces(congested=connection.congested):
                    await connection.send(piece)
                if not due:
                    return
                await desk.discard_answers(await self._send_answers(connection, desk, due))
            except StoreError as error:
                self._last_error = str(error)
                self._warnings.add("store", f"answers wait: {error}")
                return

    async def _send_answers(
        self, connection: Connection, desk: Desk, due: list[Delivery]
    ) -> list[int]:
        """Send answers; the numbers of those that need no further try."""
        results = await self._publish(connection, [desk.outgoing(delivery) for delivery in due])
        self._published += sum(results)
        return [d.number for d, settled in zip(due, results, strict=True) if settled]

    async def _publish(self, connection: Connection, messages: list[Outgoing]) -> list[bool]:
        """Send messages together; which of them were delivered or refused for good.

        Raises:
            LinkError: the connection is lost, and none was delivered.
        """
        results = await asyncio.gather(
            *(connection.send(message) for message in messages), return_exceptions=True
        )
        faults = [r for r in results if isinstance(r, BaseException) and not isinstance(r, Refused)]
        if len(faults) == len(messages):
            raise faults[0]
        for result in results:
            if isinstance(result, Refused):
                # This client may not publish there, now or later.
                self._undeliverable += 1
                self._last_error = str(result)
                self._warnings.add("undeliverable", f"an answer can't be delivered: {result}")
        return [result is None or isinstance(result, Refused) for result in results]

    async def _send_deltas(self, connection: Connection) -> None:
        self._delta_came.set()
        while True:
            await self._delta_came.wait()
            self._delta_came.clear()
            while self._deltas:
                payload = self._deltas[0]
                try:
                    await connection.send(Outgoing(self._topics.delta, payload))
                except Refused as error:
                    self._last_error = str(error)
                    self._warnings.add("delta", f"a delta can't be published: {error}")
                # The backlog may have dropped it meanwhile.
                if self._deltas and self._deltas[0] is payload:
                    self._deltas.popleft()

    async def _send_status(self, connection: Connection) -> None:
        while True:
            await asyncio.sleep(self._settings.status_interval_s)
            await connection.send(await self._online())

    async def _farewell(self, connection: Connection, desk: Desk) -> None:
        await desk.wait_until_stored(_FAREWELL_S)
        await self._send_ready(connection, desk)
        await connection.send(self._offline("stopped"))

    def _count_drop(self) -> None:
        self._dropped += 1

    def _note(self, payload: bytes) -> None:
        if len(self._deltas) == self._deltas.maxlen:
            self._deltas_dropped += 1
        self._deltas.append(payload)
        self._delta_came.set()

    async def _online(self) -> Outgoing:
        surroundings: JsonObject = {
            "asks": to_values(self._questions.status()),
            "mqtt": to_values(self.status()),
        }
        details: RobotStatusReply | RobotFaultReply
        try:
            status = await asyncio.to_thread(self._agent.status)
            details = RobotStatusReply.model_validate({**to_values(status), **surroundings})
        except StoreError as error:
            details = RobotFaultReply.model_validate(
                {**surroundings, "last_error": encodable(str(error))}
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
