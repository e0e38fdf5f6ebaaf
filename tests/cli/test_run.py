"""`embodied-agent run` as a real process: what it logs, serves and keeps, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from queue import Empty, Queue
from typing import Any

import httpx2 as httpx
import pytest

from embodied_agent.memory.store import Store
from embodied_agent.records import Keyframe
from embodied_agent.settings import MemorySettings
from tests.support.served import Behaviour, faulty, says
from tests.support.web import TOKEN

ROOT = Path(__file__).resolve().parents[2]
WAIT_S = 240.0


class Process:
    """A running agent and the events of its log."""

    def __init__(self, *arguments: object, **environment: str) -> None:
        command = [sys.executable, "-m", "embodied_agent.cli", "run", *map(str, arguments)]
        self._popen = subprocess.Popen(
            [
                *command,
                *("--log-format", "json"),
                *(() if "--perception" in command else ("--perception", "geometry")),
            ],
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


def test_what_was_seen_before_a_kill_is_remembered_after_the_restart(
    walk: Path, tmp_path: Path
) -> None:
    memory = tmp_path / "memory.db"

    def arguments(url: str) -> list[object]:
        return [
            *(walk, "--memory", memory, "--loop", "--page", "--port", 0, "--speed", 2),
            *("--perception", "served", "--perception-server", url),
        ]

    def sees(name: str) -> Behaviour:
        seen = {"name": name, "direction": "left", "distance": "near"}
        return says(json.dumps({"action": "none", "objects": [seen], "observation": ""}))

    with faulty(sees("red sofa")) as server, process(*arguments(server.url)) as its:
        its.until("delta")
        its.end(signal.SIGKILL)
    with faulty(sees("blue chair")) as server, process(*arguments(server.url)) as its:
        url = its.until("ready")["url"]
        its.until("delta")
        with httpx.Client(base_url=url, timeout=WAIT_S, trust_env=False) as client:
            asked = {"question": "Did you see a red sofa?"}
            answer = client.post("/api/ask", json=asked).json()
    assert answer["status"] == "answered"
    assert "before the restart" in answer["text"]
    assert answer["evidence"][0]["keyframe_id"] == 0
    assert "before the restart" in answer["notice"]


def test_a_loop_makes_a_segment_of_each_round(walk: Path, tmp_path: Path) -> None:
    memory = tmp_path / "memory.db"
    with process(walk, "--memory", memory, "--loop", "--speed", 20) as its:
        for _ in range(2):
            its.until("loop")
        its.until("keyframe")
        assert its.end(signal.SIGINT) == 0
        with stored(memory) as store:
            rounds: dict[int, list[Keyframe]] = {}
            for keyframe in store.keyframes():
                rounds.setdefault(keyframe.segment, []).append(keyframe)
            assert list(rounds) == list(range(len(rounds)))
            assert len(rounds) >= 3
            # A slow machine leaves frames out, and the first of a round may be among them.
            assert {own[0].reason for own in rounds.values()} == {"first"}
            assert min(own[0].stamp_ns for own in rounds.values()) < rounds[0][-1].stamp_ns


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


def test_a_camera_that_is_absent_at_the_start_is_waited_for() -> None:
    with process("rtsp://user:secret@127.0.0.1:9/front", "--page", "--port", 0) as its:
        url = its.until("ready")["url"]
        absent = its.until("source_absent")
        assert "nothing listens on 127.0.0.1:9" in absent["problem"]
        with httpx.Client(base_url=url, timeout=WAIT_S, trust_env=False) as client:
            reply = client.get("/readyz")
            assert reply.status_code == 503
            assert "nothing listens on 127.0.0.1:9" in reply.text
            state = client.get("/api/status").json()["input"]
            assert (state["state"], state["losses"] >= 1) == ("connecting", True)
            metrics = client.get("/metrics").text
        assert 'embodied_agent_source_state{state="connecting"} 1.0' in metrics
        assert 'embodied_agent_source_state{state="connected"} 0.0' in metrics
        assert its.end(signal.SIGTERM) == 0
        assert its.rest == []
        assert "secret" not in reply.text + metrics + str(state) + str(its.events)
