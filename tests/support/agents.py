"""An agent that sees a slide along a wide picture, and perceivers with faults."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from embodied_agent.agent import Agent
from embodied_agent.memory.store import Store
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Decision, Delta, Frame, Keyframe
from embodied_agent.settings import Settings, load_settings
from tests.support.views import panorama_views

PERIOD_NS = 100_000_000


def settings(path: Path | str = "", **more: object) -> Settings:
    return load_settings(
        memory__path=str(path),
        perception__backend="geometry",
        perception__retry_s=0.001,
        perception__retry_max_s=0.004,
        **more,
    )


def frames(count: int = 32, start_ns: int = 0) -> list[Frame]:
    return [
        Frame(stamp_ns=start_ns + i * PERIOD_NS, image=view, index=i)
        for i, view in enumerate(panorama_views(count, width=160))
    ]


def replay(agent: Agent, source: Sequence[Frame], name: str = "walk") -> list[Decision]:
    agent.begin_replay(name)
    decisions = [agent.observe(frame) for frame in source]
    agent.finish()
    assert agent.drain(60)
    return decisions


def memory(store: Store) -> tuple[list[tuple[object, ...]], list[Delta]]:
    keyframes = [
        tuple(getattr(k, name) for name in k.__dataclass_fields__)
        for k in store.keyframes(pictures=True)
    ]
    return keyframes, [replace(delta, latency_s=0.0) for delta in store.deltas()]


class Faulty(GeometryPerceiver):
    """Raises what ``fault`` gives for the n-th call, as long as it gives something."""

    def __init__(self, fault: Callable[[int, Keyframe], Exception | None]) -> None:
        self._fault = fault
        self._lock = threading.Lock()
        self.calls = 0

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        with self._lock:
            self.calls += 1
            error = self._fault(self.calls, current)
        if error is not None:
            raise error
        return super().perceive(previous, current)


class Gate(GeometryPerceiver):
    """Perceives nothing until it is opened."""

    def __init__(self) -> None:
        self.opened = threading.Event()

    def perceive(self, previous: Keyframe | None, current: Keyframe) -> Delta:
        assert self.opened.wait(60)
        return super().perceive(previous, current)
