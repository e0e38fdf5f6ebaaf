"""A small OpenAI-compatible server that misbehaves on command, on a real socket."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "tiny"
#: How the server handles one chat request.
Behaviour = Callable[["Handler"], None]


def chunk(finish: str | None = None, **delta: str) -> bytes:
    """One streamed event."""
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    body = {"id": "1", "object": "chat.completion.chunk", "created": 1, "model": MODEL}
    return f"data: {json.dumps({**body, 'choices': [choice]})}\n\n".encode()


def says(*texts: str) -> Behaviour:
    """A whole reply, in pieces."""
    return streams(*(chunk(content=text) for text in texts), chunk(finish="stop"))


def streams(*events: bytes, then: Callable[[Handler], None] | None = None) -> Behaviour:
    """The events as they are, in a chunked body; ``then`` instead of its proper end."""

    def behave(handler: Handler) -> None:
        handler.start(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
        for event in events:
            handler.send(event)
        if then is None:
            handler.wfile.write(b"0\r\n\r\n")
        else:
            then(handler)
            handler.close_connection = True

    return behave


def refuses(status: int, body: Any = None, headers: dict[str, str] | None = None) -> Behaviour:
    """An error in the API's form."""

    def behave(handler: Handler) -> None:
        handler.reply(status, json.dumps(body or {"error": {"message": f"no: {status}"}}), headers)

    return behave


def page(handler: Handler) -> None:
    """What somebody else's web server says."""
    handler.reply(200, "<html><body>Welcome!</body></html>", {"Content-Type": "text/html"})


def hangs(handler: Handler) -> None:
    """Nothing, until the test is over or the client went away."""
    handler.wait()
    handler.close_connection = True


class Handler(BaseHTTPRequestHandler):
    """Plays the server's behaviours, one per chat request, the last one again and again."""

    protocol_version = "HTTP/1.1"
    server: FaultyServer

    def do_GET(self) -> None:
        data = [{"id": name, "object": "model"} for name in self.server.models]
        self.reply(200, json.dumps({"object": "list", "data": data}))

    def do_POST(self) -> None:
        length = int(self.headers["Content-Length"])
        self.server.keys.append(self.headers.get("Authorization", ""))
        self.server.sessions.append(self.headers.get("X-Session-ID", ""))
        self.server.requests.append(json.loads(self.rfile.read(length)))
        behaviours = self.server.behaviours
        (behaviours.pop(0) if len(behaviours) > 1 else behaviours[0])(self)

    def start(self, status: int, kind: str, headers: dict[str, str]) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def send(self, data: bytes) -> None:
        self.wfile.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        self.wfile.flush()

    def reply(self, status: int, text: str, headers: dict[str, str] | None = None) -> None:
        headers = {"Content-Type": "application/json", **(headers or {})}
        kind = headers.pop("Content-Type")
        self.start(status, kind, {"Content-Length": str(len(text.encode())), **headers})
        self.wfile.write(text.encode())

    def wait(self) -> None:
        """Until the client closes its side, or the test is over."""
        self.connection.settimeout(30)
        try:
            self.server.gone.append(self.connection.recv(1) == b"")
        except OSError:
            self.server.gone.append(True)
        self.server.went.set()

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


class FaultyServer(ThreadingHTTPServer):
    """Listens on a free port of the loopback."""

    daemon_threads = True

    def __init__(self, behaviours: list[Behaviour], models: list[str]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.behaviours = behaviours
        self.models = models
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.sessions: list[str] = []
        self.gone: list[bool] = []
        self.went = threading.Event()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that went away is what some tests want."""


@contextmanager
def faulty(*behaviours: Behaviour, models: list[str] | None = None) -> Iterator[FaultyServer]:
    """A server with these behaviours."""
    server = FaultyServer(list(behaviours), [MODEL] if models is None else models)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join(60)
        server.server_close()


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
