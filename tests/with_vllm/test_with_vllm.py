"""The shipped models behind a real vLLM, started by `embodied-agent vllm`, against in process.

One pair of servers serves all tests, in the order of this file: the last ones kill and stop them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import torch

from embodied_agent.agent import Agent
from embodied_agent.doctor.servers import try_server
from embodied_agent.reasoning.base import Prompt, Reasoner
from embodied_agent.reasoning.builtin import BuiltinReasoner
from embodied_agent.reasoning.factory import make_reasoner
from embodied_agent.records import Delta, Keyframe, Mention, Question
from embodied_agent.settings import Settings, load_settings
from embodied_agent.sources import open_source
from tests.support.served import free_port

pytestmark = [pytest.mark.vllm, pytest.mark.timeout(1500)]

ROOT = Path(__file__).parents[2]
CLIP = ROOT / "sim_clips" / "clips" / "house_8"
CONFIG = ROOT / "config" / "vllm-cpu.yaml"
#: How many of the clip's questions are asked.
QUESTIONS = 8
#: Tokens of which the model finds one better than the other by less than this, in logits, are as
#: good as equal to it. Both engines compute in fp32, their sums in different order.
NEAR_TIE = 0.02


@dataclass
class Servers:
    """`embodied-agent vllm` with its two servers. ``lines``: what it has said so far."""

    process: subprocess.Popen[str]
    settings: Settings
    lines: list[str]
    said: threading.Condition

    def wait_for(self, text: str, times: int = 1, timeout_s: float = 900) -> None:
        """Until ``text`` was said so often."""

        def there() -> bool:
            return sum(text in line for line in self.lines) >= times or self.ended()

        with self.said:
            assert self.said.wait_for(there, timeout_s), "".join(self.lines[-40:])
        assert not self.ended(), "".join(self.lines[-40:])

    def ended(self) -> bool:
        return self.process.poll() is not None

    def workers(self) -> list[int]:
        """Every process below this one."""
        found, below = [], {self.process.pid}
        parents = {}
        for status in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = status.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(status.parent.name)] = int(fields[1])
        while below:
            below = {child for child, parent in parents.items() if parent in below}
            found += below
        return found

    def server(self, port: int) -> int:
        """The process that was told to listen on ``port``."""
        for number in self.workers():
            command = Path(f"/proc/{number}/cmdline").read_bytes().split(b"\0")
            if b"serve" in command and str(port).encode() in command:
                return number
        raise AssertionError(f"nobody serves {port}")


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    ports = [free_port(), free_port()]
    settings = load_settings(
        CONFIG,
        perception__server__base_url=f"http://127.0.0.1:{ports[0]}/v1",
        reasoning__server__base_url=f"http://127.0.0.1:{ports[1]}/v1",
        reasoning__positions=False,  # else many a question is answered without a model
    )
    program = Path(os.environ["VLLM_PROGRAM"]).absolute()
    command = [sys.executable, "-m", "embodied_agent.cli", "vllm", "--config", str(CONFIG)]
    command += ["--program", str(program)]
    for role, server in (("perception", settings.perception), ("reasoning", settings.reasoning)):
        command += ["--set", f"{role}.server.base_url={server.server.base_url}"]
    process = subprocess.Popen(
        command,
        cwd=tmp_path_factory.mktemp("servers"),
        env={**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    running = Servers(process, settings, [], threading.Condition())

    def read() -> None:
        assert process.stdout is not None
        for line in process.stdout:
            with running.said:
                running.lines.append(line)
                running.said.notify_all()
        process.wait()
        with running.said:
            running.said.notify_all()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        running.wait_for("All servers are ready")
        yield running
    finally:
        if process.poll() is None:
            process.send_signal(signal.SIGTERM)
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)
        reader.join(60)
        assert process.stdout is not None
        process.stdout.close()


def in_process(settings: Settings) -> Settings:
    """The same models in this process, free to answer as they like, as behind a server."""
    perception = settings.perception.model_copy(update={"backend": "builtin", "prompt": "auto"})
    reasoning = settings.reasoning.model_copy(
        update={"backend": "builtin", "prompt": "auto", "choose": False, "positions": False}
    )
    return settings.model_copy(update={"perception": perception, "reasoning": reasoning})


def questions() -> list[Question]:
    cases = json.loads((CLIP / "questions.json").read_text())
    return [
        Question(case["text"], tuple(case["choices"]), at_ns=case["stamp_ns"], timeout_s=120)
        for case in cases[:: max(1, len(cases) // QUESTIONS)][:QUESTIONS]
    ]


@dataclass
class Heard:
    """A reasoner, and what it was asked and replied so far."""

    reasoner: Reasoner
    replies: list[tuple[Prompt, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.reasoner.name

    def stream(self, prompt: Prompt, **how: Any) -> Iterator[str]:
        pieces = []
        try:
            for piece in self.reasoner.stream(prompt, **how):
                pieces.append(piece)
                yield piece
        finally:  # also of a reply that came to no end, or that nobody heard out
            if how.get("temperature") is None:  # a second attempt is drawn at random
                self.replies.append((prompt, "".join(pieces)))

    def close(self) -> None:
        self.reasoner.close()


def replay(settings: Settings, asked: list[Question], reasoner: Heard) -> list[Delta]:
    """The deltas of the clip; ``reasoner`` has heard the questions."""
    with (
        open_source(str(CLIP), settings.source) as source,
        Agent(settings, reasoner=reasoner) as agent,
    ):
        agent.begin_replay(str(CLIP))
        for frame in source:
            agent.observe(frame)
        agent.finish()
        assert agent.drain(600)
        for question in asked:
            answer = agent.ask(question)
            # A reply may match none of the choices; it is compared all the same.
            assert not answer.problem or answer.problem.startswith("no usable reply")
        return [replace(d, model="", latency_s=0.0) for d in agent.store.deltas()]


def behind_the_best(reasoner: BuiltinReasoner, prompt: Prompt, reply: str, other: str) -> float:
    """Where the two replies part, how far the other's token is behind the model's best, in
    logits."""
    ours, theirs = (
        reasoner._tokenizer(r, add_special_tokens=False).input_ids for r in (reply, other)
    )
    at = next(i for i, (a, b) in enumerate(zip(ours, theirs, strict=False)) if a != b)
    ids = torch.tensor([reasoner._prompt_ids(prompt, 256) + ours[:at]])
    with torch.inference_mode():
        logits = reasoner._model(input_ids=ids).logits[0, -1]
    return float(logits.max() - logits[theirs[at]])


def alive(number: int) -> bool:
    """Whether that process runs; one that has ended and is not yet cleared away does not."""
    try:
        return Path(f"/proc/{number}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except OSError:
        return False


def test_the_doctor_finds_nothing_missing_and_a_cache_that_works(servers: Servers) -> None:
    chosen = servers.settings
    found = {
        f"{role} {finding.what}": finding
        for role, server in (
            ("perceiver", chosen.perception.server),
            ("reasoner", chosen.reasoning.server),
        )
        for finding in try_server(server, role, schema=role == "perceiver")  # type: ignore[arg-type]
    }
    assert all(finding.works for finding in found.values() if finding.essential), found
    # The model writes no JSON, but vLLM takes the schema.
    assert found["perceiver schema"].detail.startswith(("supported", "accepted"))
    assert found["reasoner prefix cache"].works
    assert "was cached" in found["reasoner prefix cache"].detail


def unmeasured(deltas: list[Delta]) -> list[Delta]:
    """Deltas whose mentions hold what a model says in words."""
    return [
        replace(
            delta,
            mentions=tuple(Mention(m.name, m.direction, m.distance) for m in delta.mentions),
        )
        for delta in deltas
    ]


def test_deltas_and_replies_are_those_of_the_models_in_process(servers: Servers) -> None:
    asked, here = questions(), in_process(servers.settings)
    builtin = BuiltinReasoner(here.reasoning)
    builtin._names = ()  # behind a server, the model reads names as they are
    served, ours = Heard(make_reasoner(servers.settings.reasoning)), Heard(builtin)
    deltas = replay(servers.settings, asked, served)
    assert len(deltas) >= 8
    # In process, the perceiver also measures where it sees what it names.
    assert unmeasured(deltas) == unmeasured(replay(here, asked, ours))
    served.close()
    same = 0
    for (prompt, theirs), (expected, reply) in zip(served.replies, ours.replies, strict=True):
        assert prompt == expected
        same += theirs == reply
        if theirs != reply:
            # Two engines round differently: where the model wavers, either may be said.
            assert behind_the_best(builtin, prompt, reply, theirs) < NEAR_TIE
    # What the memory can't bear is answered by rules, without a model.
    assert len(asked) // 2 <= len(served.replies) <= len(asked)
    assert same >= len(served.replies) - 2


def test_replies_stream_and_end_when_nobody_listens(servers: Servers) -> None:
    reasoner = make_reasoner(servers.settings.reasoning)
    prompt = Prompt(
        system="",
        transcript="#0 start: red sofa front-left near.\n#1 rotate left 45: nothing named.\n",
        task="Recall: #0 red sofa front-left near.\nQuestion: Where is the red sofa now?\n",
    )
    pieces = reasoner.stream(prompt, timeout_s=120)
    assert next(iter(pieces)).startswith("<")
    pieces.close()  # type: ignore[attr-defined]
    whole = list(reasoner.stream(prompt, timeout_s=120))
    reasoner.close()
    assert len(whole) > 3
    assert "</answer>" in "".join(whole)


def test_a_server_killed_during_a_replay_is_restarted_and_nothing_is_lost(
    servers: Servers, tmp_path: Path
) -> None:
    used = servers.settings
    perception = used.perception.model_copy(update={"retry_max_s": 2.0, "stall_timeout_s": 900.0})
    memory = used.memory.model_copy(update={"path": str(tmp_path / "memory.db")})
    used = used.model_copy(update={"perception": perception, "memory": memory})
    port = int(used.perception.server.base_url.split(":")[-1].split("/")[0])
    ready = sum("perceiver is ready" in line for line in servers.lines)
    committed: list[int] = []
    killed = threading.Event()

    def on_delta(keyframe: Keyframe, delta: Delta) -> None:
        committed.append(keyframe.id)
        if len(committed) == 3 and not killed.is_set():
            killed.set()
            os.kill(servers.server(port), signal.SIGKILL)

    with open_source(str(CLIP), used.source) as source, Agent(used) as agent:
        from embodied_agent.agent.listeners import Listener

        agent.listen(Listener(on_delta=on_delta))
        agent.begin_replay(str(CLIP))
        for frame in source:
            agent.observe(frame)
        agent.finish()
        assert killed.wait(600)
        # All is stored, the server is gone: the answer comes from what is there, and says so.
        answer = agent.ask(Question("Where am I?", timeout_s=60))
        servers.wait_for("perceiver is ready", ready + 1)
        assert agent.drain(900)
        deltas = agent.store.deltas()
        stored = [keyframe.id for keyframe in agent.store.keyframes()]
        assert agent.status().perception.retries >= 1
    assert answer.notice or answer.problem or len(committed) == len(stored)
    assert [delta.keyframe_id for delta in deltas] == stored == committed
    assert all(delta.usable for delta in deltas)


def test_a_stop_leaves_no_process_behind(servers: Servers) -> None:
    workers = servers.workers()
    assert len(workers) >= 4
    servers.process.send_signal(signal.SIGTERM)
    assert servers.process.wait(120) == 0
    deadline = time.monotonic() + 30
    while (left := [number for number in workers if alive(number)]) and time.monotonic() < deadline:
        threading.Event().wait(0.1)  # killed, but the system has not cleared them away yet
    assert left == []
