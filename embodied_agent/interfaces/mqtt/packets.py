"""Messages to and from an MQTT 5 broker: topic, payload and properties.

Out of scope: what the payloads say (`messages`), how they travel (`connection`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

#: The reason code of a broker that refuses a message because of its size (MQTT 5, 2.4).
PACKET_TOO_LARGE = 0x95
#: The reason code for a message to a topic that nobody subscribes to.
NO_SUBSCRIBERS = 0x10


@dataclass(frozen=True, slots=True)
class Acknowledgement:
    """The broker's acknowledgement of a message: a reason code of MQTT 5, and its text."""

    code: int
    text: str

    @property
    def refuses(self) -> bool:
        """Whether the message was not accepted."""
        return self.code >= 0x80


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message from the broker. ``payload`` is ``None`` if it was too large to be kept;
    ``expiry_s`` is how long the message is valid, in seconds. ``fault`` says what is wrong with the
    properties, none of which could be read then."""

    topic: str
    payload: bytes | None
    size: int
    retain: bool
    response_topic: str | None = None
    correlation: bytes = b""
    expiry_s: int | None = None
    user: tuple[tuple[str, str], ...] = ()
    fault: str = ""
    acknowledge: Callable[[], None] = lambda: None


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message to the broker; see `Incoming`."""

    topic: str
    payload: bytes
    qos: int = 1
    retain: bool = False
    correlation: bytes = b""
    response_topic: str | None = None
    expiry_s: int | None = None
    user: tuple[tuple[str, str], ...] = ()


def received(
    message: paho.MQTTMessage,
    max_payload_bytes: int,
    acknowledge: Callable[[], None],
    *,
    fault: str = "",
) -> Incoming:
    """A message as paho hands it over. Of a payload beyond ``max_payload_bytes`` only the size is
    kept, and ``message`` drops it too. ``fault`` as in `Incoming`."""
    try:
        topic = message.topic
    except UnicodeDecodeError:
        topic, fault = "", fault or "a topic that is not UTF-8"
    # paho sets an attribute for each property that came, and none for the others.
    properties = {} if message.properties is None else vars(message.properties)
    size = len(message.payload)
    incoming = Incoming(
        topic=topic,
        payload=bytes(message.payload) if size <= max_payload_bytes else None,
        size=size,
        retain=message.retain,
        response_topic=properties.get("ResponseTopic"),
        correlation=properties.get("CorrelationData", b""),
        expiry_s=properties.get("MessageExpiryInterval"),
        user=tuple(properties.get("UserProperty", ())),
        fault=fault,
        acknowledge=acknowledge,
    )
    if size > max_payload_bytes:
        message.payload = b""
    return incoming


def packet_bytes(message: Outgoing) -> int:
    """The size of the packet that carries ``message``, in bytes; at most 4 too many."""
    packed = properties_of(message).pack()  # type: ignore[no-untyped-call]
    # A type, up to 4 bytes of length, the topic with its length, and the packet's number.
    return 1 + 4 + 2 + len(message.topic.encode()) + 2 + len(packed) + len(message.payload)


def properties_of(message: Outgoing) -> Properties:
    """The properties of a message, as paho takes them."""
    properties = Properties(PacketTypes.PUBLISH)  # type: ignore[no-untyped-call]
    properties.PayloadFormatIndicator = 1
    properties.ContentType = "application/json"
    if message.correlation:
        properties.CorrelationData = message.correlation
    if message.response_topic is not None:
        properties.ResponseTopic = message.response_topic
    if message.expiry_s is not None:
        properties.MessageExpiryInterval = message.expiry_s
    if message.user:
        properties.UserProperty = list(message.user)
    return properties
