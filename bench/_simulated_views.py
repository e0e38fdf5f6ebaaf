"""Simulated frames with their truth, plain or made hard for a keyframer.

The hard ones follow the same track and change what the camera sees, never where it is: people walk
in front of it, things stand close to its path (parallax), its shutter reads row by row while it
turns, or its exposure follows the light. The true overlap is that of the world without the people,
from depth and pose.

Out of scope: measuring the rules on them (`bench.keyframes`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.records import Image, Intrinsics
from sim_clips.layout import make_scene
from sim_clips.motion import TrackPoint, camera_track
from sim_clips.render import Renderer
from sim_clips.scene import COLOURS, CameraPose, Scene, SceneObject, WorldName

#: What is done to a track, and `plain` for comparison.
KINDS = ("plain", "parallax", "crossing", "leading", "rolling", "exposure")
FPS = 10.0
#: The time that a rolling shutter takes from the first row to the last.
READOUT_S = 1 / 30
#: Width, depth and height of a person, in metres; a city's are as large as its things.
_PERSON_M = (0.65, 0.4, 1.75)
#: How far before the camera people walk, and things beside the path stand, in metres.
_AHEAD_M = 1.7
_SCALE = {"house": 1.0, "warehouse": 1.0, "city": 5.0}


@dataclass(frozen=True, eq=False)
class Clip:
    """Simulated frames with their truth; depth is kept at an eighth of the size."""

    scene: Scene
    points: list[TrackPoint]
    jpegs: list[bytes]
    depths: list[npt.NDArray[np.float32]]
    intrinsics: Intrinsics


def record(
    renderer: Renderer, world: WorldName, seed: int, frames: int, kind: str = "plain"
) -> Clip:
    """At most ``frames`` frames of a scene, 10 a second, changed by ``kind``, one of `KINDS`."""
    scene = make_scene(world, seed)
    points = camera_track(scene, FPS)[:frames]
    if kind == "parallax":
        scene = replace(scene, objects=(*scene.objects, *_beside(scene, points)))
    camera = _intrinsics(scene, renderer.width, renderer.height)
    fine = _fine_track(scene) if kind == "rolling" else []
    jpegs, depths = [], []
    renderer.load(scene)
    for index, point in enumerate(points):
        seen = renderer.render(point.pose, depth=True)
        assert seen.depth_m is not None
        depths.append(seen.depth_m[4::8, 4::8].copy())
        image = seen.bgr
        if kind in ("crossing", "leading"):
            people = _people(scene, point.pose, index / FPS, leading=kind == "leading")
            renderer.load(replace(scene, objects=(*scene.objects, *people)))
            image = renderer.render(point.pose).bgr
            renderer.load(scene)
        elif kind == "rolling":
            image = _read_by_rows(image, camera, point, fine)
        elif kind == "exposure":
            image = _exposed(image, index / FPS)
        jpegs.append(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
    return Clip(scene, points, jpegs, depths, camera)


def _intrinsics(scene: Scene, width: int, height: int) -> Intrinsics:
    focal = width / 2 / math.tan(math.radians(scene.hfov_deg) / 2)
    return Intrinsics(focal, focal, width / 2, height / 2, width, height)


def _placed(pose: CameraPose, ahead_m: float, left_m: float) -> tuple[float, float, float]:
    """A place on the floor, from the camera."""
    yaw = math.radians(pose.yaw_deg)
    return (
        pose.x + ahead_m * math.cos(yaw) - left_m * math.sin(yaw),
        pose.y + ahead_m * math.sin(yaw) + left_m * math.cos(yaw),
        0.0,
    )


def _person(
    scene: Scene, number: int, place: tuple[float, float, float], yaw_deg: float
) -> SceneObject:
    scale = _SCALE[scene.world]
    height = max(_PERSON_M[2] * scale, scene.start.z * 1.05)
    size = (_PERSON_M[0] * scale, _PERSON_M[1] * scale, height)
    colour = list(COLOURS)[number % len(COLOURS)]
    # Shelves of books: much detail, as on clothes and bags.
    return SceneObject(len(scene.objects) + number, "bookshelf", colour, place, yaw_deg, size)


def _people(scene: Scene, pose: CameraPose, time_s: float, *, leading: bool) -> list[SceneObject]:
    """Two people who cross the view, or who walk before the camera and sway a little."""
    scale = _SCALE[scene.world]
    people = []
    for number in range(2):
        ahead = (_AHEAD_M + 0.5 * number) * scale
        if leading:
            left = (-0.45, 0.55)[number] + 0.08 * math.sin(5 * time_s + number)
        else:
            span, speed = 3.6, (1.1, -0.8)[number]
            left = (speed * time_s + 1.3 * number) % span - span / 2
        people.append(
            _person(scene, number, _placed(pose, ahead, left * scale), pose.yaw_deg + 90.0)
        )
    return people


def _beside(scene: Scene, points: list[TrackPoint]) -> list[SceneObject]:
    """Things close to the path on both sides, where the camera travels."""
    scale = _SCALE[scene.world]
    things: list[SceneObject] = []
    last: CameraPose | None = None
    for point in points:
        pose = point.pose
        if last is not None and math.dist((pose.x, pose.y), (last.x, last.y)) < 0.8 * scale:
            continue
        last = pose
        side = (0.85, -0.85)[len(things) % 2] * scale
        place = _placed(pose, _AHEAD_M * scale, side)
        clear = min(math.dist(place[:2], (p.pose.x, p.pose.y)) for p in points)
        if clear > 0.5 * scale:
            things.append(_person(scene, len(things), place, pose.yaw_deg + 35.0))
    return things


def _fine_track(scene: Scene) -> list[TrackPoint]:
    return camera_track(scene, 12 * FPS)


def _read_by_rows(
    image: Image, camera: Intrinsics, point: TrackPoint, fine: list[TrackPoint]
) -> Image:
    """The picture as a shutter reads it that needs `READOUT_S` while the camera turns."""
    at = min(range(len(fine)), key=lambda n: abs(fine[n].stamp_ns - point.stamp_ns))
    before, after = fine[max(at - 1, 0)], fine[min(at + 1, len(fine) - 1)]
    span_s = max((after.stamp_ns - before.stamp_ns) / 1e9, 1e-6)
    yaw_rate = ((after.pose.yaw_deg - before.pose.yaw_deg + 180) % 360 - 180) / span_s
    pitch_rate = (after.pose.pitch_deg - before.pose.pitch_deg) / span_s
    height, width = image.shape[:2]
    row, column = np.mgrid[0:height, 0:width].astype(np.float32)
    late_s = (row / height - 0.5) * READOUT_S
    # A turn to the left moves the picture to the right.
    yaw = np.arctan((column - camera.cx) / camera.fx) - np.radians(yaw_rate * late_s)
    pitch = np.arctan((row - camera.cy) / camera.fy) - np.radians(pitch_rate * late_s)
    across = (camera.cx + camera.fx * np.tan(yaw)).astype(np.float32)
    down = (camera.cy + camera.fy * np.tan(pitch)).astype(np.float32)
    return np.asarray(
        cv2.remap(image, across, down, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def _exposed(image: Image, time_s: float) -> Image:
    """A gain that ramps between a third and three times, with a jump every five seconds."""
    stops = 1.1 * math.sin(2 * math.pi * time_s / 3.7) + (0.4 if int(time_s / 5) % 2 else -0.4)
    light = np.clip(image.astype(np.float32) * 2.0**stops, 0, 255)
    noise = np.random.default_rng(round(time_s * 10)).normal(
        0, 1.5 * 2 ** max(stops, 0), image.shape
    )
    return np.clip(light + noise, 0, 255).astype(np.uint8)
