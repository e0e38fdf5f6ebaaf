"""The interfaces of one running agent (web, MQTT, webhooks, fleet), on a loop in its own thread.

    with Agent(settings) as agent, serving(agent, settings) as interfaces:
        print(interfaces.url)              # None where the web interface is off
        ...                                # frames in, until it is time to stop

An interface that is off in the settings is not imported. One that fails is restarted after
growing delays, and stops neither the agent nor the others; a setting that can't be used fails the
start.

Out of scope: what an interface does (`embodied_agent.interfaces.web`,
`embodied_agent.interfaces.mqtt`, `embodied_agent.fleet.sending.sender`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from typing import Protocol

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.errors import AgentError, SettingsError
from embodied_agent.interfaces.status import InterfaceStatus
from embodied_agent.interfaces.webhooks import Webhooks
from embodied_agent.interfaces.wire.models import SourceState
from embodied_agent.settings import Settings
from embodied_agent.support.backoff import Backoff
from embodied_agent.support.extras import missing_package

_log = logging.getLogger(__name__)

#: Delay before an interface that failed is restarted: the first and the longest, in seconds.
_RETRY_S, _RETRY_MAX_S = 1.0, 30.0
#: After an interface has served this long, in seconds, the delay starts over from the first.
_STABLE_S = 60.0
#: How long `serving` waits for the interfaces to start and to end, in seconds.
START_S, CLOSE_S = 30.0, 15.0


class Interface(Protocol):
    """One way to reach the agent."""

    @property
    def ready(self) -> threading.Event:
        """Set once it serves, or tries to where that depends on others (a broker)."""
        ...

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until ``stop``. Raises `SettingsError` where a restart would not help."""
        ...

    def status(self) -> InterfaceStatus:
        """State and counters at this moment; called from any thread."""
        ...


class Interfaces:
    """Web and MQTT as the settings say. Every method may be called from any thread.

    Args:
        agent: what they show.
        questions: the question queue.
        settings: which are enabled, and how.
        not_ready: why the process as a whole can't do its work yet, one reason a line; empty when
            it can.
        source: where frames come from; ``None`` where the host does not say.

    Attributes:
        questions: the question queue that they share.
        url: where the page is, ``None`` where the web interface is off.

    Raises:
        SettingsError: an interface that is on can't be used as set, or its packages are missing.
    """

    def __init__(
        self,
        agent: Agent,
        questions: QuestionQueue,
        settings: Settings,
        *,
        not_ready: Callable[[], list[str]] = list,
        source: Callable[[], SourceState | None] = lambda: None,
    ) -> None:
        self.questions = questions
        self.url: str | None = None
        self._interfaces: dict[str, Interface] = {}
        self._problems: dict[str, str] = {}
        self._off: set[str] = set()  # those that can't serve with these settings
        if settings.web.enabled:
            try:
                from embodied_agent.interfaces.web.server import WebServer
            except ModuleNotFoundError as error:
                raise SettingsError(missing_package("web.enabled", "web", error)) from error
            web = WebServer(
                agent,
                questions,
                settings,
                interfaces=self.status,
                not_ready=not_ready,
                source=source,
            )
            self._interfaces["web"], self.url = web, web.url
        if settings.mqtt.enabled:
            try:
                from embodied_agent.interfaces.mqtt.service import Service
            except ModuleNotFoundError as error:
                raise SettingsError(missing_package("mqtt.enabled", "mqtt", error)) from error
            self._interfaces["mqtt"] = Service(agent, questions, settings)
        if settings.alerts.webhooks:
            self._interfaces["webhooks"] = Webhooks(agent, settings.alerts)
        if settings.fleet.is_on:
            try:
                from embodied_agent.fleet.sending.sender import Sender, uplink_for

                uplink = uplink_for(settings.fleet, settings.mqtt)
            except ModuleNotFoundError as error:
                raise SettingsError(
                    missing_package("fleet.transport mqtt", "mqtt", error)
                ) from error
            self._interfaces["fleet"] = Sender(agent, settings.fleet, uplink)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._main: asyncio.Task[None] | None = None
        self._running = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The names of the enabled ones."""
        return tuple(self._interfaces)

    def start(self, timeout_s: float = START_S) -> None:
        """Serve from now on; returns once each interface does, or tries to.

        Raises:
            AgentError: one did not start in that time; `problems` says more.
        """
        if not self._interfaces:
            return
        self._thread = threading.Thread(target=self._run, name="interfaces", daemon=True)
        self._thread.start()
        for name, interface in self._interfaces.items():
            if not interface.ready.wait(timeout_s):
                problem = self._problems.get(name) or "the reason is unknown; see the log"
                self.close()
                raise AgentError(f"{name} did not start within {timeout_s:g} s: {problem}")
            if name in self._off:
                self.close()
                raise SettingsError(f"{name}: {self._problems[name]}")

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Stop serving; what is still running after the time-out is cut off. Safe to call twice."""
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._running.wait(timeout_s)
        self._on_loop(lambda: self._stop.set() if self._stop else None)
        thread.join(timeout_s)
        if thread.is_alive():
            _log.warning("the interfaces did not end within %g s and are cut off", timeout_s)
            self._on_loop(lambda: self._main.cancel() if self._main else None)
            thread.join(2.0)

    def problems(self) -> dict[str, str]:
        """What is wrong with which interface; empty when nothing is."""
        return {name: s.problem for name, s in self.status().items() if s.problem}

    def status(self) -> dict[str, InterfaceStatus]:
        """State and counters of each interface, by name."""
        statuses = {}
        for name, interface in self._interfaces.items():
            status = interface.status()
            problem = self._problems.get(name) or status.last_error
            statuses[name] = replace(status, problem=problem)
        return statuses

    def _on_loop(self, call: Callable[[], object]) -> None:
        if self._loop is not None:
            # The loop may just have ended, which is what the call is for.
            with suppress(RuntimeError):
                self._loop.call_soon_threadsafe(call)

    def _run(self) -> None:
        try:
            asyncio.run(self._serve_all())
        except Exception:
            # The outermost level of a thread.
            _log.exception("the interfaces stopped")
        finally:
            self._running.set()

    async def _serve_all(self) -> None:
        self._loop, self._stop = asyncio.get_running_loop(), asyncio.Event()
        self._main = asyncio.current_task()
        tasks = [
            self._keep_serving(name, interface, self._stop)
            for name, interface in self._interfaces.items()
        ]
        self._running.set()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)

    async def _keep_serving(self, name: str, interface: Interface, stop: asyncio.Event) -> None:
        backoff = Backoff(_RETRY_S, _RETRY_MAX_S, stable_s=_STABLE_S)
        while True:
            backoff.begin()
            try:
                await interface.serve(stop)
                problem = "it stopped by itself"
            except SettingsError as error:
                # A restart would fail in the same way until the settings change.
                self._problems[name] = str(error)
                self._off.add(name)
                _log.error("%s is off: %s", name, error)
                interface.ready.set()
                return
            except AgentError as error:
                problem = str(error)
                _log.error("%s failed: %s", name, problem)
            except Exception as error:
                # The outermost level of one interface: the others and the agent continue.
                problem = repr(error)
                _log.exception("%s failed", name)
            if stop.is_set():
                return
            self._problems[name] = problem
            wait_s = backoff.failure_s()
            _log.info("%s restarts in %.1f s", name, wait_s)
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)
            if stop.is_set():
                return
            self._problems.pop(name, None)


@contextmanager
def serving(
    agent: Agent,
    settings: Settings,
    *,
    not_ready: Callable[[], list[str]] = list,
    source: Callable[[], SourceState | None] = lambda: None,
    on_queue: Callable[[QuestionQueue], object] = lambda questions: None,
) -> Iterator[Interfaces]:
    """An agent's interfaces, with the question queue that they share, until the block ends.

    The agent's reasoner is loaded ahead (`Agent.prepare`). At the end, open questions are answered
    (with the problem that the agent is stopping) before the interfaces close, so that their clients
    learn of it.

    Args:
        agent: stays open.
        settings: which interfaces are enabled, and how.
        not_ready: as for `Interfaces`.
        source: as for `Interfaces`.
        on_queue: called with the question queue before anybody can ask.

    Raises:
        AgentError: an interface can't be used as set, or did not start in time.
    """
    reasoning = settings.reasoning
    questions = QuestionQueue(agent, parallel=reasoning.parallel, waiting=reasoning.waiting)
    try:
        on_queue(questions)
        interfaces = Interfaces(agent, questions, settings, not_ready=not_ready, source=source)
        interfaces.start()
        agent.prepare()
    except BaseException:
        questions.close()
        raise
    try:
        yield interfaces
    finally:
        questions.close()
        interfaces.close()
