"""The interfaces of one running agent: web and MQTT, on one asyncio loop in a thread of its own.

    with Agent(settings) as agent, serving(agent, settings) as interfaces:
        print(interfaces.url)              # None where the web interface is off
        ...                                # frames in, until it is time to stop

What is off in the settings is not imported. One interface that fails is tried again, with growing
waits, and stops neither the agent nor the others; a setting that can't be used stops the start.

Not here: what an interface does (`embodied_agent.interfaces.web`, `.mqtt`, `.ros`).
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Protocol

from embodied_agent.agent import Agent
from embodied_agent.agent.question_queue import QuestionQueue
from embodied_agent.errors import AgentError, SettingsError
from embodied_agent.interfaces.wire.models import SourceState
from embodied_agent.settings import Settings
from embodied_agent.support.extras import missing_package

_log = logging.getLogger(__name__)

#: Wait before an interface that failed is tried again: the first and the longest, in seconds.
_RETRY_S, _RETRY_MAX_S = 1.0, 30.0
#: How long `serving` waits for the interfaces, to start and to end, in seconds.
START_S, CLOSE_S = 30.0, 15.0


class Part(Protocol):
    """One interface."""

    @property
    def ready(self) -> threading.Event:
        """Set once it serves, or tries to where that needs somebody else (a broker)."""
        ...

    async def serve(self, stop: asyncio.Event) -> None:
        """Serve until ``stop``. Raises `SettingsError` where trying again is of no use."""
        ...

    def status(self) -> dict[str, Any]:
        """State and counters as JSON-ready values; called from any thread. ``last_error`` is what
        is wrong at present, empty when nothing is."""
        ...


class Interfaces:
    """Web and MQTT as the settings say. Every method may be called from any thread.

    Args:
        agent: what they show.
        asks: takes their questions.
        settings: which are on, and how.
        not_ready: why the process as a whole can't do its work yet, as lines; none when it can.
        source: where frames come from; ``None`` where nobody says.

    Raises:
        SettingsError: an interface that is on can't be used as set, or its packages are missing.
    """

    def __init__(
        self,
        agent: Agent,
        asks: QuestionQueue,
        settings: Settings,
        *,
        not_ready: Callable[[], list[str]] = list,
        source: Callable[[], SourceState | None] = lambda: None,
    ) -> None:
        self.asks = asks
        self.url: str | None = None
        self._parts: dict[str, Part] = {}
        self._problems: dict[str, str] = {}
        self._off: set[str] = set()  # those that settings keep from ever serving
        if settings.web.enabled:
            try:
                from embodied_agent.interfaces.web.server import WebServer
            except ModuleNotFoundError as error:
                raise SettingsError(missing_package("web.enabled", "web", error)) from error
            web = WebServer(
                agent,
                asks,
                settings,
                interfaces=self.status,
                not_ready=not_ready,
                source=source,
            )
            self._parts["web"], self.url = web, web.url
        if settings.mqtt.enabled:
            try:
                from embodied_agent.interfaces.mqtt.service import Service
            except ModuleNotFoundError as error:
                raise SettingsError(missing_package("mqtt.enabled", "mqtt", error)) from error
            self._parts["mqtt"] = Service(agent, asks, settings)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop: asyncio.Event | None = None
        self._main: asyncio.Task[None] | None = None
        self._running = threading.Event()
        self._thread: threading.Thread | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Which are on."""
        return tuple(self._parts)

    def start(self, timeout_s: float = START_S) -> None:
        """Serve from now on; returns once each interface does, or tries to.

        Raises:
            AgentError: one could not begin in that time; `problems` says more.
        """
        if not self._parts:
            return
        self._thread = threading.Thread(target=self._run, name="interfaces", daemon=True)
        self._thread.start()
        for name, part in self._parts.items():
            if not part.ready.wait(timeout_s):
                problem = self._problems.get(name) or "no reason is known; see the log"
                self.close()
                raise AgentError(f"{name} did not start within {timeout_s:g} s: {problem}")
            if name in self._off:
                self.close()
                raise SettingsError(f"{name}: {self._problems[name]}")

    def close(self, timeout_s: float = CLOSE_S) -> None:
        """Stop serving; what still runs after the time-out is cut off. Safe to call twice."""
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
        """What is wrong with which interface, in words; empty when nothing is."""
        found = {name: values["problem"] for name, values in self.status().items()}
        return {name: problem for name, problem in found.items() if problem}

    def status(self) -> dict[str, dict[str, Any]]:
        """By name: its own state and counters, and ``problem``: why it does not serve, or what it
        says itself is wrong at present."""
        found = {}
        for name, part in self._parts.items():
            values = part.status()
            problem = self._problems.get(name) or str(values.get("last_error", ""))
            found[name] = {**values, "problem": problem}
        return found

    def _on_loop(self, call: Callable[[], object]) -> None:
        if self._loop is not None:
            # The loop may have ended just now, which is what is wanted.
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
        tasks = [self._keep(name, part, self._stop) for name, part in self._parts.items()]
        self._running.set()
        with suppress(asyncio.CancelledError):
            await asyncio.gather(*tasks)

    async def _keep(self, name: str, part: Part, stop: asyncio.Event) -> None:
        wait_s = _RETRY_S
        while True:
            try:
                await part.serve(stop)
                problem = "it ended by itself"
            except SettingsError as error:
                # Nothing will change until somebody changes the settings.
                self._problems[name] = str(error)
                self._off.add(name)
                _log.error("%s is off: %s", name, error)
                part.ready.set()
                return
            except AgentError as error:
                problem = str(error)
                _log.error("%s failed, next try in %.0f s: %s", name, wait_s, error)
            except Exception as error:
                # One interface's outermost level: the others and the agent go on.
                problem = repr(error)
                _log.exception("%s failed, next try in %.0f s", name, wait_s)
            if stop.is_set():
                return
            self._problems[name] = problem
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(stop.wait(), wait_s)
            if stop.is_set():
                return
            wait_s = min(2 * wait_s, _RETRY_MAX_S)
            self._problems.pop(name, None)


@contextmanager
def serving(
    agent: Agent,
    settings: Settings,
    *,
    not_ready: Callable[[], list[str]] = list,
    source: Callable[[], SourceState | None] = lambda: None,
    on_asks: Callable[[QuestionQueue], object] = lambda asks: None,
) -> Iterator[Interfaces]:
    """An agent's interfaces, with the questions that they share, until the block ends.

    At the end the questions in the making are answered first (that the agent is stopping), and
    then the interfaces go, so that those who asked hear of it.

    Args:
        agent: stays open.
        settings: which interfaces are on, and how.
        not_ready: as for `Interfaces`.
        source: as for `Interfaces`.
        on_asks: told of the queue of questions before anybody can ask.

    Raises:
        AgentError: an interface can't be used as set, or did not begin in time.
    """
    reasoning = settings.reasoning
    asks = QuestionQueue(agent, parallel=reasoning.parallel, waiting=reasoning.waiting)
    try:
        on_asks(asks)
        interfaces = Interfaces(agent, asks, settings, not_ready=not_ready, source=source)
        interfaces.start()
    except BaseException:
        asks.close()
        raise
    try:
        yield interfaces
    finally:
        asks.close()
        interfaces.close()
