"""Distinguishes a single wrong stamp from a clock that jumped.

A single frame stamped a day ahead, or seconds back, is at fault itself: it is dropped and counted,
and the following frames are not affected. If several frames in a row agree with one another but not
with those before, the clock has jumped, and they open a new segment. Until that is decided, at most
a few frames are held back.

A long gap is not a jump if frames arrive slowly, as in a time lapse: the limit for "far ahead"
grows with the usual interval.

Out of scope: segments themselves (`intake`).
"""

from __future__ import annotations

from collections import deque
from typing import Generic, Literal, NamedTuple, TypeVar

from embodied_agent.sources.base import CLOCK_RESTART_NS

#: This many consecutive frames that agree are a lasting jump.
AGREEING = 3
#: A frame may be out of line if it is this far ahead and by this many usual intervals.
_AHEAD_NS, _INTERVALS = 60_000_000_000, 10
#: A longer gap always begins a new segment.
_LONGEST_GAP_NS = 3_600_000_000_000
#: Number of recent intervals that define the usual one.
_RECENT = 8

F = TypeVar("F")


class Passed(NamedTuple, Generic[F]):
    """A frame to process. ``restart`` means that it opens a new segment."""

    frame: F
    restart: bool = False


class ClockGate(Generic[F]):
    """Checks stamps, in nanoseconds, in order of arrival. Not thread-safe.

    ``late`` counts frames that arrived a little after a newer one, ``absurd`` frames whose stamp
    was out of line.
    """

    def __init__(self) -> None:
        self.late = 0
        self.absurd = 0
        self._last_ns: int | None = None
        self._intervals: deque[int] = deque(maxlen=_RECENT)
        self._held: list[tuple[int, F]] = []

    def reset(self) -> None:
        """Accept any stamp for the next frame."""
        self.absurd += len(self._held)
        self._last_ns = None
        self._intervals.clear()
        self._held = []

    def restart(self) -> list[F]:
        """The frames held back, after another camera has shown that the clock jumped."""
        held, self._held = self._held, []
        self._last_ns = None
        self._intervals.clear()
        for stamp_ns, _ in held:
            self._pass(stamp_ns)
        return [frame for _, frame in held]

    def take(self, stamp_ns: int, frame: F) -> list[Passed[F]]:
        """The frames to process now: none, this one, or this one with those held back before."""
        where = self._where(stamp_ns)
        if where == "next":
            self.absurd += len(self._held)
            self._held = []
            self._pass(stamp_ns)
            return [Passed(frame)]
        if self._held and self._follows(stamp_ns):
            self._held.append((stamp_ns, frame))
            return self._jumped() if len(self._held) >= AGREEING else []
        if where == "late":
            self.late += 1
            return []
        self.absurd += len(self._held)
        self._held = [(stamp_ns, frame)]
        return []

    def end(self) -> list[Passed[F]]:
        """The frames still held back when the source ends, if it had too few frames, far apart, to
        tell what is usual; otherwise they are dropped."""
        held, self._held = self._held, []
        few = bool(held) and not self._intervals and self._last_ns is not None
        if few and held[0][0] > (self._last_ns or 0):
            return [Passed(frame) for _, frame in held]
        self.absurd += len(held)
        return []

    def _where(self, stamp_ns: int) -> Literal["next", "late", "off"]:
        if self._last_ns is None:
            return "next"
        ahead_ns = stamp_ns - self._last_ns
        if ahead_ns < 0:
            return "late" if ahead_ns >= -CLOCK_RESTART_NS else "off"
        usual_ns = max(self._intervals, default=0)
        return "next" if ahead_ns <= max(_AHEAD_NS, _INTERVALS * usual_ns) else "off"

    def _follows(self, stamp_ns: int) -> bool:
        """Whether a stamp continues the frames held back."""
        return 0 <= stamp_ns - self._held[-1][0] <= self._gap_of_held()

    def _gap_of_held(self) -> int:
        assert self._last_ns is not None
        # Of a source with hardly any frames, the gap itself may be the usual interval.
        gap_ns = 0 if self._intervals else abs(self._held[0][0] - self._last_ns)
        return max(_AHEAD_NS, _INTERVALS * max(self._intervals, default=0), 2 * gap_ns)

    def _jumped(self) -> list[Passed[F]]:
        assert self._last_ns is not None
        held, self._held = self._held, []
        gap_ns = held[0][0] - self._last_ns
        restart = gap_ns < 0 or (gap_ns > _LONGEST_GAP_NS and bool(self._intervals))
        if restart:
            self._last_ns = None
            self._intervals.clear()
        for stamp_ns, _ in held:
            self._pass(stamp_ns)
        return [Passed(frame, restart and at == 0) for at, (_, frame) in enumerate(held)]

    def _pass(self, stamp_ns: int) -> None:
        if self._last_ns is not None:
            self._intervals.append(stamp_ns - self._last_ns)
        self._last_ns = stamp_ns
