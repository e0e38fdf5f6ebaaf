"""`bench.objects_real` on a rendered sequence whose truth is known.

Depth and colour come from two cameras, and the world of the poses lies on its side.
"""

from __future__ import annotations

import math
from dataclasses import replace

import cv2
import numpy as np
import pytest
import yaml

from bench._marked_recording import BODY
from bench._marked_sequence import Marked, read_marked
from bench.objects_real import measure, summary
from embodied_agent.objects.rays import quaternion, rotation
from embodied_agent.optics import assumed
from sim_clips.layout import make_scene
from sim_clips.motion import camera_track
from sim_clips.render import Renderer
from sim_clips.scene import CameraPose
from sim_clips.splits import DEVELOPMENT

W, H = 320, 240
#: Horizontal fields of view of the depth camera and of the colour camera, and how far the latter is
#: to the right of the other, in metres.
DEPTH_DEG, COLOUR_DEG, RIGHT_M = 75.0, 62.0, 0.12
#: From the scene's world (z up) to that of the files, whose y axis points down.
TILT = np.array([[1.0, 0.0, 0.0], [0.0, 0.0, -1.0], [0.0, 1.0, 0.0]])
LEAST_PIXELS = 150


def _pose(camera: CameraPose) -> np.ndarray:
    turn = rotation(quaternion(camera.yaw_deg, camera.pitch_deg)) @ BODY.T
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = TILT @ turn, TILT @ [camera.x, camera.y, camera.z]
    return pose


def _k(hfov_deg: float) -> np.ndarray:
    lens = assumed(W, H, hfov_deg)
    return np.array([[lens.fx, 0, lens.cx], [0, lens.fy, lens.cy], [0, 0, 1]])


def _at(ids: np.ndarray, row: int, column: int, ahead_m: float) -> int:
    """What the depth camera sees where the colour camera sees a point."""
    lens, other = assumed(W, H, COLOUR_DEG), assumed(W, H, DEPTH_DEG)
    right = (column - lens.cx) / lens.fx + RIGHT_M / ahead_m
    down = (row - lens.cy) / lens.fy
    x, y = round(right * other.fx + other.cx), round(down * other.fy + other.cy)
    return int(ids[y, x]) if 0 <= x < W and 0 <= y < H else -1


@pytest.fixture(scope="module")
def walk(tmp_path_factory: pytest.TempPathFactory) -> tuple[Marked, dict[str, np.ndarray]]:
    """A sequence with marks, and the middles and the sizes (2, 3) of the things, with z up."""
    folder = tmp_path_factory.mktemp("walk")
    scene = make_scene("house", DEVELOPMENT[100_000])
    points = camera_track(scene, 10.0)[::5][:60]
    (folder / "images").mkdir()
    (folder / "depth").mkdir()
    things = {one.id: one for one in scene.objects}
    boxes: dict[int, dict[str, list[float]]] = {}
    clicks: dict[str, list[list[float]]] = {}
    with Renderer(W, H) as renderer:
        renderer.load(scene)
        for number, point in enumerate(points):
            yaw = math.radians(point.pose.yaw_deg)
            aside = replace(
                point.pose,
                x=point.pose.x + RIGHT_M * math.sin(yaw),
                y=point.pose.y - RIGHT_M * math.cos(yaw),
            )
            colour = renderer.render(aside, COLOUR_DEG, depth=True)
            ranged = renderer.render(point.pose, DEPTH_DEG, depth=True)
            depth = ranged.depth_m
            assert depth is not None
            assert colour.depth_m is not None
            cv2.imwrite(str(folder / "images" / f"{number:05d}.png"), colour.bgr)
            millimetres = np.clip(depth * 1000, 0, 65535).astype(np.uint16)
            cv2.imwrite(str(folder / "depth" / f"{number:05d}.png"), millimetres)
            if number % 2 == 0:
                boxes[number] = {}
            for thing in np.unique(colour.ids[colour.ids >= 0]):
                rows, columns = np.nonzero(colour.ids == thing)
                if len(rows) < LEAST_PIXELS:
                    continue
                name = things[int(thing)].name
                if number % 2 == 0:
                    box = [columns.min() / W, rows.min() / H]
                    box += [(columns.max() + 1) / W, (rows.max() + 1) / H]
                    boxes[number][name] = [float(edge) for edge in box]
                    continue
                middle = np.argmin(np.hypot(rows - rows.mean(), columns - columns.mean()))
                row, column = int(rows[middle]), int(columns[middle])
                if _at(ranged.ids, row, column, float(colour.depth_m[row, column])) == thing:
                    clicks.setdefault(name, []).append([number, column / W, row / H])
    np.savetxt(folder / "poses.txt", [_pose(point.pose).ravel() for point in points])
    np.savetxt(folder / "K.txt", _k(DEPTH_DEG))
    named = {name: places for name, places in clicks.items() if len(places) >= 2}
    lens = assumed(W, H, COLOUR_DEG)
    marks = {
        "name": "rendered",
        "fps": 1,
        "up": [0, -1, 0],
        "colour": {
            "camera": [lens.fx, lens.fy, lens.cx, lens.cy],
            "size": [W, H],
            "right_m": RIGHT_M,
        },
        "things": {name: {"name": name, "measured": places} for name, places in named.items()},
        "boxes": {
            number: {name: box for name, box in seen.items() if name in named}
            for number, seen in boxes.items()
        },
    }
    file = folder / "marks.yaml"
    file.write_text(yaml.safe_dump(marks), "utf-8")
    true = {
        one.name: np.array([one.centre, one.size]) for one in scene.objects if one.name in named
    }
    return read_marked(file, folder), true


def test_points_marked_in_a_picture_are_where_the_thing_is(
    walk: tuple[Marked, dict[str, np.ndarray]],
) -> None:
    """They lie on its surface; with depth and colour from two cameras and a world on its side."""
    marked, true = walk
    assert len(true) >= 3
    turned = marked.level @ TILT  # what levelling leaves is a turn around the vertical
    assert turned[2] == pytest.approx([0.0, 0.0, 1.0])
    for name, (middle, size) in true.items():
        off = np.linalg.norm(marked.measured_m(name) - turned @ middle, axis=1)
        assert np.median(off) < np.linalg.norm(size) / 2 + 0.1, name


@pytest.mark.parametrize("depth", [True, False])
def test_the_agents_objects_are_where_the_marked_points_are(
    walk: tuple[Marked, dict[str, np.ndarray]], *, depth: bool
) -> None:
    rows, problem = measure(walk[0], depth=depth)
    every = summary(rows)
    assert every["located"] >= 3
    assert every["flat_m"] < 0.8
    assert not problem
    assert all(row.seen <= row.marked for row in rows)


def test_a_calibration_that_is_a_quarter_off_makes_larger_errors(
    walk: tuple[Marked, dict[str, np.ndarray]],
) -> None:
    right, wrong = (measure(walk[0], depth=False, focal=focal)[0] for focal in (1.0, 1.25))
    assert summary(wrong)["flat_m"] > summary(right)["flat_m"]
