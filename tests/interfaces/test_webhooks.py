"""Webhooks against a real HTTP server: an alert is posted until it is accepted, and only there."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from embodied_agent import Agent
from embodied_agent.host.interfaces import Interfaces, serving
from embodied_agent.interfaces.status import WebhookStatus
from embodied_agent.records import Delta, Keyframe, Mention
from embodied_agent.settings import Settings, load_settings
from tests.support.mqtt import until
from tests.support.web import WAIT_S, Naming, Paced, frames


class Hook:
    """Replies with the statuses that it is told, then with 204, and keeps what was posted."""

    def __init__(self) -> None:
        self.statuses: list[int] = []
        self.got: list[dict[str, Any]] = []
        self.elsewhere = 0
        hook = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if self.path != "/robots/r1":
                    hook.elsewhere += 1
                hook.got.append(json.loads(body))
                self.send_response(hook.statuses.pop(0) if hook.statuses else 204)
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            do_GET = do_POST  # noqa: N815 -- the name that http.server calls

            def log_message(self, *_: object) -> None:
                """Quiet."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}/robots/r1"
        self.thread = threading.Thread(target=self.server.serve_forever, daemon=True)
        self.thread.start()

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.thread.join(WAIT_S)


@pytest.fixture
def hook() -> Iterator[Hook]:
    hook = Hook()
    try:
        yield hook
    finally:
        hook.close()


class Seeing(Naming):
    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        return Delta(current.id, None, mentions=(Mention("red van", "front", "near"),), model="x")


def settings(hook: Hook, memory: Path | str = "", **more: Any) -> Settings:
    allowed = hook.url.removesuffix("r1")
    return load_settings(memory__path=str(memory), alerts__webhooks=[allowed], **more)


def walk(agent: Agent) -> None:
    for frame in frames(12):
        agent.observe(frame)
    assert agent.drain(WAIT_S)


def counts(interfaces: Interfaces) -> tuple[int, int]:
    status = interfaces.status()["webhooks"]
    assert isinstance(status, WebhookStatus)
    return status.posted, status.given_up


def test_an_alert_is_posted_once(hook: Hook) -> None:
    used = settings(hook)
    with Agent(used, perceiver=Seeing(), reasoner=Paced()) as agent, serving(agent, used) as its:
        asked = agent.tell_when("tell me when you see a van", webhook=hook.url)
        walk(agent)
        until(lambda: counts(its) == (1, 0))
        assert agent.store.alerts.undelivered("posted") == []
    (got,) = hook.got
    assert got["question_id"] == asked.id
    assert got["text"] == "I see the red van."


def test_a_server_that_fails_gets_it_again_after_a_while(hook: Hook) -> None:
    hook.statuses = [500, 503]
    used = settings(hook)
    with Agent(used, perceiver=Seeing(), reasoner=Paced()) as agent, serving(agent, used) as its:
        agent.tell_when("tell me when you see a van", webhook=hook.url)
        walk(agent)
        until(lambda: counts(its) == (1, 0))
    assert [got["id"] for got in hook.got] == [1, 1, 1]


def test_a_redirect_is_not_followed(hook: Hook) -> None:
    hook.statuses = [302, 307]
    used = settings(hook)
    with Agent(used, perceiver=Seeing(), reasoner=Paced()) as agent, serving(agent, used) as its:
        agent.tell_when("tell me when you see a van", webhook=hook.url)
        walk(agent)
        until(lambda: counts(its) == (1, 0))
    assert hook.elsewhere == 0


def test_what_was_not_posted_waits_for_the_next_start(hook: Hook, tmp_path: Path) -> None:
    memory = tmp_path / "m.db"
    used = settings(hook, memory)
    with Agent(used, perceiver=Seeing(), reasoner=Paced()) as agent:  # nothing serves
        agent.tell_when("tell me when you see a van", webhook=hook.url)
        walk(agent)
    with Agent(used, perceiver=Seeing(), reasoner=Paced()) as agent, serving(agent, used) as its:
        until(lambda: counts(its) == (1, 0))
    assert len(hook.got) == 1


def test_an_address_that_is_no_longer_allowed_is_given_up(hook: Hook, tmp_path: Path) -> None:
    memory = tmp_path / "m.db"
    with Agent(settings(hook, memory), perceiver=Seeing(), reasoner=Paced()) as agent:
        agent.tell_when("tell me when you see a van", webhook=hook.url)
        walk(agent)
    other = load_settings(memory__path=str(memory), alerts__webhooks=["https://other.example/"])
    with Agent(other, perceiver=Seeing(), reasoner=Paced()) as agent, serving(agent, other) as its:
        until(lambda: counts(its) == (0, 1))
    assert hook.got == []
