"""Pairs images with poses: each image waits briefly for the pose at its stamp.

Odometry and TF usually arrive slightly later than their image. As long as the pose source is alive,
an image waits for its pose, for a limited time and in order; without a source, images do not wait.
Images that waited for the same pose are passed on together. `PoseCounts` counts the outcomes, so
that transforms that always arrive too late are noticed.

Out of scope: where poses come from (`poses`).
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Literal, NamedTuple, Protocol, get_args

from embodied_agent.records import Frame, Pose

#: found: at the image's stamp, between two known poses; extrapolated: the nearest one, up to 50 ms
#: away; late: the newest pose is older than the image; missing: there is none around its stamp.
Fit = Literal["found", "extrapolated", "late", "missing"]

#: A source that gave nothing new for this long is not waited for, in seconds.
_ALIVE_S = 1.0
#: So many images of a kind are one too many.
_TELL_AFTER = 5
#: Maximum number of waiting images; beyond it, the oldest stops waiting.
_MOST_HELD = 8


class Lookup(NamedTuple):
    """What a source knows of a stamp."""

    pose: Pose | None
    fit: Fit


class PoseSource(Protocol):
    """Says where the robot was."""

    def newest_ns(self) -> int:
        """The stamp of the newest pose; 0 before the first."""
        ...

    def knows(self, at_ns: int) -> bool:
        """Whether waiting longer would not give a better pose for this stamp."""
        ...

    def at(self, at_ns: int) -> Lookup:
        """The pose at this stamp, as good as it is known now."""
        ...

    def describe(self, at_ns: int) -> str:
        """Why there is no pose at this stamp, in words."""
        ...

    def clear(self) -> None:
        """The clock jumped: forget what was."""
        ...


class PoseCounts:
    """How many images got their pose, and why the others did not.

    Args:
        warn: told (kind, message) once some images went without; not of the first ones, as much
            is still on its way when a node starts.
    """

    def __init__(self, warn: Callable[[str, str], object] = lambda *_: None) -> None:
        self._warn = warn
        self._counts: dict[Fit, int] = dict.fromkeys(get_args(Fit), 0)
        self._recent: deque[bool] = deque(maxlen=30)

    def add(self, lookup: Lookup, why: Callable[[], str]) -> None:
        """Count an image; ``why`` is called where it got no pose of its stamp."""
        self._counts[lookup.fit] += 1
        self._recent.append(lookup.pose is not None)
        if lookup.fit != "found" and self._counts[lookup.fit] >= _TELL_AFTER:
            got = "the nearest pose" if lookup.pose is not None else "no pose"
            self._warn(f"pose_{lookup.fit}", f"an image got {got}: {why()}")

    def as_dict(self) -> dict[Fit, int]:
        """How many images of each kind."""
        return dict(self._counts)

    @property
    def share_without(self) -> float:
        """Of the latest images, the share that got no pose at all; 0 before the first."""
        return self._recent.count(False) / len(self._recent) if self._recent else 0.0


class _Held(NamedTuple):
    frame: Frame
    deadline_s: float


class Pairing:
    """Gives images their poses and passes them on, in the order in which they came.

    Args:
        source: of poses; ``None``: images pass as they are.
        wait_s: called for the longest wait, in seconds.
        pass_on: takes frames, those that go at once together.
        counts: told how each image fared.
        clock: seconds that only grow.
    """

    def __init__(
        self,
        source: PoseSource | None,
        wait_s: Callable[[], float],
        pass_on: Callable[[Sequence[Frame]], object],
        counts: PoseCounts,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._source = source
        self._wait_s = wait_s
        self._pass_on = pass_on
        self._counts = counts
        self._clock = clock
        self._held: deque[_Held] = deque()
        self._newest_ns = 0
        self._life_s = -math.inf

    @property
    def waiting(self) -> bool:
        """Whether images wait; `release` must then be called again soon."""
        return bool(self._held)

    def start(self) -> None:
        """Images come from now on; the first may come before the source has shown any life."""
        self._life_s = self._clock()

    def offer(self, frame: Frame) -> None:
        """The next image."""
        if self._source is None:
            self._pass_on([frame])
            return
        now = self._clock()
        wait_s = self._wait_s() if self._alive(self._source, now) else 0.0
        self._held.append(_Held(frame, now + wait_s))
        self.release()

    def release(self) -> None:
        """Pass on those that have their pose and those that have waited long enough."""
        source = self._source
        due: list[Frame] = []
        while self._held and source is not None:
            frame, deadline_s = self._held[0]
            now = self._clock()
            self._alive(source, now)
            if (
                not source.knows(frame.stamp_ns)
                and now < deadline_s
                and len(self._held) <= _MOST_HELD
            ):
                break
            self._held.popleft()
            due.append(self._placed(frame, source))
        if due:
            self._pass_on(due)

    def flush(self) -> None:
        """Pass on all that wait, with the poses that are known."""
        if self._held and self._source is not None:
            self._pass_on([self._placed(frame, self._source) for frame in self._empty()])

    def clear(self) -> None:
        """The clock jumped: what waits goes on without a pose, and old poses are forgotten."""
        if self._held:
            self._pass_on(self._empty())
        if self._source is not None:
            self._source.clear()
            self._newest_ns = 0

    def _empty(self) -> list[Frame]:
        frames = [held.frame for held in self._held]
        self._held.clear()
        return frames

    def _alive(self, source: PoseSource, now_s: float) -> bool:
        """Whether the source has given anything new lately."""
        newest_ns = source.newest_ns()
        if newest_ns != self._newest_ns:
            self._newest_ns, self._life_s = newest_ns, now_s
        return now_s - self._life_s < _ALIVE_S

    def _placed(self, frame: Frame, source: PoseSource) -> Frame:
        """The frame with its pose, as far as it is known."""
        lookup = source.at(frame.stamp_ns)
        self._counts.add(lookup, lambda: source.describe(frame.stamp_ns))
        return replace(frame, pose=lookup.pose)
