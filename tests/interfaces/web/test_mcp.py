"""MCP at /mcp, with the official SDK's own client over real HTTP."""

from __future__ import annotations

import asyncio
import base64
import threading
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import cv2
import httpx2 as httpx
import numpy as np
import pytest
from mcp import MCPError
from mcp.client import Client
from mcp.client.streamable_http import streamable_http_client
from mcp_types import ImageContent, TextContent, TextResourceContents

from embodied_agent.agent.question_queue import QueueListener
from tests.support.web import TOKEN, WAIT_S, Naming, Paced, Running, running


@asynccontextmanager
async def connected(its: Running, token: str = "", mode: str = "auto") -> AsyncIterator[Client]:
    headers = {"Authorization": f"Bearer {token}"} if token else {}
    async with (
        httpx.AsyncClient(headers=headers, timeout=WAIT_S, trust_env=False) as http,
        Client(streamable_http_client(f"{its.url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with running() as its:
        yield its


def talk(its: Running, scene: Callable[[Client], Awaitable[Any]], mode: str = "auto") -> None:
    """Hold a conversation with a served agent."""

    async def whole() -> None:
        async with connected(its, mode=mode) as client:
            await asyncio.wait_for(scene(client), WAIT_S)

    asyncio.run(whole())


def text_of(result: Any) -> str:
    return "".join(part.text for part in result.content if isinstance(part, TextContent))


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_the_tools_say_what_they_take(served: Running, mode: str) -> None:
    async def scene(client: Client) -> None:
        tools = {tool.name: tool for tool in (await client.list_tools()).tools}
        assert set(tools) == {
            *("ask", "recall", "look", "status", "objects", "locate", "facts", "correct")
        }
        assert tools["ask"].input_schema["required"] == ["question"]
        assert all(tool.description for tool in tools.values())

    talk(served, scene, mode)


def test_ask_gives_the_answer_with_its_evidence(served: Running) -> None:
    async def scene(client: Client) -> None:
        asked = {"question": "Where is lamp 2?", "choices": ["left", "right"]}
        result = await client.call_tool("ask", asked)
        assert not result.is_error
        answer = result.structured_content
        assert (answer["text"], answer["choice"], answer["problem"]) == ("left", "A", "")
        assert [item["keyframe_id"] for item in answer["evidence"]] == [0, 2]

    talk(served, scene)


def test_look_shows_the_picture_of_a_keyframe_and_of_now(served: Running) -> None:
    async def scene(client: Client) -> None:
        for arguments in ({"keyframe_id": 2}, {}):
            (picture,) = (await client.call_tool("look", arguments)).content
            assert isinstance(picture, ImageContent)
            assert picture.mime_type == "image/jpeg"
            data = np.frombuffer(base64.b64decode(picture.data), np.uint8)
            assert cv2.imdecode(data, cv2.IMREAD_COLOR).shape == (120, 160, 3)

    talk(served, scene)


def test_recall_finds_what_was_seen(served: Running) -> None:
    async def scene(client: Client) -> None:
        result = await client.call_tool("recall", {"text": "lamp 3", "limit": 3})
        hits = result.structured_content["hits"]
        assert hits[0]["keyframe"]["id"] == 3
        assert len(hits) <= 3

    talk(served, scene)


def test_status_tells_how_the_stages_are(served: Running) -> None:
    async def scene(client: Client) -> None:
        status = (await client.call_tool("status", {})).structured_content
        assert status["frames"] == 24
        assert status["perception"]["pending"] == 0

    talk(served, scene)


def test_recent_deltas_are_a_resource_and_so_is_each(served: Running) -> None:
    async def scene(client: Client) -> None:
        (listed,) = (await client.list_resources()).resources
        (recent,) = (await client.read_resource(str(listed.uri))).contents
        assert isinstance(recent, TextResourceContents)
        assert recent.text.startswith("#0 start: lamp 0 front near.\n#1 ")
        (one,) = (await client.read_resource("memory://deltas/3")).contents
        assert isinstance(one, TextResourceContents)
        assert '"lamp 3"' in one.text

    talk(served, scene)


@pytest.mark.parametrize(
    ("tool", "arguments", "words"),
    [
        ("ask", {"question": ""}, "question"),
        ("ask", {"question": "x" * 5000}, "question"),
        ("ask", {"question": "Where?", "timeout_s": -1}, "timeout_s"),
        ("ask", {"question": "Where?", "choices": ["a", "a"]}, "two choices are the same"),
        ("ask", {"question": "Where?", "at_ns": 10**30}, "at_ns"),
        ("ask", {}, "question"),
        ("ask", {"question": {"a": 1}}, "question"),
        ("look", {"keyframe_id": 999}, "no keyframe 999"),
        ("look", {"keyframe_id": -1}, "keyframe_id"),
        ("recall", {"limit": 10_000}, "limit"),
        ("recall", {"from_ns": 10**30}, "64 bits"),
    ],
    ids=range(11),
)
def test_what_can_not_be_done_is_said_in_words(
    served: Running, tool: str, arguments: dict[str, Any], words: str
) -> None:
    async def scene(client: Client) -> None:
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        assert words in text_of(result)
        assert "Traceback" not in text_of(result)

    talk(served, scene)


@pytest.mark.parametrize("uri", ["memory://deltas/999", "memory://deltas/x", "memory://nothing"])
def test_an_unknown_resource_is_refused(served: Running, uri: str) -> None:
    async def scene(client: Client) -> None:
        with pytest.raises(MCPError):
            await client.read_resource(uri)

    talk(served, scene)


@pytest.mark.parametrize("mode", ["auto", "legacy"])
def test_a_prompt_that_does_not_exist_is_refused_and_no_fault_of_ours(
    served: Running, mode: str, caplog: pytest.LogCaptureFixture
) -> None:
    async def scene(client: Client) -> None:
        assert (await client.list_prompts()).prompts == []
        with pytest.raises(MCPError, match="no prompt 'x'"):
            await client.get_prompt("x", {"a": "b"})

    talk(served, scene, mode)
    assert not [record for record in caplog.records if record.exc_info]


def test_without_the_token_there_is_no_conversation() -> None:
    async def scene(its: Running) -> None:
        taken = False
        with suppress(Exception):  # which one is the SDK's business
            async with connected(its, "a-wrong-token-of-some-length") as client:
                await client.list_tools()
                taken = True
        assert not taken
        async with connected(its, TOKEN) as client:
            assert (await client.list_tools()).tools

    with running(web__token=TOKEN, fed=False) as its:
        asyncio.run(asyncio.wait_for(scene(its), WAIT_S))


def test_an_assistant_that_goes_away_stops_its_question() -> None:
    reasoner = Paced(hold_after=1)

    noticed = threading.Event()

    async def scene(its: Running) -> None:
        its.questions.listen(QueueListener(on_answer=lambda ask, answer: noticed.set()))
        async with connected(its) as client:
            asking = asyncio.create_task(client.call_tool("ask", {"question": "Where?"}))
            assert await asyncio.to_thread(reasoner.started.acquire, timeout=WAIT_S)
            asking.cancel()
            with pytest.raises(asyncio.CancelledError):
                await asking
        assert await asyncio.to_thread(noticed.wait, WAIT_S)
        reasoner.more.set()
        assert await asyncio.to_thread(reasoner.stopped.wait, WAIT_S)

    with running(reasoner=reasoner, perceiver=Naming()) as its:
        asyncio.run(asyncio.wait_for(scene(its), 2 * WAIT_S))


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b'{"jsonrpc": "2.0"}', b"\xff\x00", b'{"method": 7}'], ids=range(6)
)
def test_what_is_no_mcp_is_refused_without_harm(served: Running, body: bytes) -> None:
    with served.client() as client:
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
        }
        response = client.post("/mcp", content=body, headers=headers)
        assert 400 <= response.status_code < 500
        assert "Traceback" not in response.text


def test_objects_are_located_and_corrected(served: Running) -> None:
    async def scene(client: Client) -> None:
        listed = (await client.call_tool("objects", {})).structured_content
        assert listed is not None
        names = {one["name"]: one["id"] for one in listed["objects"]}
        assert "lamp 1" in names
        found = (await client.call_tool("locate", {"name": "lamp 1"})).structured_content
        assert found is not None
        assert "lamp 1" in [one["name"] for one in found["objects"]]
        renamed = {"kind": "relabel", "object_id": names["lamp 1"], "by": "Ada", "text": "beacon"}
        made = (await client.call_tool("correct", renamed)).structured_content
        assert made is not None
        assert (made["kind"], made["by"]) == ("relabel", "Ada")
        refused = await client.call_tool("correct", {**renamed, "object_id": 999})
        assert refused.is_error
        assert "there is no object 999" in text_of(refused)

    talk(served, scene)
    assert "beacon" in [one.name for one in served.agent.objects()]
