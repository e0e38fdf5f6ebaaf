"""Cached replies about the whole memory, whose cost does not grow with the number of requests.

Out of scope: what the memory holds (`embodied_agent.memory`).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Generic, TypeVar

from embodied_agent.interfaces.wire.from_records import path_point
from embodied_agent.interfaces.wire.models import PathPoint, PathReply
from embodied_agent.memory.store import Store
from embodied_agent.records import Keyframe

T = TypeVar("T")

#: Most of the time that making a shared value may take, as a share.
_SHARE = 0.2
#: Points of a path that are kept; beyond twice as many, every second one is dropped.
_POINTS = 2_500
#: Keyframes that are read together.
_AT_ONCE = 500


class Shared(Generic[T]):
    """A value that one thread at a time makes, for all who ask for it meanwhile.

    It is made again when somebody asks for it and it is older than four times as long as it took to
    make. So clients in a loop keep at most a fifth of one processor busy, and a cheap value is
    always fresh. Only processor time counts, or a pause of the whole machine would keep an old
    value for minutes.

    Args:
        make: makes the value; its exceptions reach the caller.
        clock: monotonic seconds.
        cost: the calling thread's processor time, in seconds.
    """

    def __init__(
        self,
        make: Callable[[], T],
        *,
        clock: Callable[[], float] = time.monotonic,
        cost: Callable[[], float] = time.thread_time,
    ) -> None:
        self._make, self._clock, self._cost = make, clock, cost
        self._making = threading.Lock()
        self._kept: tuple[T, float] | None = None  # with the time until which it is valid

    def get(self) -> T:
        """The value; from any thread."""
        kept = self._kept
        if kept is not None and self._clock() < kept[1]:
            return kept[0]
        if not self._making.acquire(blocking=kept is None):
            assert kept is not None
            return kept[0]  # another thread is making a new one
        try:
            if self._kept is not kept and self._kept is not None:
                return self._kept[0]
            began = self._cost()
            value = self._make()
            spent = self._cost() - began
            self._kept = value, self._clock() + spent * (1 / _SHARE - 1)
            return value
        finally:
            self._making.release()


class PathSummary:
    """Where the keyframes were taken: of a long path every n-th of them, read once and then kept up
    to date. Only one thread at a time may call `refreshed`."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next = 0
        self._total = 0
        self._stride = 1
        self._frame_id = ""
        self._points: list[PathPoint] = []
        self._last: PathPoint | None = None

    def refreshed(self) -> PathReply:
        """The path as it is now.

        Raises:
            StoreError: the memory can't be read.
        """
        if not self._next:
            self._begin()
        while True:
            keyframes = self._store.keyframes(since=self._next, limit=_AT_ONCE)
            for keyframe in keyframes:
                self._next = keyframe.id + 1
                self._add(keyframe, path_point(keyframe))
            if len(keyframes) < _AT_ONCE:
                break
        points = self._points
        if self._last is not None and points[-1] is not self._last:
            points = [*points, self._last]
        return PathReply(frame_id=self._frame_id, total=self._total, points=points)

    def _begin(self) -> None:
        """Read those points of the path so far that are kept, and no others."""
        posed = self._store.posed(2 * _POINTS - 1)
        if posed.step == 1:
            return  # then `refreshed` reads it keyframe by keyframe
        keyframes = self._store.keyframes_of([*posed.ids, posed.last_id])
        points = [path_point(keyframe) for keyframe in keyframes]
        if len(set(posed.ids) | {posed.last_id}) > len(keyframes) or None in points:
            return  # some are damaged, or have a pose that does not count
        for keyframe, point in zip(keyframes[: len(posed.ids)], points, strict=False):
            self._add(keyframe, point)
        self._last = points[-1]
        self._stride, self._total, self._next = posed.step, posed.total, posed.last_id + 1

    def _add(self, keyframe: Keyframe, point: PathPoint | None) -> None:
        """Add the next keyframe and the point where it was taken."""
        if point is None or keyframe.pose is None:
            return
        self._frame_id = keyframe.pose.frame_id
        if self._total % self._stride == 0:
            self._points.append(point)
        self._total += 1
        self._last = point
        if len(self._points) >= 2 * _POINTS:
            self._points = self._points[::2]
            self._stride *= 2


def thinned(path: PathReply, limit: int) -> PathReply:
    """At most ``limit`` points of a path, evenly spread over it, the last one included."""
    points = path.points
    if len(points) <= limit:
        return path
    step = (len(points) - 1) / max(1, limit - 1)
    chosen = [points[round(number * step)] for number in range(limit - 1)]
    return path.model_copy(update={"points": [*chosen, points[-1]]})
