"""A journey: what the camera did and could see, view by view, together with the truth.

Recorded clips (visibility from the segmentation render) and the text-only episodes that train the
reasoner (approximate visibility) share this representation: questions and reasoning traces are
derived from a `Journey` alone.

Out of scope: the questions (`sim_clips.questions`).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from embodied_agent.records import DIRECTION_LIMITS_DEG, Action, Direction, Distance
from sim_clips.scene import DISTANCE_LIMITS_M, CameraPose, Step, WorldName

#: Limits of the direction classes: |azimuth| in degrees from straight ahead.
SECTOR_LIMITS_DEG = DIRECTION_LIMITS_DEG

#: A frame with fewer pixels of an object (in a 320×240 picture) does not count as showing it.
GLIMPSED_PIXELS = 75

INVERSE: dict[Action, Action] = {action: action.inverse for action in Action}


@dataclass(frozen=True, slots=True)
class View:
    """One moment. ``step`` is the index of the step that led here (−1 at the start); ``visible``
    maps object names to pixels of a 320×240 picture; ``at_end``: the step is complete."""

    stamp_ns: int
    pose: CameraPose
    step: int
    visible: Mapping[str, float]
    at_end: bool = True


@dataclass(frozen=True)
class Journey:
    """Views in time order, the steps that join them, and where each object stands (x, y).

    ``glimpsed`` maps objects to the stamp (ns) of the first frame that shows them noticeably, if
    there are more frames than views; objects that no frame shows are missing from it. ``renamed``:
    the names were drawn at random, and say nothing about the kinds of the objects.
    """

    world: WorldName
    objects: Mapping[str, tuple[float, float]]
    steps: tuple[Step, ...]
    views: tuple[View, ...]
    glimpsed: Mapping[str, int] | None = None
    renamed: bool = False

    def placed(self, name: str, pose: CameraPose) -> tuple[float, float]:
        """Azimuth (degrees, positive left, in (−180, 180]) and distance (metres) of an object."""
        x, y = self.objects[name]
        return bearing(x - pose.x, y - pose.y, pose.yaw_deg)

    def direction(self, name: str, pose: CameraPose) -> Direction:
        """The direction class of an object seen from a pose."""
        return direction_class(self.placed(name, pose)[0])

    def distance(self, name: str, pose: CameraPose) -> Distance:
        """The distance class of an object seen from a pose."""
        return distance_class(self.world, self.placed(name, pose)[1])


def bearing(dx: float, dy: float, yaw_deg: float) -> tuple[float, float]:
    """Azimuth (degrees, positive left of the heading) and length (metres) of a floor vector."""
    return wrap(math.degrees(math.atan2(dy, dx)) - yaw_deg), math.hypot(dx, dy)


def wrap(degrees: float) -> float:
    """The same angle in (−180, 180]."""
    return -((-degrees + 180.0) % 360.0 - 180.0)


def direction_class(azimuth_deg: float) -> Direction:
    """The direction class of an azimuth (positive left), by `SECTOR_LIMITS_DEG`."""
    size = abs(wrap(azimuth_deg))
    front, ahead, beside, behind = SECTOR_LIMITS_DEG
    if size <= front:
        return "front"
    if size > behind:
        return "back"
    left = wrap(azimuth_deg) > 0
    if size <= ahead:
        return "front-left" if left else "front-right"
    if size <= beside:
        return "left" if left else "right"
    return "back-left" if left else "back-right"


def sector_gap(azimuth_deg: float, direction: Direction) -> float:
    """Degrees from an azimuth to the nearest edge of a direction's sector; 0 inside it."""
    front, ahead, beside, behind = SECTOR_LIMITS_DEG
    spans: dict[str, tuple[float, float]] = {
        "front": (-front, front),
        "front-left": (front, ahead),
        "left": (ahead, beside),
        "back-left": (beside, behind),
        "back": (behind, 360 - behind),
        "back-right": (-behind, -beside),
        "right": (-beside, -ahead),
        "front-right": (-ahead, -front),
    }
    low, high = spans[direction]
    if (azimuth_deg - low) % 360.0 <= high - low:
        return 0.0
    return min(abs(wrap(azimuth_deg - low)), abs(wrap(azimuth_deg - high)))


def distance_class(world: WorldName, metres: float) -> Distance:
    """The distance class of a range in metres in ``world``."""
    near, far = DISTANCE_LIMITS_M[world]
    return "near" if metres < near else "mid" if metres < far else "far"


def after(pose: CameraPose, step: Step) -> CameraPose:
    """The pose after a step that starts at ``pose``."""
    x, y, z, yaw, pitch = pose.x, pose.y, pose.z, pose.yaw_deg, pose.pitch_deg
    c, s = math.cos(math.radians(yaw)), math.sin(math.radians(yaw))
    d = step.amount
    match step.action:
        case Action.MOVE_FORWARD:
            x, y = x + d * c, y + d * s
        case Action.MOVE_BACKWARD:
            x, y = x - d * c, y - d * s
        case Action.MOVE_LEFT:
            x, y = x - d * s, y + d * c
        case Action.MOVE_RIGHT:
            x, y = x + d * s, y - d * c
        case Action.MOVE_UPWARD:
            z += d
        case Action.MOVE_DOWNWARD:
            z -= d
        case Action.ROTATE_LEFT:
            yaw = wrap(yaw + d)
        case Action.ROTATE_RIGHT:
            yaw = wrap(yaw - d)
        case Action.TILT_UPWARD:
            pitch += d
        case Action.TILT_DOWNWARD:
            pitch -= d
    return CameraPose(x, y, z, yaw, pitch)


def journey_of_truth(truth: Mapping[str, Any]) -> Journey:
    """The journey of a recorded clip: its first frame, and each step's middle and last frame."""
    frames = truth["frames"]
    last_of: dict[int, int] = {}
    first_of: dict[int, int] = {}
    for index, frame in enumerate(frames):
        if frame["step"] >= 0:
            last_of[frame["step"]] = index
            first_of.setdefault(frame["step"], index)
    glimpsed: dict[str, int] = {}
    for frame in frames:
        for name, pixels in frame["visible"].items():
            if pixels >= GLIMPSED_PIXELS:
                glimpsed.setdefault(name, frame["stamp_ns"])
    picks: list[tuple[int, int, bool]] = [(0, -1, True)]
    # When a clip is played again (`sim_clips.twice`), no step leads to its first frame.
    picks += [(i, -1, False) for i, frame in enumerate(frames) if frame.get("again")]
    for step, end in last_of.items():
        # The rest after a step shows its outcome: use the last frame before the next step.
        rest = end
        while rest + 1 < len(frames) and frames[rest + 1]["step"] < 0:
            if frames[rest + 1].get("again"):
                break
            rest += 1
        picks.append(((first_of[step] + end) // 2, step, False))
        picks.append((rest, step, True))
    picks.sort()
    return Journey(
        world=truth["world"],
        objects={o["name"]: (o["position"][0], o["position"][1]) for o in truth["objects"]},
        steps=tuple(
            Step(Action(s["action"]), s["amount"], s["duration_s"]) for s in truth["steps"]
        ),
        views=tuple(
            View(
                stamp_ns=frames[index]["stamp_ns"],
                pose=CameraPose(**frames[index]["pose"]),
                step=step,
                visible=frames[index]["visible"],
                at_end=at_end,
            )
            for index, step, at_end in picks
        ),
        glimpsed=glimpsed,
    )
