"""Dead reckoning in steps small enough to write down: where an object is, action by action.

A place is a bearing in steps of `BEARING_STEP_DEG` and an integer reach: 4 for near, 7 for mid, 12
for far, in units of about half a metre in a house and 4 m in a city. Each place follows from the
previous place and the action alone, so that a small model can learn every step as a look-up. The
words of a transcript don't define the initial place more precisely anyway.

Out of scope: the sentences of the reasoning (`training.traces`), the program that answers from
deltas (`training.program`).
"""

from __future__ import annotations

import math
from typing import NamedTuple

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.transcript.text import round_angle
from sim_clips.journey import bearing, wrap

BEARING_STEP_DEG = 5
#: Step of bearings between two objects; coarser, so that there are fewer pairs to memorise.
BETWEEN_STEP_DEG = 15
#: Bearing of each direction word, degrees to the left: the mean of objects in view.
BEARINGS = {
    "front": 0, "front-left": 35, "left": 90, "back-left": 140, "back": 180,
    "back-right": -140, "right": -90, "front-right": -35,
}  # fmt: skip
#: Reach of each distance word; a missing one counts as mid.
REACHES = {"near": 4, "mid": 7, "far": 12}
#: Mean motion between two keyframes, in reach: forward, and in any other direction.
AHEAD, ASIDE = 2.3, 1.7


class Place(NamedTuple):
    """A bearing in degrees, positive left, in (−180, 180], and a reach as in `REACHES`."""

    bearing_deg: int
    reach: int

    @property
    def text(self) -> str:
        """The place as reasoning writes it: ``left 35 7``."""
        return f"{bearing_text(self.bearing_deg)} {self.reach}"


def bearing_text(degrees: int) -> str:
    """A bearing in words: ``left 35``, ``front 0``, ``back 180``."""
    if degrees in (0, 180):
        return f"{'back' if degrees else 'front'} {degrees}"
    return f"{'left' if degrees > 0 else 'right'} {abs(degrees)}"


def placed(mention: Mention) -> Place:
    """The place that a mention's direction and distance imply."""
    return Place(BEARINGS[mention.direction], REACHES[mention.distance or "mid"])


def turned(place: Place, degrees: float) -> Place:
    """The place after the camera has turned by ``degrees`` to the left."""
    return Place(_stepped(place.bearing_deg - degrees, BEARING_STEP_DEG), place.reach)


def moved(place: Place, delta: Delta) -> Place:
    """The place after the action of ``delta``; tilts and vertical moves don't change it."""
    if delta.action in (Action.ROTATE_LEFT, Action.ROTATE_RIGHT):
        angle = 30 if delta.angle_deg is None else round_angle(delta.angle_deg)
        return turned(place, angle if delta.action is Action.ROTATE_LEFT else -angle)
    ahead = {Action.MOVE_FORWARD: AHEAD, Action.MOVE_BACKWARD: -ASIDE}.get(delta.action, 0.0)  # type: ignore[arg-type]
    left = {Action.MOVE_LEFT: ASIDE, Action.MOVE_RIGHT: -ASIDE}.get(delta.action, 0.0)  # type: ignore[arg-type]
    if not ahead and not left:
        return place
    x, y = _flat(place)
    angle, reach = bearing(x - ahead, y - left, 0.0)
    return Place(_stepped(angle, BEARING_STEP_DEG), max(1, round(reach)))


def between(at: Place, other: Place) -> int:
    """The bearing of ``other`` from ``at``, relative to the camera's heading, in steps of
    `BETWEEN_STEP_DEG`."""
    return _stepped(_angle(at, other), BETWEEN_STEP_DEG)


def quadrant(facing: int, asked: int) -> str:
    """The quadrant of bearing ``asked`` for an observer facing bearing ``facing``, such as
    ``front-left``."""
    angle = wrap(asked - facing)
    return f"{'front' if abs(angle) < 90 else 'back'}-{'left' if angle > 0 else 'right'}"


def _flat(place: Place) -> tuple[float, float]:
    angle = math.radians(place.bearing_deg)
    return place.reach * math.cos(angle), place.reach * math.sin(angle)


def _angle(at: Place, other: Place) -> float:
    (ax, ay), (bx, by) = _flat(at), _flat(other)
    return bearing(bx - ax, by - ay, 0.0)[0]


def _stepped(degrees: float, step: int) -> int:
    return int(wrap(step * round(degrees / step)))
