"""An agent with its web interface on a free port, and a reasoner whose pace a test sets."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import httpx2 as httpx

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.host.interfaces import Interfaces, serving
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.reasoning.base import Prompt
from embodied_agent.records import Delta, Frame, Keyframe, Mention, Pose
from embodied_agent.settings import Settings, load_settings
from tests.support.views import panorama_views

PERIOD_NS = 100_000_000
TOKEN = "a-token-of-some-length"
WAIT_S = 30.0


class Naming(GeometryPerceiver):
    """Names an object by the keyframe's number, and says ``observation`` of each."""

    def __init__(self, observation: str = "") -> None:
        self.observation = observation

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        mention = Mention(f"lamp {current.id}", "front", "near")
        return Delta(
            current.id,
            action=None,
            mentions=(mention,),
            observation=self.observation,
            model="naming",
        )


@dataclass
class Paced:
    """Replies piece by piece; waits for ``go`` before the first and after ``hold_after`` pieces."""

    reply: str = "<think>#0 shows it</think><answer>left</answer>"
    name: str = "paced"
    go: threading.Event = field(default_factory=threading.Event)
    hold_after: int | None = None
    more: threading.Event = field(default_factory=threading.Event)
    started: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))
    stopped: threading.Event = field(default_factory=threading.Event)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.go.set()

    def stream(
        self, prompt: Prompt, *, timeout_s: float, max_tokens: int | None = None
    ) -> Iterator[str]:
        self.asked.append(prompt.task)
        self.started.release()
        assert self.go.wait(WAIT_S)
        try:
            for number, start in enumerate(range(0, len(self.reply), 7)):
                if number == self.hold_after:
                    assert self.more.wait(WAIT_S)
                yield self.reply[start : start + 7]
        except GeneratorExit:
            self.stopped.set()
            raise

    def close(self) -> None:
        """Nothing to release."""


def frames(count: int = 24, start_ns: int = 0, *, posed: bool = True) -> list[Frame]:
    """A slide along a wide picture, along the x axis where it has poses."""
    return [
        Frame(
            stamp_ns=start_ns + i * PERIOD_NS,
            image=view,
            index=i,
            pose=Pose((i * 0.1, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0)) if posed else None,
        )
        for i, view in enumerate(panorama_views(count, width=160))
    ]


@dataclass
class Running:
    """One agent, served."""

    agent: Agent
    interfaces: Interfaces
    reasoner: Paced

    @property
    def url(self) -> str:
        assert self.interfaces.url is not None
        return self.interfaces.url.rstrip("/")

    @property
    def questions(self) -> QuestionQueue:
        return self.interfaces.questions

    def client(self, **options: Any) -> httpx.Client:
        options.setdefault("timeout", WAIT_S)
        # A proxy that the environment names has no business here.
        return httpx.Client(base_url=self.url, trust_env=False, **options)

    def feed(self, source: list[Frame] | None = None) -> None:
        """Take in frames and wait until they are perceived."""
        for frame in frames() if source is None else source:
            self.agent.observe(frame)
        assert self.agent.drain(WAIT_S)


def web_settings(**overrides: Any) -> Settings:
    """Quick settings with the web interface on a free port and no limit of rate."""
    values: dict[str, Any] = {
        "perception__backend": "geometry",
        "perception__retry_s": 0.001,
        "reasoning__free": "reasoner",
        "web__enabled": True,
        "web__port": 0,
        "web__rate_hz": 100_000,
        "web__burst": 1_000_000,
    }
    return load_settings(**{**values, **overrides})


@contextmanager
def running(
    *,
    reasoner: Paced | None = None,
    perceiver: GeometryPerceiver | None = None,
    fed: bool = True,
    **overrides: Any,
) -> Iterator[Running]:
    """An agent that has seen a walk (where ``fed``), with its web interface."""
    reasoner = reasoner or Paced()
    settings = web_settings(**overrides)
    with (
        Agent(settings, perceiver=perceiver or Naming(), reasoner=reasoner) as agent,
        serving(agent, settings) as interfaces,
    ):
        its = Running(agent, interfaces, reasoner)
        if fed:
            its.feed()
        try:
            yield its
        finally:
            reasoner.go.set()
            reasoner.more.set()
