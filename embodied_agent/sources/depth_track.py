"""Pairs depth pictures with colour pictures by their stamps.

Depth comes before or after its colour picture, at another rate, and with gaps. The messages of the
last moments are kept as they came, within bounds, and the one nearest to a picture is decoded when
the picture is taken: most of them never are.

Out of scope: reading a depth picture (depth.py), waiting for one that is still to come.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from embodied_agent.images import BadImage
from embodied_agent.records import Depth
from embodied_agent.sources.depth import fits

#: A depth picture further away in time than this is of another moment, in nanoseconds.
MOST_APART_NS = 100_000_000
#: At most so many messages, and bytes of them, wait for a picture; beyond it the oldest goes.
_MOST_HELD, _MOST_BYTES = 64, 128_000_000

Decode = Callable[[], Depth]


class _Held(NamedTuple):
    stamp_ns: int
    offset_ns: int
    decode: Decode
    size: int


class DepthTrack:
    """The latest depth pictures of one topic.

    Each stamp goes with the offset of its clock from the time of receipt at that moment, in
    nanoseconds, so that pictures and depth of different clocks can be aligned.

    Args:
        interval_ns: between colour pictures; depth counts within half of it, and within
            `MOST_APART_NS`. 0: not known.
        bad: told why a depth picture can't be used.
        align: says how far the colour pictures' clock is ahead of the depth pictures', from the
            offsets of both.
    """

    def __init__(
        self,
        interval_ns: int,
        bad: Callable[[str], object],
        align: Callable[[int, int], int] = lambda colour_ns, depth_ns: 0,
    ) -> None:
        self._apart_ns = apart_ns(interval_ns)
        self._bad = bad
        self._align = align
        self._held: deque[_Held] = deque()
        self._bytes = 0
        self._last: tuple[_Held, Depth | None] | None = None

    def __len__(self) -> int:
        return len(self._held)

    @property
    def newest_ns(self) -> int:
        """The stamp that came last; 0 without any."""
        return self._held[-1].stamp_ns if self._held else 0

    def set_interval(self, interval_ns: int) -> None:
        """Depth counts within half of this time between colour pictures from now on."""
        self._apart_ns = apart_ns(interval_ns)

    def add(self, stamp_ns: int, decode: Decode, size: int, offset_ns: int = 0) -> None:
        """Keep a depth picture of ``size`` bytes; ``decode`` raises `BadImage` where it is bad."""
        self._held.append(_Held(stamp_ns, offset_ns, decode, size))
        self._bytes += size
        while len(self._held) > _MOST_HELD or (self._bytes > _MOST_BYTES and len(self._held) > 1):
            self._bytes -= self._held.popleft().size

    def knows(self, stamp_ns: int) -> bool:
        """Whether waiting longer would not bring a nearer depth picture."""
        return self.newest_ns >= stamp_ns

    def at(
        self, stamp_ns: int, size: tuple[int, int] | None = None, offset_ns: int = 0
    ) -> Depth | None:
        """The depth picture of a moment; ``None`` where there is none, or it is damaged.

        Args:
            stamp_ns: of the colour picture.
            size: width and height of the colour picture in pixels, as the sensor took it.
            offset_ns: of its clock.
        """

        def apart(held: _Held) -> int:
            return abs(self._ahead_ns(held, stamp_ns, offset_ns))

        nearest = min(self._held, key=apart, default=None)
        if nearest is None or apart(nearest) > self._apart_ns:
            return None
        # A depth camera that is slower than the colour camera gives one for two pictures.
        if self._last is None or self._last[0] is not nearest:
            self._last = (nearest, self._decoded(nearest, size))
        return self._last[1]

    def forget_before(self, stamp_ns: int, offset_ns: int = 0) -> None:
        """Drop what colour pictures from this stamp on can't need."""
        self._held = deque(
            held
            for held in self._held
            if self._ahead_ns(held, stamp_ns, offset_ns) >= -MOST_APART_NS
        )
        self._bytes = sum(held.size for held in self._held)

    def clear(self) -> None:
        """The clock restarted: drop everything."""
        self._held.clear()
        self._bytes, self._last = 0, None

    def _ahead_ns(self, held: _Held, stamp_ns: int, offset_ns: int) -> int:
        """How far a depth picture is ahead of a colour picture."""
        return held.stamp_ns - stamp_ns + self._align(offset_ns, held.offset_ns)

    def _decoded(self, held: _Held, size: tuple[int, int] | None) -> Depth | None:
        try:
            depth = held.decode()
        except BadImage as error:
            self._bad(str(error))
            return None
        if size is not None and not fits(depth, size):
            self._bad(
                f"a depth picture of {depth.shape[1]}x{depth.shape[0]} pixels does not have the "
                f"proportions of its colour picture of {size[0]}x{size[1]}"
            )
            return None
        return depth


def apart_ns(interval_ns: int) -> int:
    """How far the depth picture of a colour picture may be away, from the time between two colour
    pictures: half of it, and not more than `MOST_APART_NS`; 0 stands for an unknown interval."""
    return min(interval_ns // 2, MOST_APART_NS) if interval_ns > 0 else MOST_APART_NS
