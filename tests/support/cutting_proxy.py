"""A proxy that treats the connections through it as a bad network does, on real sockets.

It delays, tears packets into small pieces, and cuts: all connections at once, as an outage does.
"""

from __future__ import annotations

import asyncio
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress


class CuttingProxy:
    """Listens on a free port of the loopback and passes on to ``upstream``.

    ``cuts`` counts those that met a connection. Use `cutting_proxy`.

    Args:
        upstream: a port of the loopback.
        draw: of delays and pieces.
    """

    def __init__(self, upstream: int, draw: random.Random) -> None:
        self.upstream = upstream
        self.cuts = 0
        self.port = 0
        #: Longest delay of a piece, in seconds.
        self.delay_s = 0.0
        #: Whether data go on in pieces of a few bytes.
        self.tears = False
        self._draw = draw
        self._loop = asyncio.new_event_loop()
        self._ready = threading.Event()
        self._over = asyncio.Event()
        self._away_until = 0.0
        self._writers: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._thread = threading.Thread(target=self._loop.run_until_complete, args=(self._run(),))

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(60)

    def stop(self) -> None:
        self._loop.call_soon_threadsafe(self._over.set)
        self._thread.join(60)
        self._loop.close()

    def cut(self, away_s: float = 0.0) -> None:
        """Reset every connection, and any new one for ``away_s`` seconds."""
        self._loop.call_soon_threadsafe(self._cut, away_s)

    def _cut(self, away_s: float) -> None:
        self._away_until = self._loop.time() + away_s
        self.cuts += bool(self._writers)
        for writer in list(self._writers):
            writer.transport.abort()

    async def _run(self) -> None:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._over.wait()
        server.close()
        self._cut(60)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        out = None
        try:
            if self._loop.time() < self._away_until:
                writer.transport.abort()
                return
            with suppress(OSError):
                back, out = await asyncio.open_connection("127.0.0.1", self.upstream)
                self._writers |= {writer, out}
                await asyncio.gather(self._pass(reader, out), self._pass(back, writer))
        except asyncio.CancelledError:
            pass
        finally:
            self._tasks.discard(task)
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


@contextmanager
def cutting_proxy(upstream: int, draw: random.Random) -> Iterator[CuttingProxy]:
    """A running proxy."""
    proxy = CuttingProxy(upstream, draw)
    proxy.start()
    try:
        yield proxy
    finally:
        proxy.stop()
