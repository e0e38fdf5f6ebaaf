"""A proxy in front of a model server that spoils connections as it is told, on real sockets.

It hands bytes through and knows nothing of HTTP, except for the faults that reply themselves.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from typing import Literal

from tests.support.loopback_proxy import LoopbackProxy

Fault = Literal["none", "refuse", "reset", "half", "hang", "busy", "broken", "slow"]
FAULTS: tuple[Fault, ...] = ("refuse", "reset", "half", "hang", "busy", "broken", "slow")


def _says(status: str, more: str = "") -> bytes:
    body = b'{"error": {"message": "CUDA out of memory"}}'
    head = f"HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{more}"
    return f"{head}Content-Length: {len(body)}\r\nConnection: close\r\n\r\n".encode() + body


class FaultProxy(LoopbackProxy):
    """Passes on to ``upstream``, with the fault that ``next_fault`` names for each connection.

    ``faults`` are those that were injected.
    """

    def __init__(self, upstream: int, next_fault: Callable[[], Fault]) -> None:
        super().__init__(upstream)
        self.next_fault = next_fault
        self.faults: list[Fault] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError, asyncio.IncompleteReadError):
            await self._spoil(reader, writer)

    async def _spoil(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        fault = self.next_fault()
        if fault != "none":
            self.faults.append(fault)
        if fault == "refuse":
            writer.transport.abort()
            return
        first = await reader.read(65536)
        if fault == "hang":
            await self._over.wait()
        elif fault == "reset":
            writer.transport.abort()
        elif fault in ("busy", "broken"):
            more = "Retry-After: 0\r\n" if fault == "busy" else ""
            status = "429 Too Many Requests" if fault == "busy" else "500 Internal Server Error"
            # Read what is still coming, or the client would see its own writing fail.
            with suppress(asyncio.TimeoutError):
                while await asyncio.wait_for(reader.read(65536), 0.05):
                    pass
            writer.write(_says(status, more))
            await writer.drain()
        else:
            await self._pass(first, reader, writer, fault)

    async def _pass(
        self,
        first: bytes,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        fault: Fault,
    ) -> None:
        try:
            back, out = await asyncio.open_connection("127.0.0.1", self.upstream)
        except OSError:
            writer.transport.abort()  # as if nobody listened
            return
        try:
            out.write(first)
            await asyncio.gather(
                self._pump(reader, out), self._back(back, writer, fault), return_exceptions=True
            )
        finally:
            out.close()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.close()

    async def _back(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, fault: Fault
    ) -> None:
        passed, tail = 0, b""
        while data := await reader.read(65536 if fault != "slow" else 16):
            if fault == "half" and passed + len(data) > 200:
                writer.write(data[: max(0, 200 - passed)])
                await writer.drain()
                writer.transport.abort()
                return
            passed += len(data)
            tail = (tail + data)[-5:]
            writer.write(data)
            await writer.drain()
            if tail == b"0\r\n\r\n":
                break  # one reply for each connection, so that each may have its fault
        writer.close()
