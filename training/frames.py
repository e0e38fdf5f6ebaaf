"""Render training pictures for the perceiver, in shards.

    python -m training.frames --out runs/frames --scenes 4000

A shard contains keyframe-like views of some scenes, squared as the perceiver expects them, with
per-patch labels from the segmentation render and the mentions of a perfect perceiver. Existing
shards are kept, so an interrupted run resumes where it stopped. Several processes may share a
folder if each has its own ``--first``.

Out of scope: training on them (`training.perceiver`).
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.perception.language import PICTURE_PX, square_picture
from embodied_agent.records import Egomotion
from sim_clips.journey import Journey, View, wrap
from sim_clips.layout import make_scene
from sim_clips.questions import mentions_of
from sim_clips.render import Renderer
from sim_clips.scene import (
    CITY_KINDS,
    COLOURS,
    DISTANCE_LIMITS_M,
    HOUSE_KINDS,
    VISIBLE_PIXELS,
    CameraPose,
    Scene,
    WorldName,
)
from sim_clips.splits import FIRST_TRAINING_SEED, TRAINED_WORLDS, refuse_held_out
from training.text_worlds import sample_journey

PATCH_PX = 16
GRID = PICTURE_PX // PATCH_PX
KINDS = (*HOUSE_KINDS, *CITY_KINDS)
SCENES_PER_SHARD = 40
#: A patch is labelled with an object that covers at least this share of it.
PATCH_SHARE = 0.2


@dataclass(frozen=True, eq=False)
class Shard:
    """A batch of n frames. ``pictures`` (n, PICTURE_PX, PICTURE_PX, 3) uint8 RGB; ``kinds``,
    ``colours``, ``ranges`` (n, GRID, GRID) int8, 0 for no object; ``rows``: one dict per frame with
    world, scene, view, action, hint and mentions."""

    pictures: npt.NDArray[np.uint8]
    kinds: npt.NDArray[np.int8]
    colours: npt.NDArray[np.int8]
    ranges: npt.NDArray[np.int8]
    rows: list[dict[str, Any]]


def shaken(pose: CameraPose, world: WorldName, rng: np.random.Generator) -> CameraPose:
    """Add the small errors of a real stop to a pose: some centimetres and degrees."""
    scale = 0.25 if world == "city" else 0.03
    dx, dy, dz = rng.normal(0.0, scale, 3)
    return CameraPose(
        pose.x + dx, pose.y + dy, max(0.3, pose.z + 0.5 * dz),
        wrap(pose.yaw_deg + float(rng.normal(0, 1.5))), pose.pitch_deg + float(rng.normal(0, 0.8)),
    )  # fmt: skip


def views_of(
    scene: Scene, renderer: Renderer, rng: np.random.Generator
) -> tuple[Journey, list[npt.NDArray[np.uint8]], list[npt.NDArray[np.int16]]]:
    """The journey of a scene, with its rendered pictures (JPEG-coded once) and object ids."""
    plan = sample_journey(scene.world, scene.seed, rng)
    renderer.load(scene)
    views: list[View] = []
    pictures, masks = [], []
    for view in plan.views:
        pose = shaken(view.pose, scene.world, rng)
        rendered = renderer.render(pose)
        counts = np.bincount(rendered.ids[rendered.ids >= 0].ravel(), minlength=0)
        by_id = {o.id: o.name for o in scene.objects}
        visible = {by_id[i]: float(n) for i, n in enumerate(counts) if n >= 30}
        views.append(replace(view, pose=pose, visible=visible))
        quality = [cv2.IMWRITE_JPEG_QUALITY, int(rng.integers(70, 96))]
        jpeg = cv2.imencode(".jpg", rendered.bgr, quality)[1]
        pictures.append(square_picture(cv2.imdecode(jpeg, cv2.IMREAD_COLOR)))  # type: ignore[arg-type]
        masks.append(rendered.ids)
    return replace(plan, views=tuple(views)), pictures, masks


def simulated_hint(journey: Journey, index: int, rng: np.random.Generator) -> Egomotion | None:
    """The egomotion that the keyframer would measure: the truth with its usual errors."""
    if index == 0:
        return None
    view, before = journey.views[index], journey.views[index - 1]
    a, b = before.pose, view.pose
    yaw = wrap(b.yaw_deg - a.yaw_deg) * float(rng.normal(1, 0.04)) + float(rng.normal(0, 1.0))
    pitch = (b.pitch_deg - a.pitch_deg) * float(rng.normal(1, 0.05)) + float(rng.normal(0, 0.8))
    heading = np.radians(a.yaw_deg)
    dx, dy, dz = b.x - a.x, b.y - a.y, b.z - a.z
    ahead, left = (
        dx * np.cos(heading) + dy * np.sin(heading),
        -dx * np.sin(heading) + dy * np.cos(heading),
    )
    depth = float(rng.uniform(3, 7)) * (5 if journey.world == "city" else 1)
    spread = float(rng.uniform(0.0, 0.06))
    travel = np.array((-left, -dz, ahead)) / depth + rng.normal(0, 0.02 + spread, 3)
    action = journey.steps[view.step].action
    if rng.random() < 0.06:
        action = type(action)(list(type(action))[int(rng.integers(10))])
    return Egomotion(
        action, yaw, pitch, 0.0, (float(travel[0]), float(travel[1]), float(travel[2])), 1.0
    )


def labels_of(
    scene: Scene, pose: CameraPose, ids: npt.NDArray[np.int16]
) -> tuple[npt.NDArray[np.int8], ...]:
    """Kind, colour and range of the object that covers most of each patch; 0 for no object."""
    count = len(scene.objects)
    order = {o.id: i for i, o in enumerate(scene.objects)}
    table = np.zeros(max(order, default=0) + 2, np.int32)
    for number, place in order.items():
        table[number] = place + 1
    table[-1] = 0
    dense = table[ids]
    squared = cv2.resize(
        dense.astype(np.float32), (GRID * 8, GRID * 8), interpolation=cv2.INTER_NEAREST
    ).astype(np.int32)
    cells = squared.reshape(GRID, 8, GRID, 8).swapaxes(1, 2).reshape(GRID * GRID, 64)
    share = np.zeros((GRID * GRID, count + 1))
    for place in range(1, count + 1):
        share[:, place] = (cells == place).mean(1)
    best = share[:, 1:].argmax(1) + 1
    owner = np.where(share.max(1) >= PATCH_SHARE, best, 0).reshape(GRID, GRID)
    near, far = DISTANCE_LIMITS_M[scene.world]
    colours = list(COLOURS)
    kinds, tints, ranges = [0], [0], [0]
    for o in scene.objects:
        metres = float(np.hypot(o.position[0] - pose.x, o.position[1] - pose.y))
        kinds.append(KINDS.index(o.kind) + 1)
        tints.append(colours.index(o.colour) + 1)
        ranges.append(1 if metres < near else 2 if metres < far else 3)
    pixels = np.bincount(dense.ravel(), minlength=count + 1)
    visible = np.append(0, (pixels[1:] >= VISIBLE_PIXELS) * np.arange(1, count + 1))
    owner = visible[owner].astype(np.int64)
    return tuple(np.asarray(values, np.int8)[owner] for values in (kinds, tints, ranges))


def make_shard(
    first_scene: int,
    renderer: Renderer,
    worlds: tuple[WorldName, ...],
    *,
    scenes: int = SCENES_PER_SHARD,
) -> Shard:
    """Render the frames of ``scenes`` scenes, with seeds from ``first_scene``."""
    pictures: list[npt.NDArray[np.uint8]] = []
    grids: list[tuple[npt.NDArray[np.int8], ...]] = []
    rows: list[dict[str, Any]] = []
    for seed in range(first_scene, first_scene + scenes):
        rng = np.random.default_rng([seed, 11])
        world = worlds[seed % len(worlds)]
        scene = make_scene(world, seed)
        journey, shots, masks = views_of(scene, renderer, rng)
        for index, (view, shot, mask) in enumerate(zip(journey.views, shots, masks, strict=True)):
            mentions = mentions_of(journey, view)
            hint = simulated_hint(journey, index, rng)
            pictures.append(shot)
            grids.append(labels_of(scene, view.pose, mask))
            rows.append(
                {
                    "world": world, "scene": seed, "view": index,
                    "action": None if view.step < 0 else journey.steps[view.step].action.value,
                    "yaw": hint and hint.yaw_deg, "pitch": hint and hint.pitch_deg,
                    "travel": hint and hint.translation,
                    "hinted": hint and hint.action and hint.action.value,
                    "mentions": [[m.name, m.direction, m.distance] for m in mentions],
                }
            )  # fmt: skip
    kinds, colours, ranges = (np.stack(layer) for layer in zip(*grids, strict=True))
    return Shard(np.stack(pictures), kinds, colours, ranges, rows)


def save_shard(path: Path, shard: Shard) -> None:
    """Write a shard atomically."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez(
            file, pictures=shard.pictures, kinds=shard.kinds, colours=shard.colours,
            ranges=shard.ranges, rows=np.frombuffer(json.dumps(shard.rows).encode(), np.uint8),
        )  # fmt: skip
    part.replace(path)


def load_shard(path: Path) -> Shard:
    """Read a shard that `save_shard` wrote."""
    with np.load(path) as data:
        rows = json.loads(data["rows"].tobytes().decode())
        return Shard(data["pictures"], data["kinds"], data["colours"], data["ranges"], rows)


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/frames"))
    parser.add_argument("--first", type=int, default=FIRST_TRAINING_SEED, help="first scene seed")
    parser.add_argument("--scenes", type=int, default=4000)
    parser.add_argument("--worlds", nargs="+", default=list(TRAINED_WORLDS))
    a = parser.parse_args()
    for world in a.worlds:
        refuse_held_out(world, a.first)
    a.out.mkdir(parents=True, exist_ok=True)
    renderer = Renderer(320, 240)
    for first in range(a.first, a.first + a.scenes, SCENES_PER_SHARD):
        path = a.out / f"{first:08d}.npz"
        if not path.exists():
            shard = make_shard(first, renderer, tuple(a.worlds))
            save_shard(path, shard)
            print(f"{path}: {len(shard.rows)} frames", flush=True)


if __name__ == "__main__":
    main()
