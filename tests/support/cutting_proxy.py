"""A proxy that treats the connections through it as a bad network does, on real sockets.

It delays, tears packets into small pieces, and cuts: all connections at once, as an outage does.
"""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

from tests.support.loopback_proxy import LoopbackProxy


class CuttingProxy(LoopbackProxy):
    """Passes on to ``upstream``. ``cuts`` counts those that met a connection.

    Args:
        upstream: a port of the loopback.
        draw: of delays and pieces.
    """

    def __init__(self, upstream: int, draw: random.Random) -> None:
        super().__init__(upstream)
        self.cuts = 0
        #: Longest delay of a piece, in seconds.
        self.delay_s = 0.0
        #: Whether data go on in pieces of a few bytes.
        self.tears = False
        self._draw = draw
        self._away_until = 0.0
        self._writers: set[asyncio.StreamWriter] = set()

    def cut(self, away_s: float = 0.0) -> None:
        """Reset every connection, and any new one for ``away_s`` seconds."""
        self._loop.call_soon_threadsafe(self._cut, away_s)

    def _cut(self, away_s: float) -> None:
        self._away_until = self._loop.time() + away_s
        self.cuts += bool(self._writers)
        for writer in list(self._writers):
            writer.transport.abort()

    async def _handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        out = None
        try:
            if self._loop.time() < self._away_until:
                return
            with suppress(OSError):
                back, out = await asyncio.open_connection("127.0.0.1", self.upstream)
                self._writers |= {writer, out}
                await asyncio.gather(self._pass(reader, out), self._pass(back, writer))
        finally:
            for end in (writer, out):
                if end is not None:
                    self._writers.discard(end)
                    end.transport.abort()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(65_536):
            while data:
                size = self._draw.randrange(1, 30) if self.tears else len(data)
                piece, data = data[:size], data[size:]
                if self.delay_s:
                    await asyncio.sleep(self._draw.random() * self.delay_s)
                writer.write(piece)
                await writer.drain()
        # One end is done: so is the connection, for protocols without half-closed ones.
        writer.transport.abort()
