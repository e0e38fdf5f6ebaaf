"""The state of a source: connecting, connected, silent or reconnecting, since when, and why.

Out of scope: opening and reading it (`embodied_agent.host.feeder`).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from embodied_agent.interfaces.wire.models import ConnectionState, SourceState

#: A camera is silent once its next frame is later than this, in seconds, and later than this many
#: times the usual gap between its frames.
_SILENT_S, _SILENT_GAPS = 3.0, 3.0
#: Weight of the newest gap in the usual one.
_GAP_WEIGHT = 0.2


@dataclass(frozen=True, slots=True)
class _Now:
    """A state, when it began (monotonic seconds), and why it is not a good one."""

    state: ConnectionState
    since: float
    problem: str = ""
    retry_at: float | None = None


class SourceWatch:
    """The state of one source. Written by the thread that reads it, read from any thread.

    Args:
        name: for people, without passwords.
        live: a camera or a stream, not a recording.
        sample_hz: frames are taken at most this often; 0: all.
        clock: monotonic seconds.
    """

    def __init__(
        self,
        name: str,
        *,
        live: bool,
        sample_hz: float = 0.0,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._name, self._live, self._clock = name, live, clock
        self._gap_s = 1 / sample_hz if sample_hz > 0 else 0.0
        self._now = _Now("connecting", clock())
        self._frame_at: float | None = None
        self.frames = 0
        #: How often it was lost, or could not be opened.
        self.losses = 0

    def frame(self) -> bool:
        """A frame has come. Returns whether that ends a problem."""
        at, before = self._clock(), self._frame_at
        if before is not None:
            self._gap_s += _GAP_WEIGHT * (at - before - self._gap_s)
        self.frames += 1
        now = self._now
        if now.state not in ("connected", "playing"):
            self._now = _Now("connected" if self._live else "playing", at)
        self._frame_at = at
        return bool(now.problem)

    def lost(self, problem: str, retry_s: float) -> None:
        """It broke, or could not be opened; it is tried again in ``retry_s`` seconds."""
        now = self._clock()
        before = self._now
        state: ConnectionState = "reconnecting" if self.frames else "connecting"
        since = before.since if before.state == state else now
        self.losses += 1
        self._now = _Now(state, since, problem, now + retry_s)
        self._frame_at = None

    def ended(self, problem: str = "") -> None:
        """No more frames will come: it is finished, or failed if there is a problem."""
        self._now = _Now("failed" if problem else "finished", self._clock(), problem)

    def state(self) -> SourceState:
        """The state at this moment."""
        now, at, frame_at = self._now, self._clock(), self._frame_at
        state, since, problem = now.state, now.since, now.problem
        if self._live and state == "connected" and frame_at is not None:
            silent_s = at - frame_at
            if silent_s > max(_SILENT_S, _SILENT_GAPS * self._gap_s):
                state, since = "silent", frame_at
                problem = f"no frame for {silent_s:.0f} s"
        return SourceState(
            name=self._name,
            recording=not self._live,
            finished=state == "finished",
            state=state,
            state_s=max(0.0, at - since),
            problem=problem,
            retry_in_s=None if now.retry_at is None else max(0.0, now.retry_at - at),
            losses=self.losses,
        )

    def not_ready(self) -> list[str]:
        """Why no frames are coming in; empty if they are, or if all have come."""
        seen = self.state()
        if seen.state in ("connected", "playing", "finished"):
            return []
        if not seen.problem:
            return ["no frame has arrived yet"]
        retry = "" if seen.retry_in_s is None else f"; retrying in {seen.retry_in_s:.0f} s"
        where = f"{self._name}: " if seen.state == "silent" else ""
        return [f"{where}{seen.problem}{retry}"]
