"""Where the built-in perceiver sees what it names: patches vote, and files that are damaged."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

from embodied_agent.errors import ModelError
from embodied_agent.perception.locator import EDGES, FILE, RANGES, Floats, Locator, centres

KINDS, COLOURS = ("sofa", "lamp"), ("red", "blue")
SIDE = 6
#: One feature for each number per patch: the network passes them on (SiLU is the identity far out).
NUMBERS = 1 + len(KINDS) + len(COLOURS) + EDGES + RANGES
LIFT = 40.0


def layers() -> dict[str, Floats]:
    one = np.eye(NUMBERS, dtype=np.float32)
    return {
        "mean": np.zeros(NUMBERS, np.float32), "scale": np.ones(NUMBERS, np.float32),
        "hidden.weight": one, "hidden.bias": np.full(NUMBERS, LIFT, np.float32),
        "out.weight": one, "out.bias": np.full(NUMBERS, -LIFT, np.float32),
    }  # fmt: skip


def features(things: list[tuple[int, int, int, int, tuple[float, ...], float]]) -> Floats:
    """Patches that show (row, column, kind, colour, box edges, range in metres)."""
    x, y = centres(SIDE)
    patches = np.zeros((SIDE * SIDE, NUMBERS), np.float32)
    patches[:, 0] = 8.0
    for row, column, kind, colour, (left, top, right, bottom), metres in things:
        n = row * SIDE + column
        patches[n] = 0
        patches[n, 1 + kind] = patches[n, 1 + len(KINDS) + colour] = 8.0
        edges = (x[n] - left, y[n] - top, right - x[n], bottom - y[n])
        patches[n, 1 + len(KINDS) + len(COLOURS) : -1] = edges
        patches[n, -1] = math.log(metres)
    return patches


def save(folder: Path, changes: dict[str, Floats] | None = None) -> None:
    meta = {"kinds": json.dumps(KINDS), "colours": json.dumps(COLOURS)}
    (folder / FILE).parent.mkdir(exist_ok=True)
    save_file({**layers(), **(changes or {})}, str(folder / FILE), metadata=meta)


def test_patches_of_one_object_vote_for_its_box_and_range(tmp_path: Path) -> None:
    save(tmp_path)
    locator = Locator.load(tmp_path)
    assert locator is not None
    box = (0.3, 0.2, 0.7, 0.6)
    seen = features([(2, 2, 0, 0, box, 3.0), (2, 3, 0, 0, box, 3.0), (5, 0, 1, 1, box, 2.0)])
    sofa, lamp, nothing, unknown = locator.places(
        seen, ["red sofa", "blue lamp", "blue sofa", "green piano"]
    )
    assert sofa is not None
    edges = (sofa.box.left, sofa.box.top, sofa.box.right, sofa.box.bottom)
    assert edges == pytest.approx(box, abs=1e-3)
    assert sofa.range_m == pytest.approx(3.0, rel=1e-3)
    assert sofa.confidence > 0.9
    assert lamp is not None
    assert (nothing, unknown) == (None, None)


def test_of_two_things_alike_the_clearer_one_is_meant_and_not_the_space_between(
    tmp_path: Path,
) -> None:
    save(tmp_path)
    locator = Locator.load(tmp_path)
    assert locator is not None
    left, right = (0.0, 0.4, 0.2, 0.6), (0.8, 0.4, 1.0, 0.6)
    (place,) = locator.places(
        features([(2, 0, 0, 0, left, 3.0), (2, 5, 0, 0, right, 3.0)]), ["red sofa"]
    )
    assert place is not None
    assert place.box.right - place.box.left == pytest.approx(0.2, abs=1e-3)


def test_a_checkpoint_without_locator_measures_nothing(tmp_path: Path) -> None:
    assert Locator.load(tmp_path) is None


@pytest.mark.parametrize("damage", ["text", "shape", "missing"])
def test_a_damaged_file_is_named(tmp_path: Path, damage: str) -> None:
    (tmp_path / FILE).parent.mkdir()
    if damage == "text":
        (tmp_path / FILE).write_text("not safetensors")
    elif damage == "shape":
        save(tmp_path, {"out.weight": np.zeros((3, NUMBERS), np.float32)})
    else:
        save_file({"mean": np.zeros(3, np.float32)}, str(tmp_path / FILE))
    with pytest.raises(ModelError, match=FILE):
        Locator.load(tmp_path)


def test_features_that_are_no_numbers_measure_nothing(tmp_path: Path) -> None:
    save(tmp_path)
    locator = Locator.load(tmp_path)
    assert locator is not None
    broken = np.full((SIDE * SIDE, NUMBERS), np.nan, np.float32)
    assert locator.places(broken, ["red sofa"]) == [None]
