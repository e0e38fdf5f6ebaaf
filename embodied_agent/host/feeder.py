"""Feeds a source into an agent for as long as the process lives: paced, looped, reconnected.

Cameras and streams are read as fast as they deliver; a recording plays at the pace of its stamps,
as if it were a camera. Either way only the latest frame waits, and excess frames are dropped and
counted. A lost stream is reopened after growing delays. Each loop of a recording, and each time a
stream comes back, starts a segment of its own.

Out of scope: interfaces (`embodied_agent.host.interfaces`), signals and the log
(`embodied_agent.cli.run`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

from embodied_agent.agent import Agent
from embodied_agent.errors import AgentError, SourceError
from embodied_agent.host.event_log import log_event
from embodied_agent.interfaces.wire.models import SourceState
from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import Source, open_source
from embodied_agent.support.backoff import Backoff
from embodied_agent.support.pace import Pace

#: Delay before a lost stream is reopened: the first and the longest, in seconds.
_RETRY_S, _RETRY_MAX_S = 1.0, 30.0
#: After a stream has run this long, in seconds, the delay starts over from the first.
_STABLE_S = 30.0


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
        SourceError: it can't be opened.
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
        self._problem = ""
        self._seen = 0
        self._finished = False
        #: Why it ended prematurely.
        self.error: AgentError | None = None
        self._source: Source | None = open_source(spec, settings)
        self.description = self._source.description
        self.live = self._source.live
        self._name = self.description if self.live else Path(spec).name or spec
        #: How often a stream was lost, or could not be opened.
        self.losses = 0
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)

    def state(self) -> SourceState:
        """What is fed, for people, and whether it has finished."""
        return SourceState(name=self._name, recording=not self.live, finished=self._finished)

    def start(self) -> None:
        """Start feeding."""
        self._thread.start()

    def status(self) -> dict[str, str | int | bool]:
        """The state of the source, for diagnostics."""
        if self.error is not None:
            state = "failed"
        elif self._problem:
            state = "reconnecting"
        else:
            state = "delivering" if self._seen else "opening"
        return {
            "source": self.description,
            "live": self.live,
            "state": state,
            "frames": self._seen,
            "losses": self.losses,
            "problem": self._problem,
        }

    def not_ready(self) -> list[str]:
        """Why no frames are coming in at present; empty when they are."""
        if self._problem:
            return [self._problem]
        return [] if self._seen else ["no frame has arrived yet"]

    def stop(self, timeout_s: float) -> None:
        """Stop reading. Waits up to ``timeout_s`` seconds for the frame that is being read, which a
        dead stream may delay."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._feed()
            self._finished = True
        except AgentError as error:
            self.error, self._problem = error, str(error)
        except Exception as error:
            # The outermost level of the thread: the process ends with it.
            self.error = AgentError(f"reading {self._spec} failed unexpectedly: {error!r}")
            self.error.__cause__ = error
        finally:
            self._on_end()

    def _feed(self) -> None:
        backoff = Backoff(_RETRY_S, _RETRY_MAX_S, stable_s=_STABLE_S)
        while not self._stop.is_set():
            backoff.begin()
            try:
                self._play()
                if not self._loop or self.live:
                    return
                self._end_segment()
                log_event("loop", source=self.description)
            except SourceError as error:
                if not self.live or self._stop.is_set():
                    raise
                self.losses += 1
                self._end_segment()
                wait_s = backoff.failure_s()
                self._problem = f"{error}; retrying in {wait_s:.0f} s"
                log_event("source_lost", problem=str(error), retry_in_s=round(wait_s, 3))
                self._stop.wait(wait_s)

    def _play(self) -> None:
        """One pass through the source."""
        with self._source or open_source(self._spec, self._settings) as source:
            self._source = None
            pace = Pace(self._speed)
            for frame in source:
                if not source.live and self._stop.wait(pace.wait_s(frame.stamp_ns)):
                    return
                if self._stop.is_set():
                    return
                self._take(frame)

    def _take(self, frame: Frame) -> None:
        self._agent.observe(frame, wait=False)
        self._seen += 1
        if self._problem:
            self._problem = ""
            log_event("source_back", source=self.description)

    def _end_segment(self) -> None:
        self._agent.finish()
        self._agent.reset()
