"""The interface to the keyframe rules: chooses one, and handles restarts and ends of a source.

Out of scope: the decision on a picture (`paper` and `robust`, the two rules).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, Protocol

from embodied_agent.keyframes.paper import PaperRule
from embodied_agent.keyframes.robust import RobustRule
from embodied_agent.records import Decision, Egomotion, Frame
from embodied_agent.settings import KeyframeSettings

Force = Literal["asked", "last"]


class _Rule(Protocol):
    def step(self, frame: Frame, force: Force | None) -> Decision: ...

    def motion(self) -> Egomotion | None: ...

    def retune(self, settings: KeyframeSettings) -> None: ...


class KeyframeSelector:
    """Decides frame by frame which ones the memory keeps. Not thread-safe.

    Frames must come in the order of their stamps. A stamp that jumps back (a bag that loops, a
    sensor that restarts) resets the selector, and its frame is kept as ``first``.
    """

    def __init__(self, settings: KeyframeSettings) -> None:
        self._settings = settings
        self._rule = self._new_rule()
        self._last: Decision | None = None

    def step(self, frame: Frame, *, force: Force | None = None) -> Decision:
        """The decision on one frame; `robust` measures the egomotion of kept frames only.

        Args:
            frame: a grey or BGR frame, or an undecoded JPEG or PNG file, of any size.
            force: keep this frame in any case, with this reason unless the rule keeps it for
                another.

        Raises:
            DecodeError: the frame can't be decoded. The selector is unchanged.
        """
        if self._last is not None and frame.stamp_ns < self._last.stamp_ns:
            self.reset()
        self._last = self._rule.step(frame, force)
        return self._last

    def finish(self) -> Decision | None:
        """End a source: the decision to keep its last frame; ``None`` if it is kept already.

        The caller must have the frame itself. The next `step` starts a new source.
        """
        last = self._last
        motion = None if last is None or last.keep else self._rule.motion()
        self.reset()
        if last is None or last.keep:
            return None
        return replace(last, keep=True, reason="last", egomotion=motion)

    def reset(self) -> None:
        """Forget everything; the next frame is kept as ``first``."""
        self._rule = self._new_rule()
        self._last = None

    def retune(self, settings: KeyframeSettings) -> None:
        """Apply these thresholds from the next frame on.

        ``method``, ``features`` and ``detect_width`` stay as they are.
        """
        unchanged = self._settings.model_dump(include={"method", "features", "detect_width"})
        self._settings = settings.model_copy(update=unchanged)
        self._rule.retune(self._settings)

    def _new_rule(self) -> _Rule:
        if self._settings.method == "paper":
            return PaperRule(self._settings)
        return RobustRule(self._settings)
