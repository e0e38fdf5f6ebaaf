"""Cost and accuracy of the two keyframe rules: ``python bench/keyframes.py [--json]``.

Both rules see the same simulated 640×480 frames in the same run, on one thread. Printed are the
processor time per frame (and of decoding a JPEG), the error of the overlap relative to the truth
(from pose and depth), how often the action between two keyframes is correct, and how many keyframes
result from 100 frames without usable detail.

``--hard`` measures the overlap's error where a homography is the wrong model instead
(`bench._simulated_views`), ``--sequence DIR`` on a real RGB-D sequence with known poses.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import sys
import time
from collections import Counter
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # a checkout, installed or not

from bench._simulated_views import KINDS, Clip, record
from bench.sequences import WRONG, measure_sequence, read_sequence
from embodied_agent.keyframes import KeyframeSelector
from embodied_agent.records import Action, Decision, Frame, Image
from embodied_agent.settings import KeyframeSettings
from sim_clips.render import Renderer
from sim_clips.scene import CameraPose, WorldName

METHODS = ("paper", "robust")
WIDTH, HEIGHT = 640, 480
#: A step of this size counts as one unit in determining the main action of a pair.
UNIT_DEG, UNIT_M = 45.0, {"house": 1.5, "warehouse": 1.5, "city": 8.0}
#: A pair with less than this many units counts as "did not move".
STILL_UNITS = 0.04


def axes(pose: CameraPose) -> npt.NDArray[np.float64]:
    """The camera's axes in the world (3, 3), as columns: right, down and ahead."""
    yaw, pitch = math.radians(pose.yaw_deg), math.radians(pose.pitch_deg)
    ahead = np.array(
        [math.cos(pitch) * math.cos(yaw), math.cos(pitch) * math.sin(yaw), math.sin(pitch)]
    )
    right = np.array([math.sin(yaw), -math.cos(yaw), 0.0])
    return np.stack([right, np.cross(ahead, right), ahead], axis=1)


def true_overlap(clip: Clip, last: int, now: int) -> float:
    """The share of keyframe ``last``'s pixels whose points are in the view of frame ``now``."""
    camera, depth = clip.intrinsics, clip.depths[last].astype(np.float64)
    row, column = np.mgrid[4:HEIGHT:8, 4:WIDTH:8]
    rays = np.stack(
        [(column - camera.cx) / camera.fx, (row - camera.cy) / camera.fy, np.ones_like(depth)], -1
    )
    here, there = clip.points[last].pose, clip.points[now].pose
    world = (rays * depth[..., None]) @ axes(here).T + np.array([here.x, here.y, here.z])
    points = (world - np.array([there.x, there.y, there.z])) @ axes(there)
    ahead = np.maximum(points[..., 2], 1e-6)
    u = camera.fx * points[..., 0] / ahead + camera.cx
    v = camera.fy * points[..., 1] / ahead + camera.cy
    inside = (points[..., 2] > 0) & (u >= 0) & (u < WIDTH) & (v >= 0) & (v < HEIGHT)
    return float(inside.mean())


def true_action(clip: Clip, first: int, last: int) -> Action | None:
    """The action with the largest amount of motion between two frames, in units."""
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
    """A method's decision on every frame, with the last one as `finish` returns it."""
    selector = KeyframeSelector(KeyframeSettings(method=method))
    steps = [
        selector.step(Frame(p.stamp_ns, encoded=jpeg, index=i, intrinsics=clip.intrinsics))
        for i, (p, jpeg) in enumerate(zip(clip.points, clip.jpegs, strict=True))
    ]
    final = selector.finish()
    return [*steps[:-1], final] if final is not None else steps


def costs_ms(clips: list[Clip]) -> dict[str, float]:
    """Mean processor time per frame, in milliseconds; the methods take turns on each decoded frame.

    It is the thread's own time, so that waiting for a busy processor does not count.
    """
    spent: dict[str, list[float]] = {name: [] for name in (*METHODS, "jpeg", "jpeg half grey")}

    def timed(name: str, work: object) -> object:
        begin = time.thread_time()
        result = work()  # type: ignore[operator]
        spent[name].append(1e3 * (time.thread_time() - begin))
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


def overlap_errors(clip: Clip, steps: list[Decision]) -> list[float]:
    """The absolute errors of all measured overlaps."""
    errors, last = [], 0
    for now, decision in enumerate(steps):
        if decision.overlap_ratio is not None:
            errors.append(abs(decision.overlap_ratio - true_overlap(clip, last, now)))
        if decision.keep:
            last = now
    return errors


def actions_right(clip: Clip, steps: list[Decision]) -> list[bool]:
    """Whether the action is correct, for each pair of keyframes."""
    kept = [i for i, decision in enumerate(steps) if decision.keep]
    marks = []
    for first, last in pairwise(kept):
        motion = steps[last].egomotion
        named = motion.action if motion is not None else None
        marks.append(named == true_action(clip, first, last))
    return marks


def spoil(image: Image, how: str) -> Image:
    """The image without usable detail: "blank", "dark" or "blurred"."""
    if how == "blank":
        return np.full_like(image, 90)
    if how == "dark":
        return (image * 0.05).astype(np.uint8)
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 12), np.uint8)


def kept_when_blind(clip: Clip, method: str, how: str) -> int:
    """The number of keyframes among 100 spoilt frames in the middle of a clip."""
    selector = KeyframeSelector(KeyframeSettings(method=method))
    kept = 0
    for index, (point, jpeg) in enumerate(zip(clip.points, clip.jpegs, strict=True)):
        image = np.asarray(cv2.imdecode(np.frombuffer(jpeg, np.uint8), cv2.IMREAD_COLOR), np.uint8)
        blind = 40 <= index < 140
        frame = Frame(point.stamp_ns, image=spoil(image, how) if blind else image)
        kept += selector.step(frame).keep and blind
    return kept


def measure(seeds: int, frames: int) -> dict[str, object]:
    """Measure both rules on simulated clips."""
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
        "decoding_ratio": cost["robust"] / cost["jpeg"],
    }
    for method in METHODS:
        steps = [decisions(clip, method) for clip in clips]
        errors = [e for clip, s in zip(clips, steps, strict=True) for e in overlap_errors(clip, s)]
        marks = [m for clip, s in zip(clips, steps, strict=True) for m in actions_right(clip, s)]
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


def measure_hard(seeds: int, frames: int, kinds: Iterable[str] = KINDS) -> dict[str, object]:
    """Both rules on each kind of simulated frames, by kind and method."""
    worlds: tuple[WorldName, ...] = ("house", "city")
    result: dict[str, object] = {}
    with Renderer(WIDTH, HEIGHT) as renderer:
        for kind in kinds:
            clips = [
                record(renderer, world, 9000 + seed, frames, kind)
                for world in worlds
                for seed in range(seeds)
            ]
            result[kind] = {method: overlap_marks(clips, method) for method in METHODS}
    return result


def overlap_marks(clips: list[Clip], method: str) -> dict[str, float]:
    """How far a rule's overlap is to be trusted, and what its decisions make of it.

    ``wrong`` overlaps are off by more than `WRONG`; ``doubted`` ones have a confidence below one
    half. A frame is ``late`` if it is not kept although its true overlap lies that much below the
    threshold, a keyframe ``early`` if it was kept for its overlap although that lies as much above.
    """
    threshold = KeyframeSettings().overlap_threshold
    errors: list[float] = []
    sure: list[float] = []
    told = doubted = late = early = kept = frames = 0
    for clip in clips:
        last = 0
        for now, word in enumerate(decisions(clip, method)):
            frames += 1
            truth = true_overlap(clip, last, now)
            if now and word.overlap_ratio is not None:
                error = abs(word.overlap_ratio - truth)
                unsure = word.confidence is not None and word.confidence < 0.5
                errors.append(error)
                doubted += unsure
                told += unsure and error > WRONG
                if not unsure:
                    sure.append(error)
            late += not word.keep and truth < threshold - WRONG
            if word.keep:
                by_overlap = word.reason in ("overlap", "few_matches", "no_homography")
                early += by_overlap and truth > threshold + WRONG
                kept += 1
                last = now
    wrong = sum(error > WRONG for error in errors)
    return {
        "frames": frames,
        "keyframes": kept,
        "overlap_error": statistics.fmean(errors),
        "wrong": wrong / len(errors),
        "told_of_wrong": told / wrong if wrong else 1.0,
        "doubted": doubted / len(errors),
        "sure_error": statistics.fmean(sure) if sure else math.nan,
        "late": late / frames,
        "early": early / frames,
    }


#: Titles of what `overlap_marks` gives.
_ROWS = [
    ("keyframes", "keyframes", "d"),
    ("mean overlap error", "overlap_error", ".3f"),
    ("off by more than 0.15", "wrong", ".1%"),
    ("of these, doubted", "told_of_wrong", ".0%"),
    ("doubted of all", "doubted", ".1%"),
    ("error where not doubted", "sure_error", ".3f"),
    ("not kept though due", "late", ".1%"),
    ("kept though not due", "early", ".1%"),
]


def print_hard(result: dict[str, object]) -> None:
    """A table a kind, both rules side by side."""
    for kind, both in result.items():
        print(f"{kind}, {both['paper']['frames']} frames")  # type: ignore[index]
        print(f"{'':26}{'paper':>10}{'robust':>10}")
        for title, key, form in _ROWS:
            cells = [format(both[method][key], form) for method in METHODS]  # type: ignore[index]
            print(f"{title:26}" + "".join(f"{cell:>10}" for cell in cells))


def print_sequences(folders: list[Path], *, as_json: bool) -> None:
    """Measure both rules on real sequences, and print the results."""
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
    """Parse the command line, measure, and print the results."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument("--seeds", type=int, default=2, help="clips per world")
    parser.add_argument("--frames", type=int, default=250, help="maximum frames per clip")
    parser.add_argument("--hard", action="store_true", help="moving people, parallax and so on")
    parser.add_argument(
        "--sequence",
        type=Path,
        action="append",
        metavar="DIR",
        help="a real RGB-D sequence (7-Scenes, TUM or deep-video-mvs layout) instead; repeatable",
    )
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.sequence:
        print_sequences(options.sequence, as_json=options.json)
        return
    if options.hard:
        hard = measure_hard(options.seeds, options.frames)
        if options.json:
            print(json.dumps(hard, indent=1))
        else:
            print_hard(hard)
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
    print(f"cost of robust / JPEG decoding   {result['decoding_ratio']:.2f}")
    print(f"load of the machine      {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")


if __name__ == "__main__":
    main()
