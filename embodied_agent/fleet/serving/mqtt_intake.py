"""Takes in what robots send through an MQTT broker.

Each request is handled as over HTTP, answered on the robot's reply topic, and then acknowledged to
the broker, which limits how many are in flight. Requests of one robot are handled in their order of
arrival. Those that can't be used are refused, counted and acknowledged, so that the broker does not
deliver them again.

The broker keeps nothing for the server: each robot keeps its data until it has the reply, and sends
them again if there is none. So an outage of the broker or the database, or a crash of this process,
loses and doubles nothing.

Out of scope: what a request does (`requests`), who has which token (`access`).
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from embodied_agent.errors import AgentError, LinkError
from embodied_agent.fleet.replies import BrokerStatus
from embodied_agent.fleet.serving.access import Access
from embodied_agent.fleet.serving.requests import Refusal, RobotRequests, refusal_of
from embodied_agent.fleet.topics import (
    REQUESTS,
    RETRY_AFTER,
    STATUS,
    TOKEN,
    Kind,
    read_request_topic,
    reply_topic,
)
from embodied_agent.interfaces.mqtt.connection import Connection
from embodied_agent.interfaces.mqtt.credentials import password, tls_context
from embodied_agent.interfaces.mqtt.packets import Incoming, Outgoing
from embodied_agent.interfaces.web.limits import Rate
from embodied_agent.interfaces.wire.refusals import error_reply
from embodied_agent.settings import MqttSettings
from embodied_agent.support.backoff import Backoff
from embodied_agent.support.throttled_log import ThrottledLog

_log = logging.getLogger(__name__)

#: After a connection has lasted this long, in seconds, the delay starts over from the first.
_STABLE_S = 10.0
#: Requests that are handled at the same time.
_THREADS = 16
#: Time for requests in progress once the server stops, in seconds.
_GRACE_S = 5.0
#: How long the broker keeps a reply for a robot that is not there, in seconds.
_REPLY_EXPIRY_S = 60
#: Wrong tokens of one robot's name: per second in the long run, and at once.
_WRONG_HZ, _WRONG_BURST = 0.2, 10


class MqttIntake:
    """The server's connection to one broker.

    Args:
        requests: of robots.
        access: who may send as which robot.
        settings: the broker, and the credentials for it.
        max_body_bytes: maximum size of a request.

    Raises:
        SettingsError: a file of certificates or the password can't be used.
    """

    def __init__(
        self,
        requests: RobotRequests,
        access: Access,
        settings: MqttSettings,
        *,
        max_body_bytes: int,
    ) -> None:
        tls_context(settings)
        password(settings)
        self._requests = requests
        self._access = access
        # Only used in error messages: the access list has to allow the topics of all robots.
        self._settings = settings.model_copy(update={"robot": "+"})
        self._client_id = settings.client_id or "embodied_agent-fleet"
        self._max_body_bytes = max_body_bytes
        self._threads = ThreadPoolExecutor(_THREADS, "fleet-mqtt")
        self._turns: dict[str, _Turn] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._wrong = Rate(_WRONG_HZ, _WRONG_BURST)
        self._warnings = ThrottledLog(_log.warning, every_s=60.0)
        self._state = "off"
        self._last_error = self._last_problem = ""
        self._received = self._answered = self._set_aside = self._connections = 0
        self._refused = Counter[str]()

    def status(self) -> BrokerStatus:
        """State and counters at this moment; called from any thread."""
        return BrokerStatus(
            broker=f"{self._settings.host}:{self._settings.port}",
            state=self._state,
            last_error=self._last_error,
            connections=self._connections,
            received=self._received,
            answered=self._answered,
            refused=dict(self._refused),
            set_aside=self._set_aside,
            last_problem=self._last_problem,
        )

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until ``stop`` is set; requests in progress are still answered."""
        backoff = Backoff(self._settings.retry_s, self._settings.retry_max_s, stable_s=_STABLE_S)
        while not stop.is_set():
            backoff.begin()
            self._state = "connecting"
            try:
                await self._connected(stop)
            except LinkError as error:
                self._last_error = str(error)
            except Exception as error:
                # The outermost level of the intake: it starts again, and HTTP is not affected.
                self._last_error = repr(error)
                _log.exception("the connection to the MQTT broker failed")
            if stop.is_set():
                break
            self._state = "waiting"
            wait_s = backoff.failure_s()
            self._warnings.add(
                "connection", f"over MQTT: {self._last_error}; next try in {wait_s:.1f} s"
            )
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)
        self._state = "off"

    def close(self) -> None:
        """End the threads, once `serve` has returned."""
        self._threads.shutdown(cancel_futures=True)

    async def _connected(self, stop: asyncio.Event) -> None:
        async with Connection(
            self._settings,
            client_id=self._client_id,
            session_expiry_s=0,
            max_payload_bytes=self._max_body_bytes,
        ) as connection:
            await connection.listen(REQUESTS)
            self._state, self._last_error = "connected", ""
            self._connections += 1
            receiving = asyncio.ensure_future(self._receive(connection))
            stopping = asyncio.ensure_future(stop.wait())
            try:
                await asyncio.wait((receiving, stopping), return_when=asyncio.FIRST_COMPLETED)
                if stop.is_set() and self._tasks:
                    await asyncio.wait(self._tasks, timeout=_GRACE_S)
                if receiving.done():
                    receiving.result()
            finally:
                receiving.cancel()
                stopping.cancel()

    async def _receive(self, connection: Connection) -> None:
        while True:
            for message in await connection.next():
                # Tasks start in this order, and so they ask for their robot's lock in this order.
                task = asyncio.ensure_future(self._take(connection, message))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _take(self, connection: Connection, message: Incoming) -> None:
        """Handle one request, answer it and acknowledge it."""
        self._received += 1
        sender = read_request_topic(message.topic)
        if sender is None or message.fault or not message.correlation:
            # It is not known whom to answer, or which request.
            self._set_aside += 1
            self._last_problem = (
                message.fault
                or f"{message.topic!r}: not a robot's request, or one without correlation data"
            )
            self._warnings.add("set aside", f"an MQTT message was set aside: {self._last_problem}")
            message.acknowledge()
            return
        robot, kind = sender
        with self._turn(robot) as turn:
            async with turn.lock:
                reply = await self._reply(robot, kind, message)
                try:
                    await connection.send(reply)
                    self._answered += 1
                except LinkError as error:
                    # The robot sends the request again.
                    self._last_problem = f"a reply to {robot} was not delivered: {error}"
        if not connection.lost:
            message.acknowledge()

    async def _reply(self, robot: str, kind: Kind, message: Incoming) -> Outgoing:
        refusal = self._objection(robot, message)
        if refusal is None:
            loop = asyncio.get_running_loop()
            body = message.payload or b""
            try:
                done = await loop.run_in_executor(
                    self._threads, self._requests.answer, kind, robot, body
                )
                return _message(robot, message, 200, done.model_dump_json())
            except AgentError as error:
                refusal = refusal_of(error)
            except Exception as error:
                # The outermost level of a request: it must not stop the others.
                _log.exception("a request of %s failed", robot)
                refusal = Refusal(500, "internal", type(error).__name__)
        self._refused[refusal.code] += 1
        self._last_problem = f"{robot}: {refusal.message}"
        text = error_reply(refusal.code, refusal.message).model_dump_json()
        return _message(robot, message, refusal.status, text, refusal.retry_after_s)

    def _objection(self, robot: str, message: Incoming) -> Refusal | None:
        """Why a request is refused before its body is read; ``None`` if it is not."""
        client = self._access.client(dict(message.user).get(TOKEN, ""))
        if client is None:
            if self._wrong.exhausted(robot):
                return Refusal(429, "rate", "too many wrong tokens; wait a minute", 60)
            self._wrong.take(robot)
            return Refusal(401, "token", "a token is needed: set fleet.token on the robot")
        if not client.may_send_as(robot):
            text = f"{client.name} may not send as the robot {robot!r}"
            return Refusal(403, "robot", text)
        if message.payload is None:
            limit = self._max_body_bytes
            text = f"the request has {message.size} bytes, and {limit} are allowed"
            return Refusal(413, "too_large", text)
        if message.retain:
            return Refusal(400, "retained", "a request must not be a retained message")
        return None

    @contextmanager
    def _turn(self, robot: str) -> Iterator[_Turn]:
        """The lock of a robot, which exists as long as it has requests."""
        turn = self._turns.setdefault(robot, _Turn())
        turn.waiting += 1
        try:
            yield turn
        finally:
            turn.waiting -= 1
            if not turn.waiting:
                del self._turns[robot]


class _Turn:
    """Lets one request of a robot at a time through, in order: `asyncio.Lock` is fair."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.waiting = 0


def _message(
    robot: str, request: Incoming, status: int, text: str, retry_after_s: int | None = None
) -> Outgoing:
    user = [(STATUS, str(status))]
    if retry_after_s is not None:
        user.append((RETRY_AFTER, str(retry_after_s)))
    return Outgoing(
        reply_topic(robot),
        text.encode(),
        correlation=request.correlation,
        expiry_s=_REPLY_EXPIRY_S,
        user=tuple(user),
    )
