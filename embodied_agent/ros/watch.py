"""A second look at everything, once a second, on a thread of its own: for diagnostics.

Counting what a large memory holds and knocking at the models' servers can take time that the
executor does not have.

Not here: what is good and what is bad (`diagnostics`).
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from embodied_agent.agent import Agent
from embodied_agent.errors import AgentError, ModelError
from embodied_agent.settings import Settings

_log = logging.getLogger(__name__)

#: How often the agent's state is read, in seconds.
PERIOD_S = 1.0
#: Longest wait for a server, in seconds.
_SERVER_TIMEOUT_S = 3.0


@dataclass(frozen=True)
class Seen:
    """What was seen last. ``servers`` maps "perception" and "reasoning", where they are served, to
    what is wrong, empty when nothing is; ``problem`` says why the state could not be read."""

    status: dict[str, Any] = field(default_factory=dict)
    servers: dict[str, str] = field(default_factory=dict)
    problem: str = ""


class Watch:
    """Looks until it is closed; ``seen`` is the latest.

    Args:
        agent: is looked at.
        settings: called for the settings of now.
    """

    def __init__(self, agent: Agent, settings: Callable[[], Settings]) -> None:
        self._agent = agent
        self._settings = settings
        self._stop = threading.Event()
        self._servers: dict[str, str] = {}
        self._next_check_s = 0.0
        self.seen = Seen()
        self._thread = threading.Thread(target=self._run, name="ros-watch", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop looking."""
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
        try:
            status, problem = self._agent.status(), ""
        except AgentError as error:
            status, problem = {}, str(error)
        self.seen = Seen(status, dict(self._servers), problem)
        settings = self._settings()
        if time.monotonic() >= self._next_check_s:
            self._next_check_s = time.monotonic() + settings.ros.server_check_s
            self._servers = check_servers(settings, self._stop)
            self.seen = Seen(status, dict(self._servers), problem)


def check_servers(settings: Settings, stop: threading.Event) -> dict[str, str]:
    """What is wrong with the servers that the settings name, by stage."""
    found: dict[str, str] = {}
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
            found[stage] = ""
        except ModelError as error:
            found[stage] = str(error)
    return found
