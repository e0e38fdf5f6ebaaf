"""Cost and truthfulness of the two keyframe rules: ``python bench/keyframes.py [--json]``.

Both rules see the same simulated 640×480 frames in the same run, on one thread. Printed are the
cost per frame (and of decoding a JPEG), the error of the overlap against the true one (from pose
and depth), how often the action between two keyframes is named rightly, and how many keyframes
100 frames without usable detail yield.

``--sequence DIR`` measures the overlap's error on a real RGB-D sequence with known poses instead.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
import sys
import time
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from bench.sequences import measure_sequence, read_sequence
from embodied_agent.keyframes import KeyframeSelector
from embodied_agent.records import Action, Decision, Frame, Image, Intrinsics
from embodied_agent.settings import KeyframeSettings
from sim_clips.layout import make_scene
from sim_clips.motion import TrackPoint, camera_track
from sim_clips.render import Renderer
from sim_clips.scene import CameraPose, Scene, WorldName

METHODS = ("paper", "robust")
WIDTH, HEIGHT = 640, 480
#: A step of this size counts as one unit when the main action of a pair is sought.
UNIT_DEG, UNIT_M = 45.0, {"house": 1.5, "warehouse": 1.5, "city": 8.0}
#: Pairs that hold less than this many units count as "did not move".
STILL_UNITS = 0.04


@dataclass(frozen=True, eq=False)
class Clip:
    """Simulated frames with their truth; depth is kept at an eighth of the size."""

    scene: Scene
    points: list[TrackPoint]
    jpegs: list[bytes]
    depths: list[npt.NDArray[np.float32]]

    @property
    def intrinsics(self) -> Intrinsics:
        focal = WIDTH / 2 / math.tan(math.radians(self.scene.hfov_deg) / 2)
        return Intrinsics(focal, focal, WIDTH / 2, HEIGHT / 2, WIDTH, HEIGHT)


def record(renderer: Renderer, world: WorldName, seed: int, frames: int) -> Clip:
    scene = make_scene(world, seed)
    renderer.load(scene)
    points = camera_track(scene, 10.0)[:frames]
    jpegs, depths = [], []
    for point in points:
        seen = renderer.render(point.pose, depth=True)
        assert seen.depth_m is not None
        jpegs.append(cv2.imencode(".jpg", seen.bgr, [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes())
        depths.append(seen.depth_m[4::8, 4::8].copy())
    return Clip(scene, points, jpegs, depths)


def axes(pose: CameraPose) -> npt.NDArray[np.float64]:
    """Columns: the camera's right, down and ahead in the world."""
    yaw, pitch = math.radians(pose.yaw_deg), math.radians(pose.pitch_deg)
    ahead = np.array(
        [math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch)]
    )
    right = np.array([math.sin(yaw), -math.cos(yaw), 0.0])
    return np.stack([right, np.cross(ahead, right), ahead], axis=1)


def true_overlap(clip: Clip, last: int, now: int) -> float:
    """Share of keyframe ``last``'s pixels whose point lies in the view of frame ``now``."""
    camera, depth = clip.intrinsics, clip.depths[last].astype(np.float64)
    row, column = np.mgrid[4:HEIGHT:8, 4:WIDTH:8]
    rays = np.stack(
        [(column - camera.cx) / camera.fx, (row - camera.cy) / camera.fy, np.ones_like(depth)], -1
    )
    here, there = clip.points[last].pose, clip.points[now].pose
    world = (rays * depth[..., None]) @ axes(here).T + np.array([here.x, here.y, here.z])
    seen = (world - np.array([there.x, there.y, there.z])) @ axes(there)
    ahead = np.maximum(seen[..., 2], 1e-6)
    u = camera.fx * seen[..., 0] / ahead + camera.cx
    v = camera.fy * seen[..., 1] / ahead + camera.cy
    inside = (seen[..., 2] > 0) & (u >= 0) & (u < WIDTH) & (v >= 0) & (v < HEIGHT)
    return float(inside.mean())


def true_action(clip: Clip, first: int, last: int) -> Action | None:
    """The step that filled most of the time between two frames, by amount."""
    amounts: Counter[Action] = Counter()
    unit_m = UNIT_M[clip.scene.world]
    for before, after in pairwise(clip.points[first : last + 1]):
        step = after.step if after.step >= 0 else before.step
        if step < 0:
            continue
        action, p, q = clip.scene.steps[step].action, before.pose, after.pose
        if action in (Action.ROTATE_LEFT, Action.ROTATE_RIGHT):
            amounts[action] += abs((q.yaw_deg - p.yaw_deg + 180) % 360 - 180) / UNIT_DEG
        elif action.is_rotation:
            amounts[action] += abs(q.pitch_deg - p.pitch_deg) / UNIT_DEG
        else:
            amounts[action] += math.dist((p.x, p.y, p.z), (q.x, q.y, q.z)) / unit_m
    if amounts.total() < STILL_UNITS:
        return None
    return amounts.most_common(1)[0][0]


def decisions(clip: Clip, method: str) -> list[Decision]:
    """The method's word on every frame, the last one as `finish` leaves it."""
    selector = KeyframeSelector(KeyframeSettings(method=method))
    words = [
        selector.step(Frame(p.stamp_ns, encoded=jpeg, index=i, intrinsics=clip.intrinsics))
        for i, (p, jpeg) in enumerate(zip(clip.points, clip.jpegs, strict=True))
    ]
    final = selector.finish()
    return [*words[:-1], final] if final is not None else words


def costs_ms(clips: list[Clip]) -> dict[str, float]:
    """Mean milliseconds per frame, the methods taking turns on each decoded frame."""
    spent: dict[str, list[float]] = {name: [] for name in (*METHODS, "jpeg", "jpeg half grey")}

    def timed(name: str, work: object) -> object:
        begin = time.perf_counter()
        result = work()  # type: ignore[operator]
        spent[name].append(1e3 * (time.perf_counter() - begin))
        return result

    for clip in clips:
        selectors = {m: KeyframeSelector(KeyframeSettings(method=m)) for m in METHODS}
        for point, jpeg in zip(clip.points, clip.jpegs, strict=True):
            data = np.frombuffer(jpeg, np.uint8)
            image = timed("jpeg", lambda d=data: cv2.imdecode(d, cv2.IMREAD_COLOR))
            timed("jpeg half grey", lambda d=data: cv2.imdecode(d, cv2.IMREAD_REDUCED_GRAYSCALE_2))
            frame = Frame(point.stamp_ns, image=image, intrinsics=clip.intrinsics)
            for method, selector in selectors.items():
                timed(method, lambda s=selector, f=frame: s.step(f))
    return {name: statistics.fmean(values) for name, values in spent.items()}


def overlap_errors(clip: Clip, words: list[Decision]) -> list[float]:
    errors, last = [], 0
    for now, word in enumerate(words):
        if word.overlap_ratio is not None:
            errors.append(abs(word.overlap_ratio - true_overlap(clip, last, now)))
        if word.keep:
            last = now
    return errors


def actions_right(clip: Clip, words: list[Decision]) -> list[bool]:
    kept = [i for i, word in enumerate(words) if word.keep]
    marks = []
    for first, last in pairwise(kept):
        motion = words[last].egomotion
        named = motion.action if motion is not None else None
        marks.append(named == true_action(clip, first, last))
    return marks


def spoil(image: Image, how: str) -> Image:
    if how == "blank":
        return np.full_like(image, 90)
    if how == "dark":
        return (image * 0.05).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 12), np.uint8)


def kept_when_blind(clip: Clip, method: str, how: str) -> int:
    """Keyframes among the 100 spoilt frames in the middle of a clip."""
    selector = KeyframeSelector(KeyframeSettings(method=method))
    kept = 0
    for index, (point, jpeg) in enumerate(zip(clip.points, clip.jpegs, strict=True)):
        image = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        blind = 40 <= index < 140
        frame = Frame(point.stamp_ns, image=spoil(image, how) if blind else image)
        kept += selector.step(frame).keep and blind
    return kept


def measure(seeds: int, frames: int) -> dict[str, object]:
    worlds: tuple[WorldName, ...] = ("house", "city")
    with Renderer(WIDTH, HEIGHT) as renderer:
        clips = [
            record(renderer, world, 9000 + seed, frames)
            for world in worlds
            for seed in range(seeds)
        ]
    cost = costs_ms(clips)
    result: dict[str, object] = {
        "frames": sum(len(clip.points) for clip in clips),
        "jpeg_ms": cost["jpeg"],
        "jpeg_half_grey_ms": cost["jpeg half grey"],
        "cost_ratio": cost["robust"] / cost["paper"],
    }
    for method in METHODS:
        words = [decisions(clip, method) for clip in clips]
        errors = [e for clip, w in zip(clips, words, strict=True) for e in overlap_errors(clip, w)]
        marks = [m for clip, w in zip(clips, words, strict=True) for m in actions_right(clip, w)]
        result[method] = {
            "cost_ms": cost[method],
            "overlap_error": statistics.fmean(errors),
            "action_accuracy": statistics.fmean(marks),
            "pairs": len(marks),
            "keyframes_per_100": {
                how: kept_when_blind(clips[0], method, how) for how in ("blank", "blurred", "dark")
            },
        }
    return result


def print_sequences(folders: list[Path], *, as_json: bool) -> None:
    """Measure both rules on real sequences."""
    results = {}
    for folder in folders:
        sequence = read_sequence(folder)
        results[str(folder)] = {m: measure_sequence(sequence, m) for m in METHODS}
    if as_json:
        print(json.dumps(results, indent=1))
        return
    rows = [
        ("keyframes", "keyframes", "d"),
        ("mean overlap error", "overlap_error", ".3f"),
        ("95 % of errors below", "overlap_error_p95", ".3f"),
        ("off by more than 0.15", "wrong", ".1%"),
        ("of these, doubted", "told_of_wrong", ".1%"),
        ("doubted of all", "doubted", ".1%"),
        ("error where not doubted", "sure_error", ".3f"),
        ("overlap not measured", "unmeasured", ".1%"),
    ]
    for folder, result in results.items():
        print(f"{folder}, {result['paper']['frames']} frames")
        print(f"{'':26}{'paper':>10}{'robust':>10}")
        for title, key, form in rows:
            cells = [format(result[method][key], form) for method in METHODS]
            print(f"{title:26}" + "".join(f"{cell:>10}" for cell in cells))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seeds", type=int, default=2, help="clips per world")
    parser.add_argument("--frames", type=int, default=250, help="longest clip, in frames")
    parser.add_argument(
        "--sequence",
        type=Path,
        action="append",
        metavar="DIR",
        help="a real RGB-D sequence (7-Scenes or TUM layout) instead; repeatable",
    )
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.sequence:
        print_sequences(options.sequence, as_json=options.json)
        return
    result = measure(options.seeds, options.frames)
    if options.json:
        print(json.dumps(result, indent=1))
        return
    print(f"{result['frames']} frames of {WIDTH}x{HEIGHT}, one thread")
    print(f"{'':24}{'paper':>10}{'robust':>10}")
    rows = [
        ("ms per frame", "cost_ms", ".2f"),
        ("mean overlap error", "overlap_error", ".3f"),
        ("action right", "action_accuracy", ".1%"),
        ("pairs of keyframes", "pairs", "d"),
    ]
    both = [result[method] for method in METHODS]
    for title, key, form in rows:
        print(f"{title:24}" + "".join(f"{one[key]:>10{form}}" for one in both))  # type: ignore[index]
    for how in ("blank", "blurred", "dark"):
        counts = [one["keyframes_per_100"][how] for one in both]  # type: ignore[index]
        print(f"{'kept of 100 ' + how:24}" + "".join(f"{count:>10}" for count in counts))
    print(f"cost of robust / paper   {result['cost_ratio']:.2f}")
    print(f"JPEG decoding            {result['jpeg_ms']:.2f} ms, at half size in grey ", end="")
    print(f"{result['jpeg_half_grey_ms']:.2f} ms")


if __name__ == "__main__":
    main()
