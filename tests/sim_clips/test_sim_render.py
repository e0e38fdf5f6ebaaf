"""Pictures, ids and depth of the renderer, and approximate visibility against them."""

from __future__ import annotations

import colorsys
import math
import os
import subprocess
import sys
from collections.abc import Iterator

import numpy as np
import pytest

from sim_clips.journey import bearing, direction_class, distance_class
from sim_clips.layout import make_scene
from sim_clips.motion import poses_after_steps
from sim_clips.plan import SIZES_M
from sim_clips.render import Renderer, choose_backend
from sim_clips.scene import (
    CITY_KINDS,
    COLOURS,
    HOUSE_KINDS,
    VISIBLE_PIXELS,
    CameraPose,
    Scene,
    SceneObject,
    Wall,
    WorldName,
)
from sim_clips.shapes import parts_of
from sim_clips.stage import RenderError
from sim_clips.visibility import approximate_view

WORLDS: tuple[WorldName, ...] = ("house", "city", "warehouse")


pytestmark = pytest.mark.gl


@pytest.fixture(scope="module")
def renderer() -> Iterator[Renderer]:
    with Renderer() as made:
        yield made


def alone(kind: str, colour: str, yaw_deg: float) -> tuple[Scene, CameraPose]:
    """One object on an empty floor, seen from the middle distance of its world."""
    world: WorldName = "city" if kind in CITY_KINDS else "house"
    template = make_scene(world, 3)
    size = SIZES_M[kind]
    thing = SceneObject(0, kind, colour, (0.0, 0.0, 0.0), yaw_deg, size)
    far = 30.0 if world == "city" else 3.2
    z = 14.0 if world == "city" else 1.2
    scene = Scene(
        world=world,
        seed=3,
        objects=(thing,),
        walls=() if world == "city" else (Wall((-8.0, -4.0), (8.0, -4.0)),),
        bounds=(-40.0, -40.0, 40.0, 40.0),
        start=CameraPose(0.0, far, z, -90.0, -12.0),
        steps=(),
        hfov_deg=75.0,
        look=template.look,
    )
    return scene, scene.start


@pytest.mark.parametrize("kind", HOUSE_KINDS + CITY_KINDS)
def test_every_kind_shows_mostly_its_own_colour(renderer: Renderer, kind: str) -> None:
    for colour, rgb in COLOURS.items():
        scene, pose = alone(kind, colour, 20.0)
        renderer.load(scene)
        picture = renderer.render(pose)
        mask = picture.ids == 0
        assert mask.sum() > VISIBLE_PIXELS, (kind, colour)
        pixels = picture.bgr[mask][:, ::-1] / 255.0
        spread = pixels.max(axis=1) - pixels.min(axis=1)
        vivid = pixels[spread > 0.2]
        assert len(vivid) > 0.4 * mask.sum(), (kind, colour, len(vivid) / mask.sum())
        hue, _, _ = colorsys.rgb_to_hsv(*np.median(vivid, axis=0))
        want, _, _ = colorsys.rgb_to_hsv(*rgb)
        assert abs((hue - want + 0.5) % 1.0 - 0.5) < 0.035, (kind, colour, hue, want)


@pytest.mark.parametrize("kind", HOUSE_KINDS + CITY_KINDS)
def test_parts_stay_inside_the_size(kind: str) -> None:
    size = SIZES_M[kind]
    for part in parts_of(kind, size):
        half = part.half if part.axis == "z" else (part.half[0], part.half[2], part.half[1])
        assert abs(part.centre[0]) + half[0] <= size[0] / 2 + 0.01
        assert abs(part.centre[1]) + half[1] <= size[1] / 2 + 0.01
        # A dome is the upper half of a ball; the lower is hidden in its drum and the floor.
        assert kind == "dome" or part.centre[2] - half[2] >= -0.01
        assert part.centre[2] + half[2] <= size[2] + 0.01


def test_ids_name_the_object_in_the_middle_of_the_picture(renderer: Renderer) -> None:
    for yaw in (0.0, 90.0, -135.0):
        scene, _ = alone("barrel", "green", 0.0)
        renderer.load(scene)
        x, y = -3.0 * math.cos(math.radians(yaw)), -3.0 * math.sin(math.radians(yaw))
        picture = renderer.render(CameraPose(x, y, 0.5, yaw, 0.0))
        assert picture.ids.dtype == np.int16
        assert picture.ids[120, 160] == 0
        assert picture.ids[10, 10] == -1
        columns = np.flatnonzero((picture.ids == 0).any(axis=0))
        assert abs((columns[0] + columns[-1]) / 2 - 159.5) < 2


def test_left_in_the_world_is_left_in_the_picture(renderer: Renderer) -> None:
    scene, _ = alone("barrel", "red", 0.0)
    renderer.load(scene)
    picture = renderer.render(CameraPose(-3.0, -0.6, 0.5, 0.0, 0.0))
    assert np.flatnonzero((picture.ids == 0).any(axis=0)).mean() < 130
    lower = renderer.render(CameraPose(-3.0, 0.0, 0.5, 0.0, 10.0))
    assert np.flatnonzero((lower.ids == 0).any(axis=1)).mean() > 140


def test_depth_is_in_metres_along_the_optical_axis(renderer: Renderer) -> None:
    scene, _ = alone("door", "blue", 90.0)
    renderer.load(scene)
    picture = renderer.render(CameraPose(-3.0, 0.0, 1.0, 0.0, 0.0), depth=True)
    assert picture.depth_m is not None
    assert picture.depth_m[120, 160] == pytest.approx(3.0, abs=0.08)


def test_field_of_view_sets_the_size(renderer: Renderer) -> None:
    scene, pose = alone("barrel", "red", 0.0)
    renderer.load(scene)
    narrow, wide = renderer.render(pose, 50.0), renderer.render(pose, 90.0)
    ratio = (narrow.ids == 0).sum() / (wide.ids == 0).sum()
    expected = (math.tan(math.radians(45)) / math.tan(math.radians(25))) ** 2
    assert ratio == pytest.approx(expected, rel=0.12)


def test_the_same_pose_gives_the_same_bytes(renderer: Renderer) -> None:
    first, second = make_scene("house", 5), make_scene("city", 5)
    renderer.load(first)
    a = renderer.render(first.start)
    renderer.load(second)
    renderer.render(second.start)
    renderer.load(first)
    b = renderer.render(first.start)
    assert (a.bgr == b.bgr).all()
    assert (a.ids == b.ids).all()


def test_rendering_without_a_scene_is_an_error() -> None:
    with Renderer() as empty, pytest.raises(RenderError, match="load a scene"):
        empty.render(CameraPose(0, 0, 1, 0, 0))


def test_without_libraries_the_error_names_the_packages(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.util.find_library", lambda _: None)
    with pytest.raises(RenderError, match=r"libosmesa6.*libegl1"):
        choose_backend()


def test_mujoco_imported_without_a_backend_is_reported() -> None:
    code = "import mujoco; from sim_clips.render import Renderer; Renderer()"
    environment = {
        k: v for k, v in os.environ.items() if k not in ("MUJOCO_GL", "PYOPENGL_PLATFORM")
    }
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code],
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert "RenderError" in done.stderr
    assert "MUJOCO_GL" in done.stderr


@pytest.mark.parametrize("world", WORLDS)
def test_approximate_visibility_agrees_with_the_render(
    renderer: Renderer, world: WorldName
) -> None:
    both = only_guessed = only_seen = 0
    for seed in range(6):
        scene = make_scene(world, 500 + seed)
        renderer.load(scene)
        for pose in poses_after_steps(scene):
            ids = renderer.render(pose).ids
            counts = np.bincount(ids[ids >= 0].ravel(), minlength=len(scene.objects))
            seen = {int(n) for n in np.flatnonzero(counts >= VISIBLE_PIXELS)}
            guess = {n for n, p in approximate_view(scene, pose) if p >= VISIBLE_PIXELS}
            both += len(seen & guess)
            only_guessed += len(guess - seen)
            only_seen += len(seen - guess)
    assert both > 100
    assert both / (both + only_guessed) >= 0.93
    assert both / (both + only_seen) >= 0.93


@pytest.mark.parametrize(
    ("azimuth", "word"),
    [
        (0, "front"), (15, "front"), (-15, "front"), (16, "front-left"), (-45, "front-right"),
        (61, "left"), (-90, "right"), (121, "back-left"), (-150, "back-right"), (170, "back"),
        (-180, "back"), (350, "front"),
    ],
)  # fmt: skip
def test_direction_words(azimuth: float, word: str) -> None:
    assert direction_class(azimuth) == word


def test_relative_position_and_range_words() -> None:
    azimuth, metres = bearing(2.0, 2.0, 0.0)
    assert azimuth == pytest.approx(45.0)
    assert metres == pytest.approx(math.sqrt(8.0))
    assert bearing(2.0, 2.0, 135.0)[0] == pytest.approx(-90.0)
    assert [distance_class("house", m) for m in (1.0, 3.0, 9.0)] == ["near", "mid", "far"]
    assert [distance_class("city", m) for m in (10.0, 20.0, 50.0)] == ["near", "mid", "far"]
