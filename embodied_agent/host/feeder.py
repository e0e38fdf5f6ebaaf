"""Feeds a source into an agent for as long as the process lives: paced, looped, reconnected.

Cameras and streams are read as fast as they deliver; a recording plays at the pace of its stamps,
as if it were a camera. Either way only the latest frame waits, and excess frames are dropped and
counted. A lost stream is reopened after growing delays. Each loop of a recording, and each time a
stream comes back, starts a segment of its own. A camera that is absent at the start is waited for
like one that was lost; a source that can never be opened (no such file, a scheme that is not read)
is refused at once.

Out of scope: interfaces (`embodied_agent.host.interfaces`), signals and the log
(`embodied_agent.cli.run`).
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from pathlib import Path

from embodied_agent.agent import Agent
from embodied_agent.errors import AgentError, SourceError, StoreError
from embodied_agent.host.event_log import log_event
from embodied_agent.host.source_watch import SourceWatch
from embodied_agent.interfaces.wire.models import SourceState
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import Source, check_live, is_live, open_source
from embodied_agent.sources.names import shown
from embodied_agent.support.backoff import Backoff
from embodied_agent.support.pace import Pace
from embodied_agent.support.throttled_log import ThrottledLog

#: Delay before a lost stream is reopened: the first and the longest, in seconds.
_RETRY_S, _RETRY_MAX_S = 1.0, 30.0
#: After a stream has run this long, in seconds, the delay starts over from the first.
_STABLE_S = 30.0

#: That a last frame could not be stored is logged at most this often, in seconds.
_LOG_EVERY_S = 60.0


class Feeder:
    """Reads a source on a thread of its own.

    Args:
        agent: gets the frames.
        spec: what `open_source` opens.
        settings: of the source.
        loop: repeat a recording endlessly.
        speed: of a recording; 2 is twice its original pace.
        on_end: called on the thread when no more frames will come.

    Raises:
        SourceError: a recording can't be opened, or ``spec`` names no camera or stream at all.
        SettingsError: ``source.redact`` names nothing that is installed.
    """

    def __init__(
        self,
        agent: Agent,
        spec: str,
        settings: SourceSettings,
        *,
        loop: bool = False,
        speed: float = 1.0,
        on_end: Callable[[], object] = lambda: None,
    ) -> None:
        self._agent, self._spec, self._settings = agent, spec, settings
        self._loop, self._speed, self._on_end = loop, speed, on_end
        self._stop = threading.Event()
        #: Why it ended prematurely.
        self.error: AgentError | None = None
        self.live = is_live(spec)
        self._source: Source | None = None
        if self.live:
            check_live(spec, settings)
            self.description = name = shown(spec)
        else:
            self._source = open_source(spec, settings)
            self.description, name = self._source.description, Path(spec).name or spec
        self._watch = SourceWatch(name, live=self.live, sample_hz=settings.sample_hz)
        agent.begin_live()
        self._not_stored = ThrottledLog(_log_not_stored, every_s=_LOG_EVERY_S)
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)

    def state(self) -> SourceState:
        """What is fed, for people: whether it delivers, and why not."""
        return self._watch.state()

    def not_ready(self) -> list[str]:
        """Why no frames are coming in at present; empty when they are."""
        return self._watch.not_ready()

    def start(self) -> None:
        """Start feeding."""
        self._thread.start()

    def stop(self, timeout_s: float) -> None:
        """Stop reading. Waits up to ``timeout_s`` seconds for the frame that is being read, which a
        dead stream may delay."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._feed()
            self._watch.ended()
        except AgentError as error:
            self.error = error
        except Exception as error:
            # The outermost level of the thread: the process ends with it.
            self.error = AgentError(f"reading {self.description} failed unexpectedly: {error!r}")
            self.error.__cause__ = error
        finally:
            if self.error is not None:
                self._watch.ended(str(self.error))
            self._on_end()

    def _feed(self) -> None:
        backoff = Backoff(_RETRY_S, _RETRY_MAX_S, stable_s=_STABLE_S)
        while not self._stop.is_set():
            backoff.begin()
            before = self._watch.frames
            try:
                self._play()
                if not self._loop or self.live:
                    return
                self._end_segment()
                log_event("loop", source=self.description)
            except SourceError as error:
                if self._stop.is_set():
                    return
                if not self.live:
                    raise
                delivered = self._watch.frames > before
                if delivered:
                    self._end_segment()
                wait_s = backoff.failure_s()
                self._watch.lost(str(error), wait_s)
                log_event(
                    "source_lost" if delivered else "source_absent",
                    problem=str(error),
                    retry_in_s=round(wait_s, 3),
                )
                self._stop.wait(wait_s)

    def _play(self) -> None:
        """One pass through the source."""
        with self._source or open_source(self._spec, self._settings) as source:
            self._source = None
            pace = Pace(self._speed)
            if not source.live:
                self._agent.hear(source)
            for frame in source:
                if not source.live and self._stop.wait(pace.wait_s(frame.stamp_ns)):
                    return
                if self._stop.is_set():
                    return
                self._agent.observe(frame, wait=False)
                if self._watch.frame():
                    log_event("source_back", source=self.description)

    def _end_segment(self) -> None:
        try:
            self._agent.finish()
        except StoreError as error:
            # As with a full disk: the last frame is lost, and everything goes on.
            self._not_stored.add("not_stored", str(error))
        self._agent.reset()


def _log_not_stored(problem: str) -> None:
    log_event("not_stored", logging.ERROR, problem=problem)
