"""How frames enter the agent, from any thread: one lock, the mailbox, the intake.

Out of scope: selecting and storing (`intake`), the thread of live frames (`mailbox`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import NamedTuple

from embodied_agent.agent.intake import Intake, ReplayState, calibration_text
from embodied_agent.agent.listeners import Listeners
from embodied_agent.agent.mailbox import Mailbox
from embodied_agent.agent.perception_workers import PerceptionWorkers
from embodied_agent.agent.status import KeyframerStatus
from embodied_agent.errors import DecodeError, StoreError
from embodied_agent.memory.store import Store
from embodied_agent.records import Decision, Frame, Question
from embodied_agent.settings import KeyframeSettings


class Moment(NamedTuple):
    """What a question is about: the present segment, the last keyframe that the answer may use, and
    the recording whose keyframes count (empty: all do)."""

    segment: int
    last_id: int
    source: str = ""


class Inlet:
    """Takes frames in one at a time, and says which moment a question is about.

    Args:
        store: where keyframes go.
        settings: of the keyframer.
        listeners: told of decisions and keyframes.
        perception: told of new keyframes; ``None`` for a memory opened read-only.
        on_error: told of a frame that can't be decoded.

    Attributes:
        intake: counters of the frames that were decided on; to be read only.
        mailbox: counters of the live frames that wait; to be read only.
        unreadable: frames that could not be decoded.
    """

    def __init__(
        self,
        store: Store,
        settings: KeyframeSettings,
        listeners: Listeners,
        perception: PerceptionWorkers | None,
        on_error: Callable[[Exception], None],
    ) -> None:
        self._store = store
        self._settings = settings
        self._perception = perception
        self._on_error = on_error
        self._lock = threading.RLock()
        self.intake = Intake(store, settings, listeners)
        self.mailbox = Mailbox(self._take, self._lock)
        self.unreadable = 0

    def begin_live(self) -> None:
        """The frames that follow are a sensor's."""
        with self._lock:
            self.intake.begin_live()

    def begin_replay(self, key: str) -> ReplayState:
        """The frames that follow are those of a recording, from its start.

        Raises:
            StoreError: as `Intake.begin_replay`.
        """
        with self._lock:
            return self.intake.begin_replay(key)

    def post(self, *frames: Frame) -> None:
        """Leave live frames that came together to be taken in. Returns at once."""
        self.mailbox.post(*frames)

    def take(self, frame: Frame) -> Decision:
        """Decide on a frame now, and wait while too many keyframes are yet to be perceived. A frame
        that can't be decoded is counted and not kept.

        Raises:
            StoreError: as `Intake.take`.
            ModelError: perception has stopped, or makes no progress.
        """
        with self._lock:
            decision = self._take(frame)
        if self._perception is not None:
            self._perception.check()
            if decision.keep:
                self._perception.wait_for_room()
        return decision

    def finish(self) -> None:
        """The source ended: what waits is taken in, and the last frame is kept.

        Raises:
            StoreError: as `Intake.finish`.
        """
        with self._lock:
            for frame in self.mailbox.pop_all():
                self._take(frame)
            self.intake.finish()
        if self._perception is not None:
            self._perception.notify()

    def reset(self) -> None:
        """The next frame begins a new segment."""
        with self._lock:
            self.mailbox.take_all()  # what came before does not begin it
            self.intake.reset()

    def retune(self, settings: KeyframeSettings) -> None:
        """Choose keyframes by these thresholds from the next frame on."""
        with self._lock:
            self.intake.retune(settings)
            self._settings = settings

    def moment(self, question: Question) -> Moment | None:
        """The moment that a question is about; live, it is now, and the current frame is kept.
        ``None`` if nothing was seen.

        Raises:
            StoreError: the memory can't be read.
        """
        with self._lock:
            intake = self.intake
            if question.at_ns is None and intake.live and self._perception is not None:
                try:
                    for frame in self.mailbox.pop_all():
                        self._take(frame)
                    now = intake.keep_current()
                except StoreError:
                    now = None  # `AskFlow` reports it; the answer rests on what is stored
                self._perception.notify()
                if now is not None and intake.segment is not None:
                    return Moment(intake.segment, now)
                if intake.starting:
                    # No frame came from the sensor yet: all that is known was seen before.
                    last = self._store.horizon()
                    return None if last is None else Moment(self._store.next_segment(), last[1])
            past = self._store.horizon(at_ns=question.at_ns, source=intake.source or None)
            return None if past is None else Moment(*past, self._store.source_of(past[1]))

    def keyframer(self, hfov_deg: float) -> KeyframerStatus:
        """The keyframe rule in use, and its confidence. ``hfov_deg`` is the field of view that is
        assumed for a camera without calibration, in degrees."""
        return KeyframerStatus(
            method=self._settings.method,
            overlap_threshold=self._settings.overlap_threshold,
            confidence=self.intake.confidence,
            frames_doubtful=self.intake.doubtful,
            calibration={
                name: calibration_text(fault, hfov_deg)
                for name, fault in self.intake.calibration_faults.items()
            },
            depth={
                name: f"not used: {fault}" if fault else "used"
                for name, fault in self.intake.depth_faults.items()
            },
        )

    def close(self) -> None:
        """Stop taking live frames in."""
        self.mailbox.close()

    def _take(self, frame: Frame) -> Decision:
        try:
            decision = self.intake.take(frame)
        except DecodeError as error:
            self.unreadable += 1
            self._on_error(error)
            return Decision(frame.index, frame.stamp_ns, keep=False, reason=None)
        if decision.keep and self._perception is not None:
            self._perception.notify()
        return decision
