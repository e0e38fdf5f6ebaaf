"""A proxy that holds back what clients send, on real sockets.

Out of scope: cutting connections (`cutting_proxy`).
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from tests.support.loopback_proxy import LoopbackProxy


class HoldingProxy(LoopbackProxy):
    """Passes on to ``upstream``; after `hold`, what clients send does not arrive."""

    def __init__(self, upstream: int) -> None:
        super().__init__(upstream)
        self._passing = asyncio.Event()
        self._passing.set()

    def hold(self) -> None:
        """Hold back what clients send from now on."""
        self._loop.call_soon_threadsafe(self._passing.clear)

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        out = None
        try:
            with suppress(OSError):
                back, out = await asyncio.open_connection("127.0.0.1", self.upstream)
                await asyncio.gather(
                    self._pass(reader, out, self._passing), self._pass(back, writer)
                )
        finally:
            for end in (writer, out):
                if end is not None:
                    end.transport.abort()

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        gate: asyncio.Event | None = None,
    ) -> None:
        while data := await reader.read(65_536):
            if gate is not None:
                await gate.wait()
            writer.write(data)
            await writer.drain()
        writer.transport.abort()
