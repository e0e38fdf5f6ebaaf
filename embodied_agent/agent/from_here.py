"""Where objects are, seen from where the camera is: by their positions and its pose.

Objects count that are located by poses in the map session of the keyframe, and are still there. A
question about an earlier time is answered from the objects as they were known then.

Out of scope: what is said of them (`surroundings`), what follows for a question
(`embodied_agent.rules.located`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.memory.query import Reader
from embodied_agent.object_records import SeenObject
from embodied_agent.objects.rays import Floats, camera_of, is_usable
from embodied_agent.records import CameraMount, wrapped_deg
from embodied_agent.rules.notes import name_key

#: Objects that are looked at, those that were seen last.
MOST_READ = 500
#: Share of the sightings of a name that the one object of it has at least.
_MOSTLY = 0.8
#: Places that are drawn of an object.
_DRAWS = 256
#: Standard deviation of the camera's heading and of its position, in degrees and metres.
HEADING_DEG, CAMERA_M = 1.0, 0.05


@dataclass(frozen=True, slots=True)
class Sight:
    """Where an object is from the camera: ``bearing_deg`` to the left of its heading,
    ``distance_m``, and their standard deviations."""

    bearing_deg: float
    distance_m: float
    bearing_std_deg: float
    distance_std_m: float


@dataclass(frozen=True, eq=False)
class FromHere:
    """The camera's ``origin`` (3,) in metres, ``turn`` (3, 3), the axes that directions are
    relative to (ahead, left, up) as columns, and the ``objects`` around it, the last seen first."""

    origin: Floats
    turn: Floats
    objects: tuple[SeenObject, ...]

    @cached_property
    def _named(self) -> dict[str, list[SeenObject]]:
        found: dict[str, list[SeenObject]] = {}
        for one in self.objects:
            found.setdefault(name_key(one.name), []).append(one)
        return found

    def only(self, key: str) -> SeenObject | None:
        """The object of a name, by its key (`name_key`); ``None`` if there is none, or several.
        Others that were hardly ever seen, and not last, are the perceiver's mistakes."""
        named = self._named.get(key, [])
        if not named:
            return None
        last = max(named, key=lambda one: one.evidence[-1])
        return last if last.seen >= _MOSTLY * sum(one.seen for one in named) else None

    def sight(self, one: SeenObject) -> Sight | None:
        """Where an object is from here; ``None`` where the camera stands in it."""
        offset, spread = self._seen(one)
        level = math.hypot(offset[0], offset[1])
        if level < 1e-3:
            return None
        ahead = offset[:2] / level
        aside = np.array([-ahead[1], ahead[0]])
        across, along = (
            math.sqrt(max(float(way @ spread[:2, :2] @ way), 0.0)) for way in (aside, ahead)
        )
        return Sight(
            wrapped_deg(math.degrees(math.atan2(offset[1], offset[0]))),
            float(np.linalg.norm(offset)),
            math.degrees(math.atan2(across, level)),
            along,
        )

    def apart(self, one: SeenObject, other: SeenObject) -> tuple[float, float]:
        """How far two objects are from each other, and its standard deviation, in metres."""
        offset = np.array(one.position_m) - np.array(other.position_m)
        spread = np.array(one.covariance_m2) + np.array(other.covariance_m2)
        distance = float(np.linalg.norm(offset))
        way = offset / distance if distance > 1e-3 else np.array([1.0, 0.0, 0.0])
        return distance, math.sqrt(max(float(way @ spread.reshape(3, 3) @ way), 0.0))

    def places(self, key: str) -> Floats | None:
        """Where a thing may be, (n, 2) metres ahead and to the left of the camera, as
        `rules.located.Places`; ``None`` unless there is one (`only`)."""
        one = self.only(key)
        if one is None:
            return None
        offset, spread = self._seen(one)
        values, axes = np.linalg.eigh(spread)
        drawn = np.random.default_rng([one.id]).standard_normal((_DRAWS, 3))
        at = offset + drawn * np.sqrt(np.maximum(values, 0.0)) @ axes.T
        # The same draws for all objects: it is one camera.
        camera = np.random.default_rng(0).standard_normal((_DRAWS, 3))
        ahead, left = (at[:, :2] + CAMERA_M * camera[:, 1:]).T
        turned = np.radians(HEADING_DEG * camera[:, 0])
        c, s = np.cos(turned), np.sin(turned)
        places: Floats = np.stack((c * ahead + s * left, c * left - s * ahead), axis=1)
        return places

    def _seen(self, one: SeenObject) -> tuple[Floats, Floats]:
        """An object's offset (3,) and covariance (3, 3) along the axes of the camera."""
        offset = self.turn.T @ (np.array(one.position_m) - self.origin)
        spread = self.turn.T @ np.array(one.covariance_m2).reshape(3, 3) @ self.turn
        return offset, spread


def from_here(
    keyframe_id: int, memory: ObjectMemory, keyframes: Reader, *, past: bool = False
) -> FromHere | None:
    """The objects around the camera of a keyframe; ``None`` where it is not known where it was: it
    has no pose in the map session that is the latest.

    Args:
        keyframe_id: where the camera is.
        memory: of the objects.
        keyframes: the memory that they are of.
        past: nothing counts that was seen after the keyframe.

    Raises:
        StoreError: the memory can't be read.
    """
    here = keyframes.keyframe(keyframe_id)
    if here is None or here.pose is None or not is_usable(here.pose):
        return None
    if past:
        session, objects = memory.as_of(keyframe_id, limit=MOST_READ)
    else:
        session, objects = memory.current_session(), []
        if session is not None:
            objects = memory.objects(session=session.id, limit=MOST_READ)
    if session is None or session.measured != "poses":
        return None
    if here.pose.frame_id != session.frame_id or here.id < session.keyframe_id:
        return None
    camera = camera_of(here.pose, here, memory.settings)
    turn = camera.turn
    if CameraMount.of(here.frame_id) is not None:
        # Directions are those of the robot, whichever camera it is.
        heading = math.radians(-camera.from_heading_deg)
        c, s = math.cos(heading), math.sin(heading)
        turn = turn @ np.array([[c, -s, 0.0], [s, c, 0.0], [0.0, 0.0, 1.0]])
    return FromHere(camera.origin, turn, tuple(one for one in objects if _counts(one)))


def _counts(one: SeenObject) -> bool:
    located = one.position_m is not None and one.covariance_m2 is not None
    return located and one.gone_since_ns is None and bool(one.evidence)
