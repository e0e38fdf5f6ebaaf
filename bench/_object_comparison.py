"""The objects of a memory against the truth of a simulated clip, for `bench.objects`.

`measure`, `measure_turned` and `measure_moved` each fold one clip and add what came of it to a
`Score`.

Out of scope: folding a clip (`bench._object_walk`), choosing clips and printing (`bench.objects`).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from scipy.stats import binomtest

from bench._object_views import Views
from bench._object_walk import Walk
from embodied_agent.object_records import SeenObject
from sim_clips.layout import make_scene
from sim_clips.scene import VISIBLE_PIXELS, CameraPose, Scene, SceneObject
from sim_clips.visibility import Sight

#: A real object counts as mixed into another's entry from this share of its sightings on.
MIXED = 0.2
#: A goal is near the driven path, faces the object, and shows this many pixels of it.
NEAR_PATH_M, FACING_DEG, GOAL_PIXELS = 0.5, 15.0, 75.0
#: A position counts as that of the new place within this distance (metres).
ARRIVED_M = {"house": 1.2, "warehouse": 1.2, "city": 9.0}


@dataclass
class Score:
    """What was measured of one world; rates as (good, all)."""

    flat_m: list[float] = field(default_factory=list)
    space_m: list[float] = field(default_factory=list)
    doubled: list[int] = field(default_factory=lambda: [0, 0])
    merged: list[int] = field(default_factory=lambda: [0, 0])
    noticed: list[int] = field(default_factory=lambda: [0, 0])
    falsely_gone: list[int] = field(default_factory=lambda: [0, 0])
    gone: list[int] = field(default_factory=lambda: [0, 0])
    goals: list[int] = field(default_factory=lambda: [0, 0])
    covered: list[int] = field(default_factory=lambda: [0, 0])
    fold_ms: list[float] = field(default_factory=list)
    direction_deg: list[float] = field(default_factory=list)
    turned_deg: list[float] = field(default_factory=list)
    turned_told: list[int] = field(default_factory=lambda: [0, 0])
    focal: list[float] = field(default_factory=list)
    focal_told: list[int] = field(default_factory=lambda: [0, 0])

    def summary(self) -> dict[str, Any]:
        """Numbers for people and ``--json``."""

        def percentile(values: Sequence[float], part: float) -> float | None:
            return round(float(np.quantile(values, part)), 3) if values else None

        def rate(pair: Sequence[int]) -> float | None:
            return round(pair[0] / pair[1], 4) if pair[1] else None

        def interval(pair: Sequence[int]) -> list[float] | None:
            """Wilson's 95 % interval of a rate."""
            if not pair[1]:
                return None
            found = binomtest(*pair).proportion_ci(method="wilson")
            return [round(float(found.low), 3), round(float(found.high), 3)]

        return {
            "objects": len(self.flat_m),
            "error_m": percentile(self.flat_m, 0.5),
            "error_p90_m": percentile(self.flat_m, 0.9),
            "error_3d_m": percentile(self.space_m, 0.5),
            "error_3d_p90_m": percentile(self.space_m, 0.9),
            "within_2_std": rate(self.covered),
            "doubled": rate(self.doubled),
            "merged": rate(self.merged),
            "moved_noticed": rate(self.noticed),
            "moved_noticed_95": interval(self.noticed),
            "gone_noticed": rate(self.gone),
            "gone_noticed_95": interval(self.gone),
            "falsely_gone": rate(self.falsely_gone),
            "falsely_gone_95": interval(self.falsely_gone),
            "goals_good": rate(self.goals),
            "direction_deg": percentile(self.direction_deg, 0.5),
            "fold_ms": percentile(self.fold_ms, 0.5),
            "turned_deg": [round(value, 1) for value in self.turned_deg],
            "turned_told": self.turned_told,
            "focal": [round(value, 2) for value in self.focal],
            "focal_told": self.focal_told,
        }


def measure(
    views: Views, score: Score, *, names: str, poses: str, focal: float | None = None
) -> None:
    """Fold a clip in which nothing moves, and compare."""
    walk = Walk(views, names, poses, views.seed, focal=focal or 1.0)
    for shot in views.shots:
        walk.step(shot)
    score.fold_ms += walk.fold_ms
    if focal is not None and (found := walk.memory.check_camera()) is not None:
        score.focal.append(found.focal)
        score.focal_told[0] += found.is_misscaled
        score.focal_told[1] += 1
    true = {thing.id: thing for thing in views.before}
    made = walk.contents()
    entries = Counter(
        max(counts, key=lambda n: (counts[n], -n)) for counts in made.values() if counts
    )
    shown = {seen.id for shot in views.shots for seen in shot.seen}
    score.doubled[0] += sum(count > 1 for count in entries.values())
    score.doubled[1] += len(shown)
    score.merged[0] += sum(1 - max(c.values()) / c.total() >= MIXED for c in made.values() if c)
    score.merged[1] += len(made)
    for one in walk.memory.objects():
        thing = true[max(made[one.id], key=lambda n: (made[one.id][n], -n))]
        score.falsely_gone[0] += one.gone_since_ns is not None
        score.falsely_gone[1] += 1
        if one.position_m is None or one.seen < 3:
            continue
        if poses == "none":
            _compare_direction(one, thing, views, score)
            continue
        offset = np.array(one.position_m) - np.array(thing.centre)
        score.flat_m.append(float(np.hypot(*offset[:2])))
        score.space_m.append(float(np.linalg.norm(offset)))
        score.covered[0] += score.flat_m[-1] <= 2 * (one.std_m or 0.0)
        score.covered[1] += 1
        _check_goal(walk, one, thing, score)


def measure_turned(views: Views, score: Score, turned_deg: float) -> None:
    """Fold a clip whose poses are wrong about where the camera looks."""
    walk = Walk(views, "full", "true", views.seed, turned_deg)
    for shot in views.shots:
        walk.step(shot)
    found = walk.memory.check_camera()
    if found is not None:
        score.turned_deg.append(found.yaw_deg)
        score.turned_told[0] += found.is_told
        score.turned_told[1] += 1


def _compare_direction(one: SeenObject, thing: SceneObject, views: Views, score: Score) -> None:
    """The direction from the start, whose heading is the frame's x axis."""
    assert one.position_m is not None
    start = views.shots[0].pose
    x, y, _ = thing.position
    true = math.degrees(math.atan2(y - start.y, x - start.x)) - start.yaw_deg
    told = math.degrees(math.atan2(one.position_m[1], one.position_m[0]))
    score.direction_deg.append(abs((told - true + 180) % 360 - 180))


def _check_goal(walk: Walk, one: SeenObject, thing: SceneObject, score: Score) -> None:
    goal = walk.memory.goal(one.id)
    score.goals[1] += 1
    if goal is None:
        return
    x, y, z = goal.pose.position_m
    path = [(shot.pose.x, shot.pose.y) for shot in walk.views.shots]
    near = min(math.dist((x, y), point) for point in path) <= NEAR_PATH_M
    _, _, sin, cos = goal.pose.orientation_xyzw
    yaw = math.degrees(2 * math.atan2(sin, cos))
    towards = math.degrees(math.atan2(thing.position[1] - y, thing.position[0] - x))
    faces = abs((towards - yaw + 180) % 360 - 180) <= FACING_DEG
    scene = _scene_of(walk.views)
    pixels = dict(scene.view(CameraPose(x, y, z, yaw, 0.0), walk.views.hfov_deg))
    score.goals[0] += near and faces and pixels.get(thing.id, 0.0) >= GOAL_PIXELS


_sights: dict[tuple[str, int], Sight] = {}


def _scene_of(views: Views) -> Sight:
    key = views.world, views.seed
    if key not in _sights:
        _sights.clear()
        _sights[key] = Sight(make_scene(views.world, views.seed))
    return _sights[key]


def measure_moved(views: Views, score: Score, *, names: str) -> None:
    """Fold a clip in which one object takes another's place, and see whether it is noticed."""
    walk = Walk(views, names, "true", views.seed)
    true = {thing.id: thing for thing in views.after}
    old = {thing.id: thing for thing in views.before}[views.moved]
    new = true[views.moved]
    seen_before = sum(
        any(s.id == views.moved for s in shot.seen) for shot in views.shots if not shot.lap
    )
    gone_before = sum(
        any(s.id == views.removed for s in shot.seen) for shot in views.shots if not shot.lap
    )
    before = Sight(_scene(views, views.before))
    shown = old_place = False
    telling = 0
    noticed = False
    for shot in views.shots:
        walk.step(shot)
        if not shot.lap:
            continue
        shows_it = any(seen.id == views.moved for seen in shot.seen)
        pixels = dict(before.view(shot.pose, views.hfov_deg))
        shows_place = pixels.get(views.moved, 0.0) >= 2 * VISIBLE_PIXELS
        shown, old_place = shown or shows_it, old_place or shows_place
        if shown and old_place and (shows_it or shows_place) and telling < 2:
            telling += 1
            noticed = noticed or _is_at(walk, views.moved, new, old, ARRIVED_M[views.world])
    if seen_before >= 2 and telling == 2:
        score.noticed[0] += noticed
        score.noticed[1] += 1
    if gone_before >= 2:
        made = walk.contents()
        for one in walk.memory.objects():
            most = max(made[one.id], key=lambda n: (made[one.id][n], -n))
            if most == views.removed:
                score.gone[0] += one.gone_since_ns is not None
                score.gone[1] += 1
                break


def _scene(views: Views, objects: tuple[SceneObject, ...]) -> Scene:
    return replace(make_scene(views.world, views.seed), objects=objects)


def _is_at(walk: Walk, number: int, new: SceneObject, old: SceneObject, limit_m: float) -> bool:
    """Whether exactly one entry stands for an object that is still there, and it is at the new
    place."""
    made = walk.contents()
    entries = [
        one
        for one in walk.memory.objects()
        if made[one.id] and max(made[one.id], key=lambda n: (made[one.id][n], -n)) == number
    ]
    here = [one for one in entries if one.gone_since_ns is None and one.missed == 0]
    return any(
        one.position_m is not None and math.dist(one.position_m[:2], new.position[:2]) <= limit_m
        for one in here
    ) and all(
        one.position_m is not None
        and math.dist(one.position_m[:2], new.position[:2])
        < math.dist(one.position_m[:2], old.position[:2])
        for one in here
    )
