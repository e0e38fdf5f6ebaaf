"""Text-only journeys through simulated worlds, and a perceiver's deltas of them.

Nothing is rendered: keyframes are placed where the keyframer would place them (at the end of each
motion, and where half of the view has changed), and visibility is approximate. A perceiver's
mistakes can be added to the truth, so that the reasoner learns to cope with them.

Out of scope: questions and reasoning (`training.samples`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from embodied_agent.records import DIRECTIONS, DISTANCES, Action, Delta, Mention
from embodied_agent.transcript.text import round_angle
from sim_clips.journey import Journey, View, after, wrap
from sim_clips.layout import make_scene
from sim_clips.questions import mentions_of
from sim_clips.scene import (
    CITY_KINDS,
    HOUSE_KINDS,
    Scene,
    Step,
    WorldName,
)
from sim_clips.splits import pairs_of
from sim_clips.visibility import approximate_view


@dataclass(frozen=True, slots=True)
class Noise:
    """A perceiver's error rates: per mention, missed, misnamed, direction or distance off by one
    class; per view, an invented object and a wrong action."""

    missed: float = 0.0
    misnamed: float = 0.0
    direction: float = 0.0
    distance: float = 0.0
    invented: float = 0.0
    action: float = 0.0

    def scaled(self, factor: float) -> Noise:
        """All rates multiplied by ``factor``."""
        return Noise(
            self.missed * factor,
            self.misnamed * factor,
            self.direction * factor,
            self.distance * factor,
            self.invented * factor,
            self.action * factor,
        )


#: Approximate error rates of the built-in perceiver on held-out scenes (see its model card).
TYPICAL_NOISE = Noise(0.15, 0.08, 0.08, 0.12, 0.08, 0.01)


def sample_journey(world: WorldName, seed: int, rng: np.random.Generator) -> Journey:
    """A journey through the scene ``seed``, with a view at every place of a keyframe."""
    scene = make_scene(world, seed)
    views = [_view(scene, scene.start, -1, 0, True)]
    pose, clock = scene.start, 0.0
    for number, step in enumerate(scene.steps):
        parts = _parts(step, scene, rng)
        for part, amount in enumerate(parts):
            clock += step.duration_s * amount / step.amount
            pose = after(pose, Step(step.action, amount, 0.0))
            views.append(_view(scene, pose, number, int(clock * 1e9), part == len(parts) - 1))
        clock += 0.3
    return Journey(
        world=world,
        objects={o.name: (o.position[0], o.position[1]) for o in scene.objects},
        steps=scene.steps,
        views=tuple(views),
    )


def renamed(journey: Journey, rng: np.random.Generator) -> Journey:
    """The journey with random new names for its objects, of houses and cities alike, so that the
    reasoner can't learn anything from an object's kind."""
    every = pairs_of(journey.world)
    drawn = rng.choice(len(every), len(journey.objects), replace=False)
    new = {old: every[int(n)] for old, n in zip(journey.objects, drawn, strict=True)}
    return replace(
        journey,
        objects={new[name]: place for name, place in journey.objects.items()},
        views=tuple(
            replace(view, visible={new[n]: p for n, p in view.visible.items()})
            for view in journey.views
        ),
        renamed=True,
    )


def _parts(step: Step, scene: Scene, rng: np.random.Generator) -> list[float]:
    """Split a step at keyframes: where half of the view has changed, and at its end."""
    if step.action.is_rotation:
        piece = 0.5 * scene.hfov_deg * float(rng.uniform(0.85, 1.05))
    elif step.action is Action.MOVE_BACKWARD:
        piece = float("inf")
    else:
        piece = (15.0 if scene.world == "city" else 0.95) * float(rng.uniform(0.7, 1.5))
    parts: list[float] = []
    left = step.amount
    while left > piece * 1.15:
        parts.append(piece)
        left -= piece
    return [*parts, left]


def _view(scene: Scene, pose: object, step: int, stamp_ns: int, at_end: bool) -> View:
    visible = {
        scene.objects[number].name: pixels
        for number, pixels in approximate_view(scene, pose, scene.hfov_deg)  # type: ignore[arg-type]
    }
    return View(stamp_ns, pose, step, visible, at_end)  # type: ignore[arg-type]


def noted(
    journey: Journey, rng: np.random.Generator, noise: Noise, *, first_id: int = 0
) -> list[Delta]:
    """One delta per view, with a perceiver's mistakes."""
    deltas: list[Delta] = []
    for index, view in enumerate(journey.views):
        action: Action | None = None
        angle: float | None = None
        if view.step >= 0:
            action = journey.steps[view.step].action
            before = journey.views[index - 1].pose
            if action.is_rotation:
                turned = wrap(view.pose.yaw_deg - before.yaw_deg)
                tilted = view.pose.pitch_deg - before.pitch_deg
                angle = abs(turned if action.value.startswith("rotate") else tilted)
                angle = float(round_angle(angle * float(rng.normal(1.0, 0.05))))
            if rng.random() < noise.action:
                action = list(Action)[int(rng.integers(10))]
                angle = 30.0 if action.is_rotation else None
        mentions = [
            m for m in (_blur(m, journey, rng, noise) for m in mentions_of(journey, view)) if m
        ]
        if rng.random() < noise.invented:
            name = _any(rng, _nameable(journey.world))
            invented = Mention(
                name, _any(rng, ("front-left", "front", "front-right")), _any(rng, DISTANCES)
            )
            mentions.append(invented)
        unique = {m.name: m for m in mentions[::-1]}
        deltas.append(
            Delta(
                first_id + index, action, angle, tuple(m for m in mentions if unique[m.name] is m)
            )
        )
    return deltas


def _nameable(world: WorldName) -> list[str]:
    """The names that a perceiver may confuse: pairs of this world's kinds that it may show."""
    kinds = CITY_KINDS if world == "city" else HOUSE_KINDS
    return [name for name in pairs_of(world) if name.split()[1] in kinds]


def _any(rng: np.random.Generator, items: object) -> object:
    return items[int(rng.integers(len(items)))]  # type: ignore[arg-type, index]


def _blur(
    mention: Mention, journey: Journey, rng: np.random.Generator, noise: Noise
) -> Mention | None:
    draws = rng.random(4)
    if draws[0] < noise.missed:
        return None
    name, direction, distance = mention.name, mention.direction, mention.distance
    if draws[1] < noise.misnamed:
        colour = f"{name.split()[0]} "
        name = _any(rng, [n for n in _nameable(journey.world) if n.startswith(colour)] or [name])
    if draws[2] < noise.direction:
        step = 1 if rng.random() < 0.5 else -1
        moved = DIRECTIONS[(DIRECTIONS.index(direction) + step) % len(DIRECTIONS)]
        direction = moved if moved.startswith("front") else direction
    if draws[3] < noise.distance and distance is not None:
        step = 1 if rng.random() < 0.5 else -1
        distance = DISTANCES[min(max(DISTANCES.index(distance) + step, 0), 2)]
    return Mention(name, direction, distance)
