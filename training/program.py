"""A plain program that answers from the transcript's entries: a line to compare the reasoner with.

It reads directions, distances, actions and angles as they are noted, reckons where each object must
be by now, and answers by geometry. It is told what a question is about; it reads no prose.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from embodied_agent.records import Action, Delta, Mention
from sim_clips.journey import INVERSE, bearing, direction_class, sector_gap
from sim_clips.questions import route_to
from sim_clips.scene import WorldName

#: Where a direction or distance word puts an object: degrees to the left, metres.
_ANGLE = {
    "front": 0.0, "front-left": 37.0, "left": 90.0, "back-left": 142.0, "back": 180.0,
    "back-right": -142.0, "right": -90.0, "front-right": -37.0,
}  # fmt: skip
_METRES = {"near": 1.8, "mid": 3.5, "far": 6.0}
_CITY = 7.5
#: What one keyframe's worth of travel is, metres.
_TRAVEL_M = 1.0

Point = tuple[float, float]


def _placed(mention: Mention, scale: float) -> Point:
    angle = math.radians(_ANGLE[mention.direction])
    metres = _METRES[mention.distance or "mid"] * scale
    return metres * math.cos(angle), metres * math.sin(angle)


def _moved(point: Point, delta: Delta, scale: float) -> Point:
    """The point relative to the camera after the action of ``delta``."""
    x, y = point
    step = _TRAVEL_M * scale
    if delta.action in (Action.ROTATE_LEFT, Action.ROTATE_RIGHT):
        turn = math.radians(delta.angle_deg or 30.0)
        turn = -turn if delta.action is Action.ROTATE_LEFT else turn
        return x * math.cos(turn) - y * math.sin(turn), x * math.sin(turn) + y * math.cos(turn)
    dx = {Action.MOVE_FORWARD: -step, Action.MOVE_BACKWARD: step}.get(delta.action, 0.0)  # type: ignore[arg-type]
    dy = {Action.MOVE_LEFT: -step, Action.MOVE_RIGHT: step}.get(delta.action, 0.0)  # type: ignore[arg-type]
    return x + dx, y + dy


def _runs(deltas: Sequence[Delta]) -> list[tuple[Action, list[int]]]:
    """Consecutive entries of the same action, as steps."""
    runs: list[tuple[Action, list[int]]] = []
    for index, delta in enumerate(deltas):
        if delta.action is None:
            continue
        if runs and runs[-1][0] is delta.action:
            runs[-1][1].append(index)
        else:
            runs.append((delta.action, [index]))
    return runs


def answer(deltas: Sequence[Delta], question: Mapping[str, Any], world: WorldName) -> str | None:
    """The letter the program picks, ``None`` where the entries don't name what is asked about.

    Args:
        deltas: what had been noted when the question was asked.
        question: a row of ``questions.json``.
        world: sets the scale of the distance words.
    """
    said = _said(deltas, question, _CITY if world == "city" else 1.0)
    choices = question["choices"]
    return "ABCDE"[choices.index(said)] if said in choices else None


def _now(deltas: Sequence[Delta], name: str, scale: float) -> Point | None:
    point: Point | None = None
    for delta in deltas:
        if point is not None:
            point = _moved(point, delta, scale)
        point = next((_placed(m, scale) for m in delta.mentions if m.name == name), point)
    return point


def _nearest_direction(angle: float, choices: Sequence[str]) -> str:
    exact = direction_class(angle)
    if exact in choices:
        return exact
    return min(choices, key=lambda c: sector_gap(angle, c))  # type: ignore[arg-type]


def _said(deltas: Sequence[Delta], question: Mapping[str, Any], scale: float) -> str | None:
    kind, about, choices = question["type"], question["about"], question["choices"]
    runs = _runs(deltas)
    if kind == "progress_evaluation":
        return f"step {len(runs)}"
    if kind == "action_generation" and "undo" in about:
        return INVERSE[runs[-1][0]].value if runs else None
    if kind == "route_planning" and "back" in about:
        return ", ".join(INVERSE[action].value for action, _ in reversed(runs[-about["back"] :]))
    if kind == "appearance_order":
        first = {}
        for index, delta in enumerate(deltas):
            for mention in delta.mentions:
                first.setdefault(mention.name, index)
        if any(name not in first for name in about["names"]):
            return None
        return ", ".join(sorted(about["names"], key=lambda n: first[n]))
    if kind == "relative_distance":
        places = {n: _now(deltas, n, scale) for n in choices}
        known = {n: math.hypot(*p) for n, p in places.items() if p is not None}
        return min(known, key=lambda n: known[n]) if known else None
    if kind == "relative_direction":
        points = [_now(deltas, about[k], scale) for k in ("at", "facing", "asked")]
        if any(p is None for p in points):
            return None
        (ax, ay), (fx, fy), (zx, zy) = points  # type: ignore[misc]
        angle, _ = bearing(zx - ax, zy - ay, math.degrees(math.atan2(fy - ay, fx - ax)))
        return f"{'front' if abs(angle) < 90 else 'back'}-{'left' if angle > 0 else 'right'}"
    if kind == "counterfactual" and "skipped" in about:
        turns = [r for r in runs if r[0] in (Action.ROTATE_LEFT, Action.ROTATE_RIGHT)]
        skipped = set(turns[-1][1]) if turns else set()
        deltas = [d for i, d in enumerate(deltas) if i not in skipped]
    point = _now(deltas, about["name"], scale)
    if point is None:
        return None
    angle = bearing(*point, 0.0)[0]
    if kind == "counterfactual" and "angle" in about:
        angle -= about["angle"] if about["left"] else -about["angle"]
    if kind == "action_generation":
        ahead = abs(angle) <= 15
        return "move forward" if ahead else f"rotate {'left' if angle > 0 else 'right'}"
    if kind == "route_planning":
        routes = {route_to(d): d for d in _ANGLE}  # type: ignore[arg-type]
        wanted = _nearest_direction(angle, [routes[c] for c in choices if c in routes])
        return route_to(wanted)  # type: ignore[arg-type]
    return _nearest_direction(angle, choices)
