"""A source into an agent for as long as the process lives: paced, looped, reconnected.

Cameras and streams come as they are; a recording plays at the pace of its stamps, as if it were
one. Either way only the latest frame waits, and what is too much is dropped and counted. A stream
that is lost is opened again, with growing waits; each loop of a recording, and each return of a
stream, is a segment of its own.

Not here: interfaces (`embodied_agent.host.interfaces`), signals and log (`commands.run`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from embodied_agent.agent import Agent
from embodied_agent.errors import AgentError, SourceError
from embodied_agent.host.event_log import log_event
from embodied_agent.records import Frame
from embodied_agent.settings import SourceSettings
from embodied_agent.sources import Source, is_live, open_source
from embodied_agent.sources.names import shown

#: Wait before a lost stream is opened again: the first and the longest, in seconds.
_RETRY_S, _RETRY_MAX_S = 1.0, 30.0
#: A stream that ran this long was well: the next wait is a short one again, in seconds.
_WELL_S = 30.0
#: A gap between stamps that is longer is not waited for, in seconds.
_LONGEST_GAP_S = 5.0


class Feeder:
    """Reads a source on a thread of its own.

    Args:
        agent: gets the frames.
        spec: what `open_source` opens.
        settings: of the source.
        loop: play a recording again and again.
        speed: of a recording; 2 is twice as fast as its stamps say.
        on_end: called on the thread when nothing more will come.

    Raises:
        SourceError: it is a recording and can't be opened. A camera or stream is tried again.
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
        #: Why it ended before its time.
        self.error: AgentError | None = None
        self.live = is_live(spec)
        self._source: Source | None = None
        if self.live:
            # A camera may come up later than this process: it is opened, and tried again, there.
            self.description = shown(spec)
        else:
            self._source = open_source(spec, settings)
            self.description = self._source.description
        #: How often a stream was lost, or could not be opened.
        self.losses = 0
        self._thread = threading.Thread(target=self._run, name="source", daemon=True)

    def start(self) -> None:
        """Feed from now on."""
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
        """Why nothing is seen at present; empty when something is."""
        if self._problem:
            return [self._problem]
        return [] if self._seen else ["no frame has come yet"]

    def stop(self, timeout_s: float) -> None:
        """Read no more; waits for the frame that is being read, which a dead stream may hold up."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join(timeout_s)

    def _run(self) -> None:
        try:
            self._feed()
        except AgentError as error:
            self.error, self._problem = error, str(error)
        except Exception as error:
            # The outermost level of a thread: the process ends with it.
            self.error = AgentError(f"a fault while reading {self._spec}: {error!r}")
            self.error.__cause__ = error
        finally:
            self._on_end()

    def _feed(self) -> None:
        wait_s = _RETRY_S
        while not self._stop.is_set():
            began = time.monotonic()
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
                if time.monotonic() - began > _WELL_S:
                    wait_s = _RETRY_S
                self._problem = f"{error}; next try in {wait_s:.0f} s"
                log_event("source_lost", problem=str(error), retry_in_s=wait_s)
                self._stop.wait(wait_s)
                wait_s = min(2 * wait_s, _RETRY_MAX_S)

    def _play(self) -> None:
        """One pass through the source."""
        with self._source or open_source(self._spec, self._settings) as source:
            self._source = None
            clock = _Clock(self._speed)
            for frame in source:
                if not source.live and self._stop.wait(clock.wait_s(frame.stamp_ns)):
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


class _Clock:
    """When a recording's frames are due."""

    def __init__(self, speed: float) -> None:
        self._speed = speed
        self._last_ns: int | None = None
        self._due = 0.0

    def wait_s(self, stamp_ns: int) -> float:
        """Seconds from now until the frame with this stamp is due."""
        now = time.monotonic()
        if self._last_ns is None:
            self._due = now
        else:
            gap_s = (stamp_ns - self._last_ns) / 1e9
            if not 0 <= gap_s <= _LONGEST_GAP_S:
                gap_s = 0.0
            # Behind by more than the gap: it does not try to catch up with the lost time.
            self._due = max(self._due + gap_s / self._speed, now - 1.0)
        self._last_ns = stamp_ns
        return max(0.0, self._due - now)
