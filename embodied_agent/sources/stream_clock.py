"""Stamps for a stream of pictures: its own if it has them, otherwise from a monotonic clock."""

from __future__ import annotations

import math
import time

#: A stream that names no rate.
USUAL_FPS = 25.0


class StreamClock:
    """Strictly rising stamps from a stream's own, from monotonic time, or from its rate."""

    def __init__(self, fps: float, *, live: bool = False) -> None:
        self._step_ns = max(1, round(1e9 / fps))
        self._live = live
        self._last_ns: int | None = None

    def stamp_ns(self, position_ms: float) -> int:
        """The stamp of the frame that the stream places at ``position_ms``."""
        known = math.isfinite(position_ms) and 0 <= position_ms < 9e12
        stamp = round(position_ms * 1e6) if known else -1
        if self._live and stamp <= 0:
            stamp = time.monotonic_ns()
        if self._last_ns is None:
            stamp = max(stamp, 0)
        elif stamp <= self._last_ns:
            stamp = self._last_ns + self._step_ns
        self._last_ns = stamp
        return stamp


def usable_fps(fps: float) -> float:
    """A rate that a stream claims, or the usual one where the claim is none."""
    return float(fps) if math.isfinite(fps) and 0.01 <= fps <= 1000 else USUAL_FPS
