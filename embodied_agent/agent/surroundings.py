"""Directions and distances of known objects from the camera, in words for the reasoner: "green
sofa: 40° left, 3.0 m, last seen #12".

Bearings are computed from the positions of objects and the pose of the latest keyframe, so that a
language model need not add up turns. Objects whose direction is uncertain are left out, and so are
distances that are only a guess.

Out of scope: the prompt around it (`embodied_agent.reasoning.prompts`).
"""

from __future__ import annotations

import math
import re

import numpy as np

from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.memory.query import Reader
from embodied_agent.object_records import SeenObject
from embodied_agent.objects.rays import Floats, camera_of, is_usable
from embodied_agent.records import CameraMount, Question, wrapped_deg

#: Most objects that are considered, and most that are told.
_MOST_READ, _MOST_TOLD = 500, 16
#: Largest uncertainty of a bearing that is told, in degrees, and of a distance, as a share of it.
_BEARING_DEG, _DISTANCE = 10.0, 0.35
#: Largest bearing that counts as straight ahead, or as straight behind, in degrees from it.
_STRAIGHT_DEG = 5.0


def surroundings(
    question: Question, keyframe_id: int, memory: ObjectMemory, keyframes: Reader
) -> str:
    """The objects that are located, those that the question names first, then the nearest.

    Empty if the robot's pose is unknown: keyframe ``keyframe_id`` has none in the present map
    session, or the question asks as of an earlier time.

    Raises:
        StoreError: the memory can't be read.
    """
    session = memory.current_session()
    here = keyframes.keyframe(keyframe_id)
    if question.at_ns is not None or session is None or here is None or here.pose is None:
        return ""
    if not is_usable(here.pose) or here.pose.frame_id != session.frame_id:
        return ""
    if here.id < session.keyframe_id:
        return ""
    camera = camera_of(here.pose, here, memory.settings)
    turn = camera.turn
    if CameraMount.of(here.frame_id) is not None:
        # Directions are those of the robot, whichever camera it is.
        heading = math.radians(-camera.from_heading_deg)
        c, s = math.cos(heading), math.sin(heading)
        turn = turn @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    words = set(re.findall(r"\w+", " ".join((question.text, *question.choices)).casefold()))
    told: list[tuple[bool, float, str]] = []
    for one in memory.objects(session=session.id, limit=_MOST_READ):
        line = _line(one, camera.origin, turn)
        if line is not None:
            distance, text = line
            named = bool(words & set(re.findall(r"\w+", f"{one.name} {one.kind}".casefold())))
            told.append((not named, distance, text))
    return "; ".join(text for _, _, text in sorted(told)[:_MOST_TOLD])


def _line(one: SeenObject, origin: Floats, turn: Floats) -> tuple[float, str] | None:
    """The distance of an object and its line; ``None`` if too little is known."""
    if one.position_m is None or one.covariance_m2 is None or one.gone_since_ns is not None:
        return None
    offset = turn.T @ (np.array(one.position_m) - origin)
    spread = turn.T @ np.array(one.covariance_m2).reshape(3, 3) @ turn
    level = math.hypot(offset[0], offset[1])
    if level < 1e-3 or not one.evidence:
        return None
    ahead = offset[:2] / level
    aside = np.array([-ahead[1], ahead[0]])
    bearing_std = math.atan2(math.sqrt(max(float(aside @ spread[:2, :2] @ aside), 0.0)), level)
    if math.degrees(bearing_std) > _BEARING_DEG:
        return None
    distance = float(np.linalg.norm(offset))
    depth = math.sqrt(max(float(ahead @ spread[:2, :2] @ ahead), 0.0))
    far = f", {distance:.1f} m" if depth <= _DISTANCE * distance else ""
    bearing = wrapped_deg(math.degrees(math.atan2(offset[1], offset[0])))
    return distance, f"{one.name}: {_direction(bearing)}{far}, last seen #{one.evidence[-1]}"


def _direction(bearing_deg: float) -> str:
    if abs(bearing_deg) < _STRAIGHT_DEG:
        return "straight ahead"
    if abs(bearing_deg) > 180 - _STRAIGHT_DEG:
        return "straight behind"
    return f"{abs(bearing_deg):.0f}° {'left' if bearing_deg > 0 else 'right'}"
