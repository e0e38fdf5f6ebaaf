"""An agent whose camera model is served, for tests in which that server fails."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.agent.status import PerceptionStatus
from embodied_agent.reasoning.base import Prompt
from embodied_agent.records import Delta, Frame
from embodied_agent.settings import (
    PerceptionSettings,
    ReasoningSettings,
    ServerSettings,
    Settings,
)
from tests.support.served import MODEL
from tests.support.views import panorama_views

REPLY = json.dumps(
    {
        "action": "move right",
        "objects": [{"name": "red sofa", "direction": "front", "distance": "near"}],
        "observation": "A sofa.",
    }
)


class Says:
    """A reasoner that says what the last entry of its transcript names."""

    name = "says"
    transcript = ""

    def stream(self, prompt: Prompt, **_: Any) -> Iterator[str]:
        Says.transcript = prompt.transcript
        yield "<think>so</think><answer>here</answer>"

    def close(self) -> None:
        pass


def frames(count: int = 40) -> list[Frame]:
    views = enumerate(panorama_views(count))
    return [Frame(number * 10**8, image=view, index=number) for number, view in views]


def settings(url: str = "", **values: Any) -> Settings:
    server = ServerSettings(base_url=url or "http://x/v1", model=MODEL, timeout_s=4, max_retries=0)
    perception = {"backend": "served", "server": server, "retry_s": 0.01, "retry_max_s": 0.05}
    return Settings(
        perception=PerceptionSettings(**{**perception, **values}),
        reasoning=ReasoningSettings(free="reasoner"),
    )


def replayed(used: Settings) -> tuple[list[Delta], list[int], list[int], PerceptionStatus]:
    """Deltas, keyframes stored, keyframes told of as committed, and the status of perception."""
    told: list[int] = []
    listener = Listener(on_delta=lambda keyframe, delta: told.append(keyframe.id))
    with Agent(used, reasoner=Says(), listener=listener) as agent:
        agent.begin_replay("walk")
        for frame in frames():
            agent.observe(frame)
        agent.finish()
        assert agent.drain(400)
        stored = [kept.id for kept in agent.store.keyframes()]
        status = agent.status().perception
        assert status is not None
        return agent.store.deltas(), stored, told, status
