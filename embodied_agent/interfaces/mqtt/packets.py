"""Messages to and from an MQTT 5 broker: topic, payload, and the properties that go with them.

Out of scope: what the payloads say (`messages`), how they travel (`connection`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import paho.mqtt.client as paho
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties


@dataclass(frozen=True, slots=True)
class Incoming:
    """A message from the broker. ``payload`` is ``None`` where it was too large to be kept;
    ``expiry_s`` is how long it stays of interest, in seconds."""

    topic: str
    payload: bytes | None
    size: int
    retain: bool
    response_topic: str | None = None
    correlation: bytes = b""
    expiry_s: int | None = None
    user: tuple[tuple[str, str], ...] = ()
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
    message: paho.MQTTMessage, max_payload_bytes: int, acknowledge: Callable[[], None]
) -> Incoming:
    """A message as paho hands it over. Of a payload beyond ``max_payload_bytes`` only the size is
    kept, and ``message`` drops it too."""
    # paho sets an attribute for each property that came, and none for the others.
    properties = {} if message.properties is None else vars(message.properties)
    size = len(message.payload)
    incoming = Incoming(
        topic=message.topic,
        payload=bytes(message.payload) if size <= max_payload_bytes else None,
        size=size,
        retain=message.retain,
        response_topic=properties.get("ResponseTopic"),
        correlation=properties.get("CorrelationData", b""),
        expiry_s=properties.get("MessageExpiryInterval"),
        user=tuple(properties.get("UserProperty", ())),
        acknowledge=acknowledge,
    )
    if size > max_payload_bytes:
        message.payload = b""
    return incoming


def properties_of(message: Outgoing) -> Properties:
    """What goes with a message beside its payload, as paho takes it."""
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
