"""Brokers that misbehave: one that hangs up on a word, and one that sends malformed packets."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections.abc import Iterator

from embodied_agent.interfaces.mqtt.connection import Connection
from embodied_agent.interfaces.mqtt.packets import Incoming
from embodied_agent.settings import load_settings


@contextlib.contextmanager
def censor(
    upstream: int, word: bytes, hits: list[bytes] | None = None, *, everyone: int = 0
) -> Iterator[int]:
    """A way to a broker that hangs up, without a word, on whoever sends ``word``.

    ``hits`` gets an entry each time. With ``everyone``, it hangs up on all, as a broker does that
    restarts, so many times; after that the word passes.
    """
    listening = socket.create_server(("127.0.0.1", 0))
    open_sockets: list[socket.socket] = [listening]
    hits = [] if hits is None else hits

    def pump(source: socket.socket, sink: socket.socket, *, check: bool) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65536):
                # Packets are read in order: what came before it counts.
                passes = not check or (everyone and len(hits) >= everyone)
                fine, found, _ = (data, b"", b"") if passes else data.partition(word)
                with contextlib.suppress(OSError):  # read on all the same: no reset, no data lost
                    sink.sendall(fine)
                if found:
                    hits.append(word)
                    for end in open_sockets[1:] if everyone else [source]:
                        with contextlib.suppress(OSError):
                            end.shutdown(socket.SHUT_RDWR)
                    break
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                inner, _ = listening.accept()
                outer = socket.create_connection(("127.0.0.1", upstream))
                open_sockets.extend((inner, outer))
                for pair in ((inner, outer, True), (outer, inner, False)):
                    threading.Thread(
                        target=pump, args=pair[:2], kwargs={"check": pair[2]}, daemon=True
                    ).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield listening.getsockname()[1]
    finally:
        listening.shutdown(socket.SHUT_RDWR)
        for end in open_sockets:
            end.close()


class HostileBroker:
    """Speaks just enough MQTT 5 to deliver packets that no proper broker would."""

    def __init__(self, packets: list[bytes]) -> None:
        self._packets = packets
        self.acknowledged: list[int] = []
        self.hung_up = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                kind, body = await _packet(reader)
                if kind == 1:
                    writer.write(b"\x20\x03\x00\x00\x00")
                elif kind == 8:
                    writer.write(b"\x90\x04" + body[:2] + b"\x00\x01")
                    for packet in self._packets:
                        writer.write(packet)
                elif kind == 4:
                    self.acknowledged.append(int.from_bytes(body[:2], "big"))
                elif kind == 14:
                    break
        except asyncio.IncompleteReadError:
            pass
        self.hung_up.set()
        writer.close()


async def _packet(reader: asyncio.StreamReader) -> tuple[int, bytes]:
    first, size, shift = (await reader.readexactly(1))[0], 0, 0
    while True:
        digit = (await reader.readexactly(1))[0]
        size |= (digit & 0x7F) << shift
        shift += 7
        if not digit & 0x80:
            return first >> 4, await reader.readexactly(size)


def publish(mid: int, rest: bytes, topic: bytes = b"t") -> bytes:
    """A PUBLISH packet with QoS 1; ``rest`` is what follows the packet's number."""
    body = struct.pack("!H", len(topic)) + topic + struct.pack("!H", mid) + rest
    size, length = len(body), b""
    while True:
        length += bytes([size % 128 | (0x80 if size > 127 else 0)])
        size //= 128
        if not size:
            return b"\x32" + length + body


def received(packets: list[bytes]) -> tuple[list[Incoming], list[int]]:
    """What arrives of a hostile broker's packets, and which of them were acknowledged."""

    async def main() -> tuple[list[Incoming], list[int]]:
        broker = HostileBroker(packets)
        server = await asyncio.start_server(broker.serve, "127.0.0.1", 0)
        settings = load_settings(mqtt__port=server.sockets[0].getsockname()[1]).mqtt
        got: list[Incoming] = []
        async with Connection(
            settings, client_id="x", session_expiry_s=0, max_payload_bytes=100
        ) as connection:
            await connection.listen("t")
            while len(got) < len(packets):
                for message in await asyncio.wait_for(connection.next(), 30):
                    message.acknowledge()
                    got.append(message)
        await asyncio.wait_for(broker.hung_up.wait(), 30)
        server.close()
        return got, broker.acknowledged

    return asyncio.run(main())
