"""The selector that callers use: chooses the rule, watches the clock, and ends a source.

Out of scope: deciding on a picture (`paper` and `robust`, the two rules).
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
    """Decides frame by frame what the memory keeps; not thread-safe.

    Frames come in the order of their stamps. A stamp that jumps back (a bag that loops, a sensor
    that restarts) resets the selector: that frame is kept as ``first``.
    """

    def __init__(self, settings: KeyframeSettings) -> None:
        self._settings = settings
        self._rule = self._new_rule()
        self._last: Decision | None = None

    def step(self, frame: Frame, *, force: Force | None = None) -> Decision:
        """The decision on one frame; `robust` measures the egomotion of kept frames only.

        Args:
            frame: of any size; grey, BGR or an undecoded JPEG or PNG.
            force: keep this frame whatever the rule says, with this reason unless the rule keeps
                it for a reason of its own.

        Raises:
            DecodeError: the frame can't be decoded. The selector is as before.
        """
        if self._last is not None and frame.stamp_ns < self._last.stamp_ns:
            self.reset()
        self._last = self._rule.step(frame, force)
        return self._last

    def finish(self) -> Decision | None:
        """End a source: the decision that keeps its last frame; ``None`` where it is kept already.

        The caller holds the frame itself. The next `step` starts a new source.
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
        """Use these thresholds from the next frame on; method, features and width stay."""
        fixed = self._settings.model_dump(include={"method", "features", "detect_width"})
        self._settings = settings.model_copy(update=fixed)
        self._rule.retune(self._settings)

    def _new_rule(self) -> _Rule:
        if self._settings.method == "paper":
            return PaperRule(self._settings)
        return RobustRule(self._settings)
