"""`embodied-agent run`: the long-running process, with a source in and the interfaces up."""

from __future__ import annotations

import logging
import os
import queue
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from embodied_agent.cli.common import debugging, explained, settings_from
from embodied_agent.cli.model_options import ModelOptions
from embodied_agent.cli.option_groups import with_option_groups
from embodied_agent.cli.options import (
    ConfigOption,
    MemoryOption,
    PortOption,
    SetOption,
    SourceArgument,
)

if TYPE_CHECKING:
    from embodied_agent.agent import Agent
    from embodied_agent.host.feeder import Feeder
    from embodied_agent.host.interfaces import Interfaces
    from embodied_agent.settings import Settings

#: What the main thread waits for. A simple queue may be put to from within a signal handler.
_News = queue.SimpleQueue[str]

#: The main thread wakes this often, to tell the supervisor that the process is alive, in seconds.
_TICK_S = 10.0
#: How long it waits for perception at the end of a recording before it looks around, in seconds.
_DRAIN_S = 1.0
#: How long the frame that is being read may delay the end, in seconds.
_STOP_S = 5.0


@with_option_groups
def run(
    source: SourceArgument,
    memory: MemoryOption = None,
    loop: Annotated[
        bool, typer.Option("--loop", metavar="", help="Repeat a recording endlessly.")
    ] = False,
    speed: Annotated[
        float,
        typer.Option(
            metavar="FACTOR", min=0.01, max=100.0, help="Pace of a recording, 1 for the original."
        ),
    ] = 1.0,
    stay: Annotated[
        bool,
        typer.Option("--stay", metavar="", help="Keep answering after a recording has ended."),
    ] = False,
    log_format: Annotated[
        Literal["text", "json"],
        typer.Option(metavar="FORMAT", help="Format of the log on stderr: text or json."),
    ] = "text",
    page: Annotated[
        bool | None,
        typer.Option(
            "--page/--no-page",
            metavar="",
            help="Serve the live page, the HTTP API, metrics and MCP (web.enabled).",
            rich_help_panel="Page",
        ),
    ] = None,
    port: PortOption = None,
    *,
    models: ModelOptions,
    config: ConfigOption = None,
    assignments: SetOption = None,
) -> None:
    """Watch SOURCE and answer questions over the interfaces that the settings enable.

    SIGTERM or Ctrl-C ends it cleanly; keyframes that await perception are processed at the next
    start. A recording plays at its original pace, as if it were a camera.
    """
    with explained():
        settings = settings_from(
            config,
            assignments,
            memory__path=None if memory is None else str(memory),
            web__enabled=page,
            web__port=port,
            **models.settings(),
        )
        from embodied_agent.host.event_log import log_to_stderr

        log_to_stderr(log_format, logging.DEBUG if debugging() else logging.INFO)
        with _news_of_signals() as news:
            _run(source, settings, news, loop=loop, speed=speed, stay=stay)


def _run(
    spec: str, settings: Settings, news: _News, *, loop: bool, speed: float, stay: bool
) -> None:
    from embodied_agent.agent import Agent
    from embodied_agent.host.event_log import log_agent, log_event, log_questions
    from embodied_agent.host.feeder import Feeder
    from embodied_agent.host.interfaces import serving
    from embodied_agent.host.systemd import notify

    with Agent(settings) as agent:
        log_agent(agent)
        feeder = Feeder(
            agent,
            spec,
            settings.source,
            loop=loop,
            speed=speed,
            on_end=lambda: news.put("ended"),
        )
        with serving(
            agent, settings, not_ready=feeder.not_ready, source=feeder.state, on_queue=log_questions
        ) as interfaces:
            feeder.start()
            log_event(
                "ready",
                url=interfaces.url,
                interfaces=list(interfaces.names),
                source=feeder.description,
                memory=settings.memory.path,
            )
            if not interfaces.names:
                log_event(
                    "problem",
                    logging.WARNING,
                    part="interfaces",
                    problem="no interface is enabled, so nobody can ask: add --page, or set "
                    "web.enabled or mqtt.enabled",
                )
            notify("READY=1", f"STATUS=watching {feeder.description}")
            try:
                _watch(agent, feeder, interfaces, news, stay=stay)
            finally:
                notify("STOPPING=1")
                feeder.stop(_STOP_S)
                _finish(agent)
                counts = agent.store.counts()
                log_event("stopping", keyframes=counts.total, pending=counts.pending)
        log_event("stopped")
    if feeder.error is not None:
        raise feeder.error


def _watch(
    agent: Agent, feeder: Feeder, interfaces: Interfaces, news: _News, *, stay: bool
) -> None:
    """Wait for the end, telling the supervisor meanwhile that the process is alive.

    Raises:
        ModelError: a recording has ended and the rest of it can't be perceived.
    """
    from embodied_agent.host.event_log import log_event
    from embodied_agent.host.systemd import notify, watchdog_period_s

    tick_s = min(_TICK_S, watchdog_period_s() or _TICK_S)
    known: dict[str, str] = {}
    ended = False
    while True:
        with suppress(queue.Empty):
            if news.get(timeout=min(tick_s, _DRAIN_S) if ended and not stay else tick_s) == "stop":
                return
            ended = True
            if feeder.error is not None:
                return
            _finish(agent)
            log_event("source_ended", source=feeder.description)
        if ended and not stay and agent.drain(_DRAIN_S):
            return
        problems = {**interfaces.problems(), **_stage_problems(agent)}
        for name, problem in problems.items():
            if known.get(name) != problem:
                log_event("problem", logging.ERROR, part=name, problem=problem)
        known = problems
        notify("WATCHDOG=1")


def _finish(agent: Agent) -> None:
    """Keep the last frame; where it can't be stored, say so and go on."""
    from embodied_agent.errors import StoreError
    from embodied_agent.host.event_log import log_event

    try:
        agent.finish()
    except StoreError as error:
        log_event("not_stored", logging.ERROR, problem=str(error))


def _stage_problems(agent: Agent) -> dict[str, str]:
    """What has stopped a stage for good.

    A stage that never releases its lock blocks this too: then the supervisor no longer hears from
    the process, and restarts it.
    """
    from embodied_agent.errors import AgentError

    try:
        perception = agent.status().perception
    except AgentError as error:
        return {"memory": str(error)}
    if perception is not None and perception.state == "stopped":
        return {"perception": perception.last_error}
    return {}


@contextmanager
def _news_of_signals() -> Iterator[_News]:
    """SIGTERM and Ctrl-C become news; a second one ends the process at once."""
    news: _News = queue.SimpleQueue()
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    interrupted = False

    def on_signal(number: int, frame: object) -> None:
        nonlocal interrupted
        if interrupted:
            os._exit(128 + number)
        interrupted = True
        news.put("stop")

    for number in before:
        signal.signal(number, on_signal)
    try:
        yield news
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
