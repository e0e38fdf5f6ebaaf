"""Real RGB-D sequences with ground truth, for ``bench/keyframes.py --sequence DIR`` and
``bench/objects_real.py``.

Three layouts are supported: files with shared frame numbers (``frame-000012.color.jpg``,
``.depth.png``, ``.pose.txt``, as in 7-Scenes and 3DMatch) with ``camera-intrinsics.txt``; that of
the TUM RGB-D benchmark (``rgb.txt``, ``depth.txt``, ``groundtruth.txt``); and that of
deep-video-mvs (``images/00012.png``, ``depth/00012.png``, ``poses.txt``, ``K.txt``).

Depth and pose determine the true overlap: the share of a keyframe's pixels with known depth whose
points are in the later view. Points that are hidden by something nearer count as in view.
"""

from __future__ import annotations

import bisect
import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from embodied_agent.keyframes import KeyframeSelector
from embodied_agent.records import Decision, Frame, Intrinsics, Pose
from embodied_agent.settings import KeyframeSettings
from embodied_agent.sources.bags.transforms import rotation_matrix

Matrix = npt.NDArray[np.float64]
#: One pixel in so many is used, in rows and columns.
_STEP = 8
#: TUM: a pose or a depth picture belongs to a colour picture within this time, in seconds.
_NEAR_S = 0.03
#: TUM's default camera (fx, fy, cx, cy, in pixels), and depth values per metre.
_TUM_CAMERA, _TUM_DEPTH = (525.0, 525.0, 319.5, 239.5), 5000.0
#: An overlap with a larger error is wrong: it would keep or drop different frames.
WRONG = 0.15


@dataclass(frozen=True)
class View:
    """One frame: its files, and the camera's pose in the world (4, 4; x right, y down, z ahead).
    ``number`` is that in its name, or its place in the sequence."""

    stamp_ns: int
    colour: Path
    depth: Path
    pose: Matrix
    number: int = 0


@dataclass(frozen=True)
class Sequence:
    """A recording with ground truth. ``camera`` is fx, fy, cx, cy in pixels of pictures of ``size``
    (width, height); ``depth_scale`` is the number of depth values per metre."""

    name: str
    views: list[View]
    camera: tuple[float, float, float, float]
    depth_scale: float
    size: tuple[int, int] = (640, 480)


def read_sequence(folder: Path, fps: float = 30.0) -> Sequence:
    """Read the sequence in ``folder`` or in a folder within it."""
    if (folder / "groundtruth.txt").is_file():
        return _tum(folder)
    if (folder / "poses.txt").is_file() and (folder / "K.txt").is_file():
        return _numbered(folder, fps)
    colours = sorted(folder.rglob("frame-*.color.*"))
    if not colours:
        raise SystemExit(
            f"{folder} has neither groundtruth.txt, nor poses.txt and K.txt, nor frame-*.color.* "
            "pictures"
        )
    views = []
    for number, colour in enumerate(colours):
        stem = colour.name.partition(".color.")[0]
        pose = np.loadtxt(colour.with_name(f"{stem}.pose.txt"))
        depth = colour.with_name(f"{stem}.depth.png")
        if np.isfinite(pose).all() and depth.is_file():
            views.append(View(round(number * 1e9 / fps), colour, depth, pose, number))
    camera = _camera(next(iter(sorted(folder.rglob("camera-intrinsics.txt")))))
    return Sequence(folder.name, views, camera, 1000.0)


def _numbered(folder: Path, fps: float) -> Sequence:
    """The layout of deep-video-mvs: one pose a line, row by row, in the pictures' order."""
    colours = sorted((folder / "images").glob("*.png"))
    poses = np.loadtxt(folder / "poses.txt").reshape(-1, 4, 4)
    if len(colours) != len(poses):
        raise SystemExit(f"{folder} has {len(colours)} pictures and {len(poses)} poses")
    views = [
        View(
            round(int(one.stem) * 1e9 / fps), one, folder / "depth" / one.name, pose, int(one.stem)
        )
        for one, pose in zip(colours, poses, strict=True)
        if np.isfinite(pose).all()
    ]
    height, width = cv2.imread(str(colours[0])).shape[:2]
    return Sequence(folder.name, views, _camera(folder / "K.txt"), 1000.0, (width, height))


def _camera(file: Path) -> tuple[float, float, float, float]:
    matrix = np.loadtxt(file)
    return (matrix[0, 0], matrix[1, 1], matrix[0, 2], matrix[1, 2])


def _tum(folder: Path) -> Sequence:
    depth = _listed(folder / "depth.txt")
    poses = [
        (float(line.split()[0]), [float(v) for v in line.split()[1:8]])
        for line in (folder / "groundtruth.txt").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    pose_times = [time for time, _ in poses]
    depth_times = [time for time, _ in depth]
    views = []
    for time, colour in _listed(folder / "rgb.txt"):
        pose_index, depth_index = _nearest(pose_times, time), _nearest(depth_times, time)
        if pose_index is None or depth_index is None:
            continue
        x, y, z, qx, qy, qz, qw = poses[pose_index][1]
        pose = Pose((x, y, z), (qx, qy, qz, qw))
        matrix = np.eye(4)
        matrix[:3, :3] = rotation_matrix(pose.orientation_xyzw)
        matrix[:3, 3] = pose.position_m
        number = len(views)
        views.append(View(round(time * 1e9), colour, depth[depth_index][1], matrix, number))
    return Sequence(folder.name, views, _TUM_CAMERA, _TUM_DEPTH)


def _listed(path: Path) -> list[tuple[float, Path]]:
    lines = [line.split() for line in path.read_text().splitlines() if not line.startswith("#")]
    return [(float(line[0]), path.parent / line[1]) for line in lines if len(line) >= 2]


def _nearest(times: list[float], time: float) -> int | None:
    at = bisect.bisect_left(times, time)
    near = [n for n in (at - 1, at) if 0 <= n < len(times) and abs(times[n] - time) <= _NEAR_S]
    return min(near, key=lambda n: abs(times[n] - time), default=None)


def true_overlap(sequence: Sequence, last: View, now: View) -> float | None:
    """The share of ``last``'s pixels whose points are in the view of ``now``; ``None`` if the depth
    of too many pixels is unknown."""
    raw = cv2.imread(str(last.depth), cv2.IMREAD_UNCHANGED)
    if raw is None:
        return None
    height, width = raw.shape[:2]
    depth = raw[_STEP // 2 :: _STEP, _STEP // 2 :: _STEP].astype(np.float64) / sequence.depth_scale
    row, column = np.mgrid[_STEP // 2 : height : _STEP, _STEP // 2 : width : _STEP]
    known = (depth > 0.1) & (depth < 20.0)
    if known.mean() < 0.3:
        return None
    fx, fy, cx, cy = sequence.camera
    rays = np.stack([(column - cx) / fx, (row - cy) / fy, np.ones_like(depth)], -1)
    points = (rays * depth[..., None])[known]
    relative = np.linalg.inv(now.pose) @ last.pose
    points = points @ relative[:3, :3].T + relative[:3, 3]
    ahead = np.maximum(points[:, 2], 1e-6)
    u, v = fx * points[:, 0] / ahead + cx, fy * points[:, 1] / ahead + cy
    inside = (points[:, 2] > 0) & (u >= 0) & (u < width) & (v >= 0) & (v < height)
    return float(inside.mean())


def frames(sequence: Sequence) -> Iterator[tuple[View, Frame]]:
    """The sequence's views, each with the frame that a source would yield."""
    fx, fy, cx, cy = sequence.camera
    for index, view in enumerate(sequence.views):
        yield (
            view,
            Frame(
                view.stamp_ns,
                encoded=view.colour.read_bytes(),
                index=index,
                intrinsics=Intrinsics(fx, fy, cx, cy, *sequence.size),
            ),
        )


def measure_sequence(sequence: Sequence, method: str) -> dict[str, float]:
    """The error of a rule's overlap, over all frames on which it was measured.

    ``wrong`` is the share of frames whose overlap is off by more than `WRONG`, ``doubted`` of those
    whose confidence is below a half, and ``told_of_wrong`` the share of the wrong ones that are
    doubted.
    """
    selector = KeyframeSelector(KeyframeSettings(method=method))
    errors: list[float] = []
    sure_errors: list[float] = []
    unmeasured = kept = wrong = told = doubted = 0
    last: View | None = None
    for view, frame in frames(sequence):
        decision: Decision = selector.step(frame)
        if last is not None:
            truth = true_overlap(sequence, last, view)
            if decision.overlap_ratio is None:
                unmeasured += 1
            elif truth is not None:
                error = abs(decision.overlap_ratio - truth)
                errors.append(error)
                unsure = decision.confidence is not None and decision.confidence < 0.5
                doubted += unsure
                wrong += error > WRONG
                told += unsure and error > WRONG
                if not unsure:
                    sure_errors.append(error)
        if decision.keep:
            kept += 1
            last = view
    count = max(len(errors), 1)
    return {
        "frames": len(sequence.views),
        "keyframes": kept,
        "overlap_error": statistics.fmean(errors) if errors else float("nan"),
        "overlap_error_p95": float(np.percentile(errors, 95)) if errors else float("nan"),
        "wrong": wrong / count,
        "told_of_wrong": told / wrong if wrong else 1.0,
        "doubted": doubted / count,
        "sure_error": statistics.fmean(sure_errors) if sure_errors else float("nan"),
        "unmeasured": unmeasured / max(len(sequence.views), 1),
    }
