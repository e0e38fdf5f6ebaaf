"""A world of points with names, seen by a camera without faults: keyframes with their mentions."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.memory.store import Store
from embodied_agent.object_records import SeenObject
from embodied_agent.objects.rays import quaternion, rotation
from embodied_agent.optics import angles_at, assumed, point_at
from embodied_agent.records import (
    Box,
    Delta,
    Egomotion,
    Intrinsics,
    Keyframe,
    Mention,
    Mount,
    Pose,
    direction_at,
)
from embodied_agent.settings import MemorySettings, ObjectSettings
from embodied_agent.sources.bags.transforms import multiply

WIDTH, HEIGHT = 640, 480
LENS = assumed(WIDTH, HEIGHT, 75.0)
#: Where things are, by name; several of one name are numbered after a "#".
World = Mapping[str, tuple[float, float, float]]
SIZE_M = 0.5


def pose(x: float, y: float, yaw_deg: float = 0.0, *, z: float = 1.0, frame: str = "map") -> Pose:
    half = math.radians(yaw_deg) / 2
    return Pose((x, y, z), (0.0, 0.0, math.sin(half), math.cos(half)), frame)


def mount(
    ahead_m: float = 0.0,
    left_m: float = 0.0,
    up_m: float = 0.0,
    *,
    yaw_deg: float = 0.0,
    pitch_deg: float = 0.0,
    roll_deg: float = 0.0,
) -> Mount:
    return Mount((ahead_m, left_m, up_m), quaternion(yaw_deg, pitch_deg, roll_deg))


def camera_on(body: Pose, mount: Mount) -> Pose:
    """Where the camera is, by the pose of the body that it is mounted on."""
    turn = rotation(body.orientation_xyzw)
    x, y, z = np.array(body.position_m) + turn @ np.array(mount.position_m)
    orientation = multiply(body.orientation_xyzw, mount.orientation_xyzw)
    return Pose((float(x), float(y), float(z)), orientation, body.frame_id)


def seen_from(here: Pose, world: World) -> list[Mention]:
    """The mentions of what is in view, nearest first."""
    turn = rotation(here.orientation_xyzw)
    mentions = []
    for name, place in world.items():
        ahead, left, up = turn.T @ (np.array(place) - np.array(here.position_m))
        bearing = math.degrees(math.atan2(left, ahead))
        elevation = math.degrees(math.atan2(up, math.hypot(ahead, left)))
        point = point_at(LENS, bearing, elevation)
        if point is None or not all(0.02 < part < 0.98 for part in point):
            continue
        far = math.hypot(ahead, left, up)
        half = SIZE_M / far * LENS.fx / 2
        x, y = point
        box = Box(x - half / WIDTH, y - half / HEIGHT, x + half / WIDTH, y + half / HEIGHT)
        bearing, elevation = angles_at(LENS, x, y)
        mention = Mention(
            name.partition("#")[0],
            direction_at(bearing),
            box=box,
            bearing_deg=bearing,
            elevation_deg=elevation,
            confidence=0.9,
        )
        mentions.append((far, mention))
    return [mention for _, mention in sorted(mentions, key=lambda item: item[0])]


class Robot:
    """A robot in such a world, with a memory of its own or at ``path``."""

    def __init__(
        self,
        path: str = "",
        settings: ObjectSettings | None = None,
        *,
        memory: MemorySettings | None = None,
    ) -> None:
        self.store = Store.open(path, memory or MemorySettings())
        self.settings = settings or ObjectSettings()
        self.memory = ObjectMemory(self.store, self.settings)
        self.stamp_ns = 1_700_000_000_000_000_000

    def look(
        self,
        world: World,
        here: Pose | None,
        *,
        mentions: Sequence[Mention] | None = None,
        segment: int = 0,
        egomotion: Egomotion | None = None,
        fold: bool = True,
        jpeg: bytes = b"jpeg",
        depth: bytes = b"",
        truly: Mount | None = None,
        told: Mount | None = None,
        frame_id: str = "camera",
        lens: Intrinsics = LENS,
    ) -> Keyframe:
        """One more keyframe, a second later, with its delta. The camera is ``truly`` so on the
        body, and ``told`` to be so, and to have the ``lens``."""
        self.stamp_ns += 1_000_000_000
        keyframe = self.store.add_keyframe(
            stamp_ns=self.stamp_ns,
            jpeg=jpeg,
            width=WIDTH,
            height=HEIGHT,
            reason="overlap",
            segment=segment,
            egomotion=egomotion,
            pose=here,
            intrinsics=lens,
            mount=told,
            frame_id=frame_id,
            depth=depth,
        )
        if mentions is None:
            eye = here if here is None or truly is None else camera_on(here, truly)
            mentions = [] if eye is None else seen_from(eye, world)
        if self.store.oldest_pending() == keyframe.id:
            delta = Delta(keyframe.id, None, mentions=tuple(mentions), observation="a room")
            self.store.commit_delta(delta)
            if fold:
                self.memory.add(keyframe, delta)
        return keyframe

    def drive(self, world: World, *, steps: int = 8, step_m: float = 0.3, **more: object) -> None:
        """Sideways along y, looking ahead along x."""
        for at in range(steps):
            self.look(world, pose(0.0, at * step_m), **more)  # type: ignore[arg-type]

    def only(self, name: str) -> SeenObject:
        """The one object of this name."""
        (one,) = self.memory.objects(name)
        return one


def off_m(one: SeenObject, place: tuple[float, float, float]) -> float:
    """How far an object's position is from the truth, in metres."""
    assert one.position_m is not None
    return math.dist(one.position_m, place)
