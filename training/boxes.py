"""Render training pictures with the box, bearing and range of every object in view, in shards.

    python -m training.boxes --out runs/boxes --scenes 400

A shard contains keyframe-like views of some scenes, squared as the built-in perceiver expects them.
Boxes enclose what the segmentation render shows of an object. Existing shards are kept, so an
interrupted run resumes where it stopped.

Out of scope: training on them (`training.detector`, `training.locator`).
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from sim_clips.journey import wrap
from sim_clips.layout import make_scene
from sim_clips.render import Renderer
from sim_clips.scene import (
    CITY_KINDS,
    COLOURS,
    HOUSE_KINDS,
    VISIBLE_PIXELS,
    CameraPose,
    Scene,
    WorldName,
)
from sim_clips.splits import (
    DEVELOPMENT,
    FIRST_TRAINING_SEED,
    HELD_OUT,
    TRAINED_WORLDS,
    refuse_held_out,
)
from training.frames import GRID, views_of

KINDS = (*HOUSE_KINDS, *CITY_KINDS)
SCENES_PER_SHARD = 5
#: A patch belongs to an object that covers at least this share of it.
PATCH_SHARE = 0.15
#: Columns of a shard's ``boxes``. Box edges are fractions of the picture; bearing (positive left)
#: and elevation (positive up) of the object's centre from the camera's heading and the horizon, in
#: degrees; range to it in metres; pixels of a 320×240 picture.
COLUMNS = (
    *("frame", "kind", "colour", "left", "top", "right", "bottom"),
    *("bearing_deg", "elevation_deg", "range_m", "pixels"),
)
Floats = npt.NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class BoxShard:
    """n pictures (n, PICTURE_PX, PICTURE_PX, 3) uint8 RGB with the names of their ``scenes``,
    horizontal fields of view in degrees, camera pitches in degrees, and ``boxes``
    (m, len(COLUMNS)) float32.
    ``owners`` (n, GRID, GRID) int8: which of its picture's boxes a patch belongs to, -1: none."""

    pictures: npt.NDArray[np.uint8]
    boxes: Floats
    hfov_deg: Floats
    pitch_deg: Floats
    scenes: list[str]
    owners: npt.NDArray[np.int8]

    def of(self, frame: int) -> Floats:
        """The boxes of one picture."""
        boxes: Floats = self.boxes[self.boxes[:, 0] == frame]
        return boxes

    @property
    def worlds(self) -> list[str]:
        """The world of each picture."""
        return [scene.partition("_")[0] for scene in self.scenes]


def owners_in(scene: Scene, ids: npt.NDArray[np.int16]) -> npt.NDArray[np.int8]:
    """For each patch, the row in `boxes_in` of the object with most pixels in it; -1 without one
    that covers `PATCH_SHARE` of it."""
    height, width = ids.shape
    numbers = [thing.id for thing in scene.objects if _counts(ids, thing.id)]
    rows = np.minimum(np.arange(height) * GRID // height, GRID - 1)
    columns = np.minimum(np.arange(width) * GRID // width, GRID - 1)
    patch = rows[:, None] * GRID + columns[None, :]
    shares = np.zeros((GRID * GRID, len(numbers)))
    size = np.bincount(patch.ravel(), minlength=GRID * GRID)
    for row, number in enumerate(numbers):
        shares[:, row] = np.bincount(patch[ids == number], minlength=GRID * GRID) / size
    if not numbers:
        return np.full((GRID, GRID), -1, np.int8)
    owners = np.where(shares.max(1) >= PATCH_SHARE, shares.argmax(1), -1)
    return owners.reshape(GRID, GRID).astype(np.int8)


def _counts(ids: npt.NDArray[np.int16], number: int) -> bool:
    enough = VISIBLE_PIXELS * ids.size / (320 * 240)
    return int((ids == number).sum()) >= enough


def boxes_in(scene: Scene, pose: CameraPose, ids: npt.NDArray[np.int16]) -> list[list[float]]:
    """Rows of `COLUMNS` from ``kind`` on, for the objects with enough pixels in an id picture."""
    height, width = ids.shape
    rows = []
    for thing in scene.objects:
        if not _counts(ids, thing.id):
            continue
        ys, xs = np.nonzero(ids == thing.id)
        x, y, z = thing.centre
        dx, dy, dz = x - pose.x, y - pose.y, z - pose.z
        flat = math.hypot(dx, dy)
        rows.append(
            [
                float(KINDS.index(thing.kind)),
                float(list(COLOURS).index(thing.colour)),
                xs.min() / width,
                ys.min() / height,
                (xs.max() + 1) / width,
                (ys.max() + 1) / height,
                wrap(math.degrees(math.atan2(dy, dx)) - pose.yaw_deg),
                math.degrees(math.atan2(dz, flat)),
                math.hypot(flat, dz),
                len(xs) * (320 * 240) / (width * height),
            ]
        )
    return rows


def make_box_shard(
    first_scene: int, renderer: Renderer, worlds: tuple[WorldName, ...], scenes: int
) -> BoxShard:
    """Render ``scenes`` scenes, with seeds from ``first_scene``, taking the worlds in turn."""
    pictures, boxes, hfovs, pitches, names, owners = [], [], [], [], [], []
    for seed in range(first_scene, first_scene + scenes):
        rng = np.random.default_rng([seed, 23])
        scene = make_scene(worlds[seed % len(worlds)], seed)
        journey, shots, masks = views_of(scene, renderer, rng)
        for view, shot, mask in zip(journey.views, shots, masks, strict=True):
            boxes += [[len(pictures), *row] for row in boxes_in(scene, view.pose, mask)]
            pictures.append(shot)
            hfovs.append(scene.hfov_deg)
            pitches.append(view.pose.pitch_deg)
            names.append(f"{scene.world}_{seed}")
            owners.append(owners_in(scene, mask))
    return BoxShard(
        np.stack(pictures),
        np.asarray(boxes, np.float32).reshape(-1, len(COLUMNS)),
        np.asarray(hfovs, np.float32),
        np.asarray(pitches, np.float32),
        names,
        np.stack(owners),
    )


def save_box_shard(path: Path, shard: BoxShard) -> None:
    """Write a shard atomically."""
    part = path.with_suffix(".part")
    with part.open("wb") as file:
        np.savez_compressed(
            file,
            pictures=shard.pictures,
            boxes=shard.boxes,
            hfov_deg=shard.hfov_deg,
            pitch_deg=shard.pitch_deg,
            scenes=np.array(shard.scenes),
            owners=shard.owners,
        )
    part.replace(path)


def load_box_shards(folder: Path) -> Iterator[BoxShard]:
    """The shards of a folder, in order."""
    for path in sorted(folder.glob("*.npz")):
        with np.load(path) as data:
            yield BoxShard(
                data["pictures"],
                data["boxes"],
                data["hfov_deg"],
                data["pitch_deg"],
                [str(name) for name in data["scenes"]],
                data["owners"],
            )


def joined(shards: Iterator[BoxShard]) -> BoxShard:
    """All shards as one.

    Raises:
        ValueError: there is none.
    """
    each = list(shards)
    if not each:
        raise ValueError("there are no shards; run python -m training.boxes first")
    starts = np.cumsum([0, *(len(shard.pictures) for shard in each[:-1])])
    boxes = [shard.boxes.copy() for shard in each]
    for rows, start in zip(boxes, starts, strict=True):
        rows[:, 0] += start
    return BoxShard(
        np.concatenate([shard.pictures for shard in each]),
        np.concatenate(boxes),
        np.concatenate([shard.hfov_deg for shard in each]),
        np.concatenate([shard.pitch_deg for shard in each]),
        [name for shard in each for name in shard.scenes],
        np.concatenate([shard.owners for shard in each]),
    )


def main() -> None:
    """Parse the command line and render."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    parser.add_argument("--out", type=Path, default=Path("runs/boxes"))
    parser.add_argument("--first", type=int, default=FIRST_TRAINING_SEED, help="first scene seed")
    parser.add_argument("--scenes", type=int, default=400)
    parser.add_argument("--worlds", nargs="+", default=list(TRAINED_WORLDS))
    parser.add_argument(
        "--held-out",
        action="store_true",
        help="for a last measurement: seeds of the held-out block",
    )
    a = parser.parse_args()
    allowed = HELD_OUT if a.held_out else DEVELOPMENT
    if a.first not in allowed:  # those only measure: what trains refuses them
        for world in a.worlds:
            refuse_held_out(world, a.first)
    a.out.mkdir(parents=True, exist_ok=True)
    renderer = Renderer(320, 240)
    for first in range(a.first, a.first + a.scenes, SCENES_PER_SHARD):
        path = a.out / f"{first:08d}.npz"
        if not path.exists():
            count = min(SCENES_PER_SHARD, a.first + a.scenes - first)
            shard = make_box_shard(first, renderer, tuple(a.worlds), count)
            save_box_shard(path, shard)
            print(f"{path}: {len(shard.pictures)} pictures", flush=True)


if __name__ == "__main__":
    main()
