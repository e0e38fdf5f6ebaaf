"""Bad HTTP requests and MCP messages to a served agent.

Out of scope: clients that are slow or vanish (`network`).
"""

from __future__ import annotations

import json
import random
import socket
from pathlib import Path
from typing import Any

import httpx2 as httpx

from tests.faults.logs import tracebacks
from tests.faults.tally import Tally
from tests.support.hostile_http import HEADERS, REQUESTS, TARGETS, VALUES
from tests.support.injections import INJECTIONS
from tests.support.web import Running, running

#: How long a reply to bytes may take that may be an unfinished request, and to a finished one.
_UNFINISHED_S, _FINISHED_S = 0.05, 60.0
#: After so many inputs a good question must be answered.
_CHECK_EVERY = 50
_JUNK: tuple[Any, ...] = (
    None, True, -1, 0, 1e308, -0.0, 2**63, 2**70, "", " ", "\u0000", "é\u202e", [], {}, [[]],
    ["a"], ["a", "a"], {"a": [1]}, "x" * 5_000, [None] * 300, *INJECTIONS,
)  # fmt: skip
_ARGUMENTS = (
    "question", "choices", "keyframe_id", "text", "limit", "name", "object_id", "kind", "region",
    "x",
)  # fmt: skip
_TOOLS = ("ask", "recall", "look", "status", "objects", "locate", "facts", "correct", "nothing")
#: What means something in an address.
_PARTS = (b"/", b"%", b"..", b"%00", b"?", b"&", b"#", b"%e2%80%ae", b"9")
_RESOURCES = ("memory://deltas/-1", "memory://deltas/x", "file:///etc/passwd", "a")
_METHODS = (b"GET", b"POST", b"PUT", b"DELETE", b"HEAD", b"OPTIONS", b"PATCH", b"TRACE", b"g\x00t")


def requests(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """Requests whose line, headers, address or body is wrong."""
    del folder
    kinds = (_header, _target, _body, _body, _noise)
    with running(web__connections_per_client=512) as its, tracebacks() as logged:
        for number in range(count):
            head, body, finished = draw.choice(kinds)(draw)
            with tally.attempt(f"request {number}: {head[:300]!r} {body[:300]!r}"):
                status, reply = _sent(its, head, body, finished)
                assert status < 500 or status == 503, reply
                assert b"Traceback" not in reply, reply
                assert not logged.messages, logged.messages
            logged.messages.clear()
            if number % _CHECK_EVERY == 0:
                with tally.attempt(f"a good question after request {number}", 0):
                    _well(its)
        with tally.attempt("a good question after all of them", 0):
            _well(its)


def mcp(tally: Tally, draw: random.Random, count: int, folder: Path) -> None:
    """Messages that are no JSON-RPC, or call what is not there with what does not fit."""
    del folder
    headers = {"Content-Type": "application/json", "Accept": "application/json, text/event-stream"}
    with running() as its, its.client() as client, tracebacks() as logged:
        for number in range(count):
            content = _message(draw)
            with tally.attempt(f"message {number}: {content[:600]!r}"):
                response = client.post("/mcp", content=content, headers=headers)
                assert response.status_code < 500, response.text
                assert "Traceback" not in response.text
                assert not logged.messages, logged.messages
            logged.messages.clear()
            if number % _CHECK_EVERY == 0:
                with tally.attempt(f"a good call after message {number}", 0):
                    _called(client, headers)


def _well(its: Running) -> None:
    with its.client() as client:
        reply = client.post("/api/ask", json={"question": "Where?"})
        assert reply.json()["text"] == "left", reply.text
        assert client.get("/readyz").status_code == 200, client.get("/readyz").text


def _called(client: httpx.Client, headers: dict[str, str]) -> None:
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call"}
    params = {"name": "ask", "arguments": {"question": "Where?"}}
    response = client.post("/mcp", json={**call, "params": params}, headers=headers)
    assert response.status_code == 200, response.text
    assert "left" in response.text, response.text


def _sent(its: Running, head: bytes, body: bytes, finished: bool) -> tuple[int, bytes]:
    """The status of the reply to raw bytes, and its beginning; 0 where there is none."""
    port = int(its.url.rsplit(":", 1)[1])
    reply = b""
    with socket.create_connection(("127.0.0.1", port), _FINISHED_S) as connection:
        try:
            connection.sendall(head + b"\r\n\r\n" + body)
            connection.settimeout(_FINISHED_S if finished else _UNFINISHED_S)
            while len(reply) < 65_536 and (data := connection.recv(65_536)):
                reply += data
                if not finished:
                    break
        except (TimeoutError, ConnectionError):
            assert not finished or reply, "there was no reply"
    if not reply.startswith(b"HTTP/1.1 "):
        assert not reply, reply
        return 0, reply
    return int(reply.split(b" ", 2)[1]), reply


def _value(draw: random.Random) -> bytes:
    if draw.random() < 0.6:
        return draw.choice(VALUES)
    return bytes(byte for byte in draw.randbytes(draw.randrange(40)) if byte not in b"\r\n")


def _header(draw: random.Random) -> tuple[bytes, bytes, bool]:
    line, body = draw.choice(REQUESTS)
    lines = {b"Host": b"localhost", b"Connection": b"close"}
    if body:
        lines |= {b"Content-Length": b"%d" % len(body), b"Content-Type": b"application/json"}
    for _ in range(draw.choice((1, 1, 2, 3))):
        lines[draw.choice(HEADERS)] = _value(draw)
    head = line + b" HTTP/1.1"
    for name, content in lines.items():
        head += b"\r\n" + name + b": " + content
    # A stream of events has no end, and a wrong length makes the server wait for more.
    return head, body, False


def _target(draw: random.Random) -> tuple[bytes, bytes, bool]:
    target = bytearray(draw.choice(TARGETS))
    for _ in range(draw.randrange(4)):
        at = draw.randrange(len(target) + 1)
        target[at:at] = draw.choice(_PARTS)
    head = draw.choice(_METHODS) + b" " + bytes(target) + b" HTTP/1.1"
    return head + b"\r\nHost: localhost\r\nConnection: close", b"", False


#: Requests with a body, and what belongs into it. No correction forgets anything: questions go on.
_BODIES: tuple[tuple[bytes, dict[str, Any], tuple[str, ...]], ...] = (
    (
        b"POST /api/ask",
        {"question": "Where is lamp 3?", "timeout_s": 20},
        ("question", "id", "choices", "at_ns", "timeout_s", "stream", "other"),
    ),
    (
        b"POST /api/corrections",
        {"kind": "relabel", "object_id": 0, "text": "lamp", "by": "alice"},
        ("kind", "object_id", "other_id", "text", "keyframes", "region", "session", "by", "other"),
    ),
    (
        b"PUT /api/places/dock",
        {"keyframe_id": 0, "by": "alice"},
        ("keyframe_id", "pose", "region", "session", "by", "other"),
    ),
)


def _body(draw: random.Random) -> tuple[bytes, bytes, bool]:
    line, right, fields = draw.choice(_BODIES[:1] + _BODIES)
    values = {**right, **{name: draw.choice(_JUNK) for name in draw.sample(fields, 2)}}
    raw = _mutated(json.dumps(values).encode(), draw)
    head = line + b" HTTP/1.1\r\nHost: localhost\r\nConnection: close"
    head += b"\r\nContent-Type: application/json\r\nContent-Length: %d" % len(raw)
    return head, raw, True


def _noise(draw: random.Random) -> tuple[bytes, bytes, bool]:
    whole = b"POST /api/ask HTTP/1.1\r\nHost: localhost\r\nContent-Length: 4\r\n\r\nnull"
    if draw.random() < 0.5:
        whole = draw.randbytes(draw.randrange(1, 300))
    return _mutated(whole, draw), b"", False


def _mutated(raw: bytes, draw: random.Random) -> bytes:
    data = bytearray(raw)
    for _ in range(draw.choice((0, 0, 0, 1, 3)) if data else 0):
        data[draw.randrange(len(data))] = draw.randrange(256)
    return bytes(data[: draw.choice((len(data), len(data), draw.randrange(len(data) + 1)))])


def _message(draw: random.Random) -> bytes:
    names = (
        "ask",
        "recall",
        "look",
        "status",
        "objects",
        "locate",
        "correct",
        "nothing",
        *INJECTIONS[:5],
    )
    arguments: Any = {}
    for name in draw.sample(_ARGUMENTS, 3):
        arguments[name] = draw.choice(_JUNK)
    params: Any = {"name": draw.choice(names), "arguments": arguments}
    methods = (
        "tools/call", "tools/list", "resources/read", "resources/list", "prompts/get", "ping",
        "initialize", "notifications/cancelled", "completion/complete", "logging/setLevel", "",
    )  # fmt: skip
    method: Any = draw.choice(methods)
    if method == "resources/read":
        params = {"uri": draw.choice(_RESOURCES)}
    message: Any = {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}
    for name in draw.sample(("jsonrpc", "id", "method", "params"), draw.choice((0, 0, 1, 2))):
        message[name] = draw.choice(_JUNK)
    if draw.random() < 0.1:
        message = draw.choice(([message] * 3, *_JUNK))
    raw = json.dumps(message).encode()
    return _mutated(raw, draw) if draw.random() < 0.3 else raw
