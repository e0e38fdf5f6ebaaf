"""One client, however greedy, leaves room for the others."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager
from queue import SimpleQueue
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client

from embodied_agent.agent.question_queue import QueueListener
from embodied_agent.agent.turns import client_name
from embodied_agent.host.interfaces import Interfaces
from embodied_agent.interfaces.web import summaries
from embodied_agent.interfaces.web.connections import Tally
from embodied_agent.interfaces.web.limits import client_network
from embodied_agent.interfaces.web.summaries import PathSummary, Shared, thinned
from embodied_agent.interfaces.wire.models import PathPoint, PathReply
from embodied_agent.records import Question
from tests.support.mqtt import until
from tests.support.web import WAIT_S, Paced, Running, frames, running, web_settings

#: Another client: every address of 127.0.0.0/8 is this machine's.
ELSEWHERE = "127.0.0.2"


def from_elsewhere(its: Running, **options: Any) -> httpx.Client:
    transport = httpx.HTTPTransport(local_address=ELSEWHERE)
    return its.client(transport=transport, **options)


def open_connections(its: Running) -> int:
    return int(its.interfaces.status()["web"].connections)  # type: ignore[attr-defined]


def test_connections_of_one_address_leave_room_for_others() -> None:
    with running(web__connections_per_client=16, fed=False) as its, ExitStack() as stack:
        port = int(its.url.rsplit(":", 1)[1])
        dripping = [
            stack.enter_context(socket.create_connection(("127.0.0.1", port), WAIT_S))
            for _ in range(60)
        ]
        for connection in dripping[:16]:
            connection.sendall(b"GET /api/status HTTP/1.1\r\nHost: loc")
        until(lambda: its.interfaces.status()["web"].connections_refused == 44)  # type: ignore[attr-defined]
        assert dripping[-1].recv(1) == b""
        with from_elsewhere(its) as other:
            assert other.get("/healthz").status_code == 200
            status = other.get("/api/status").json()["interfaces"]["web"]
            assert (status["connections"], status["connections_refused"]) == (17, 44)
        for connection in dripping:
            connection.close()
        until(lambda: open_connections(its) == 0)
        with its.client() as client:
            assert client.get("/healthz").status_code == 200


def test_connections_in_all_are_limited_too() -> None:
    with running(web__connections=8, fed=False) as its, ExitStack() as stack:
        port = int(its.url.rsplit(":", 1)[1])
        for _ in range(8):
            stack.enter_context(socket.create_connection(("127.0.0.1", port), WAIT_S))
        until(lambda: open_connections(its) == 8)
        with from_elsewhere(its) as other, pytest.raises(httpx.TransportError):
            other.get("/healthz")


def test_watchers_of_one_address_leave_room_for_others() -> None:
    with running(web__watchers=4) as its, its.client() as client, ExitStack() as stack:
        streams = [stack.enter_context(client.stream("GET", "/api/events")) for _ in range(2)]
        lines = [response.iter_lines() for response in streams]
        assert [next(its_lines) for its_lines in lines] == ["retry: 1000"] * 2
        assert client.get("/api/events").json()["error"]["code"] == "busy"
        with from_elsewhere(its) as other, other.stream("GET", "/api/events") as response:
            assert response.status_code == 200


def test_an_address_with_many_questions_gets_one_turn_beside_another() -> None:
    reasoner = Paced()
    reasoner.go.clear()
    told: SimpleQueue[str] = SimpleQueue()
    with running(reasoner=reasoner, reasoning__waiting=300) as its, ExitStack() as stack:
        its.questions.listen(QueueListener(on_answer=lambda ask, _: told.put(ask.client)))
        for n in range(60):
            name = client_name("mqtt", "", f"name {n}")
            its.questions.submit(Question(f"{n}?", timeout_s=WAIT_S), client=name)

        def ask(client: httpx.Client) -> None:
            assert client.post("/api/ask", json={"question": "Where?"}).json()["text"] == "left"

        threads = [
            threading.Thread(target=ask, args=(stack.enter_context(client),))
            for client in (its.client(), from_elsewhere(its))
        ]
        for thread in threads:
            thread.start()
        until(lambda: its.questions.status().waiting + its.questions.status().running == 62)
        reasoner.go.set()
        for thread in threads:
            thread.join(WAIT_S)
        first = [told.get(timeout=WAIT_S) for _ in range(10)]
        assert {"http/127.0.0.1", "http/127.0.0.2"} <= set(first)


INITIALIZE = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "x", "version": "1"},
    },
}
ACCEPT = {"Accept": "application/json, text/event-stream"}


def test_a_hundred_and_fifty_beginnings_of_a_conversation_use_nothing_up() -> None:
    async def scene(its: Running) -> None:
        async with connected(its.url) as client:
            assert (await client.list_tools()).tools

    with running(fed=False) as its, its.client(headers=ACCEPT) as client:
        for _ in range(150):
            response = client.post("/mcp", json=INITIALIZE)
            assert response.status_code == 200
            assert "mcp-session-id" not in response.headers
        asyncio.run(asyncio.wait_for(scene(its), WAIT_S))


@asynccontextmanager
async def connected(url: str, mode: str = "auto") -> AsyncIterator[Client]:
    async with (
        httpx.AsyncClient(timeout=WAIT_S, trust_env=False) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_an_assistant_survives_a_restart_of_the_server(mode: str) -> None:
    """And with that any pause, since the server remembers nothing of it."""

    async def scene(its: Running) -> None:
        async with connected(its.url, mode) as client:
            assert (await client.list_tools()).tools
            await asyncio.to_thread(its.interfaces.close)
            settings = web_settings(web__port=int(its.url.rsplit(":", 1)[1]))
            again = Interfaces(its.agent, its.questions, settings)
            again.start()
            try:
                result = await client.call_tool("recall", {"text": "lamp 3"})
                assert not result.is_error
            finally:
                await asyncio.to_thread(again.close)

    with running() as its:
        asyncio.run(asyncio.wait_for(scene(its), 2 * WAIT_S))


def test_a_session_of_another_server_is_no_obstacle() -> None:
    with running() as its, its.client(headers={**ACCEPT, "Mcp-Session-Id": "gone"}) as client:
        call = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        response = client.post("/mcp", json=call, headers={"Mcp-Protocol-Version": "2025-06-18"})
        assert response.status_code == 200
        assert '"recall"' in response.text


def test_a_shared_value_takes_a_fifth_of_the_time_at_most() -> None:
    now, made = 0.0, 0

    def make() -> int:
        nonlocal now, made
        now, made = now + 1.0, made + 1
        return made

    shared = Shared(make, clock=lambda: now, cost=lambda: now)
    assert shared.get() == 1
    now = 4.9
    assert shared.get() == 1
    now = 5.0
    assert shared.get() == 2


def test_a_shared_value_is_fresh_although_the_machine_stood_still_while_it_was_made() -> None:
    now, made = 0.0, 0

    def make() -> int:
        nonlocal now, made
        now, made = now + 60.0, made + 1
        return made

    shared = Shared(make, clock=lambda: now, cost=lambda: 0.0)
    assert shared.get() == 1
    assert shared.get() == 2


def test_whoever_comes_while_it_is_made_gets_the_one_before() -> None:
    making, go = threading.Event(), threading.Event()
    values = iter(["old", "new", "new"])

    def make() -> str:
        value = next(values)
        if value == "new":
            making.set()
            assert go.wait(WAIT_S)
        return value

    now = 0.0
    shared = Shared(make, clock=lambda: now, cost=lambda: now)
    assert shared.get() == "old"
    maker = threading.Thread(target=shared.get)
    maker.start()
    assert making.wait(WAIT_S)
    assert shared.get() == "old"
    go.set()
    maker.join(WAIT_S)
    assert shared.get() == "new"


def test_a_fault_in_making_reaches_the_caller_and_no_other() -> None:
    outcomes: Iterator[Any] = iter([ValueError("no"), "fine"])

    def make() -> str:
        outcome = next(outcomes)
        if isinstance(outcome, Exception):
            raise outcome
        return str(outcome)

    shared = Shared(make)
    with pytest.raises(ValueError, match="no"):
        shared.get()
    assert shared.get() == "fine"


def test_the_path_is_kept_within_bounds_and_up_to_date(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(summaries, "_POINTS", 4)
    monkeypatch.setattr(summaries, "_AT_ONCE", 3)
    with running(fed=False) as its:
        summary = PathSummary(its.agent.store)
        assert summary.refreshed() == PathReply(frame_id="", total=0, points=[])
        for start in range(5):
            its.feed(frames(24, start_ns=start * 10_000_000_000))
            posed = its.agent.store.keyframes()
            path = summary.refreshed()
            ids = [point.keyframe_id for point in path.points]
            assert path.total == len(posed)
            assert ids == sorted(set(ids))
            assert (ids[0], ids[-1]) == (posed[0].id, posed[-1].id)
            assert len(ids) <= 9
        assert path.total > 9


def point(number: int) -> PathPoint:
    values = dict.fromkeys(("stamp_ns", "x_m", "y_m", "z_m", "yaw_rad", "segment"), 0)
    return PathPoint(keyframe_id=number, **values)


@given(count=st.integers(0, 40), limit=st.integers(1, 45))
def test_a_thinned_path_keeps_its_ends(count: int, limit: int) -> None:
    whole = PathReply(frame_id="odom", total=count, points=[point(n) for n in range(count)])
    ids = [p.keyframe_id for p in thinned(whole, limit).points]
    assert len(ids) == min(count, limit)
    assert ids == sorted(set(ids))
    if count:
        assert ids[-1] == count - 1
    if limit > 1 and count:
        assert ids[0] == 0


@given(clients=st.lists(st.sampled_from("abc"), max_size=30))
def test_a_tally_keeps_to_its_limits_and_forgets_who_is_gone(clients: list[str]) -> None:
    tally = Tally(each=2, total=5)
    held = [client for client in clients if tally.take(client)]
    assert tally.open == len(held) <= 5
    assert all(held.count(client) <= 2 for client in held)
    assert tally.refused == len(clients) - len(held)
    for client in held:
        tally.give_back(client)
    assert tally.open == 0
    assert not tally._counts


@given(bits=st.integers(0, 2**64 - 1))
def test_addresses_of_one_owner_are_one_client(bits: int) -> None:
    prefix = int(ipaddress.ip_address("2001:db8:1:2::"))
    assert client_network(str(ipaddress.ip_address(prefix | bits))) == "2001:db8:1:2::/64"


def test_what_counts_as_one_client() -> None:
    assert client_network("::ffff:10.0.0.1") == client_network("10.0.0.1") == "10.0.0.1"
    assert client_network("fe80::1%eth0") == "fe80::/64"
    assert client_network("testclient") == "testclient"
