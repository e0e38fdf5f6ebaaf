"""One connection to an MQTT 5 broker: aiomqtt, with what it leaves out.

A message is acknowledged by its receiver, which can store it first; the reason codes of the
broker's acknowledgements are checked; and oversized payloads are dropped as they arrive.

Out of scope: what a message is made of (`packets`), certificates and the password (`credentials`),
why a connection was refused or lost (`faults`), what is sent over it (`service`, `client`), and
reconnecting.
"""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Callable
from types import TracebackType
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties
from paho.mqtt.reasoncodes import ReasonCode
from paho.mqtt.subscribeoptions import SubscribeOptions

from embodied_agent.errors import LinkError
from embodied_agent.interfaces.mqtt.credentials import password, tls_context
from embodied_agent.interfaces.mqtt.faults import Faults, Refused, explained, who
from embodied_agent.interfaces.mqtt.packets import Incoming, Outgoing, properties_of, received
from embodied_agent.settings import MqttSettings

#: Reason codes after which the same message may be sent again later (MQTT 5, 2.4).
_LATER = {0x80, 0x83, 0x97}
#: QoS 0 messages that may wait, in addition to those with QoS 1.
_QOS_0_WAITING = 64
#: Maximum number of messages returned together.
_AT_ONCE = 64
#: When more packets than this are waiting to be sent, dispensable ones are held back.
_CONGESTED = 100


class Connection(aiomqtt.Client):
    """An asynchronous context manager, for one connection; to reconnect, make a new one.

    Args:
        settings: the broker, and the credentials for it.
        client_id: names the session.
        session_expiry_s: the broker keeps the session this long; 0: not at all.
        max_payload_bytes: of larger messages only the size is kept.
        will: what the broker publishes when the connection is lost.

    Raises:
        SettingsError: a file of certificates or the password can't be used.
    """

    def __init__(
        self,
        settings: MqttSettings,
        *,
        client_id: str,
        session_expiry_s: int,
        max_payload_bytes: int,
        will: Outgoing | None = None,
    ) -> None:
        properties = Properties(PacketTypes.CONNECT)  # type: ignore[no-untyped-call]
        properties.SessionExpiryInterval = session_expiry_s
        properties.MaximumPacketSize = settings.max_packet_bytes
        properties.ReceiveMaximum = settings.receive_maximum
        self._faults = Faults()
        self._tls = tls_context(settings)
        self._loop_thread = threading.get_ident()
        super().__init__(
            settings.host,
            settings.port,
            username=settings.username or None,
            password=password(settings),
            logger=self._faults.logger,
            identifier=client_id,
            protocol=aiomqtt.ProtocolVersion.V5,
            will=None
            if will is None
            else aiomqtt.Will(will.topic, will.payload, will.qos, will.retain),
            timeout=settings.connect_timeout_s,
            keepalive=settings.keepalive_s,
            clean_start=session_expiry_s == 0,
            properties=properties,
            tls_context=self._tls,
        )
        self._settings = settings
        self._max_payload = max_payload_bytes
        self._acks: dict[int, asyncio.Future[ReasonCode]] = {}
        self._client.manual_ack_set(True)
        self._client.connect_timeout = settings.connect_timeout_s
        self._most_waiting = settings.receive_maximum + _QOS_0_WAITING
        #: Called for each QoS 0 message that arrived too fast to be kept.
        self.on_drop: Callable[[], None] = lambda: None

    async def __aenter__(self) -> Connection:
        """Connect.

        Raises:
            LinkError: the broker can't be reached or refuses, with the reason.
        """
        try:
            await super().__aenter__()
        except BaseException as error:
            self._client._sock_close()
            if isinstance(error, aiomqtt.MqttError):
                raise self._explained(error) from error
            raise
        return self

    def _client_connect(self) -> None:
        try:
            super()._client_connect()
        except BaseException:
            if self._tls is not None and self._tls.socket is not None:
                self._tls.socket.close()
            raise

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Disconnect."""
        try:
            await super().__aexit__(kind, error, traceback)
        except aiomqtt.MqttError as fault:
            raise self._explained(fault) from fault
        if self._disconnected.done():
            self._disconnected.exception()  # else asyncio logs it as never retrieved

    async def listen(self, topic: str) -> None:
        """Subscribe to ``topic`` with QoS 1; retained messages are not wanted.

        Raises:
            LinkError: the broker refuses, does not reply or is gone.
        """
        options = SubscribeOptions(qos=1, retainHandling=SubscribeOptions.RETAIN_DO_NOT_SEND)
        await self._subscribe(topic, options)

    async def watch(self, topic: str) -> None:
        """Subscribe to ``topic``, the retained message included.

        Raises:
            LinkError: as `listen`.
        """
        await self._subscribe(topic, SubscribeOptions(qos=1))

    async def _subscribe(self, topic: str, options: SubscribeOptions) -> None:
        try:
            codes = await self.subscribe(topic, options=options)
        except aiomqtt.MqttError as error:
            raise self._explained(error) from error
        for code in codes:
            if isinstance(code, ReasonCode) and code.is_failure:
                raise LinkError(
                    f"the broker refuses the subscription to {topic} ({code}): "
                    f"allow it to {who(self._settings)} in the broker's access list"
                )

    async def next(self) -> list[Incoming]:
        """Wait for the next message; returns it with those that arrived together with it.

        Raises:
            LinkError: the connection is lost.
        """
        try:
            messages: list[Any] = [await anext(self.messages)]
        except aiomqtt.MqttError as error:
            raise self._explained(error) from error
        while len(messages) < _AT_ONCE and not self._queue.empty():
            messages.append(self._queue.get_nowait())
        return messages

    async def send(self, message: Outgoing) -> None:
        """Publish, and wait until the broker has acknowledged it (with QoS 1).

        Raises:
            Refused: the broker refuses this message.
            LinkError: it may accept the message later, does not reply, or the connection is lost.
        """
        info = self._client.publish(
            message.topic, message.payload, message.qos, message.retain, properties_of(message)
        )
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise LinkError(f"can't send to the broker: {paho.error_string(info.rc)}")
        if message.qos == 0:
            return
        ack: asyncio.Future[ReasonCode] = asyncio.get_running_loop().create_future()
        self._acks[info.mid] = ack
        try:
            await asyncio.wait(
                (ack, self._disconnected),
                timeout=self.timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._acks.pop(info.mid, None)
        if not ack.done():
            if self._disconnected.done():
                raise LinkError("the connection to the broker was lost")
            raise LinkError(f"the broker did not acknowledge within {self.timeout:g} s")
        code = ack.result()
        if code.is_failure:
            kind = LinkError if code.value in _LATER else Refused
            raise kind(
                f"the broker refuses messages for {message.topic} ({code}): allow them to "
                f"{who(self._settings)} in the broker's access list"
            )

    @property
    def congested(self) -> bool:
        """Whether many packets are waiting to be sent."""
        return len(self._client._out_packet) > _CONGESTED

    # aiomqtt watches sockets by a number that may be closed, or reused, by the time it does.
    def _on_socket_open(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        def read() -> None:
            self._guarded(client.loop_read)
            # Bytes that TLS has decrypted already cause no new event.
            while (
                not self._disconnected.done() and isinstance(sock, ssl.SSLSocket) and sock.pending()
            ):
                self._guarded(client.loop_read)

        def watch() -> None:
            if sock.fileno() > -1:
                self._loop.add_reader(sock.fileno(), read)
                self._misc_task = self._loop.create_task(self._misc_loop())

        self._soon(watch)

    def _on_socket_register_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        def watch() -> None:
            if sock.fileno() > -1:
                self._loop.add_writer(sock.fileno(), lambda: self._guarded(client.loop_write))

        self._soon(watch)

    def _on_socket_unregister_write(self, client: paho.Client, userdata: Any, sock: Any) -> None:
        def unwatch() -> None:
            if sock.fileno() > -1:
                self._loop.remove_writer(sock.fileno())

        self._soon(unwatch)

    def _soon(self, call: Callable[[], None]) -> None:
        """Call it now on the loop's thread, else schedule it there."""
        if threading.get_ident() == self._loop_thread:
            call()
        else:
            self._loop.call_soon_threadsafe(call)

    def _guarded(self, work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as error:
            # The outermost level of a callback: the connection is lost, and every waiter gets the
            # error.
            self._faults.last = str(error)
            if not self._disconnected.done():
                self._disconnected.set_exception(aiomqtt.MqttError(str(error)))

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        def acknowledge() -> None:
            self._client.ack(message.mid, message.qos)

        incoming = received(message, self._max_payload, acknowledge)
        if message.qos == 0 and self._queue.qsize() >= self._most_waiting:
            self.on_drop()
            return
        # With QoS 1 at most as many come as there are packet numbers, should the broker ignore our
        # receive maximum.
        self._queue.put_nowait(incoming)  # type: ignore[arg-type]

    def _on_publish(
        self,
        client: paho.Client,
        userdata: Any,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        ack = self._acks.pop(mid, None)
        if ack is not None and not ack.done():
            ack.set_result(reason_code)

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        if not self._connected.done():
            # As when the broker refuses our certificate: don't wait for the time-out.
            self._connected.set_exception(aiomqtt.MqttError("the broker hung up"))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _explained(self, error: aiomqtt.MqttError) -> LinkError:
        return explained(
            error,
            self._settings,
            logged=self._faults.last,
            connected=self._connected.done() and self._connected.exception() is None,
        )
