"""Questions that a recording's odometry answers, without labels.

The topics are the last action, the direction and distance of the start, the first turn, and the
share of the route that is done. Questions are only asked if the poses leave no doubt. Wrong choices
are drawn at random, and each letter is right about equally often, so that the choices alone reveal
little. `start_distance_m` is an open question for a number.

Poses follow REP-103 (x forward, y left, z up, metres). They are the poses of the body that the
odometry describes, and so are turns and distances.

Out of scope: questions about objects (`sim_clips.questions`).
"""

from __future__ import annotations

import itertools
import math
import string
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from embodied_agent.records import DIRECTIONS, Action, Pose
from sim_clips.journey import bearing, direction_class, sector_gap, wrap
from training.questions.base import Asked

#: Wrong directions are at least this far from the true azimuth, degrees.
DIRECTION_MARGIN_DEG = 12.0
#: Smallest change of heading that counts as a turn, degrees; half as much the other way ends it.
TURN_DEG = 30.0
#: Factor between adjacent distances among the choices.
DISTANCE_FACTOR = 1.8
#: Shares of the route among the choices, and how close the truth must be to one, per cent.
SHARES, SHARE_MARGIN = (10, 25, 40, 55, 70, 85, 100), 4.0

Rng = np.random.Generator


@dataclass(frozen=True, slots=True)
class Place:
    """The body's position in metres, and the direction of its x axis in degrees (left and up are
    positive)."""

    stamp_ns: int
    x: float
    y: float
    z: float
    yaw_deg: float
    pitch_deg: float


def place_of(stamp_ns: int, pose: Pose) -> Place:
    """Convert a pose; its roll is dropped."""
    x, y, z, w = pose.orientation_xyzw
    yaw = math.degrees(math.atan2(2 * (w * z + x * y), 1 - 2 * (y * y + z * z)))
    pitch = math.degrees(math.asin(max(-1.0, min(1.0, 2 * (x * z - w * y)))))
    return Place(stamp_ns, *pose.position_m, yaw, pitch)


class _Walk:
    """The route up to a keyframe: its places, and the whole track for comparison."""

    def __init__(self, track: Sequence[Place], keyframes: Sequence[Place], now: int) -> None:
        self.now = keyframes[now]
        self.before = keyframes[now - 1]
        self.whole = track
        self.done = [place for place in track if place.stamp_ns <= self.now.stamp_ns]
        hops = [_apart(a, b) for a, b in itertools.pairwise(keyframes)]
        #: Typical distance between consecutive keyframes, metres.
        self.hop_m = float(np.percentile(hops, 80)) if hops else 0.0


def _apart(a: Place, b: Place) -> float:
    return math.dist((a.x, a.y, a.z), (b.x, b.y, b.z))


def length_m(track: Sequence[Place]) -> float:
    """Length of a track, in metres."""
    return sum(_apart(a, b) for a, b in itertools.pairwise(track))


def turns(track: Sequence[Place]) -> list[float]:
    """The turns along a track, as changes of heading in degrees (positive left), in order.

    A turn ends when the heading swings back by half of `TURN_DEG`; straight stretches don't end it.
    Only turns of at least `TURN_DEG` count.
    """
    if not track:
        return []
    heading = begin = extreme = 0.0
    completed: list[float] = []
    for a, b in itertools.pairwise(track):
        heading += wrap(b.yaw_deg - a.yaw_deg)
        turned = extreme - begin
        if abs(heading - begin) > abs(turned) and (heading - begin) * turned >= 0:
            extreme = heading
        elif abs(heading - extreme) >= TURN_DEG / 2:
            if abs(turned) >= TURN_DEG:
                completed.append(turned)
            begin, extreme = extreme, heading
    if abs(extreme - begin) >= TURN_DEG:
        completed.append(extreme - begin)
    return completed


def last_action(walk: _Walk) -> Action | None:
    """The action since the previous keyframe; ``None`` if it is ambiguous."""
    a, b = walk.before, walk.now
    yaw, pitch = wrap(b.yaw_deg - a.yaw_deg), b.pitch_deg - a.pitch_deg
    moved = _apart(a, b)
    turned = max(abs(yaw), abs(pitch))
    if turned >= 15 and moved <= 0.15 * walk.hop_m:
        if abs(yaw) >= 2 * abs(pitch):
            return Action.ROTATE_LEFT if yaw > 0 else Action.ROTATE_RIGHT
        if abs(pitch) >= 2 * abs(yaw):
            return Action.TILT_UPWARD if pitch > 0 else Action.TILT_DOWNWARD
        return None
    if turned > 8 or moved < max(0.4 * walk.hop_m, 0.05):
        return None
    c, s = math.cos(math.radians(a.yaw_deg)), math.sin(math.radians(a.yaw_deg))
    dx, dy = b.x - a.x, b.y - a.y
    parts = {
        (Action.MOVE_FORWARD, Action.MOVE_BACKWARD): c * dx + s * dy,
        (Action.MOVE_LEFT, Action.MOVE_RIGHT): c * dy - s * dx,
        (Action.MOVE_UPWARD, Action.MOVE_DOWNWARD): b.z - a.z,
    }
    (plus, minus), part = max(parts.items(), key=lambda item: abs(item[1]))
    if abs(part) < 0.9 * moved:
        return None
    return plus if part > 0 else minus


_Draft = tuple[str, str, tuple[str, ...], dict[str, Any]]  # wording, truth, wrong choices, about


def _action(walk: _Walk, rng: Rng) -> _Draft | None:
    truth = last_action(walk)
    if truth is None:
        return None
    wrong = [a.value for a in Action if a is not truth]
    wordings = ("What did you just do?", "Which action led to where you are now?")
    return _any(rng, wordings), truth.value, tuple(rng.permutation(wrong)[:3]), {}


def _start(walk: _Walk) -> tuple[float, float] | None:
    """Azimuth (degrees) and distance (metres) of the start; ``None`` if it is too near."""
    start, now = walk.done[0], walk.now
    azimuth, metres = bearing(start.x - now.x, start.y - now.y, now.yaw_deg)
    return None if metres < max(walk.hop_m, 0.5) else (azimuth, metres)


def _start_direction(walk: _Walk, rng: Rng) -> _Draft | None:
    start = _start(walk)
    if start is None:
        return None
    truth = direction_class(start[0])
    wrong = [
        d for d in DIRECTIONS if d != truth and sector_gap(start[0], d) >= DIRECTION_MARGIN_DEG
    ]
    if len(wrong) < 6:
        return None
    wordings = (
        "Which way is the place where you started?",
        "In which direction, seen from you now, does your start lie?",
    )
    return _any(rng, wordings), truth, tuple(rng.permutation(wrong)[:3]), {}


def _start_distance(walk: _Walk, rng: Rng) -> _Draft | None:
    start = _start(walk)
    if start is None:
        return None
    rank = int(rng.integers(4))  # the truth is equally often smallest and largest
    offers = [start[1] * DISTANCE_FACTOR ** (i - rank) for i in range(4)]
    texts = [_metres(offer) for offer in offers]
    if len(set(texts)) < 4:
        return None
    wordings = (
        "How far is it, in a straight line, to where you started?",
        "How far away from you is your starting point?",
    )
    wrong = tuple(text for i, text in enumerate(texts) if i != rank)
    return _any(rng, wordings), texts[rank], wrong, {}


def _metres(metres: float) -> str:
    return f"{metres:.1f} m" if metres < 25 else f"{metres:.0f} m"


def _start_distance_open(walk: _Walk, rng: Rng) -> _Draft | None:
    start = _start(walk)
    if start is None:
        return None
    return (
        "How far is it, in metres and in a straight line, to where you started?",
        f"{start[1]:.2f}",
        (),
        {},
    )


def _first_turn(walk: _Walk, rng: Rng) -> _Draft | None:
    completed = turns(walk.done)
    if len(completed) < 2 or abs(completed[0]) < 1.3 * TURN_DEG:
        return None
    truth, wrong = ("left", "right") if completed[0] > 0 else ("right", "left")
    wordings = (
        "Which turn came first on your way, one to the left or one to the right?",
        "Was your first turn to the left or to the right?",
    )
    return _any(rng, wordings), f"to the {truth}", (f"to the {wrong}",), {}


def _route_progress(walk: _Walk, rng: Rng) -> _Draft | None:
    whole, done = length_m(walk.whole), length_m(walk.done)
    if whole < max(2 * walk.hop_m, 1.0):
        return None
    share = 100 * done / whole
    truth = min(SHARES, key=lambda offered: abs(offered - share))
    if abs(truth - share) > SHARE_MARGIN:
        return None
    wrong = [f"{offered} %" for offered in SHARES if offered != truth]
    text = f"The whole route is {_metres(whole)} long. About how much of it is behind you?"
    return text, f"{truth} %", tuple(rng.permutation(wrong)[:3]), {"route_m": round(whole, 2)}


def _any(rng: Rng, items: Sequence[str]) -> str:
    return items[int(rng.integers(len(items)))]


MAKERS: dict[str, Callable[[_Walk, Rng], _Draft | None]] = {
    "last_action": _action,
    "start_direction": _start_direction,
    "start_distance": _start_distance,
    "start_distance_m": _start_distance_open,
    "first_turn": _first_turn,
    "route_progress": _route_progress,
}


def odometry_questions(
    track: Sequence[Place],
    keyframes: Sequence[Place],
    rng: Rng,
    *,
    per_type: int = 4,
    scene: str = "",
) -> list[Asked]:
    """Up to ``per_type`` questions of each type about one segment of a recording, in time order.

    Args:
        track: every frame's place, in time order.
        keyframes: the places of the keyframes; each question is asked at one of them.
        rng: the same state gives the same questions.
        per_type: questions per type.
        scene: prefix of the questions' ids.
    """
    letters: Counter[tuple[int, int]] = Counter()
    questions: list[Asked] = []
    if not track or len(keyframes) < 2:
        return questions
    for kind, make in MAKERS.items():
        moments = rng.permutation(np.arange(1, len(keyframes)))
        answer_counts: Counter[str] = Counter()
        preferred: list[tuple[int, _Draft]] = []
        spare: list[tuple[int, _Draft]] = []
        for moment in (int(m) for m in moments):
            draft = make(_Walk(track, keyframes, moment), rng)
            if draft is None:
                continue
            # Prefer different answers: a straight drive is not asked about four times.
            (preferred if not answer_counts[draft[1]] else spare).append((moment, draft))
            answer_counts[draft[1]] += 1
        for moment, (text, truth, wrong, about) in sorted([*preferred, *spare][:per_type]):
            choices, answer = _lettered(truth, wrong, letters, rng)
            questions.append(
                Asked(
                    id=f"{scene}_{kind}_{keyframes[moment].stamp_ns}",
                    category=kind,
                    kind="choice" if wrong else "number",
                    question=text,
                    choices=choices,
                    answer=answer,
                    at_ns=keyframes[moment].stamp_ns,
                    about=about,
                )
            )
    return sorted(questions, key=lambda asked: (asked.at_ns or 0, asked.category))


def _lettered(
    truth: str, wrong: tuple[str, ...], letters: Counter[tuple[int, int]], rng: Rng
) -> tuple[tuple[str, ...], str]:
    """The choices, with the truth at the letter that was right least often, and that letter."""
    if not wrong:
        return (), truth
    choices = [str(text) for text in rng.permutation(list(wrong))]
    count = len(choices) + 1
    place = min(range(count), key=lambda i: (letters[count, i], float(rng.random())))
    letters[count, place] += 1
    choices.insert(place, truth)
    return tuple(choices), string.ascii_uppercase[place]
