"""The node's state, read once a second on a thread of its own, for diagnostics.

Counting what a large memory holds and asking the models' servers can take time that the executor
does not have.

Out of scope: what is good and what is bad (`diagnostics`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from embodied_agent.agent import Agent
from embodied_agent.agent.status import AgentStatus
from embodied_agent.errors import AgentError, ModelError
from embodied_agent.settings import Settings

_log = logging.getLogger(__name__)

#: How often the agent's state is read, in seconds.
PERIOD_S = 1.0
#: Longest wait for a server, in seconds.
_SERVER_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Snapshot:
    """The state at one moment. ``status`` is ``None`` where it could not be read, and ``problem``
    says why. ``servers`` maps "perception" and "reasoning", where they are served, to what is
    wrong, "" when nothing is."""

    status: AgentStatus | None = None
    servers: dict[str, str] = field(default_factory=dict)
    problem: str = ""


class Watch:
    """Reads the state until it is closed; ``latest`` is the newest snapshot.

    Args:
        agent: whose state.
        settings: called for the settings of now.
    """

    def __init__(self, agent: Agent, settings: Callable[[], Settings]) -> None:
        self._agent = agent
        self._settings = settings
        self._stop = threading.Event()
        self._servers: dict[str, str] = {}
        self._next_check_s = 0.0
        self.latest = Snapshot()
        self._thread = threading.Thread(target=self._run, name="ros-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop reading."""
        self._stop.set()
        self._thread.join(_SERVER_TIMEOUT_S * 2 + PERIOD_S)

    def _run(self) -> None:
        while not self._stop.is_set():
            try:
                self._look()
            except Exception:
                # The outermost loop of a thread: diagnostics must not end with one fault.
                _log.exception("the node's state could not be read")
            self._stop.wait(PERIOD_S)

    def _look(self) -> None:
        status: AgentStatus | None = None
        problem = ""
        try:
            status = self._agent.status()
        except AgentError as error:
            problem = str(error)
        self.latest = Snapshot(status, dict(self._servers), problem)
        settings = self._settings()
        if time.monotonic() >= self._next_check_s:
            self._next_check_s = time.monotonic() + settings.ros.server_check_s
            self._servers = check_servers(settings, self._stop)
            self.latest = Snapshot(status, dict(self._servers), problem)


def check_servers(settings: Settings, stop: threading.Event) -> dict[str, str]:
    """What is wrong with the servers that the settings name, by stage."""
    problems: dict[str, str] = {}
    for stage, chosen in (("perception", settings.perception), ("reasoning", settings.reasoning)):
        if chosen.backend != "served" or stop.is_set():
            continue
        from embodied_agent.chat.client import ChatServer

        try:
            server = ChatServer(chosen.server)
            try:
                server.models(_SERVER_TIMEOUT_S)
            finally:
                server.close()
            problems[stage] = ""
        except ModelError as error:
            problems[stage] = str(error)
    return problems
