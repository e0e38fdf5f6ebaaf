"""What a perceiver without faults would mention in simulated clips: boxes from the render's truth.

The frames of a clip are rendered and go through the keyframer. Each keyframe is kept with its true
pose, its egomotion and the boxes of all objects in view. For objects that move, the clip is played
forward, then one object takes the place of another, which is removed, and the camera goes back
along the path, looking ahead as before.

Out of scope: noise, and folding mentions into objects (`bench._object_walk`).
"""

from __future__ import annotations

import base64
import json
import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from embodied_agent.codec import from_values, to_values
from embodied_agent.images import small_depth
from embodied_agent.keyframes import KeyframeSelector
from embodied_agent.records import Egomotion, Frame
from embodied_agent.settings import KeyframeSettings
from sim_clips.journey import bearing, distance_class
from sim_clips.layout import make_scene
from sim_clips.motion import TrackPoint, camera_track
from sim_clips.render import Renderer
from sim_clips.scene import VISIBLE_PIXELS, CameraPose, Scene, SceneObject, WorldName

FPS = 10.0
WIDTH, HEIGHT = 320, 240
#: The noise of a depth camera: metres, and relative to the distance; and how far it sees.
DEPTH_M, DEPTH, DEPTH_LIMIT_M = 0.01, 0.01, 10.0


@dataclass(frozen=True)
class Seen:
    """One object in a keyframe: its true id and name, its box in fractions of the picture, the
    number of its pixels, and its distance class."""

    id: int
    name: str
    box: tuple[float, float, float, float]
    pixels: int
    distance: str


@dataclass(frozen=True)
class Shot:
    """One keyframe: the true pose of its camera, its egomotion (JSON), and what it shows. ``depth``
    is its small depth picture in base64, if it was asked for."""

    stamp_ns: int
    pose: CameraPose
    egomotion: dict[str, object] | None
    seen: tuple[Seen, ...]
    lap: int = 0
    depth: str = ""


@dataclass(frozen=True)
class Views:
    """The keyframes of a clip, the scene's objects before and after something moved, and the ids of
    the object that moved and of the one that was removed (-1: none)."""

    world: WorldName
    seed: int
    hfov_deg: float
    shots: tuple[Shot, ...]
    before: tuple[SceneObject, ...]
    after: tuple[SceneObject, ...]
    moved: int = -1
    removed: int = -1


def views_of(
    renderer: Renderer,
    world: WorldName,
    seed: int,
    *,
    move: bool = False,
    depth: bool = False,
    cache: Path | None = None,
) -> Views:
    """The views of one clip, with depth pictures if asked for; kept in the folder ``cache`` for the
    next time."""
    ending = ("_moved" if move else "") + ("_depth" if depth else "")
    file = None if cache is None else cache / f"{world}_{seed}{ending}.json"
    if file is not None and file.is_file():
        return _read(json.loads(file.read_text("utf-8")))
    views = _record(renderer, world, seed, move=move, depth=depth)
    if file is not None:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(json.dumps(asdict(views)), "utf-8")
    return views


def _record(renderer: Renderer, world: WorldName, seed: int, *, move: bool, depth: bool) -> Views:
    scene = make_scene(world, seed)
    points = camera_track(scene, FPS)
    laps = [(scene, points)]
    moved = removed = -1
    if move:
        moved, removed = _exchange(scene)
        laps.append((_changed(scene, moved, removed), _back(points)))
    selector = KeyframeSelector(KeyframeSettings())
    shots: list[Shot] = []
    last: tuple[Scene, TrackPoint, int] | None = None
    rng = np.random.default_rng(seed)

    def depth_at(pose: CameraPose) -> str:
        return _depth(renderer, pose, rng) if depth else ""

    for lap, (world_now, track) in enumerate(laps):
        renderer.load(world_now)
        for index, point in enumerate(track):
            picture = renderer.render(point.pose)
            decision = selector.step(Frame(point.stamp_ns, image=picture.bgr, index=index))
            last = world_now, point, lap
            if decision.keep:
                motion = decision.egomotion
                shots.append(
                    Shot(
                        point.stamp_ns,
                        point.pose,
                        None if motion is None else to_values(motion),
                        tuple(_seen(world_now, point.pose, picture.ids)),
                        lap,
                        depth_at(point.pose),
                    )
                )
    end = selector.finish()
    if end is not None and last is not None:
        world_now, point, lap = last
        ids = renderer.render(point.pose).ids
        motion = None if end.egomotion is None else to_values(end.egomotion)
        seen = tuple(_seen(world_now, point.pose, ids))
        shots.append(Shot(point.stamp_ns, point.pose, motion, seen, lap, depth_at(point.pose)))
    return Views(
        world,
        seed,
        scene.hfov_deg,
        tuple(shots),
        scene.objects,
        laps[-1][0].objects,
        moved,
        removed,
    )


def _depth(renderer: Renderer, pose: CameraPose, rng: np.random.Generator) -> str:
    """What a depth camera with noise sees there, as a keyframe keeps it, in base64."""
    picture = renderer.render(pose, depth=True)
    true_m = picture.depth_m
    assert true_m is not None
    noisy_m = true_m + rng.normal(0.0, 1.0, true_m.shape) * (DEPTH_M + DEPTH * true_m)
    noisy_m[(true_m > DEPTH_LIMIT_M) | (noisy_m < 0.1)] = 0.0
    frame = Frame(0, image=picture.bgr, depth=np.round(noisy_m * 1000).astype(np.uint16))
    return base64.b64encode(small_depth(frame)[0]).decode()


def _seen(scene: Scene, pose: CameraPose, ids: np.ndarray) -> Iterator[Seen]:
    height, width = ids.shape
    counts = np.bincount(ids[ids >= 0].ravel(), minlength=len(scene.objects))
    at = {thing.id: thing for thing in scene.objects}
    for number in np.argsort(-counts, kind="stable"):
        pixels = round(float(counts[number]) * 320 * 240 / ids.size)
        if pixels < VISIBLE_PIXELS or int(number) not in at:
            continue
        rows, columns = np.nonzero(ids == number)
        box = (
            float(columns.min()) / width,
            float(rows.min()) / height,
            (float(columns.max()) + 1) / width,
            (float(rows.max()) + 1) / height,
        )
        thing = at[int(number)]
        x, y, _ = thing.position
        far = bearing(x - pose.x, y - pose.y, pose.yaw_deg)[1]
        yield Seen(thing.id, thing.name, box, pixels, distance_class(scene.world, far))


def _exchange(scene: Scene) -> tuple[int, int]:
    """Ids of an object that takes another's place, and of the other: of those that stand on the
    floor well apart, the two most alike in size."""
    standing = [thing for thing in scene.objects if thing.position[2] < 0.3]
    pairs = [
        (one, other)
        for one in standing
        for other in standing
        if math.dist(one.position, other.position) > (12.0 if scene.world == "city" else 1.5)
    ]
    one, other = min(pairs, key=lambda pair: _unlike(*pair))
    return one.id, other.id


def _unlike(one: SceneObject, other: SceneObject) -> float:
    if one.id == other.id:
        return math.inf
    return sum(abs(math.log(a / b)) for a, b in zip(one.size, other.size, strict=True))


def _changed(scene: Scene, moved: int, removed: int) -> Scene:
    place = next(thing for thing in scene.objects if thing.id == removed)
    objects = [
        replace(thing, position=place.position, yaw_deg=place.yaw_deg)
        if thing.id == moved
        else replace(thing, position=(0.0, 0.0, -500.0))  # ids stay places in the list
        if thing.id == removed
        else thing
        for thing in scene.objects
    ]
    return replace(scene, objects=tuple(objects))


def _back(points: list[TrackPoint]) -> list[TrackPoint]:
    """The way back, looking as on the way there."""
    last = points[-1].stamp_ns
    return [
        replace(point, stamp_ns=2 * last - point.stamp_ns + round(1e9 / FPS))
        for point in reversed(points)
    ]


def egomotion_of(shot: Shot) -> Egomotion | None:
    """The egomotion as a record."""
    return None if shot.egomotion is None else from_values(Egomotion, shot.egomotion)


def _read(values: dict) -> Views:
    return Views(
        **{
            **values,
            "shots": tuple(
                Shot(
                    **{
                        **shot,
                        "pose": CameraPose(**shot["pose"]),
                        "seen": tuple(
                            Seen(**{**one, "box": tuple(one["box"])}) for one in shot["seen"]
                        ),
                    }
                )
                for shot in values["shots"]
            ),
            "before": _things(values["before"]),
            "after": _things(values["after"]),
        }
    )


def _things(values: list[dict]) -> tuple[SceneObject, ...]:
    return tuple(
        SceneObject(**{**one, "position": tuple(one["position"]), "size": tuple(one["size"])})
        for one in values
    )
