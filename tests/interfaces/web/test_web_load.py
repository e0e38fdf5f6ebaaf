"""Many at once: each question gets an answer or a clear refusal, and slow watchers harm nobody."""

from __future__ import annotations

import asyncio
import socket
from collections import Counter

import httpx2 as httpx

from tests.support.web import WAIT_S, Running, frames, running

WATCHERS, ASKS = 50, 100


async def watch(client: httpx.AsyncClient, enough: asyncio.Event) -> Counter[str]:
    """Events heard until there are enough."""
    heard: Counter[str] = Counter()
    async with client.stream("GET", "/api/events") as response:
        assert response.status_code == 200
        async for line in response.aiter_lines():
            if line.startswith("event: "):
                heard[line.removeprefix("event: ")] += 1
                if enough.is_set() and line == "event: status":
                    return heard
    raise AssertionError("the stream ended")


async def ask(client: httpx.AsyncClient, number: int) -> str:
    body = {"id": f"q{number}", "question": f"Where is lamp {number}?", "stream": number % 2 == 0}
    response = await client.post("/api/ask", json=body)
    if response.status_code == 503:
        assert response.json()["error"]["code"] == "busy"
        return "busy"
    assert response.status_code == 200
    assert f'"id":"q{number}"' in response.text
    return "answered" if '"problem":""' in response.text else "problem"


def test_fifty_watch_while_a_hundred_ask() -> None:
    async def scene(its: Running) -> tuple[list[Counter[str]], Counter[str]]:
        limits = httpx.Limits(max_connections=None)
        async with httpx.AsyncClient(
            base_url=its.url, timeout=2 * WAIT_S, limits=limits, trust_env=False
        ) as client:
            enough = asyncio.Event()
            watching = [asyncio.create_task(watch(client, enough)) for _ in range(WATCHERS)]
            feeding = asyncio.create_task(asyncio.to_thread(its.feed, frames(24)))
            outcomes = Counter(await asyncio.gather(*(ask(client, n) for n in range(ASKS))))
            await feeding
            enough.set()
            return await asyncio.gather(*watching), outcomes

    # One address stands for all of the clients.
    limits = {"web__connections_per_client": 512}
    with running(fed=False, reasoning__waiting=40, reasoning__timeout_s=200.0, **limits) as its:
        its.feed(frames(1))
        heard, outcomes = asyncio.run(scene(its))
        # One client address: what is beyond the queue is refused, and nothing is lost.
        assert outcomes["answered"] + outcomes["busy"] == ASKS
        assert outcomes["answered"] >= 40
        assert its.questions.status().waiting == 0
        assert all(counter["status"] and counter["decision"] for counter in heard)
        assert not any(counter["resync"] for counter in heard)


def test_watchers_that_never_read_cost_nobody_anything() -> None:
    with running(web__watchers=60) as its:
        port = int(its.url.rsplit(":", 1)[1])
        stuck = []
        for _ in range(20):
            connection = socket.socket()
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
            connection.settimeout(WAIT_S)
            connection.connect(("127.0.0.1", port))
            connection.sendall(b"GET /api/events HTTP/1.1\r\nHost: localhost\r\n\r\n")
            stuck.append(connection)
        for start in range(1, 4):
            its.feed(frames(24, start_ns=start * 10_000_000_000))
        with its.client() as client:
            assert client.post("/api/ask", json={"question": "Where?"}).json()["text"] == "left"
            with client.stream("GET", "/api/events") as response:
                lines = response.iter_lines()
                assert any(line == "event: status" for line in lines)
        for connection in stuck:
            connection.close()
