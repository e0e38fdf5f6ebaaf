"""Which clock the stamps of a topic are in, derived from when its messages were received.

The receive time of every message is the recorder's. If a topic's stamps always differ from it by
the same amount, they are in another clock (a boot clock, TAI, a camera's own). Pictures and poses
in different clocks are matched by their receive times, so the difference of the two offsets aligns
them. The stamps themselves are never changed.

A topic's clock can be set while it is recorded: each jump begins a new regime with its own offset.
"""

from __future__ import annotations

import bisect
from collections import deque
from dataclasses import dataclass, field
from statistics import median

#: Stamps that differ from the receive time by less are only late: sensors and networks take time.
LATENCY_S = 1.0
#: An offset that changes by more than this began anew.
_JUMP_NS = 1_000_000_000
#: Newest messages that the offset is the median of.
_WINDOW = 31
_TAI_S = 37.0
_EPOCH_2001_NS = 978_307_200_000_000_000


@dataclass
class TopicClock:
    """The offset of a topic's stamps from their receive times, followed message by message."""

    jumps: int = 0
    unstamped: int = 0
    stamped: int = 0
    _offsets: deque[int] = field(default_factory=lambda: deque(maxlen=_WINDOW))
    _all: list[int] = field(default_factory=list)
    _first_ns: int | None = None

    def add(self, stamp_ns: int, receive_ns: int) -> None:
        """Take in one message; a stamp of 0 is none."""
        if stamp_ns <= 0:
            self.unstamped += 1
            return
        self.stamped += 1
        offset = stamp_ns - receive_ns
        if self._first_ns is None:
            self._first_ns = stamp_ns
        if self._offsets and abs(offset - self.offset_ns) > _JUMP_NS:
            self.jumps += 1
            self._offsets.clear()
        self._offsets.append(offset)
        if len(self._all) < 10_000:
            bisect.insort(self._all, offset)

    @property
    def known(self) -> bool:
        return bool(self._offsets)

    @property
    def offset_ns(self) -> int:
        """Stamp minus receive time at present; 0 where no message had a stamp."""
        return round(median(self._offsets)) if self._offsets else 0

    @property
    def typical_offset_s(self) -> float | None:
        """Stamp minus receive time over all messages so far, in seconds."""
        return median(self._all) / 1e9 if self._all else None

    def describe_jumps(self) -> str:
        """How often it jumps, in words."""
        return "jumps once" if self.jumps == 1 else f"jumps {self.jumps} times"

    def describe(self) -> str:
        """The clock in words."""
        if not self.stamped:
            return (
                "none: its stamps are zero, so the time of receipt counts" if self.unstamped else ""
            )
        offset_s = self.typical_offset_s or 0.0
        jumps = f", and {self.describe_jumps()}" if self.jumps else ""
        zeros = f", {self.unstamped} messages without a stamp" if self.unstamped else ""
        if abs(offset_s) < LATENCY_S:
            return f"the recorder's ({offset_s:+.3f} s){jumps}{zeros}"
        if abs(offset_s - _TAI_S) < LATENCY_S:
            kind = "TAI"
        elif self._first_ns is not None and self._first_ns < _EPOCH_2001_NS and offset_s < -1e8:
            kind = "time since boot"
        else:
            kind = "another clock"
        return f"{kind} ({offset_s:+.3f} s from the time of receipt){jumps}{zeros}"


def alignment_ns(pictures_offset_ns: int, poses_offset_ns: int) -> int:
    """How much the pictures' stamps are ahead of the poses', where that is more than latency."""
    difference = pictures_offset_ns - poses_offset_ns
    return difference if abs(difference) >= LATENCY_S * 1e9 else 0
