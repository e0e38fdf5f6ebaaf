"""A real Mosquitto for tests, agents behind it, and a plain client that knows nothing of ours."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.interfaces.mqtt.service import Service
from embodied_agent.interfaces.status import MqttStatus
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.reasoning.base import Prompt
from embodied_agent.records import Frame
from embodied_agent.settings import Settings, load_settings
from tests.support.processes import lasting_port
from tests.support.views import panorama_views
from tests.support.waiting import WAIT_S, until


def program(name: str) -> str:
    """The path of a program of Debian's mosquitto packages; skips the test where it is absent."""
    found = shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin")
    if found is None:
        pytest.skip(f"no {name} here: apt-get install mosquitto mosquitto-clients")
    return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


#: Every change is on the disk before the next, which is slow.
_DURABLE = ("persistence true", "autosave_on_changes true", "autosave_interval 1")


@dataclass
class Broker:
    """A Mosquitto that can be killed and started again; if ``durable``, with its sessions."""

    folder: Path
    config: Sequence[str] = ("allow_anonymous true",)
    listener: Sequence[str] = ()
    durable: bool = False
    port: int = field(default_factory=lasting_port)
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> Broker:
        path = self.folder / "mosquitto.conf"
        path.write_text(
            "\n".join(
                [
                    "per_listener_settings false",
                    *(_DURABLE if self.durable else ()),
                    f"persistence_location {self.folder}/",
                    "max_queued_messages 10000",
                    *self.config,
                    f"listener {self.port} 127.0.0.1",
                    *self.listener,
                    "",
                ]
            )
        )
        command = [program("mosquitto"), "-c", str(path)]
        if os.geteuid() == 0:
            path.write_text("user root\n" + path.read_text())
        with (self.folder / "mosquitto.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._reachable)
        return self

    def kill(self) -> None:
        assert self.process is not None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(WAIT_S)

    def stop(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.terminate()
            self.process.wait(WAIT_S)

    def log(self) -> str:
        return (self.folder / "mosquitto.log").read_text(errors="replace")

    def _reachable(self) -> bool:
        assert self.process is not None
        assert self.process.poll() is None, self.log()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), 1):
            return True
        return False


@contextlib.contextmanager
def broker_in(folder: Path, **options: Any) -> Iterator[Broker]:
    folder.mkdir(exist_ok=True)
    broker = Broker(folder, **options)
    try:
        yield broker.start()
    finally:
        broker.stop()


class Echo:
    """A reasoner that answers with the question, and counts how often it was asked each."""

    name = "echo"

    def __init__(self, gate: threading.Event | None = None, pieces: int = 1) -> None:
        self.asked: list[str] = []
        self.gate = gate
        self.started = threading.Event()
        self.pieces = pieces

    def stream(
        self, prompt: Prompt, *, timeout_s: float, max_tokens: int | None = None
    ) -> Iterator[str]:
        line, *_ = [line for line in prompt.task.splitlines() if "tag " in line]
        text = "tag " + line.partition("tag ")[2]
        self.asked.append(text)
        self.started.set()
        if self.gate is not None:
            assert self.gate.wait(WAIT_S)
        yield from (f"<think>{n} " if n == 0 else f"{n} " for n in range(self.pieces))
        yield f"</think><answer>{text}</answer>"

    def close(self) -> None:
        pass


class Running:
    """A service on a loop of its own in a thread, as `interfaces.host` runs it."""

    def __init__(self, agent: Agent, questions: QuestionQueue, settings: Settings) -> None:
        self.settings = settings
        self.questions = questions
        self.service = Service(agent, questions, settings)
        self._loop = asyncio.new_event_loop()
        self._stop = asyncio.Event()
        self.error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self.service.serve(self._stop))
        except BaseException as error:
            self.error = error
        finally:
            self._loop.run_until_complete(self._loop.shutdown_default_executor())
            self._loop.close()

    def status(self) -> MqttStatus:
        return self.service.status()

    def connected(self) -> Running:
        until(lambda: self.status().connections or self.error)
        assert self.error is None
        return self

    def close(self) -> None:
        if self._thread.is_alive():
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(WAIT_S)
        assert not self._thread.is_alive()
        if self.error is not None:
            raise self.error


def settings_for(port: int, memory: Path | None = None, **mqtt: Any) -> Settings:
    values = {
        "enabled": True,
        "port": port,
        "robot": "r1",
        "response_topics": ("mine", "mine/", "of/"),
        "retry_s": 0.05,
        "retry_max_s": 0.2,
        "connect_timeout_s": WAIT_S,
        **mqtt,
    }
    return load_settings(
        memory__path=str(memory) if memory else "",
        perception__backend="geometry",
        # A question outlives every wait of a test, and the start of another process in between.
        reasoning__timeout_s=10 * WAIT_S,
        reasoning__waiting=1000,
        reasoning__free="reasoner",
        **{f"mqtt__{name}": value for name, value in values.items()},
    )


def frames(count: int) -> Iterator[Frame]:
    """A walk past a wide picture, one frame a second."""
    for i, view in enumerate(panorama_views(count)):
        yield Frame(stamp_ns=10**9 * (i + 1), image=view, index=i)


@contextlib.contextmanager
def running(
    settings: Settings,
    reasoner: Echo | None = None,
    *,
    views: int = 3,
    connect: bool = True,
    built_in: bool = False,
) -> Iterator[tuple[Running, Agent]]:
    """An agent that has seen a little, with its MQTT service."""
    answers = None if built_in else reasoner or Echo()
    with Agent(settings, perceiver=GeometryPerceiver(), reasoner=answers) as agent:
        for frame in frames(views):
            agent.observe(frame)
        assert agent.drain(WAIT_S)
        questions = QuestionQueue(
            agent, parallel=settings.reasoning.parallel, waiting=settings.reasoning.waiting
        )
        try:
            service = Running(agent, questions, settings)
        except BaseException:
            questions.close()
            raise
        try:
            if connect:
                service.connected()
            yield service, agent
        finally:
            questions.close()
            service.close()


@dataclass(frozen=True)
class Got:
    topic: str
    payload: bytes
    correlation: bytes
    retain: bool
    qos: int
    expiry_s: int | None

    @property
    def json(self) -> dict[str, Any]:
        values = json.loads(self.payload)
        assert isinstance(values, dict)
        return values


class Peer:
    """A plain paho client with a loop thread: connects again by itself, keeps what it got."""

    def __init__(self, port: int, *topics: str, **options: Any) -> None:
        self.got: list[Got] = []
        self.granted: list[Any] = []
        self.codes: dict[int, Any] = {}
        self._topics = topics
        self.client = paho.Client(
            paho.CallbackAPIVersion.VERSION2,
            client_id=options.get("client_id", ""),
            protocol=paho.MQTTv5,
        )
        if "username" in options:
            self.client.username_pw_set(options["username"], options.get("password"))
        self.client.reconnect_delay_set(0.05, 0.2)
        self.client.on_connect = self._on_connect
        self.client.on_subscribe = lambda c, u, mid, codes, props: self.granted.extend(codes)
        self.client.on_publish = lambda c, u, mid, code, props: self.codes.update({mid: code})
        self.client.on_message = self._on_message
        properties = Properties(PacketTypes.CONNECT)
        properties.SessionExpiryInterval = options.get("session_expiry_s", 0)
        self.client.connect("127.0.0.1", port, properties=properties, clean_start=False)
        self.client.loop_start()
        until(lambda: len(self.granted) >= len(topics) and self.client.is_connected())

    def __enter__(self) -> Peer:
        return self

    def __exit__(self, *_: object) -> None:
        self.client.disconnect()
        self.client.loop_stop()

    def _on_connect(self, client: paho.Client, *_: Any) -> None:
        for topic in self._topics:
            client.subscribe(topic, qos=1)

    def _on_message(self, client: paho.Client, userdata: Any, message: paho.MQTTMessage) -> None:
        self.got.append(
            Got(
                message.topic,
                bytes(message.payload),
                getattr(message.properties, "CorrelationData", b""),
                message.retain,
                message.qos,
                getattr(message.properties, "MessageExpiryInterval", None),
            )
        )

    def publish(
        self,
        topic: str,
        payload: bytes | dict[str, Any],
        *,
        qos: int = 1,
        retain: bool = False,
        **properties: Any,
    ) -> int:
        found = Properties(PacketTypes.PUBLISH)
        for name, value in properties.items():
            setattr(found, name, value)
        data = json.dumps(payload).encode() if isinstance(payload, dict) else payload
        return self.client.publish(topic, data, qos, retain, found).mid

    def ask(self, question: str, robot: str = "r1", *, operator: str = "", **more: Any) -> int:
        """Ask, with the fields of the request in lower case and MQTT's properties in theirs."""
        properties = {name: more.pop(name) for name in list(more) if name[0].isupper()}
        topic = f"embodied_agent/{robot}/ask" + (f"/{operator}" if operator else "")
        return self.publish(topic, {"question": question, **more}, **properties)

    def code(self, mid: int) -> Any:
        return until(lambda: self.codes.get(mid))

    def wait(self, count: int = 1, type: str = "") -> list[Got]:
        def found() -> list[Got]:
            return [g for g in list(self.got) if not type or g.json.get("type") == type]

        until(lambda: len(found()) >= count)
        return found()
