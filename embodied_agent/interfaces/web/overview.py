"""The status of everything in one reply, and whether the process can do its work.

Out of scope: what each stage counts (`embodied_agent.agent.status`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping

import embodied_agent
from embodied_agent.agent import Agent
from embodied_agent.agent.listeners import Listener
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.agent.status import AgentStatus
from embodied_agent.errors import AgentError
from embodied_agent.interfaces.status import InterfaceStatus
from embodied_agent.interfaces.web.summaries import Shared
from embodied_agent.interfaces.wire.from_records import without_credentials_in
from embodied_agent.interfaces.wire.models import SourceState, StatusReply
from embodied_agent.records import Decision, Frame
from embodied_agent.support.redaction import without_credentials


class Overview:
    """Status and readiness of one agent and its surroundings. Thread-safe.

    Args:
        agent: its stages.
        questions: the question queue.
        interfaces: state and counters of the interfaces, by name.
        not_ready: further reasons for not being ready, one line each.
        source: where frames come from; ``None`` if the host does not say.
    """

    def __init__(
        self,
        agent: Agent,
        questions: QuestionQueue,
        interfaces: Callable[[], Mapping[str, InterfaceStatus]],
        not_ready: Callable[[], list[str]],
        source: Callable[[], SourceState | None] = lambda: None,
    ) -> None:
        self._questions = questions
        self._interfaces, self._not_ready, self._source = interfaces, not_ready, source
        self._started = time.monotonic()
        self._frame_at: float | None = None
        self._agent_status = Shared(agent.status)
        self.close = agent.listen(Listener(on_decision=self._on_decision))

    def _on_decision(self, frame: Frame, decision: Decision) -> None:
        self._frame_at = time.monotonic()

    def status(self) -> StatusReply:
        """The status of everything.

        Raises:
            StoreError: the memory can't be read.
        """
        now, frame_at = time.monotonic(), self._frame_at
        status = self._agent_status.get()
        return StatusReply.model_validate(
            {
                **without_credentials_in(status),
                "version": embodied_agent.__version__,
                "input": self._source(),
                "uptime_s": now - self._started,
                "ready": not self._problems(status),
                "frame_age_s": None if frame_at is None else now - frame_at,
                "asks": self._questions.status(),
                "interfaces": {
                    name: without_credentials_in(s) for name, s in self._interfaces().items()
                },
            }
        )

    def problems(self) -> list[str]:
        """Why questions about the present can't be answered; empty if they can."""
        try:
            problems = self._problems(self._agent_status.get())
        except AgentError as error:
            problems = [str(error)]
        return [without_credentials(problem) for problem in problems]

    def _problems(self, status: AgentStatus) -> list[str]:
        problems = list(self._not_ready())
        # Clients of an interface that is down get no answer.
        interfaces = self._interfaces().items()
        problems += [f"{name}: {status.problem}" for name, status in interfaces if status.problem]
        if status.perception is not None and status.perception.state == "stopped":
            problems.append(f"perception has stopped: {status.perception.last_error}")
        if status.store_problem:
            problems.append(f"what the camera sees can't be stored: {status.store_problem}")
        return problems
