"""Keeps the connection open when a packet arrives that paho can't parse.

paho disconnects on such a packet. A broker redelivers an unacknowledged message after each
reconnection, so a single message with U+FEFF in a property (which MQTT 5 allows and paho does not)
would end every connection. This module hands paho the packet without the offending part: a message
without its properties, an acknowledgement reduced to its packet identifier.

Out of scope: what is done about such a message (`messages`).
"""

from __future__ import annotations

from collections.abc import Callable

import paho.mqtt.client as paho
from paho.mqtt.enums import MQTTErrorCode
from paho.mqtt.exception import MalformedPacket
from paho.mqtt.packettypes import PacketTypes


class Tolerance:
    """Sits between a paho client and its parser.

    Args:
        client: not connected yet.
        on_unreadable: called if a packet can't be repaired, before paho disconnects.
    """

    def __init__(self, client: paho.Client, on_unreadable: Callable[[str], object]) -> None:
        self._client = client
        self._on_unreadable = on_unreadable
        self._parse = client._packet_handle
        client._packet_handle = self._on_packet  # type: ignore[method-assign]
        #: Why the message that is being passed on has lost its properties.
        self.fault = ""
        self._codes: dict[int, int] = {}

    def code(self, mid: int) -> int | None:
        """The reason code in the acknowledgement of ``mid``, if paho could not read it."""
        return self._codes.pop(mid, None)

    def _on_packet(self) -> MQTTErrorCode:
        try:
            return self._parse()
        except MalformedPacket as error:
            packet = self._client._in_packet
            try:
                rest = self._without_fault(packet["command"], bytes(packet["packet"]))
            except ValueError as hopeless:
                self._on_unreadable(f"the broker sent a packet that can't be read: {error}")
                raise error from hopeless
            packet["packet"] = bytearray(rest)
            self.fault = str(error) or "unreadable properties"
            try:
                return self._parse()
            finally:
                self.fault = ""

    def _without_fault(self, command: int, packet: bytes) -> bytes:
        kind = command >> 4
        if kind == PacketTypes.PUBLISH:
            return without_properties(packet, command >> 1 & 3)
        if kind == PacketTypes.PUBACK and len(packet) > 2:
            # It has a text, or a reason code that paho does not expect here.
            self._codes[int.from_bytes(packet[:2], "big")] = packet[2]
            return packet[:2]
        raise ValueError(f"a packet of type {kind}")


def without_properties(packet: bytes, qos: int) -> bytes:
    """A PUBLISH packet (what follows its fixed header) with its properties left out.

    Topic and packet identifier come before the properties, and the properties' length says where
    the payload begins, so none of them depends on what the properties hold. If that length is wrong
    as well, the payload is left out too. The layout is that of MQTT 5, 3.3.

    Raises:
        ValueError: not even topic and packet identifier can be found.
    """
    head = 2 + int.from_bytes(packet[:2], "big") + (2 if qos else 0)
    if len(packet) <= head:
        raise ValueError("a PUBLISH packet that ends before its properties")
    length, place = 0, head
    for shift in range(0, 28, 7):  # a variable byte integer has four bytes at most
        if place >= len(packet):
            break
        digit = packet[place]
        length |= (digit & 0x7F) << shift
        place += 1
        if not digit & 0x80:
            if place + length > len(packet):
                break
            return packet[:head] + b"\x00" + packet[place + length :]
    return packet[:head] + b"\x00"
