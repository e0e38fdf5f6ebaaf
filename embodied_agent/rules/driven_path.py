"""The path that poses recorded: where the robot was at its keyframes, in one map session.

Out of scope: reading it from the memory (`embodied_agent.agent.driven_paths`), sentences about it
(`about_path`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False, slots=True)
class DrivenPath:
    """Where the robot was at keyframes ``ids`` (n,), in order: ``positions_m`` (n, 3)."""

    ids: tuple[int, ...]
    positions_m: Floats

    def between(self, first_id: int, last_id: int) -> DrivenPath:
        """The part from one keyframe to another, both included."""
        begin, end = bisect_left(self.ids, first_id), bisect_right(self.ids, last_id)
        return DrivenPath(self.ids[begin:end], self.positions_m[begin:end])

    @property
    def length_m(self) -> float:
        """Its length in metres, along straight lines from keyframe to keyframe."""
        return float(np.linalg.norm(np.diff(self.positions_m, axis=0), axis=1).sum())

    @property
    def straight_m(self) -> float:
        """The straight distance in metres from its end to its beginning."""
        return float(np.linalg.norm(self.positions_m[-1] - self.positions_m[0]))

    def distances_m(self) -> Floats:
        """The distances of its keyframes from its end, (n,), in metres."""
        distances: Floats = np.linalg.norm(self.positions_m - self.positions_m[-1], axis=1)
        return distances
