"""Real sequences in which things were marked by hand: boxes, and where the things are.

The file of marks (``bench/sequences/*.yaml``) names the things, has their boxes in some frames, and
points on them in other frames. Depth and pose of those frames turn the points into positions: what
`bench.objects_real` compares objects with.

Out of scope: reading the pictures (`bench.sequences`), the agent (`bench._marked_recording`).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
import yaml

from bench.sequences import Matrix, Sequence, View, read_sequence
from embodied_agent.records import Box, Depth, Intrinsics

#: A point's depth is the median of this many pixels to each side, as a share of the width.
_AROUND = 0.008
#: Fewer pixels with a known depth don't tell it.
_FEWEST = 5
#: Depths between these count, in metres.
_NEAREST_M, _FURTHEST_M = 0.2, 10.0


@dataclass(frozen=True, eq=False)
class Marked:
    """A sequence with marks.

    ``names`` are what a perceiver calls each thing, ``boxes`` the things' boxes in a view, by the
    view's number, and ``points`` the (view, x, y) on each thing, in parts of the picture. ``level``
    (3, 3) turns the sequence's world so that z points up. ``colour`` is the camera of the pictures,
    ``right_m`` metres to the right of the one whose depth and poses are known.
    """

    title: str
    sequence: Sequence
    names: dict[str, str]
    boxes: dict[int, dict[str, Box]]
    points: dict[str, list[tuple[int, float, float]]]
    level: Matrix
    colour: Intrinsics
    right_m: float

    @cached_property
    def _views(self) -> dict[int, View]:
        return {view.number: view for view in self.sequence.views}

    def view(self, number: int) -> View:
        """The view with this number."""
        return self._views[number]

    def pose(self, view: View) -> Matrix:
        """Where the camera of the poses was (4, 4; x right, y down, z ahead), z up in the world."""
        pose = np.eye(4)
        pose[:3] = self.level @ view.pose[:3]
        return pose

    def measured_m(self, thing: str) -> Matrix:
        """Where the points marked on a thing are (n, 3), in metres."""
        places = []
        for number, x, y in self.points[thing]:
            view = self.view(number)
            reach = _AROUND * np.array([1.0, self.colour.width / self.colour.height])
            found = self._depths(view, np.array([x, y]) - reach, np.array([x, y]) + reach)
            if found is None:
                raise SystemExit(f"{self.title}: no depth at {x}, {y} of frame {number}")
            pose = self.pose(view)
            places.append(pose[:3, :3] @ np.median(found, axis=0) + pose[:3, 3])
        return np.array(places)

    def registered(self, number: int) -> Depth:
        """What the depth camera saw in a view, from the colour camera's place: half as large as the
        smaller of the two pictures, so that few pixels stay unknown."""
        lens = self.colour
        points, shown = self._shown(self.view(number))
        width = min(lens.width, self.sequence.size[0]) // 2
        height = round(width * lens.height / lens.width)
        inside = ((shown >= 0) & (shown < 1)).all(axis=1)
        points, shown = points[inside], shown[inside]
        nearest_last = np.argsort(-points[:, 2])
        columns, rows = (shown[nearest_last] * [width, height]).astype(np.intp).T
        depth: Depth = np.zeros((height, width), np.uint16)
        depth[rows, columns] = np.round(points[nearest_last, 2] * 1000)
        return depth

    def _depths(self, view: View, least: Matrix, most: Matrix) -> Matrix | None:
        """The points (n, 3) before the depth camera that a part of the colour picture shows."""
        points, places = self._shown(view)
        shown = ((places >= least) & (places <= most)).all(axis=1)
        return points[shown] if shown.sum() >= _FEWEST else None

    def _shown(self, view: View) -> tuple[Matrix, Matrix]:
        """The points (n, 3) that the depth camera saw, before it, and where they are in the colour
        picture (n, 2), in parts of it."""
        raw = cv2.imread(str(view.depth), cv2.IMREAD_UNCHANGED)
        if raw is None:
            raise SystemExit(f"{view.depth} can't be read")
        depth = raw.astype(np.float64) / self.sequence.depth_scale
        row, column = np.nonzero((depth > _NEAREST_M) & (depth < _FURTHEST_M))
        ahead = depth[row, column]
        fx, fy, cx, cy = self.sequence.camera
        points = np.stack(((column - cx) / fx * ahead, (row - cy) / fy * ahead, ahead), axis=1)
        lens = self.colour
        u = (lens.fx * (points[:, 0] - self.right_m) / ahead + lens.cx) / lens.width
        v = (lens.fy * points[:, 1] / ahead + lens.cy) / lens.height
        return points, np.stack((u, v), axis=1)


def read_marked(marks: Path, folder: Path) -> Marked:
    """The sequence in ``folder`` with the marks of a file."""
    values = yaml.safe_load(marks.read_text("utf-8"))
    sequence = read_sequence(folder, float(values["fps"]))
    colour = values.get("colour", {})
    things = values["things"]
    return Marked(
        title=values["name"],
        sequence=sequence,
        names={thing: one["name"] for thing, one in things.items()},
        boxes={
            number: {thing: Box(*map(float, box)) for thing, box in boxes.items()}
            for number, boxes in values["boxes"].items()
        },
        points={
            thing: [tuple(point) for point in one["measured"]] for thing, one in things.items()
        },
        level=_levelling(np.array(values["up"], np.float64)),
        colour=Intrinsics(
            *map(float, colour.get("camera", sequence.camera)), *colour.get("size", sequence.size)
        ),
        right_m=float(colour.get("right_m", 0.0)),
    )


def _levelling(up: Matrix) -> Matrix:
    """The rotation that turns ``up`` to z, the shortest way round."""
    up = up / np.linalg.norm(up)
    axis = np.cross(up, [0.0, 0.0, 1.0])
    if np.linalg.norm(axis) < 1e-9:
        return np.diag([1.0, 1.0, 1.0]) if up[2] > 0 else np.diag([1.0, -1.0, -1.0])
    angle = np.arctan2(np.linalg.norm(axis), up[2])
    return np.asarray(cv2.Rodrigues(axis / np.linalg.norm(axis) * angle)[0], np.float64)
