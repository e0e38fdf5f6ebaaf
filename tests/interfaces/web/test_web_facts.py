"""Facts over HTTP and MCP: noted with who says so, listed, refused where they can't be used."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import httpx2 as httpx
import pytest

from tests.interfaces.web.test_mcp import connected
from tests.support.web import TOKEN, Running, running


@pytest.fixture
def served() -> Iterator[Running]:
    with running(fed=False, facts__min_interval_s=0.0) as its:
        yield its


@pytest.fixture
def client(served: Running) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client


def test_a_value_is_noted_listed_and_asked_about(client: httpx.Client) -> None:
    for value, stamp in (("auto", 5), (0.5, 6), (True, 7), (12, 8)):
        body = {"name": "mode", "value": value, "stamp_ns": stamp, "by": "Ada"}
        reply = client.post("/api/facts", json=body)
        assert reply.status_code == 200, reply.text
    client.post("/api/facts", json={"name": "owner", "value": "Bob"})
    latest = client.get("/api/facts").json()["facts"]
    assert [(one["name"], one["value"], one["by"]) for one in latest[:1]] == [("mode", "12", "Ada")]
    assert latest[1]["by"]  # the sender's address
    history = client.get("/api/facts", params={"name": "Mode", "to_ns": 7}).json()["facts"]
    assert [one["value"] for one in history] == ["true", "0.5", "auto"]
    answer = client.post("/api/ask", json={"question": "Which mode are you in?"}).json()
    assert [(fact["name"], fact["value"]) for fact in answer["facts"]] == [("mode", "12")]


@pytest.mark.parametrize(
    "body",
    [
        *({"name": "mode"}, {"value": 1}, {"name": "mode", "value": None}, [], "mode"),
        *({"name": "mode", "value": "x" * 501}, {"name": "mode", "value": ""}),
        *({"name": "x" * 65, "value": 1}, {"name": "7", "value": 1}, {"name": " ", "value": 1}),
        *({"name": "mode", "value": 1, "stamp_ns": -1}, {"name": "mode", "value": 1, "x": 2}),
        *({"name": "mode", "value": {}}, {"name": "mode", "value": [1]}),
    ],
)
def test_what_cannot_be_noted_is_refused(client: httpx.Client, body: object) -> None:
    reply = client.post("/api/facts", json=body)
    assert reply.status_code == 422, reply.text
    assert reply.json()["error"]["message"]
    nan = client.post(
        "/api/facts",
        content='{"name": "mode", "value": NaN}',
        headers={"Content-Type": "application/json"},
    )
    assert nan.status_code in (400, 422)
    assert client.get("/api/facts").json() == {"facts": []}


def test_facts_are_noted_with_the_token_only() -> None:
    with running(fed=False, web__token=TOKEN) as its, its.client() as stranger:
        body = {"name": "mode", "value": "auto"}
        for headers, status in (({}, 401), ({"Authorization": f"Bearer {TOKEN}"}, 200)):
            stranger.headers.pop("Authorization", None)
            assert stranger.post("/api/facts", json=body, headers=headers).status_code == status
            assert stranger.get("/api/facts", headers=headers).status_code == status


def test_an_assistant_lists_facts(served: Running) -> None:
    served.agent.note("battery", "80 %", 5)
    served.agent.note("battery", "70 %", 6)

    async def scene() -> None:
        async with connected(served) as client:
            latest = (await client.call_tool("facts", {})).structured_content
            assert [one["value"] for one in latest["facts"]] == ["70 %"]
            history = await client.call_tool("facts", {"name": "battery", "limit": 5})
            assert len(history.structured_content["facts"]) == 2

    asyncio.run(scene())
