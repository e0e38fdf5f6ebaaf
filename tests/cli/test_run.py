"""`embodied-agent run` as a real process: what it logs, serves and keeps, and how it ends."""

from __future__ import annotations

import json
import logging
import os
import re
import shlex
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from queue import Empty, Queue
from typing import Any, ClassVar

import cv2
import httpx2 as httpx
import pytest

from embodied_agent.agent import Agent
from embodied_agent.errors import SourceError
from embodied_agent.host import feeder as feeding
from embodied_agent.host.event_log import JsonFormatter, TextFormatter
from embodied_agent.host.feeder import Feeder
from embodied_agent.host.systemd import notify, watchdog_period_s
from embodied_agent.memory.store import Store
from embodied_agent.settings import MemorySettings, Settings, SourceSettings
from tests.support.served import faulty, says
from tests.support.views import panorama_views
from tests.support.web import TOKEN, Naming, Paced, web_settings

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 90.0


class Process:
    """A running agent and the events of its log."""

    def __init__(self, *arguments: object, **environment: str) -> None:
        command = [sys.executable, "-m", "embodied_agent.cli", "run", *map(str, arguments)]
        self._popen = subprocess.Popen(
            [*command, "--log-format", "json", "--perception", "geometry"],
            stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
            env={**os.environ, "OMP_NUM_THREADS": "1", **environment},
            text=True,
        )
        self._lines: Queue[str | None] = Queue()
        self.events: list[dict[str, Any]] = []
        self.rest: list[str] = []
        threading.Thread(target=self._read, daemon=True).start()

    def _read(self) -> None:
        assert self._popen.stderr is not None
        for line in self._popen.stderr:
            self._lines.put(line)
        self._lines.put(None)

    def until(self, event: str) -> dict[str, Any]:
        """The next event of that name."""
        for found in self._more():
            if found["event"] == event:
                return found
        pytest.fail(f"no event {event!r}; came: {self.events[-5:]} {self.rest}")

    def _more(self) -> Iterator[dict[str, Any]]:
        given_up = time.monotonic() + WAIT_S
        while True:
            try:
                line = self._lines.get(timeout=max(0.1, given_up - time.monotonic()))
            except Empty:
                return
            if line is None:
                return
            try:
                event = json.loads(line)
            except ValueError:
                self.rest.append(line)
                continue
            self.events.append(event)
            yield event

    def end(self, number: int | None = None) -> int:
        """The exit code, after a signal where one is given; reads the rest of the log."""
        if number is not None:
            self._popen.send_signal(number)
        for _ in self._more():
            pass
        return self._popen.wait(WAIT_S)

    def of(self, event: str) -> list[dict[str, Any]]:
        return [found for found in self.events if found["event"] == event]

    def kill(self) -> None:
        if self._popen.poll() is None:
            self._popen.kill()
            self._popen.wait(WAIT_S)
        assert self._popen.stderr is not None
        self._popen.stderr.close()


@contextmanager
def process(*arguments: object, **environment: str) -> Iterator[Process]:
    its = Process(*arguments, **environment)
    try:
        yield its
    finally:
        its.kill()


def stored(path: Path) -> Store:
    return Store.open(str(path), MemorySettings(), read_only=True)


def test_a_recording_plays_to_its_end_and_then_it_ends(walk: Path, tmp_path: Path) -> None:
    memory = tmp_path / "memory.db"
    with process(walk, "--memory", memory, "--speed", 4) as its:
        ready = its.until("ready")
        assert (ready["url"], ready["interfaces"]) == (None, [])
        assert its.end() == 0
        names = [event["event"] for event in its.events]
        assert names.index("ready") < names.index("keyframe") < names.index("delta")
        assert names[-2:] == ["stopping", "stopped"]
        assert its.of("source_ended")
        assert its.rest == []
        with stored(memory) as store:
            kept = store.keyframes()
            assert [event["keyframe"] for event in its.of("keyframe")] == [k.id for k in kept]
            assert len(its.of("delta")) == len(kept) >= 3
            assert store.counts().pending == 0
            assert kept[-1].stamp_ns == 2_900_000_000


def test_it_serves_while_it_stays_and_ends_cleanly_on_sigterm(walk: Path, tmp_path: Path) -> None:
    memory = tmp_path / "memory.db"
    with faulty(says("<think>#0</think><answer>left</answer>")) as server:
        arguments = [walk, "--memory", memory, "--stay", "--page", "--port", 0, "--speed", 10]
        arguments += ["--reasoning", "served", "--set", f"reasoning.server.base_url={server.url}"]
        arguments += ["--set", "reasoning.free=reasoner"]
        with process(*arguments) as its:
            url = its.until("ready")["url"]
            its.until("source_ended")
            with httpx.Client(base_url=url, timeout=WAIT_S, trust_env=False) as client:
                assert client.get("/readyz").status_code == 200
                asked = {"question": "Where to?\n\x1b[31m", "id": "q1"}
                answer = client.post("/api/ask", json=asked).json()
                assert (answer["text"], answer["problem"]) == ("left", "")
                # A stream is told of the end instead of being cut off in silence.
                with client.stream("GET", "/api/events") as response:
                    lines = response.iter_lines()
                    next(lines)
                    its._popen.send_signal(signal.SIGTERM)
                    for _ in lines:
                        pass
            assert its.end() == 0
            (ask,) = its.of("ask")
            assert (ask["id"], ask["question"]) == ("q1", "Where to?\n\x1b[31m")
            (logged,) = its.of("answer")
            assert (logged["text"], logged["problem"]) == ("left", "")
            assert its.events[-1]["event"] == "stopped"
            with stored(memory) as store:
                assert store.counts().pending == 0
                assert [question.id for question, _ in store.answers()] == ["q1"]


def test_a_loop_makes_a_segment_of_each_round(walk: Path, tmp_path: Path) -> None:
    memory = tmp_path / "memory.db"
    with process(walk, "--memory", memory, "--loop", "--speed", 20) as its:
        for _ in range(2):
            its.until("loop")
        its.until("keyframe")
        assert its.end(signal.SIGINT) == 0
        with stored(memory) as store:
            segments = [keyframe.segment for keyframe in store.keyframes()]
            assert sorted(set(segments)) == list(range(max(segments) + 1))
            assert max(segments) >= 2
            first = next(k for k in store.keyframes() if k.segment == 1)
            assert (first.reason, first.stamp_ns) == ("first", 0)


def test_the_supervisor_hears_that_it_is_ready_alive_and_stopping(
    walk: Path, tmp_path: Path
) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as supervisor:
        address = tmp_path / "notify"
        supervisor.bind(str(address))
        supervisor.settimeout(WAIT_S)
        told = {"NOTIFY_SOCKET": str(address), "WATCHDOG_USEC": "200000"}
        with process(walk, "--loop", **told) as its:
            assert supervisor.recv(1000).decode().startswith("READY=1\nSTATUS=watching ")
            for _ in range(3):
                assert supervisor.recv(1000) == b"WATCHDOG=1"
            assert its.end(signal.SIGTERM) == 0
            rest = b""
            while not rest.endswith(b"STOPPING=1"):
                rest = supervisor.recv(1000)


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["/nowhere/at/all.mcap"], 3, "/nowhere/at/all.mcap"),
        (["WALK", "--page", "--set", "web.host=0.0.0.0"], 2, "web.token"),
        (
            ["WALK", "--page", "--set", "web.host=203.0.113.7", "--set", f"web.token={TOKEN}"],
            2,
            "203",
        ),
        (["WALK", "--set", "web.colour=red"], 2, "web.colour"),
    ],
    ids=["source", "token", "address", "setting"],
)
def test_what_can_not_run_says_why_and_exits(
    walk: Path, arguments: list[str], code: int, words: str
) -> None:
    with process(*[str(walk) if a == "WALK" else a for a in arguments]) as its:
        assert its.end() == code
        said = "".join(its.rest)
        assert words in said
        assert TOKEN not in said
        assert "Traceback" not in said


def test_a_memory_is_gone_on_with(walk: Path, tmp_path: Path) -> None:
    memory = tmp_path / "memory.db"
    for _ in range(2):
        with process(walk, "--memory", memory, "--speed", 20) as its:
            assert its.end() == 0
    with stored(memory) as store:
        assert {keyframe.segment for keyframe in store.keyframes()} == {0, 1}


class _Stream(BaseHTTPRequestHandler):
    """Motion JPEG over HTTP, a few pictures per connection."""

    pictures: ClassVar = [cv2.imencode(".jpg", view)[1].tobytes() for view in panorama_views(12)]

    def do_GET(self) -> None:
        self.server.connections += 1  # type: ignore[attr-defined]
        self.send_response(200)
        self.send_header("Content-Type", "multipart/x-mixed-replace;boundary=frame")
        self.end_headers()
        for picture in self.pictures:
            head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(picture)}\r\n\r\n"
            self.wfile.write(head.encode() + picture + b"\r\n")

    def log_message(self, format: str, *args: object) -> None:
        """Quiet."""


def _when(condition: Callable[[], bool]) -> None:
    given_up = time.monotonic() + WAIT_S
    turn = threading.Event()
    while not condition():
        assert time.monotonic() < given_up
        turn.wait(0.02)


def test_a_stream_that_is_lost_is_opened_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(feeding, "_RETRY_S", 0.05)
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Stream)
    server.connections = 0  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        with Agent(web_settings(), perceiver=Naming(), reasoner=Paced()) as agent:
            spec = f"http://127.0.0.1:{server.server_port}/stream"
            feeder = Feeder(agent, spec, SourceSettings(open_timeout_s=20))
            assert feeder.live
            assert feeder.not_ready() == ["no frame has arrived yet"]
            feeder.start()
            _when(lambda: server.connections >= 3)  # type: ignore[attr-defined]
            _when(lambda: len({k.segment for k in agent.store.keyframes()}) >= 2)
            server.shutdown()
            thread.join(WAIT_S)
            server.server_close()
            _when(lambda: any("retrying in" in line for line in feeder.not_ready()))
            feeder.stop(WAIT_S)
            assert feeder.error is None or isinstance(feeder.error, SourceError)
    finally:
        server.shutdown()
        server.server_close()
        thread.join(WAIT_S)


def test_a_stream_that_is_not_there_at_the_start_is_an_error() -> None:
    with (
        Agent(web_settings(), perceiver=Naming(), reasoner=Paced()) as agent,
        pytest.raises(SourceError),
    ):
        Feeder(agent, "http://127.0.0.1:9/stream", SourceSettings(open_timeout_s=2))


def test_without_a_supervisor_nothing_is_sent() -> None:
    assert not notify("READY=1", environment={})
    assert not notify("READY=1", environment={"NOTIFY_SOCKET": "relative"})
    assert watchdog_period_s({}) is None
    assert watchdog_period_s({"WATCHDOG_USEC": "60000000"}) == 30
    assert watchdog_period_s({"WATCHDOG_USEC": "60000000", "WATCHDOG_PID": "1"}) is None
    assert watchdog_period_s({"WATCHDOG_USEC": "soon"}) is None


def test_a_supervisor_that_is_gone_does_no_harm(tmp_path: Path) -> None:
    assert not notify("READY=1", environment={"NOTIFY_SOCKET": str(tmp_path / "gone")})


def test_a_log_line_stays_one_line_whatever_it_holds() -> None:
    hostile = "one\nFORGED\x1b[2J line\u2028"
    record = logging.LogRecord("x", logging.WARNING, "", 0, "answer", (), None)
    record.fields = {"text": hostile}
    for line in (TextFormatter().format(record), JsonFormatter().format(record)):
        assert "\n" not in line
        assert "\x1b" not in line
    assert json.loads(JsonFormatter().format(record))["text"] == hostile
    plain = logging.LogRecord("x", logging.WARNING, "", 0, hostile, (), None)
    assert "\n" not in TextFormatter().format(plain)


def test_a_traceback_is_part_of_its_json_line() -> None:
    try:
        raise ValueError("why")
    except ValueError:
        record = logging.LogRecord("x", logging.ERROR, "", 0, "broke", (), sys.exc_info())
    line = JsonFormatter().format(record)
    assert "\n" not in line
    assert "ValueError: why" in json.loads(line)["traceback"]


def _options() -> set[str]:
    from typer.main import get_command

    from embodied_agent.cli.main import app

    command = get_command(app).commands["run"]  # type: ignore[attr-defined]
    return {name for parameter in command.params for name in parameter.opts}


def test_the_systemd_unit_uses_options_that_exist() -> None:
    unit = (ROOT / "deploy" / "embodied-agent.service").read_text()
    (start,) = re.findall(r"^ExecStart=(.+)$", unit, re.MULTILINE)
    words = shlex.split(start)
    assert words[0].endswith("/embodied-agent")
    assert words[1] == "run"
    used = [word for word in words if word.startswith("--")]
    assert used
    assert set(used) <= _options()
    assert "Type=notify" in unit
    assert "WatchdogSec=" in unit


def test_the_container_file_uses_options_and_settings_that_exist() -> None:
    text = (ROOT / "deploy" / "Containerfile").read_text()
    (entry,) = re.findall(r"^ENTRYPOINT (.+)$", text, re.MULTILINE)
    words = json.loads(entry)
    assert words[:2] == ["embodied-agent", "run"]
    assert {word for word in words if word.startswith("--")} <= _options()
    for copied in re.findall(r"^COPY (.+) \S+$", text, re.MULTILINE):
        for name in copied.split():
            assert (ROOT / name).exists()
    for name in set(re.findall(r"EMBODIED_AGENT_[A-Z_]+(?==)", text)):
        section, _, setting = name.removeprefix("EMBODIED_AGENT_").lower().partition("__")
        assert setting in type(getattr(Settings(), section)).model_fields, name
