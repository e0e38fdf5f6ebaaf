"""What a source is: frames in time order, a description, and a count of what had to be left out.

Out of scope: reading each kind of source (bags/, video.py, folder.py, lerobot/), and decoding
pictures (`embodied_agent.images`).
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field, replace
from fractions import Fraction
from types import TracebackType

from embodied_agent.errors import DecodeError, SourceError
from embodied_agent.images import BadImage, is_stamp
from embodied_agent.records import Frame
from embodied_agent.sources.examination import Examination

#: Told of a message of a topic: the topic, the message's stamp in nanoseconds, and the message.
Hears = Callable[[str, int, object], None]
#: A stamp this far behind the one before it: the sensor's clock restarted; less is jitter.
CLOCK_RESTART_NS = 2_000_000_000
#: Sampling takes a frame this little before its period: rounded stamps lose no frames.
_SAMPLING_SLACK_NS = 1_000
#: With this many unusable pictures and not one usable, the rest isn't worth reading.
_GIVE_UP_AFTER = 300


@dataclass
class Skips:
    """Counts what a source left out, by reason, and remembers the first case in words."""

    counts: dict[str, int] = field(default_factory=dict)
    first: str = ""

    def add(self, reason: str, message: str) -> None:
        """Count one case. ``message`` names the place (topic and message number, or file)."""
        self.counts[reason] = self.counts.get(reason, 0) + 1
        self.first = self.first or message

    def add_picture(self, error: BadImage, where: str, usable: int) -> None:
        """Count an unusable picture at ``where``.

        Raises:
            DecodeError: ``usable`` is 0 after very many unusable pictures.
        """
        self.add(error.reason, f"{where}: {error}")
        if usable == 0 and sum(self.counts.values()) >= _GIVE_UP_AFTER:
            raise DecodeError(
                f"gave up: none of the first {_GIVE_UP_AFTER} pictures is usable; {self.first}"
            )


class Sampler:
    """Thins frames out to at most ``hz`` per second by their stamps; 0 takes all.

    The published way: the first frame at or after each whole period, counted from the first frame
    taken. Asking (`due`) and taking (`take`) are two steps so that a picture that turns out to be
    broken doesn't use up its period.
    """

    def __init__(self, hz: float) -> None:
        self._hz = Fraction(hz).limit_denominator(1_000_000)
        self._first_ns: int | None = None
        self._last_ns = 0
        self._period = 0

    def _period_of(self, stamp_ns: int, first_ns: int) -> int:
        elapsed_ns = stamp_ns + _SAMPLING_SLACK_NS - first_ns
        return elapsed_ns * self._hz.numerator // (self._hz.denominator * 1_000_000_000)

    def due(self, stamp_ns: int) -> bool:
        """Whether a frame with this stamp is to be taken."""
        if self._hz == 0 or self._first_ns is None:
            return True
        if stamp_ns < self._last_ns - CLOCK_RESTART_NS:
            self._first_ns = None
            return True
        return self._period_of(stamp_ns, self._first_ns) > self._period

    def take(self, stamp_ns: int) -> None:
        """Note that the frame with this stamp was taken."""
        if self._first_ns is None:
            self._first_ns = stamp_ns
        self._last_ns = stamp_ns
        self._period = self._period_of(stamp_ns, self._first_ns) if self._hz else 0

    def expected(self, frames: int | None, duration_ns: int | None) -> int | None:
        """How many of ``frames`` over ``duration_ns`` will be taken, about."""
        if frames is None or self._hz == 0 or duration_ns is None:
            return frames
        return min(frames, self._period_of(max(duration_ns, 0), 0) + 1)


class Source:
    """Frames in time order from one recording or camera. Iterate once; close, or use ``with``.

    Attributes:
        description: one line for people: what is read, and what was chosen where there was choice.
        expected_frames: how many frames will come, about; ``None`` where nobody can know.
        skipped: how many pictures (or poses, or damaged parts of a file) were left out, by reason;
            grows while iterating.
        live: True for cameras and streams, which don't wait: keep the latest frame only.
            Recordings wait for their reader.
        examination: what is known of the source before it is read.
        turns: quarter turns clockwise that make its pictures upright, as far as the source knows.
        poses: how many frames so far had a pose.
        depths: how many frames so far had a depth picture.
    """

    def __init__(
        self,
        description: str,
        frames: Iterator[Frame],
        *,
        skips: Skips,
        expected_frames: int | None = None,
        live: bool = False,
        close: Callable[[], None] = lambda: None,
        examination: Examination | None = None,
        turns: int = 0,
        hear: Callable[[Collection[str], Hears], list[str]] = lambda topics, take: [*topics],
    ) -> None:
        self.description = description
        self.examination = examination or Examination("source", frames=expected_frames)
        self.turns = turns
        self.poses = self.depths = 0
        self._alter: Callable[[Frame], Frame] | None = None
        self.expected_frames = expected_frames
        self.live = live
        self._frames = frames
        self._skips = skips
        self._close = close
        self._hear = hear
        self._started = False

    def hear(self, topics: Collection[str], take: Hears) -> list[str]:
        """Tell ``take`` of the messages of further topics while the source is read, in their order
        among the frames. A message that can't be read is counted as skipped.

        Args:
            topics: their names.
            take: given the topic, the stamp in nanoseconds (the header's, else the time of receipt)
                and the decoded message.

        Returns:
            The topics that the source does not have: all of them but in recordings of topics.
        """
        return self._hear(topics, take)

    def alter(self, change: Callable[[Frame], Frame]) -> None:
        """Pass each frame through ``change`` before anybody sees it.

        A frame for which it raises `BadImage` is left out and counted.
        """
        self._alter = change

    @property
    def skipped(self) -> dict[str, int]:
        return self._skips.counts

    @property
    def first_skip(self) -> str:
        """The first case that was left out, in words; empty where there is none."""
        return self._skips.first

    def __enter__(self) -> Source:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Release files or the camera. Safe to call twice."""
        close, self._close = self._close, lambda: None
        self._started = True
        close()

    def __iter__(self) -> Iterator[Frame]:
        """Frames by rising stamp, numbered from 0 by ``index`` in the order they come.

        Stamps fall back only where the sensor's clock restarted.

        Raises:
            DecodeError: there were pictures, and not one of them was usable.
            SourceError: there was nothing, or the source broke while it was read.
        """
        if self._started:
            raise SourceError(f"{self.description}: read once or closed; open it again to reread")
        self._started = True
        count = 0
        for frame in self._frames:
            if not is_stamp(frame.stamp_ns):
                self._skips.add("bad_stamp", f"a frame at {frame.stamp_ns} ns")
                continue
            if self._alter is not None:
                try:
                    frame = self._alter(frame)
                except BadImage as error:
                    self._skips.add_picture(error, f"frame at {frame.stamp_ns} ns", count)
                    continue
            self.poses += frame.pose is not None
            self.depths += frame.depth is not None
            yield replace(frame, index=count)
            count += 1
        if count == 0:
            if self._skips.first:
                raise DecodeError(f"no usable picture in {self.description}; {self._skips.first}")
            raise SourceError(f"{self.description} holds no pictures")
