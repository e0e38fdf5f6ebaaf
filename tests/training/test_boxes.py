"""Training pictures with boxes agree with the scene, and held-out scenes are refused."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load_file

from embodied_agent import optics
from embodied_agent.perception.locator import FILE, Locator
from sim_clips.layout import make_scene
from sim_clips.render import Renderer
from sim_clips.splits import FIRST_TRAINING_SEED, HeldOutError
from training.boxes import (
    COLUMNS,
    KINDS,
    BoxShard,
    joined,
    load_box_shards,
    make_box_shard,
    save_box_shard,
)
from training.detector import train as train_detector
from training.frames import GRID
from training.locator import measure, save, targets_of, train

pytestmark = pytest.mark.gl
AT = {name: place for place, name in enumerate(COLUMNS)}


@pytest.fixture(scope="module")
def shard() -> BoxShard:
    return make_box_shard(FIRST_TRAINING_SEED, Renderer(320, 240), ("house", "city"), 2)


def test_the_bearing_of_a_box_is_near_that_of_the_objects_centre(shard: BoxShard) -> None:
    gaps = []
    for index in range(len(shard.pictures)):
        camera = optics.assumed(320, 240, float(shard.hfov_deg[index]))
        for row in shard.of(index):
            left, top, right, bottom = row[AT["left"] : AT["bottom"] + 1]
            assert 0 <= left < right <= 1
            assert 0 <= top < bottom <= 1
            # An object cut off by the edge of the picture or by another has its centre elsewhere.
            if left > 0.02 and right < 0.98:
                angles = optics.angles_at(camera, (left + right) / 2, (top + bottom) / 2)
                bearing, _ = optics.levelled(*angles, float(shard.pitch_deg[index]))
                gaps.append(abs(bearing - row[AT["bearing_deg"]]))
    assert len(gaps) > 20
    assert np.median(gaps) < 1.5


def test_ranges_and_kinds_are_those_of_the_scene(shard: BoxShard) -> None:
    scene = make_scene("house", FIRST_TRAINING_SEED)
    kinds = {KINDS.index(thing.kind) for thing in scene.objects}
    rows = shard.boxes[[shard.worlds[int(row[0])] == "house" for row in shard.boxes]]
    assert set(rows[:, AT["kind"]].astype(int)) <= kinds
    assert (rows[:, AT["range_m"]] > 0.2).all()
    assert (rows[:, AT["range_m"]] < 30).all()
    assert set(shard.scenes) == {
        f"house_{FIRST_TRAINING_SEED}", f"city_{FIRST_TRAINING_SEED + 1}"
    }  # fmt: skip


def test_a_patch_belongs_to_an_object_whose_box_it_touches(shard: BoxShard) -> None:
    for index in range(0, len(shard.pictures), 5):
        rows = shard.of(index)
        for y, x in np.argwhere(shard.owners[index] >= 0):
            row = rows[shard.owners[index][y, x]]
            assert row[AT["left"]] < (x + 1) / GRID
            assert row[AT["right"]] > x / GRID
            assert row[AT["top"]] < (y + 1) / GRID
            assert row[AT["bottom"]] > y / GRID


def test_shards_survive_their_files_and_join(shard: BoxShard, tmp_path: Path) -> None:
    save_box_shard(tmp_path / "1.npz", shard)
    save_box_shard(tmp_path / "2.npz", shard)
    both = joined(load_box_shards(tmp_path))
    count = len(shard.pictures)
    assert len(both.pictures) == 2 * count
    assert np.array_equal(both.of(count + 3)[:, 1:], shard.of(3)[:, 1:])
    assert both.scenes == [*shard.scenes, *shard.scenes]
    with pytest.raises(ValueError, match=r"training\.boxes"):
        joined(load_box_shards(tmp_path / "none"))


def test_a_locator_learns_from_features_that_tell_and_is_measured(
    shard: BoxShard, tmp_path: Path
) -> None:
    targets = targets_of(shard)
    kinds = targets["kinds"].numpy().reshape(len(shard.pictures), -1)
    # Features that hold the answer in plain: kind, colour, edges and range of each patch.
    features = np.concatenate(
        [
            np.eye(1 + len(KINDS))[kinds] * 4,
            np.eye(8)[targets["colours"].numpy().reshape(kinds.shape)] * 4,
            targets["edges"].numpy().reshape(*kinds.shape, 4) * 8,
            targets["ranges"].numpy().reshape(*kinds.shape, 1),
        ],
        -1,
    ).astype(np.float16)
    save(train(features, targets, steps=300), tmp_path)
    assert load_file(str(tmp_path / FILE))["out.weight"].dtype == np.float16
    locator = Locator.load(tmp_path)
    assert locator is not None
    for report in measure(shard, features, locator).values():
        assert report["located"] > 0.7
        assert report["bearing_error_deg"]["median"] < 3
        assert math.isfinite(report["range_error"]["median"])


def test_training_refuses_scenes_that_are_held_out(shard: BoxShard, tmp_path: Path) -> None:
    held = BoxShard(
        shard.pictures, shard.boxes, shard.hfov_deg, shard.pitch_deg,
        ["house_500000"] * len(shard.pictures), shard.owners,
    )  # fmt: skip
    with pytest.raises(HeldOutError, match="house_500000"):
        train_detector(held, tmp_path, minutes=0.01)
