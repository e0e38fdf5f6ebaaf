"""From frames to stored keyframes: selection, segments, encoding, and going on after a crash.

A replay that was cut short is repeated from the start of its source: selection is deterministic and
cheap beside perception, so the frames are decided on again, keyframes that the memory holds already
are recognised instead of stored twice, and from the first new one on all is as if nothing had
happened. A recording that no longer matches the memory is noticed on the way.

Not here: which frames are kept (`embodied_agent.keyframes`), threads (`embodied_agent.agent`).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, replace
from typing import Literal

from embodied_agent.agent.cameras import CameraSelectors
from embodied_agent.agent.listeners import Listeners
from embodied_agent.errors import StoreError
from embodied_agent.images import decode, encode_jpeg, image_size
from embodied_agent.memory.store import Store, StoredKeyframe
from embodied_agent.records import Decision, Frame, Keyframe
from embodied_agent.settings import KeyframeSettings
from embodied_agent.sources.base import CLOCK_RESTART_NS


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a replay had got: ``stored`` keyframes, and whether it saw the source's end."""

    stored: int
    finished: bool


class Intake:
    """Takes frames in order; not thread-safe. Live until `begin_replay`, and after `finish`."""

    def __init__(self, store: Store, settings: KeyframeSettings, events: Listeners) -> None:
        self._store = store
        self._settings = settings
        self._listeners = events
        self._selector = CameraSelectors(settings)
        self._again: deque[StoredKeyframe] = deque()
        self._fresh = True  # the next keyframe opens a segment
        self._ordinal = -1
        self._last: tuple[Frame, Decision] | None = None
        self._last_id: int | None = None  # of the last frame, where it was kept
        self.source = ""
        self.segment: int | None = None
        self.frames = 0
        self.late = 0
        self.store_problem = ""  # why the last keyframe could not be stored

    @property
    def live(self) -> bool:
        """True when frames come from a sensor and not from a recording."""
        return not self.source

    def begin_replay(self, source: str) -> Progress:
        """The frames that follow are those of the recording ``source``, from its start.

        Raises:
            StoreError: the memory holds part of it, chosen with other settings.
        """
        self.reset()
        finished, stored = self._store.begin_replay(source, self._settings.model_dump_json())
        self._again = deque(stored)
        self._ordinal = -1
        self.source = source
        return Progress(len(stored), finished)

    def reset(self) -> None:
        """Forget the last frame: the next one opens a segment."""
        self._selector.reset()
        self._fresh = True
        self._last = self._last_id = None

    def retune(self, settings: KeyframeSettings) -> None:
        """Choose by these thresholds from the next frame on; what is not one stays."""
        self._settings = settings
        self._selector.retune(settings)

    def take(self, frame: Frame) -> Decision:
        """Decide on one frame and store it, as pending, if it is kept.

        A stamp slightly before the last one is jitter, and the frame is left out; one far before
        it opens a new segment.

        Raises:
            DecodeError: the frame holds no picture; all else is as before.
            StoreError: the keyframe can't be stored, or the recording is not what the memory holds.
        """
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
        """Keep the last frame, as asked for, if it was not; its keyframe id, ``None`` if none.

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
        if self._again:
            self._differs(self._again[0])
        if self.source:
            self._store.finish_replay(self.source)
        self._fresh = True

    def _step(self, frame: Frame, force: Literal["asked"] | None) -> Decision:
        decision = self._selector.step(frame, force=force)
        if force is not None:
            # The rule was asked about this frame before and had no reason of its own.
            decision = replace(decision, reason=force)
        self._last_id = None
        if decision.keep:
            self._keep(frame, decision)
        elif self._again:
            # The last frame of a source is kept only once the source has ended.
            at_end = self._again[0].reason == "last"
            if self._again[0].ordinal < self._ordinal + (not at_end):
                self._differs(self._again[0])
        self._last = frame, decision
        self._listeners.decision(frame, decision)
        return decision

    def _keep(self, frame: Frame, decision: Decision) -> None:
        assert decision.reason is not None
        if self._again:
            stored = self._again.popleft()
            if (stored.ordinal, stored.stamp_ns, stored.reason) != (
                self._ordinal,
                frame.stamp_ns,
                decision.reason,
            ):
                self._differs(stored)
            self._last_id, self.segment, self._fresh = stored.id, stored.segment, False
            return
        if self._fresh or self.segment is None:
            self.segment = self._store.next_segment()
        try:
            keyframe = self._stored(frame, decision, self.segment)
        except StoreError as error:
            # The selector now compares with a frame that nobody has; begin anew with the next.
            self.reset()
            self.store_problem = str(error)
            raise
        self.store_problem = ""
        self._last_id, self._fresh = keyframe.id, False
        self._listeners.keyframe(keyframe)

    def _stored(self, frame: Frame, decision: Decision, segment: int) -> Keyframe:
        assert decision.reason is not None
        encoded = frame.encoded
        if encoded is not None and encoded.startswith(b"\xff\xd8"):
            jpeg, (width, height) = encoded, image_size(encoded)
        else:
            image = decode(frame)
            jpeg = encode_jpeg(image, self._settings.jpeg_quality)
            height, width = image.shape[:2]
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

    def _differs(self, stored: StoredKeyframe) -> None:
        raise StoreError(
            f"the memory {self._store.path} holds frame {stored.ordinal} ({stored.reason}) of "
            f"{self.source} as keyframe {stored.id}, but the recording no longer gives that: it "
            "or the program changed since; replay it into another memory file"
        )
