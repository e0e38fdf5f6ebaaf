"""From frames to stored keyframes: selection, segments, encoding, and resuming after a crash.

A replay that was cut short is repeated from the start of its source. Selection is deterministic and
cheap compared with perception, so the frames are decided on again, keyframes that the memory holds
already are recognised instead of stored twice, and from the first new one on everything goes on as
if nothing had happened. A recording that no longer matches the memory is detected on the way.

Out of scope: which frames are kept (`embodied_agent.keyframes`), threads (`embodied_agent.agent`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from embodied_agent.agent.cameras import CameraSelectors
from embodied_agent.agent.listeners import Listeners
from embodied_agent.errors import StoreError
from embodied_agent.images import as_jpeg
from embodied_agent.memory.store import Store, StoredKeyframe
from embodied_agent.records import Decision, Frame, Keyframe
from embodied_agent.settings import KeyframeSettings
from embodied_agent.sources.base import CLOCK_RESTART_NS


@dataclass(frozen=True, slots=True)
class ReplayState:
    """How far a recording was replayed before: how many of its ``keyframes`` the memory holds, and
    whether its last frame was seen (``finished``)."""

    keyframes: int
    finished: bool


class Intake:
    """Takes frames in order; not thread-safe.

    Frames are live until `begin_replay`, and again once one comes after `finish`. Until then
    ``source`` still names the recording, because questions are about its end.
    """

    def __init__(self, store: Store, settings: KeyframeSettings, listeners: Listeners) -> None:
        self._store = store
        self._settings = settings
        self._listeners = listeners
        self._selector = CameraSelectors(settings)
        self._expected: deque[StoredKeyframe] = deque()  # what an earlier run stored of the source
        self._opens_segment = True  # the next keyframe does
        self._ordinal = -1
        self._last: tuple[Frame, Decision] | None = None
        self._last_id: int | None = None  # of the last frame, where it was kept
        self._ended = False  # the recording was finished; frames from now on are live
        self.source = ""
        self.segment: int | None = None
        self.frames = 0
        self.late = 0
        self.store_problem = ""  # why the last keyframe could not be stored

    @property
    def live(self) -> bool:
        """Whether frames come from a sensor, not from a recording."""
        return not self.source

    def begin_replay(self, source: str) -> ReplayState:
        """The frames that follow are those of the recording ``source``, from its start.

        Raises:
            StoreError: the memory holds part of it, chosen with other settings.
        """
        self.reset()
        finished, stored = self._store.begin_replay(source, self._settings.model_dump_json())
        self._expected = deque(stored)
        self._ordinal = -1
        self._ended = False
        self.source = source
        return ReplayState(len(stored), finished)

    def reset(self) -> None:
        """Forget the last frame: the next one opens a segment."""
        self._selector.reset()
        self._opens_segment = True
        self._last = self._last_id = None

    def retune(self, settings: KeyframeSettings) -> None:
        """Use these thresholds from the next frame on; method, features and width stay."""
        self._settings = settings
        self._selector.retune(settings)

    def take(self, frame: Frame) -> Decision:
        """Decide on one frame and store it, as pending, if it is kept.

        A frame slightly older than the last one is jitter and is left out; one that is much older
        opens a new segment.

        Raises:
            DecodeError: the frame can't be decoded; everything else is as before.
            StoreError: the keyframe can't be stored, or the recording is not what the memory holds.
        """
        if self._ended:
            self.reset()
            self.source, self._ordinal, self._ended = "", -1, False
        self._ordinal += 1
        if self._last is not None:
            back_ns = self._last[0].stamp_ns - frame.stamp_ns
            if back_ns > CLOCK_RESTART_NS:
                self.reset()
            elif back_ns > 0:
                self.late += 1
                return Decision(frame.index, frame.stamp_ns, keep=False, reason=None)
        decision = self._step(frame, None)
        self.frames += 1
        return decision

    def keep_current(self) -> int | None:
        """Keep the last frame, with the reason ``asked``, unless it is kept already.

        Returns:
            Its keyframe id; ``None`` before the first frame.

        Raises:
            StoreError: it can't be stored.
        """
        if self._last is not None and self._last_id is None:
            self._step(self._last[0], "asked")
        return self._last_id

    def finish(self) -> None:
        """The source ended: keep its last frame.

        Raises:
            StoreError: it can't be stored, or the memory holds more of this source than came.
        """
        decision = self._selector.finish()
        if decision is not None and self._last is not None:
            frame = self._last[0]
            self._keep(frame, decision)
            self._last = frame, decision
            self._listeners.decision(frame, decision)
        if self._expected:
            self._refuse(self._expected[0])
        if self.source:
            self._store.finish_replay(self.source)
            self._ended = True
        self._opens_segment = True

    def _step(self, frame: Frame, force: Literal["asked"] | None) -> Decision:
        decision = self._selector.step(frame, force=force)
        if force is not None:
            # The rule has seen this frame before and found no reason of its own.
            decision = replace(decision, reason=force)
        self._last_id = None
        if decision.keep:
            self._keep(frame, decision)
        elif self._expected:
            # The last frame of a source is kept only once the source has ended.
            at_end = self._expected[0].reason == "last"
            if self._expected[0].ordinal < self._ordinal + (not at_end):
                self._refuse(self._expected[0])
        self._last = frame, decision
        self._listeners.decision(frame, decision)
        return decision

    def _keep(self, frame: Frame, decision: Decision) -> None:
        assert decision.reason is not None
        if self._expected:
            stored = self._expected.popleft()
            if (stored.ordinal, stored.stamp_ns, stored.reason) != (
                self._ordinal,
                frame.stamp_ns,
                decision.reason,
            ):
                self._refuse(stored)
            self._last_id, self.segment, self._opens_segment = stored.id, stored.segment, False
            return
        if self._opens_segment or self.segment is None:
            self.segment = self._store.next_segment()
        try:
            keyframe = self._store_keyframe(frame, decision, self.segment)
        except StoreError as error:
            # The selector now compares with a frame that nobody has, so it starts anew.
            self.reset()
            self.store_problem = str(error)
            raise
        self.store_problem = ""
        self._last_id, self._opens_segment = keyframe.id, False
        self._listeners.keyframe(keyframe)

    def _store_keyframe(self, frame: Frame, decision: Decision, segment: int) -> Keyframe:
        assert decision.reason is not None
        jpeg, (width, height) = as_jpeg(frame, self._settings.jpeg_quality)
        return self._store.add_keyframe(
            stamp_ns=frame.stamp_ns,
            jpeg=jpeg,
            width=width,
            height=height,
            reason=decision.reason,
            segment=segment,
            source=self.source,
            ordinal=self._ordinal,
            frame_id=frame.frame_id,
            overlap_ratio=decision.overlap_ratio,
            inliers=decision.inliers,
            egomotion=decision.egomotion,
            pose=frame.pose,
        )

    def _refuse(self, stored: StoredKeyframe) -> NoReturn:
        """The recording is not the one that the memory holds."""
        raise StoreError(
            f"the memory {self._store.path} holds frame {stored.ordinal} ({stored.reason}) of "
            f"{self.source} as keyframe {stored.id}, but the recording no longer gives that frame: "
            "it or the program has changed since; replay it into another memory file"
        )
