"""One connection to an MQTT 5 broker: aiomqtt, and what it lacks.

The receiver acknowledges a message, and can store it first; the reason codes of the broker's
acknowledgements are checked; oversized payloads are dropped as they arrive; and messages beyond the
limits that the broker announced are not sent.

Out of scope: watching the socket (`socket_watcher`), what a message is made of (`packets`), what
paho can't parse (`tolerance`), certificates and the password (`credentials`), why a connection was
refused or lost (`faults`), what is sent over it (`service`, `client`), and reconnecting.
"""

from __future__ import annotations

import asyncio
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
from embodied_agent.interfaces.mqtt.faults import (
    NOT_OUR_FAULT,
    OUR_FAULT,
    Faults,
    Later,
    Refused,
    TooLarge,
    Unacknowledged,
    explained,
    who,
)
from embodied_agent.interfaces.mqtt.packets import (
    NO_SUBSCRIBERS,
    PACKET_TOO_LARGE,
    Acknowledgement,
    Incoming,
    Outgoing,
    packet_bytes,
    properties_of,
    received,
)
from embodied_agent.interfaces.mqtt.socket_watcher import SocketWatcher
from embodied_agent.interfaces.mqtt.tolerance import Tolerance
from embodied_agent.settings import MqttSettings

#: Reason codes after which the same message may be sent again later (MQTT 5, 2.4).
_LATER = {0x80, 0x83, 0x97}
#: The reason that paho gives if the broker was silent for too long.
_KEEP_ALIVE_TIMEOUT = 0x8D
#: QoS 0 messages that may wait, in addition to those with QoS 1.
_QOS_0_WAITING = 64
#: Maximum number of messages returned together.
_AT_ONCE = 64
#: Maximum number of messages with QoS 1 that await their acknowledgement at once; fewer if the
#: broker says so.
_IN_FLIGHT = 20
#: When more packets than this are waiting to be sent, dispensable ones are held back.
_CONGESTED = 100


class Connection(SocketWatcher):
    """One connection, as an asynchronous context manager; make a new one to reconnect.

    Args:
        settings: the broker, and the credentials for it.
        client_id: names the session.
        session_expiry_s: how long the broker keeps the session, in seconds; 0: not at all.
        max_payload_bytes: of messages with larger payloads, only the size is kept.
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
        self._acks: dict[int, asyncio.Future[Acknowledgement]] = {}
        self._broker_max_packet: int | None = None
        self._slots = asyncio.Semaphore(_IN_FLIGHT)
        #: What the broker says is wrong with something we sent, if it hung up for that reason.
        self.accusation = ""
        #: Whether the other end closed the connection, without a reason that clears our messages.
        self.hung_up = False
        #: Whether the broker gave such a reason.
        self.cleared = False
        self._client.manual_ack_set(True)
        self._tolerance = Tolerance(self._client, self._note_fault)
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

    async def send(self, message: Outgoing) -> bool:
        """Publish, and wait until the broker has acknowledged it (with QoS 1). Returns false if the
        broker says that nobody subscribes to the topic, which not every broker does.

        Raises:
            Refused: the broker refuses this message; `TooLarge` if because of its size.
            Later: it may accept the message later.
            Unacknowledged: it does not reply, or the connection is lost.
            LinkError: the connection was lost before.
        """
        size, most = packet_bytes(message), self._broker_max_packet
        if most is not None and size > most:
            raise TooLarge(f"it has {size:,} bytes, and the broker takes at most {most:,}")
        if message.qos == 0:
            self._publish(message)
            return True
        async with self._slots:
            verdict = await self._acknowledged(self._publish(message))
        if verdict.code == PACKET_TOO_LARGE:
            raise TooLarge(f"it has {size:,} bytes, which is more than the broker takes")
        if verdict.refuses:
            if verdict.code in _LATER:
                raise Later(f"the broker does not take it now ({verdict.text})")
            raise Refused(
                f"the broker refuses messages for {message.topic} ({verdict.text}): allow them to "
                f"{who(self._settings)} in the broker's access list"
            )
        return verdict.code != NO_SUBSCRIBERS

    def _publish(self, message: Outgoing) -> int:
        """Pass a message to paho; returns its packet identifier."""
        try:
            info = self._client.publish(
                message.topic, message.payload, message.qos, message.retain, properties_of(message)
            )
        except ValueError as error:  # a topic that paho does not send
            raise Refused(f"it can't be sent to {message.topic!r}: {error}") from error
        if info.rc != paho.MQTT_ERR_SUCCESS:
            raise LinkError(f"can't send to the broker: {paho.error_string(info.rc)}")
        return info.mid

    async def _acknowledged(self, mid: int) -> Acknowledgement:
        ack: asyncio.Future[Acknowledgement] = asyncio.get_running_loop().create_future()
        self._acks[mid] = ack
        try:
            await asyncio.wait(
                (ack, self._disconnected),
                timeout=self.timeout,
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            self._acks.pop(mid, None)
        if not ack.done():
            if self._disconnected.done():
                raise Unacknowledged("the connection to the broker was lost")
            raise Unacknowledged(f"the broker did not acknowledge within {self.timeout:g} s")
        return ack.result()

    @property
    def lost(self) -> bool:
        """Whether the connection has ended."""
        return self._disconnected.done()

    @property
    def congested(self) -> bool:
        """Whether many packets are waiting to be sent."""
        return len(self._client._out_packet) > _CONGESTED

    def _note_fault(self, fault: str) -> None:
        self._faults.last = fault

    def _on_connect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.ConnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        # paho sets an attribute for each property that came.
        limits = {} if properties is None else vars(properties)
        self._broker_max_packet = limits.get("MaximumPacketSize")
        most = limits.get("ReceiveMaximum", _IN_FLIGHT)
        self._slots = asyncio.Semaphore(min(most, _IN_FLIGHT))
        super()._on_connect(client, userdata, flags, reason_code, properties)

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        def acknowledge() -> None:
            self._client.ack(message.mid, message.qos)

        incoming = received(message, self._max_payload, acknowledge, fault=self._tolerance.fault)
        if message.qos == 0 and self._queue.qsize() >= self._most_waiting:
            self.on_drop()
            return
        # With QoS 1, at most as many come as there are packet identifiers, even if the broker
        # ignores our receive maximum.
        self._queue.put_nowait(incoming)  # type: ignore[arg-type]

    def _on_publish(
        self,
        client: paho.Client,
        userdata: Any,
        mid: int,
        reason_code: ReasonCode,
        properties: Properties,
    ) -> None:
        code, text = self._tolerance.code(mid), str(reason_code)
        if code is not None:
            text = f"reason code 0x{code:02x}"
        ack = self._acks.pop(mid, None)
        if ack is not None and not ack.done():
            ack.set_result(Acknowledgement(reason_code.value if code is None else code, text))

    def _on_disconnect(
        self,
        client: paho.Client,
        userdata: Any,
        flags: paho.DisconnectFlags,
        reason_code: ReasonCode,
        properties: Properties | None = None,
    ) -> None:
        from_server = flags.is_disconnect_packet_from_server
        if from_server and reason_code.value in OUR_FAULT:
            self.accusation = str(reason_code)
        self.cleared = from_server and reason_code.value in NOT_OUR_FAULT
        # Our own time-out is not a disconnection by the broker.
        self.hung_up = not self.cleared and (
            from_server or reason_code.value != _KEEP_ALIVE_TIMEOUT
        )
        if not self._connected.done():
            # The broker may have refused our certificate: don't wait for the time-out.
            self._connected.set_exception(aiomqtt.MqttError("the broker hung up"))
        super()._on_disconnect(client, userdata, flags, reason_code, properties)

    def _explained(self, error: aiomqtt.MqttError) -> LinkError:
        return explained(
            error,
            self._settings,
            logged=self._faults.last,
            connected=self._connected.done() and self._connected.exception() is None,
        )
