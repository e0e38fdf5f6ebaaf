"""Checks now and then, while objects are tracked, whether the camera points where its mount says.

Out of scope: how it is measured (`embodied_agent.objects.alignment`).
"""

from __future__ import annotations

import logging

from embodied_agent.objects.alignment import Misalignment, misalignment
from embodied_agent.objects.tracker import Tracker

_log = logging.getLogger(__name__)

#: Keyframes between two checks.
_PERIOD = 16


class CameraCheck:
    """Checks the camera of one memory. Not thread-safe.

    Attributes:
        problem: what is wrong, in a sentence; "" if nothing is, or before the first check.
    """

    def __init__(self) -> None:
        self.problem = ""

    def folded(self, tracker: Tracker) -> None:
        """A keyframe was folded into the objects."""
        if tracker.last_keyframe % _PERIOD == _PERIOD - 1:
            self.look(tracker)

    def look(self, tracker: Tracker) -> Misalignment | None:
        """By how much the camera seems turned from where its mount says it points; ``None`` if too
        few objects of the present map session show it. A new problem is logged."""
        session = tracker.sessions.current
        estimate = None
        if session is not None and session.measured == "poses":
            estimate = misalignment(tracker.tracks.values())
        problem = str(estimate) if estimate is not None and estimate.is_told else ""
        if problem and not self.problem:
            _log.warning("%s", problem)
        self.problem = problem
        return estimate
