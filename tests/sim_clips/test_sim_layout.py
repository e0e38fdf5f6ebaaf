"""Worlds and paths: what `make_scene` promises, checked without rendering."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest

from embodied_agent.records import Action
from sim_clips.layout import make_scene
from sim_clips.motion import camera_track, poses_after_steps
from sim_clips.occupancy import CLEARANCE_M, wall_box
from sim_clips.path import OPPOSITE
from sim_clips.plan import footprint
from sim_clips.scene import (
    CITY_KINDS,
    HOUSE_KINDS,
    CameraPose,
    Scene,
    SceneObject,
    Wall,
    WorldName,
    held_out,
)

WORLDS: tuple[WorldName, ...] = ("house", "city", "warehouse")
SCENES: dict[str, list[Scene]] = {
    world: [make_scene(world, s) for s in range(12)] for world in WORLDS
}
ALL = [scene for scenes in SCENES.values() for scene in scenes]


def name_of(scene: Scene) -> str:
    return f"{scene.world}_{scene.seed}"


def distance_to_box(x: float, y: float, box: tuple[float, float, float, float]) -> float:
    dx = max(box[0] - x, 0.0, x - box[2])
    dy = max(box[1] - y, 0.0, y - box[3])
    return math.hypot(dx, dy)


def distance_to_object(pose: CameraPose, thing: SceneObject) -> float:
    yaw = math.radians(thing.yaw_deg)
    dx, dy = pose.x - thing.position[0], pose.y - thing.position[1]
    x = math.cos(yaw) * dx + math.sin(yaw) * dy
    y = math.cos(yaw) * dy - math.sin(yaw) * dx
    w, d = thing.size[0] / 2, thing.size[1] / 2
    return distance_to_box(x, y, (-w, -d, w, d))


@pytest.mark.parametrize("world", WORLDS)
def test_the_same_seed_makes_the_same_scene(world: WorldName) -> None:
    assert make_scene(world, 11) == make_scene(world, 11)
    assert make_scene(world, 11) != make_scene(world, 12)


def test_an_unknown_world_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="castle"):
        make_scene("castle", 0)  # type: ignore[arg-type]


@pytest.mark.parametrize("scene", ALL, ids=name_of)
def test_names_are_unique_and_ids_index_the_objects(scene: Scene) -> None:
    names = [thing.name for thing in scene.objects]
    assert len(set(names)) == len(names)
    assert [thing.id for thing in scene.objects] == list(range(len(names)))
    kinds = CITY_KINDS if scene.world == "city" else HOUSE_KINDS
    assert {thing.kind for thing in scene.objects} <= set(kinds)


@pytest.mark.parametrize("scene", ALL, ids=name_of)
def test_held_out_pairs_occur_in_the_warehouse_only(scene: Scene) -> None:
    shown = {held_out(thing.kind, thing.colour) for thing in scene.objects}
    assert shown == {scene.world == "warehouse"}


@pytest.mark.parametrize("scene", ALL, ids=name_of)
def test_objects_do_not_overlap_each_other_or_walls(scene: Scene) -> None:
    boxes = [
        footprint(thing.position[0], thing.position[1], thing.yaw_deg, thing.size)
        for thing in scene.objects
    ]
    solid = [wall_box(wall) for wall in scene.walls] if scene.world != "city" else []
    for n, box in enumerate(boxes):
        for other in boxes[:n] + solid:
            depth = min(
                min(box[2], other[2]) - max(box[0], other[0]),
                min(box[3], other[3]) - max(box[1], other[1]),
            )
            assert depth <= 0.001, (scene.objects[n].name, box, other)


@pytest.mark.parametrize("scene", ALL, ids=name_of)
def test_the_camera_keeps_its_distance_from_everything(scene: Scene) -> None:
    clearance = CLEARANCE_M[scene.world] - 0.005
    for point in camera_track(scene, fps=20.0, shake=False):
        pose = point.pose
        for thing in scene.objects:
            over = scene.world == "city" and pose.z > thing.position[2] + thing.size[2] + clearance
            assert over or distance_to_object(pose, thing) > clearance, (thing.name, pose)
        for wall in scene.walls:
            over = scene.world == "city" or wall.z > pose.z + clearance
            assert over or distance_to_box(pose.x, pose.y, wall_box(wall)) > clearance


@pytest.mark.parametrize("scene", ALL, ids=name_of)
def test_steps_alternate_and_have_sensible_sizes(scene: Scene) -> None:
    assert 12 <= len(scene.steps) <= 22
    for a, b in pairwise(scene.steps):
        assert b.action not in (a.action, OPPOSITE[a.action])
    for step in scene.steps:
        if step.action in (Action.ROTATE_LEFT, Action.ROTATE_RIGHT):
            assert step.amount % 15 == 0
            assert 30 <= step.amount <= 120
            assert 1.5 * step.amount / step.duration_s <= 90
        elif step.action.is_rotation:
            assert step.amount in (10, 15, 20)
        elif step.action is Action.MOVE_FORWARD:
            low, high = (6, 20) if scene.world == "city" else (0.8, 3.0)
            assert low <= step.amount <= high
        assert step.amount > 0


@pytest.mark.parametrize("scene", ALL, ids=name_of)
def test_a_track_lasts_20_to_55_seconds_and_ends_where_the_steps_lead(scene: Scene) -> None:
    track = camera_track(scene, shake=False)
    seconds = (track[-1].stamp_ns - track[0].stamp_ns) / 1e9
    assert 20 <= seconds <= 55
    assert track[0].pose == scene.start
    end = poses_after_steps(scene)[-1]
    assert track[-1].pose == end
    stamps = [point.stamp_ns for point in track]
    assert sorted(set(stamps)) == stamps
    assert [n for n in dict.fromkeys(p.step for p in track) if n >= 0] == list(
        range(len(scene.steps))
    )


@pytest.mark.parametrize("scene", ALL, ids=name_of)
def test_each_step_ends_at_its_pose_for_a_moment(scene: Scene) -> None:
    poses = poses_after_steps(scene)
    resting = {-1: poses[0]}
    last = -1
    for point in camera_track(scene, shake=False):
        if point.step < 0:
            resting[last] = point.pose
        else:
            last = point.step
    for step, pose in resting.items():
        assert pose == poses[step + 1]


def test_every_house_path_goes_through_a_door() -> None:
    for scene in SCENES["house"]:
        walls = [w for w in scene.walls if w.z == 0.0]
        inner = 0
        for a, b in pairwise(poses_after_steps(scene)):
            inner += crosses_a_wall_line(a, b, walls)
        assert inner, name_of(scene)


def crosses_a_wall_line(a: CameraPose, b: CameraPose, walls: list[Wall]) -> bool:
    """Whether a step passes the line of a wall between two pieces of it (that is, a door)."""
    for axis, level in wall_lines(walls):
        p, q = (a.x, b.x) if axis == "x" else (a.y, b.y)
        if (p - level) * (q - level) < 0:
            return True
    return False


def wall_lines(walls: list[Wall]) -> set[tuple[str, float]]:
    lines: set[tuple[str, float]] = set()
    for wall in walls:
        (ax, ay), (bx, _) = wall.a, wall.b
        lines.add(("x", ax) if ax == bx else ("y", ay))
    return lines


@pytest.mark.parametrize("world", WORLDS)
def test_every_kind_and_action_of_a_world_occurs(world: WorldName) -> None:
    kinds = {thing.kind for scene in SCENES[world] for thing in scene.objects}
    assert kinds == set(CITY_KINDS if world == "city" else HOUSE_KINDS)
    actions = {step.action for scene in SCENES[world] for step in scene.steps}
    vertical = {Action.MOVE_UPWARD, Action.MOVE_DOWNWARD}
    assert actions == (set(Action) if world == "city" else set(Action) - vertical)


def test_shake_is_small_and_repeatable() -> None:
    scene = SCENES["house"][0]
    shaken, smooth = camera_track(scene), camera_track(scene, shake=False)
    assert shaken == camera_track(scene)
    for a, b in zip(shaken, smooth, strict=True):
        assert math.dist((a.pose.x, a.pose.y, a.pose.z), (b.pose.x, b.pose.y, b.pose.z)) < 0.01
        assert abs((a.pose.yaw_deg - b.pose.yaw_deg + 180) % 360 - 180) < 0.5
