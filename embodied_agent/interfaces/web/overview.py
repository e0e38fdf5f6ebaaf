"""The status of everything in one reply, and whether the process can do its work.

Not here: what each stage counts (`embodied_agent.agent.Agent.status`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.errors import AgentError
from embodied_agent.interfaces.wire.models import AsksReply, SourceState, StatusReply
from embodied_agent.records import Decision, Frame


class Overview:
    """Status and readiness of one agent with all around it. Any thread may ask.

    Args:
        agent: its stages.
        asks: the queue of questions.
        interfaces: state and counters of the interfaces, by name.
        not_ready: further reasons for not being ready, as lines.
        source: where frames come from; ``None`` where the host does not say.
    """

    def __init__(
        self,
        agent: Agent,
        asks: QuestionQueue,
        interfaces: Callable[[], dict[str, dict[str, Any]]],
        not_ready: Callable[[], list[str]],
        source: Callable[[], SourceState | None] = lambda: None,
    ) -> None:
        self._agent, self._asks = agent, asks
        self._interfaces, self._not_ready, self._source = interfaces, not_ready, source
        self._started = time.monotonic()
        self._frame_at: float | None = None
        self.close = agent.listen(Listener(on_decision=self._on_decision))

    def _on_decision(self, frame: Frame, decision: Decision) -> None:
        self._frame_at = time.monotonic()

    def status(self) -> StatusReply:
        """Of everything.

        Raises:
            StoreError: the memory can't be read.
        """
        now, frame_at = time.monotonic(), self._frame_at
        values = self._agent.status()
        return StatusReply(
            **values,
            version=_version(),
            input=self._source(),
            uptime_s=now - self._started,
            ready=not self._problems(values),
            frame_age_s=None if frame_at is None else now - frame_at,
            asks=AsksReply(
                waiting=self._asks.waiting,
                running=self._asks.running,
                refused=self._asks.refused,
                expired=self._asks.expired,
            ),
            interfaces=self._interfaces(),
        )

    def problems(self) -> list[str]:
        """Why questions about now can't be answered; none when they can."""
        try:
            return self._problems(self._agent.status())
        except AgentError as error:
            return [str(error)]

    def _problems(self, values: dict[str, Any]) -> list[str]:
        found = list(self._not_ready())
        perception = values["perception"]
        if perception is not None and perception["state"] == "stopped":
            found.append(f"perception has stopped: {perception['last_error']}")
        return found


def _version() -> str:
    try:
        return version("embodied-agent")
    except PackageNotFoundError:
        return "unknown"
