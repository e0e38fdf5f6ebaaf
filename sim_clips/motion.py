"""Camera motion: step by step for plans, frame by frame for recordings.

`advance` is the definition of the ten actions: translations are horizontal and relative to the
heading, rotations turn about the vertical axis, tilts change the pitch. `camera_track` plays a
scene's steps with eased starts and stops, short rests in between and a little shake.

Out of scope: rendering (`sim_clips.render`) and collisions (`sim_clips.path` plans around them).
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace

from embodied_agent.records import Action
from sim_clips.scene import CameraPose, Scene, Step

#: Stamp of the first frame of every simulated track, in nanoseconds.
START_NS = 1_700_000_000_000_000_000
#: Shortest and longest rest between two steps, and the rest at both ends of the track, seconds.
REST_S = (0.1, 0.4)
END_REST_S = 0.3

_HEADING_OFFSET_DEG = {
    Action.MOVE_FORWARD: 0.0,
    Action.MOVE_BACKWARD: 180.0,
    Action.MOVE_LEFT: 90.0,
    Action.MOVE_RIGHT: -90.0,
}


@dataclass(frozen=True, slots=True)
class TrackPoint:
    """The camera at one frame. ``step`` is the index into `Scene.steps`, or -1 at rest."""

    stamp_ns: int
    pose: CameraPose
    step: int


def wrap_deg(angle: float) -> float:
    """Wrap an angle in degrees into [-180, 180)."""
    return (angle + 180.0) % 360.0 - 180.0


def advance(pose: CameraPose, action: Action, amount: float) -> CameraPose:
    """The pose after ``action`` by ``amount`` (degrees for rotations and tilts, else metres)."""
    if action is Action.ROTATE_LEFT:
        return replace(pose, yaw_deg=wrap_deg(pose.yaw_deg + amount))
    if action is Action.ROTATE_RIGHT:
        return replace(pose, yaw_deg=wrap_deg(pose.yaw_deg - amount))
    if action is Action.TILT_UPWARD:
        return replace(pose, pitch_deg=pose.pitch_deg + amount)
    if action is Action.TILT_DOWNWARD:
        return replace(pose, pitch_deg=pose.pitch_deg - amount)
    if action is Action.MOVE_UPWARD:
        return replace(pose, z=pose.z + amount)
    if action is Action.MOVE_DOWNWARD:
        return replace(pose, z=pose.z - amount)
    heading = math.radians(pose.yaw_deg + _HEADING_OFFSET_DEG[action])
    return replace(
        pose, x=pose.x + amount * math.cos(heading), y=pose.y + amount * math.sin(heading)
    )


def poses_after_steps(scene: Scene) -> list[CameraPose]:
    """The pose at the start and after each step, ``len(scene.steps) + 1`` in all, without shake."""
    poses = [scene.start]
    for step in scene.steps:
        poses.append(advance(poses[-1], step.action, step.amount))
    return poses


def eased(t: float) -> float:
    """Smoothstep from (0, 0) to (1, 1), flat at both ends; its peak slope is 1.5 times its mean."""
    t = min(max(t, 0.0), 1.0)
    return t * t * (3.0 - 2.0 * t)


class _Shake:
    """A sum of slow sines per axis: millimetres on positions, tenths of a degree on angles."""

    def __init__(self, scene: Scene) -> None:
        rng = random.Random(f"shake:{scene.world}:{scene.seed}")
        self._scale = scene.look.get("shake", 1.0)
        self._metres = 0.02 if scene.world == "city" else 0.003
        self._waves = [
            [(rng.uniform(0.3, 2.5), rng.uniform(0.0, 2 * math.pi)) for _ in range(3)]
            for _ in range(5)
        ]

    def apply(self, pose: CameraPose, time_s: float) -> CameraPose:
        dx, dy, dz, dyaw, dpitch = (
            self._scale * sum(math.sin(2 * math.pi * f * time_s + p) for f, p in waves) / 3.0
            for waves in self._waves
        )
        m, degrees = self._metres, 0.2
        return CameraPose(
            pose.x + m * dx,
            pose.y + m * dy,
            pose.z + m * dz,
            wrap_deg(pose.yaw_deg + degrees * dyaw),
            pose.pitch_deg + degrees * dpitch,
        )


def _schedule(scene: Scene) -> tuple[list[tuple[float, Step]], float]:
    """Start time of each step, and end of the track, in seconds from the first frame."""
    rng = random.Random(f"rests:{scene.world}:{scene.seed}")
    time_s, starts = END_REST_S, []
    for step in scene.steps:
        starts.append((time_s, step))
        time_s += step.duration_s + rng.uniform(*REST_S)
    return starts, time_s + END_REST_S


def camera_track(scene: Scene, fps: float = 10.0, *, shake: bool = True) -> list[TrackPoint]:
    """The camera at every frame from the first rest to the last, at ``fps`` frames per second."""
    starts, end_s = _schedule(scene)
    wobble = _Shake(scene)
    points: list[TrackPoint] = []
    base, current = scene.start, 0
    for frame in range(int(end_s * fps) + 1):
        time_s = frame / fps
        while (
            current < len(starts) and time_s >= starts[current][0] + starts[current][1].duration_s
        ):
            step = starts[current][1]
            base = advance(base, step.action, step.amount)
            current += 1
        pose, index = base, -1
        if current < len(starts) and time_s > starts[current][0]:
            start_s, step = starts[current]
            share = eased((time_s - start_s) / step.duration_s)
            pose, index = advance(base, step.action, step.amount * share), current
        if shake:
            pose = wobble.apply(pose, time_s)
        points.append(TrackPoint(START_NS + round(time_s * 1e9), pose, index))
    return points
