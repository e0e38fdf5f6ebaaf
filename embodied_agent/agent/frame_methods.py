"""The methods of `Agent` that take frames in and wait until they are perceived.

Out of scope: what they do (`inlet`, `perception_workers`); a whole recording (`Agent.replay`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, overload

from embodied_agent.agent.inlet import Inlet
from embodied_agent.agent.intake import ReplayState
from embodied_agent.agent.perception_workers import PerceptionWorkers
from embodied_agent.images import check_frame
from embodied_agent.records import Decision, Frame
from embodied_agent.settings import KeyframeSettings


class FrameMethods:
    """A part of `Agent`, which sets ``_inlet`` and ``_perception``."""

    _inlet: Inlet
    _perception: PerceptionWorkers | None

    def begin_live(self) -> None:
        """The frames that are observed next are a sensor's.

        Until the first of them comes, nothing is in view: what the memory holds was seen before.
        """
        self._inlet.begin_live()

    def begin_replay(self, key: str) -> ReplayState:
        """The frames that are observed next are a recording's, from its first on.

        `replay` does this; use it to feed a recording's frames by `observe`, and end with `finish`.
        Frames that the memory holds already are recognised and not stored twice.

        Args:
            key: what identifies the recording and how it is read: path, topic, rate.

        Returns:
            How much of it the memory holds. Nothing new will come where that is ``finished``.

        Raises:
            StoreError: the memory can't be written, or holds part of this recording chosen with
                other keyframe settings.
        """
        return self._inlet.begin_replay(key)

    @overload
    def observe(self, frame: Frame, *, wait: Literal[True] = True) -> Decision: ...

    @overload
    def observe(self, frame: Frame, *, wait: Literal[False]) -> None: ...

    def observe(self, frame: Frame, *, wait: bool = True) -> Decision | None:
        """Take in the next frame.

        Args:
            frame: in the order of stamps.
            wait: True: decide now, and wait while too many keyframes are yet to be perceived.
                False: return at once; the frame replaces one that still waits (that one is
                counted as dropped), and listeners hear of the decision.

        Returns:
            The decision; ``None`` without ``wait``. A frame that is kept is on the disk by then. A
            JPEG or PNG that can't be decoded is counted and not kept.

        Raises:
            FrameError: the frame holds no picture, an array of another shape or type than
                documented, or a stamp that is not an integer.
            StoreError: the keyframe can't be stored, or the recording is not what the memory holds.
            ModelError: perception has stopped, or (`ModelUnavailable`) makes no progress.
        """
        check_frame(frame)
        if not wait:
            self._inlet.post(frame)
            return None
        return self._inlet.take(frame)

    def observe_together(self, frames: Sequence[Frame]) -> None:
        """`observe` without ``wait``, for frames that came at once, such as those that waited for
        the same pose: none of them replaces another.

        Raises:
            FrameError: as `observe`; none of them is taken in.
        """
        for frame in frames:
            check_frame(frame)
        self._inlet.post(*frames)

    def finish(self) -> None:
        """The source ended: its last frame is kept. The next frame begins a new segment.

        Raises:
            StoreError: it can't be stored, or the memory holds more of the recording than came.
        """
        self._inlet.finish()

    def reset(self) -> None:
        """Forget where the camera was: the next frame begins a new segment. The memory stays."""
        self._inlet.reset()

    def retune(self, settings: KeyframeSettings) -> None:
        """Choose keyframes by these thresholds from the next frame on; the method stays."""
        self._inlet.retune(settings)

    @property
    def frames_dropped(self) -> int:
        """Frames so far that a newer one replaced before their turn."""
        return self._inlet.mailbox.dropped

    def drain(self, timeout_s: float | None = None) -> bool:
        """Wait until everything stored is perceived.

        Args:
            timeout_s: longest wait, in seconds; ``None``: as long as keyframes keep being
                perceived.

        Returns:
            Whether everything is perceived; without ``timeout_s`` always True.

        Raises:
            ModelUnavailable: without ``timeout_s``, where no keyframe was perceived for
                ``perception.stall_timeout_s``.
            ModelError: perception has stopped for good.
            StoreError: the memory can't be read.
        """
        if self._perception is None:
            return True
        if timeout_s is not None:
            return self._perception.wait(None, timeout_s)
        self._perception.drain()
        return True
