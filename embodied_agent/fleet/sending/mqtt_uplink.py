"""A robot's requests to the fleet server over MQTT, each with its reply.

A request is published with correlation data, and its reply arrives on the robot's reply topic. If
the connection, the broker or the server fails before that, the request counts as unanswered: the
robot keeps the data and sends them again, and the server skips what it already has.

The connection has a thread of its own, and stays open between requests.

Out of scope: waiting and retrying (`sender`), the server's side
(`embodied_agent.fleet.serving.mqtt_intake`).
"""

from __future__ import annotations

import asyncio
import threading
import uuid
from collections.abc import Coroutine
from concurrent.futures import CancelledError
from concurrent.futures import TimeoutError as FutureTimeoutError
from contextlib import suppress
from typing import Any, TypeVar

from pydantic import BaseModel

from embodied_agent.errors import LinkError
from embodied_agent.fleet.link import Refused, Unreachable, failure_of
from embodied_agent.fleet.topics import (
    MOST_REPLY,
    RETRY_AFTER,
    STATUS,
    TOKEN,
    Kind,
    reply_topic,
    request_topic,
)
from embodied_agent.fleet.wire import Audit, Audited, Batch, Cursor, CursorRequest, Restart
from embodied_agent.interfaces.mqtt import faults
from embodied_agent.interfaces.mqtt.connection import Connection
from embodied_agent.interfaces.mqtt.credentials import password, tls_context
from embodied_agent.interfaces.mqtt.packets import Incoming, Outgoing
from embodied_agent.interfaces.wire.models import ErrorReply
from embodied_agent.settings import MqttSettings

#: Longest time to close a connection, in seconds.
_CLOSE_S = 5.0

Reply = TypeVar("Reply", bound=BaseModel)
T = TypeVar("T")


class MqttUplink:
    """Requests over one broker. Not thread-safe.

    Args:
        settings: the broker, and the credentials for it.
        robot: the robot's name in the fleet.
        token: the robot's token at the server; "" for none.
        timeout_s: longest wait for a reply, connecting included, in seconds.

    Raises:
        SettingsError: a file of certificates or the password can't be used.
    """

    def __init__(
        self, settings: MqttSettings, robot: str, *, token: str = "", timeout_s: float
    ) -> None:
        tls_context(settings)
        password(settings)
        self._settings = settings.model_copy(update={"robot": robot})
        self._client_id = f"{settings.client_id or f'embodied_agent-{robot}'}-fleet"
        self._robot = robot
        self._token = token
        self._timeout_s = timeout_s
        self._place = f"{settings.host}:{settings.port}"
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread: threading.Thread | None = None
        self._connection: Connection | None = None

    @property
    def server(self) -> str:
        """The address of the broker."""
        return f"mqtt://{self._place}"

    def cursor(self, memory: str) -> Cursor:
        """How far the server is with a memory."""
        return self._request("cursor", CursorRequest(memory=memory), Cursor)

    def batch(self, batch: Batch) -> Cursor:
        """Send rows of a memory; returns how far the server is then."""
        return self._request("batch", batch, Cursor)

    def audit(self, audit: Audit) -> Audited:
        """Compare checksums; returns the ids of rows that the server wants."""
        return self._request("audit", audit, Audited)

    def restart(self, memory: str) -> Cursor:
        """Make the server delete all it has of a memory."""
        return self._request("restart", Restart(memory=memory), Cursor)

    def close(self) -> None:
        """Close the connection and end its thread; the next request starts both again."""
        loop, thread = self._loop, self._thread
        if loop is None or thread is None:
            return
        self._loop = self._thread = None
        with suppress(FutureTimeoutError):
            _result(loop, self._end(), 2 * _CLOSE_S)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(_CLOSE_S)
        if not thread.is_alive():
            loop.close()

    def _request(self, kind: Kind, body: BaseModel, reply: type[Reply]) -> Reply:
        payload = body.model_dump_json(exclude_defaults=True).encode()
        # The exchange has a time-out of its own; this one covers a loop that does not run.
        longest_s = self._timeout_s + 2 * _CLOSE_S
        try:
            message = _result(self._running(), self._exchange(kind, payload), longest_s)
        except FutureTimeoutError as error:
            raise Unreachable(self._silence()) from error
        except CancelledError as error:
            raise Unreachable("the connection to the fleet was closed") from error
        details = dict(message.user)
        status, retry_after_s = details.get(STATUS, ""), details.get(RETRY_AFTER, "")
        try:
            if status == "200":
                return reply.model_validate_json(message.payload or b"")
            failure = ErrorReply.model_validate_json(message.payload or b"")
            code = int(status)
        except ValueError as error:  # also a ValidationError
            raise Unreachable(
                f"the client that answers for the fleet at {self._place} is not a fleet server, or "
                "runs another version"
            ) from error
        raise failure_of(
            f"the fleet server behind {self._place} answered with status {code}: "
            f"{failure.error.message}",
            code,
            float(retry_after_s) if retry_after_s.isdecimal() else 0.0,
        )

    def _running(self) -> asyncio.AbstractEventLoop:
        if self._loop is None:
            self._loop = asyncio.new_event_loop()
            self._thread = threading.Thread(
                target=self._loop.run_forever, name="fleet-mqtt", daemon=True
            )
            self._thread.start()
        return self._loop

    # -- on the loop -----------------------------------------------------------------------------

    async def _exchange(self, kind: Kind, payload: bytes) -> Incoming:
        try:
            return await asyncio.wait_for(self._answered(kind, payload), self._timeout_s)
        except asyncio.TimeoutError as error:
            await self._drop()
            raise Unreachable(self._silence()) from error
        except faults.TooLarge as error:
            raise Refused(413, f"a request to the fleet was refused: {error}") from error
        except faults.Refused as error:
            raise Refused(403, str(error)) from error
        except Unreachable:
            raise
        except LinkError as error:
            await self._drop()
            raise Unreachable(str(error)) from error

    async def _answered(self, kind: Kind, payload: bytes) -> Incoming:
        if self._connection is None or self._connection.lost:
            await self._drop()
            self._connection = await self._connected()
        connection, name = self._connection, uuid.uuid4().bytes
        request = Outgoing(
            request_topic(self._robot, kind),
            payload,
            correlation=name,
            expiry_s=max(1, round(self._timeout_s)),  # it is sent again after that
            user=((TOKEN, self._token),) if self._token else (),
        )
        if not await connection.send(request):
            raise Unreachable(
                f"no fleet server is connected to the MQTT broker {self._place}: start "
                "`embodied-agent fleet` with fleet_server.mqtt"
            )
        while True:
            for message in await connection.next():
                message.acknowledge()
                # Other messages are late replies to requests that timed out.
                if message.correlation == name and not message.fault:
                    return message

    async def _connected(self) -> Connection:
        connection = Connection(
            self._settings,
            client_id=self._client_id,
            session_expiry_s=0,
            max_payload_bytes=MOST_REPLY,
        )
        await connection.__aenter__()
        try:
            await connection.listen(reply_topic(self._robot))
        except BaseException:
            await _ended(connection)
            raise
        return connection

    async def _end(self) -> None:
        await self._drop()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await _ended(connection)

    def _silence(self) -> str:
        return (
            f"no reply from the fleet through the MQTT broker {self._place} within "
            f"{self._timeout_s:g} s: check that its server is connected to this broker, and the "
            "broker's access list"
        )


async def _ended(connection: Connection) -> None:
    with suppress(LinkError, asyncio.TimeoutError):
        await asyncio.wait_for(connection.__aexit__(None, None, None), _CLOSE_S)


def _result(loop: asyncio.AbstractEventLoop, work: Coroutine[Any, Any, T], timeout_s: float) -> T:
    future = asyncio.run_coroutine_threadsafe(work, loop)
    try:
        return future.result(timeout_s)
    except FutureTimeoutError:
        future.cancel()
        raise
