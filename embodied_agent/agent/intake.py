"""From frames to stored keyframes: selection, segments, encoding, and resuming after a crash.

An interrupted replay is repeated from the start of its source. Selection is deterministic and
cheap compared with perception, so it decides on the frames again, recognises keyframes that the
memory already holds, and stores from the first new one on. A recording that no longer matches the
memory is detected on the way.

Out of scope: which frames are kept (`embodied_agent.keyframes`), threads (`embodied_agent.agent`).
"""

from __future__ import annotations

import logging
from collections import deque
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal, NoReturn

from embodied_agent import optics
from embodied_agent.agent.cameras import CameraSelectors, camera_of
from embodied_agent.agent.clock_gate import ClockGate
from embodied_agent.agent.listeners import Listeners
from embodied_agent.errors import DecodeError, StoreError
from embodied_agent.images import as_jpeg, small_depth, upright_intrinsics
from embodied_agent.memory.store import Store, StoredKeyframe
from embodied_agent.records import DOUBTFUL, Decision, Frame, Intrinsics, Keyframe
from embodied_agent.settings import KeyframeSettings

_log = logging.getLogger(__name__)

#: Keyframes of these reasons show something else than the one before.
_MOVED = ("overlap", "motion")
_FROZEN = "it does not change while the picture does"


def usable_intrinsics(frame: Frame, width: int, height: int) -> tuple[Intrinsics | None, str]:
    """The calibration of a frame's upright picture of ``width`` by ``height`` pixels; ``None``, and
    the reason, if it has none that can be right.

    Raises:
        DecodeError: the frame's header can't be read.
    """
    camera = upright_intrinsics(frame)
    if camera is None:
        return None, "there is none"
    fault = optics.fault_of(camera, width, height)
    return (None, fault) if fault else (optics.scaled(camera, width, height), "")


def calibration_text(fault: str, hfov_deg: float) -> str:
    """Whether a camera's calibration is used, in words. ``fault`` is the reason why not, or empty;
    ``hfov_deg`` is the field of view that is assumed without it, in degrees."""
    if not fault:
        return "used"
    return f"{fault}; a horizontal field of view of {hfov_deg:g} degrees is assumed"


@dataclass(frozen=True, slots=True)
class ReplayState:
    """How far a recording was replayed before: how many of its ``keyframes`` the memory holds, and
    whether its last frame was seen (``finished``)."""

    keyframes: int
    finished: bool


@dataclass(frozen=True, slots=True)
class _Last:
    """A camera's last frame: its number within the source, and its keyframe's id if it is kept."""

    frame: Frame
    ordinal: int
    decision: Decision
    keyframe_id: int | None = None


class Intake:
    """Takes frames in order; not thread-safe. Each of several cameras has its own last frame.

    Frames are live until `begin_replay`, and again once one comes after `finish`. Until then
    ``source`` still names the recording, because questions are about its end.
    """

    def __init__(self, store: Store, settings: KeyframeSettings, listeners: Listeners) -> None:
        self._store = store
        self._settings = settings
        self._listeners = listeners
        self._selector = CameraSelectors(settings)
        self._gates: dict[str, ClockGate[tuple[int, Frame]]] = {}  # by camera
        self._expected: deque[StoredKeyframe] = deque()  # what an earlier run stored of the source
        self._opens_segment = True  # the next keyframe begins one
        self._ordinal = -1
        self._last: dict[str, _Last] = {}  # by camera
        self._ended = False  # the recording was finished; frames from now on are live
        self._announced = False
        self.source = ""
        self.segment: int | None = None
        self.frames = 0
        self.confidence: dict[str, float | None] = {}  # of the latest overlap, by camera
        self.doubtful = 0  # frames with a doubtful overlap
        self.calibration_faults: dict[str, str] = {}  # why the calibration is not used, by camera
        self.depth_faults: dict[str, str] = {}  # why depth is not used, by camera
        self._depths: dict[str, bytes] = {}  # the last keyframe's, by camera
        self.store_problem = ""  # why the last keyframe could not be stored

    @property
    def live(self) -> bool:
        """Whether frames come from a sensor, not from a recording."""
        return not self.source

    @property
    def starting(self) -> bool:
        """Whether a sensor's frames were announced but none has come yet."""
        return self._announced and not self._last

    def begin_live(self) -> None:
        """The frames that follow are a sensor's."""
        self.reset()
        self.source, self._ordinal, self._ended = "", -1, False
        self._expected.clear()
        self._announced = True

    def begin_replay(self, source: str) -> ReplayState:
        """The frames that follow are those of the recording ``source``, from its start.

        Raises:
            StoreError: the memory holds part of it, chosen with other settings.
        """
        self.reset()
        finished, stored = self._store.begin_replay(source, self._settings.model_dump_json())
        self._expected = deque(stored)
        self._ordinal = -1
        self._ended = self._announced = False
        self.source = source
        return ReplayState(len(stored), finished)

    def reset(self) -> None:
        """Forget the last frame: the next one opens a segment."""
        for gate in self._gates.values():
            gate.reset()
        self._restart()

    def _restart(self) -> None:
        self._selector.reset()
        self._opens_segment = True
        self._last.clear()

    def retune(self, settings: KeyframeSettings) -> None:
        """Use these thresholds from the next frame on; method, features and width don't change."""
        self._settings = settings
        self._selector.retune(settings)

    def take(self, frame: Frame) -> Decision:
        """Decide on one frame and store it, as pending, if it is kept.

        A frame slightly older than the last one is jitter and is left out; one whose stamp is out
        of line is held back until the next ones tell whether the clock has jumped, which opens a
        new segment (`clock_gate`).

        Raises:
            DecodeError: the frame can't be decoded; everything else is as before.
            StoreError: the keyframe can't be stored, or the recording is not what the memory holds.
        """
        if self._ended:
            self.reset()
            self.source, self._ordinal, self._ended = "", -1, False
        self._ordinal += 1
        decision = Decision(frame.index, frame.stamp_ns, keep=False, reason=None)
        problem: DecodeError | None = None
        camera = camera_of(frame)
        gate = self._gates.setdefault(camera, ClockGate())
        passed = gate.take(frame.stamp_ns, (self._ordinal, frame))
        due = [one.frame for one in passed]
        if any(one.restart for one in passed):
            self._restart()
            # All cameras have one clock.
            others = (other for name, other in self._gates.items() if name != camera)
            due += [held for other in others for held in other.restart()]
        for ordinal, one in due:
            try:
                decision = self._take_passed(ordinal, one)
            except DecodeError as error:
                problem = error
        if problem is not None:
            raise problem
        return decision

    def _take_passed(self, ordinal: int, frame: Frame) -> Decision:
        decision = self._step(frame, ordinal, None)
        self.frames += 1
        # Replaced instead of changed, because other threads read it.
        self.confidence = {**self.confidence, camera_of(frame): decision.confidence}
        if decision.confidence is not None and decision.confidence < DOUBTFUL:
            self.doubtful += 1
        return decision

    @property
    def late(self) -> int:
        """How many frames came a little after a newer one."""
        return sum(gate.late for gate in self._gates.values())

    @property
    def absurd(self) -> int:
        """How many frames had a stamp that was out of line."""
        return sum(gate.absurd for gate in self._gates.values())

    def keep_current(self) -> int | None:
        """Keep each camera's last frame, with the reason ``asked``, unless it is kept already.

        Returns:
            The newest keyframe id of them; ``None`` before the first frame.

        Raises:
            StoreError: one can't be stored.
        """
        for last in self._in_order():
            if last.keyframe_id is None:
                self._step(last.frame, last.ordinal, "asked")
        ids = [last.keyframe_id for last in self._last.values() if last.keyframe_id is not None]
        return max(ids, default=None)

    def _in_order(self) -> list[_Last]:
        """The cameras' last frames, in the order in which they came."""
        return sorted(self._last.values(), key=lambda last: last.ordinal)

    def finish(self) -> None:
        """The source ended: keep the last frame of each camera.

        Raises:
            StoreError: it can't be stored, or the memory holds more of this source than came.
        """
        held = [one.frame for gate in self._gates.values() for one in gate.end()]
        for ordinal, frame in sorted(held, key=lambda one: one[0]):
            with suppress(DecodeError):
                self._take_passed(ordinal, frame)
        ends = self._selector.finish()
        for last in self._in_order():
            camera = camera_of(last.frame)
            if camera in ends:
                keyframe_id = self._keep(last.frame, last.ordinal, ends[camera])
                self._last[camera] = _Last(last.frame, last.ordinal, ends[camera], keyframe_id)
                self._listeners.decision(last.frame, ends[camera])
        if self._expected:
            self._refuse(self._expected[0])
        if self.source:
            self._store.finish_replay(self.source)
            self._ended = True
        self._opens_segment = True

    def _step(self, frame: Frame, ordinal: int, force: Literal["asked"] | None) -> Decision:
        decision = self._selector.step(frame, force=force)
        if force is not None:
            # The rule has decided on this frame before and did not keep it.
            decision = replace(decision, reason=force)
        camera = camera_of(frame)
        keyframe_id: int | None = None
        if decision.keep:
            keyframe_id = self._keep(frame, ordinal, decision)
        elif self._expected:
            stored = self._expected[0]
            if stored.reason != "last":
                passed = stored.ordinal <= ordinal
            else:
                # A camera's last frame is kept only once the source has ended, so no other of that
                # camera may follow it.
                last = self._last.get(camera)
                passed = last is not None and any(
                    last.ordinal == each.ordinal for each in self._expected
                )
            if passed:
                self._refuse(stored)
        self._last[camera] = _Last(frame, ordinal, decision, keyframe_id)
        self._listeners.decision(frame, decision)
        return decision

    def _keep(self, frame: Frame, ordinal: int, decision: Decision) -> int:
        """Store a keyframe, or recognise it as one that is stored; returns its id."""
        assert decision.reason is not None
        if self._expected:
            stored = self._expected.popleft()
            if (stored.ordinal, stored.stamp_ns, stored.reason) != (
                ordinal,
                frame.stamp_ns,
                decision.reason,
            ):
                self._refuse(stored)
            self.segment, self._opens_segment = stored.segment, False
            return stored.id
        if self._opens_segment or self.segment is None:
            self.segment = self._store.next_segment()
        try:
            keyframe = self._store_keyframe(frame, ordinal, decision, self.segment)
        except StoreError as error:
            # The selector would now compare with a frame that is not stored, so it starts anew.
            self.reset()
            self.store_problem = str(error)
            raise
        self.store_problem = ""
        self._opens_segment = False
        self._listeners.keyframe(keyframe)
        return keyframe.id

    def _store_keyframe(
        self, frame: Frame, ordinal: int, decision: Decision, segment: int
    ) -> Keyframe:
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
            ordinal=ordinal,
            frame_id=frame.frame_id,
            overlap_ratio=decision.overlap_ratio,
            inliers=decision.inliers,
            egomotion=decision.egomotion,
            pose=frame.pose,
            intrinsics=self._intrinsics(frame, width, height),
            mount=frame.mount,
            depth=self._depth(frame, decision) if jpeg else b"",
        )

    def _intrinsics(self, frame: Frame, width: int, height: int) -> Intrinsics | None:
        """The calibration of the upright picture; one that can't be right is logged once."""
        name = camera_of(frame)
        camera, fault = usable_intrinsics(frame, width, height)
        if self.calibration_faults.get(name) != fault:
            # Replaced instead of changed, because other threads read it.
            self.calibration_faults = {**self.calibration_faults, name: fault}
            if fault and frame.intrinsics is not None:
                of = f" of the camera {name}" if name else ""
                _log.warning("the calibration%s is not used: %s", of, fault)
        return camera

    def _depth(self, frame: Frame, decision: Decision) -> bytes:
        """The frame's depth as the keyframe keeps it; empty without one that can be right. A fault
        is logged once."""
        name = camera_of(frame)
        if frame.depth is None:
            return b""
        png, fault = small_depth(frame)
        frozen = decision.reason in _MOVED or self.depth_faults.get(name) == _FROZEN
        if png and png == self._depths.get(name) and frozen:
            png, fault = b"", _FROZEN
        elif png:
            self._depths[name] = png
        if self.depth_faults.get(name) != fault:
            # Replaced instead of changed, because other threads read it.
            self.depth_faults = {**self.depth_faults, name: fault}
            if fault:
                of = f" of the camera {name}" if name else ""
                _log.warning("the depth picture%s is not used: %s", of, fault)
        return png

    def _refuse(self, stored: StoredKeyframe) -> NoReturn:
        """Refuse a recording that is not the one that the memory holds."""
        raise StoreError(
            f"the memory {self._store.path} holds frame {stored.ordinal} ({stored.reason}) of "
            f"{self.source} as keyframe {stored.id}, but the recording no longer gives that frame: "
            "it or the program has changed since; replay it into another memory file"
        )
