"""The objects around the camera, as the rules ask for them (`embodied_agent.rules.surveyed`).

Out of scope: where they are (`from_here`), what is said of it (`about_measured`).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from embodied_agent.agent.from_here import CAMERA_M, HEADING_DEG, FromHere
from embodied_agent.object_records import SeenObject
from embodied_agent.rules.about_certainty import Certainty
from embodied_agent.rules.notes import name_key
from embodied_agent.rules.surveyed import Spot


class FromHereSurvey:
    """`surveyed.Survey` of what is around one camera. An object that was missed where it
    should have been is not where it was measured, and has no spot."""

    def __init__(self, here: FromHere) -> None:
        self._here = here

    def spot(self, key: str) -> Spot | None:
        """Where a thing is; ``None`` unless exactly one of this name has a position."""
        one = self._here.only(key)
        if one is None or one.missed:
            return None
        sight = self._here.sight(one)
        if sight is None:
            return None
        return Spot(
            one.name,
            sight.bearing_deg,
            math.hypot(sight.bearing_std_deg, HEADING_DEG),
            sight.distance_m,
            math.hypot(sight.distance_std_m, CAMERA_M),
            one.evidence[-1],
        )

    def keys(self) -> Sequence[str]:
        """The things that have a `spot`, the nearest first."""
        names = {name_key(one.name) for one in self._here.objects}
        spots = [(spot.distance_m, key) for key in names if (spot := self.spot(key)) is not None]
        return [key for _, key in sorted(spots)]

    def share_nearer(self, key: str, other: str) -> float:
        """The share of what is possible in which the one is nearer than the other."""
        one, two = self._here.places(key), self._here.places(other)
        if one is None or two is None:
            return 0.5
        return float(np.mean(np.hypot(*one.T) < np.hypot(*two.T)))

    def apart(self, key: str, other: str) -> tuple[float, float]:
        """How far two things are from each other, and the standard deviation, in metres."""
        return self._here.apart(self._object(key), self._object(other))

    def certainty(self, key: str) -> Certainty | None:
        """How sure a thing is; ``None`` unless exactly one of this name has a position."""
        one = self._here.only(key)
        if one is None or one.std_m is None:
            return None
        return Certainty(one.std_m, one.missed, one.missed_in)

    def _object(self, key: str) -> SeenObject:
        one = self._here.only(key)
        if one is None:
            raise KeyError(key)
        return one
