"""Whether notes settle a question with choices, given what they leave possible.

The rules are told what a question is about, and give for each option the share of what the notes
leave possible (`Possible`), or the reason why they leave nothing. A question is settled where one
option has at least `SETTLED`, and left open where no option has more than `UNSETTLED`. They serve
both the agent (`posed`), for which things may be where `standpoint` puts them, and the makers of
simulated questions, who know the scale of their worlds.

Out of scope: reading what a question is about (`posed`), where things may be (`Possible`).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from embodied_agent.records import DIRECTION_LIMITS_DEG, DIRECTIONS, Action, Delta, Direction

Floats = npt.NDArray[np.float64]
#: An action and the entries that noted it.
Run = tuple[Action | None, list[int]]

#: Share of what is possible that must agree for an answer to follow from the notes.
SETTLED = 0.8
#: Largest share of any option for the notes to leave a question open beyond doubt.
UNSETTLED = 0.6
#: Where less than this of what is possible is offered, the notes speak for something else.
_LEAST = 0.5
#: An object up to this far from straight ahead is driven to without a turn, degrees.
AHEAD_DEG = 16.0
#: Azimuths at which one direction ends and the next begins, from back over right, front and left.
_EDGES = np.array((*(-limit for limit in DIRECTION_LIMITS_DEG[::-1]), *DIRECTION_LIMITS_DEG))
_WORDS: tuple[Direction, ...] = (
    *("back", "back-right", "right", "front-right"),
    *("front", "front-left", "left", "back-left", "back"),
)
_MIDDLES_DEG: Mapping[str, float] = {
    direction: 45.0 * -eighths for eighths, direction in enumerate(DIRECTIONS)
}
TURNS = (Action.ROTATE_LEFT, Action.ROTATE_RIGHT)

Shares = Mapping[str, float]
About = Mapping[str, Any]
Options = Sequence[str]


class Possible(Protocol):
    """What notes leave possible: entries, and where each thing in them may be."""

    @property
    def deltas(self) -> Sequence[Delta]:
        """The entries, in the order of keyframes."""
        ...

    def last(self, name: str, now: int) -> int | None:
        """Index of the latest entry up to ``now`` that names a thing."""
        ...

    def first(self, name: str, now: int) -> int | None:
        """Index of the first entry that names a thing, if it is not after ``now``."""
        ...

    def runs(self, now: int) -> list[Run]:
        """The steps up to ``now`` (`runs_of`)."""
        ...

    def places(self, name: str, now: int, skipped: Collection[int] = frozenset()) -> Floats | None:
        """Where a thing may be, (n, 2) lengths ahead and to the left of the camera at ``now`` had the
        ``skipped`` entries not happened; ``None`` where it is not noted. The same row of two things
        belongs to the same motion of the camera."""
        ...

    def metres(self, name: str, now: int) -> Floats | None:
        """How far away a thing may be, (n,); ``None`` where it is not noted."""
        ...


def possible(notes: Possible, now: int, kind: str, about: About, options: Options) -> Shares | str:
    """The share of each option in what the notes leave possible at entry ``now``; they add up to 1,
    or are all 0 where most of what is possible is not offered. Otherwise the reason: ``not noted``,
    ``nothing done``, ``another turn``, ``another plan`` or ``same entry``.

    Args:
        notes: all entries.
        now: the last of them that was there when the question was asked.
        kind: the question's type.
        about: what the question is about: names, turns, numbers of steps.
        options: what is offered, without "The memory does not tell".
    """
    every = _POSSIBLE[kind](notes, now, about, options)
    if isinstance(every, str):
        return every
    total = sum(every.get(option, 0.0) for option in options)
    if total < _LEAST:
        return dict.fromkeys(options, 0.0)
    return {option: every.get(option, 0.0) / total for option in options}


def runs_of(deltas: Sequence[Delta]) -> list[Run]:
    """Consecutive entries of one action, as steps; the start is not among them."""
    runs: list[Run] = []
    for index, delta in enumerate(deltas[1:], 1):
        if runs and runs[-1][0] is delta.action:
            runs[-1][1].append(index)
        else:
            runs.append((delta.action, [index]))
    return runs


def settled(shares: Shares | str) -> str | None:
    """The option that the notes settle on; ``None`` where they settle on none."""
    if isinstance(shares, str) or not shares:
        return None
    best = max(shares, key=lambda option: shares[option])
    return best if shares[best] >= SETTLED else None


def left_open(shares: Shares | str) -> bool:
    """Whether the notes leave the answer open beyond doubt."""
    return isinstance(shares, str) or 0.0 < max(shares.values()) <= UNSETTLED


def direction_shares(places: Floats, turn_deg: float = 0.0) -> dict[str, float]:
    """The share of possible places in each direction, after a further turn to the left."""
    azimuth = (_azimuth(places) - turn_deg + 180.0) % 360.0 - 180.0
    counts = np.bincount(np.searchsorted(_EDGES, azimuth), minlength=len(_WORDS))
    shares: dict[str, float] = dict.fromkeys(DIRECTIONS, 0.0)
    for word, count in zip(_WORDS, counts.tolist(), strict=True):
        shares[word] += count / len(places)
    return shares


def route_to(direction: Direction | str) -> str:
    """The two-step route towards a direction: a turn, then forward."""
    turn = {
        "front": "",
        "front-left": "rotate left 45, ",
        "left": "rotate left 90, ",
        "back-left": "rotate left 135, ",
        "back": "rotate left 180, ",
        "back-right": "rotate right 135, ",
        "right": "rotate right 90, ",
        "front-right": "rotate right 45, ",
    }[direction]
    return f"{turn}move forward"


def _azimuth(places: Floats) -> Floats:
    azimuth: Floats = np.rad2deg(np.arctan2(places[:, 1], places[:, 0]))
    return azimuth


def _direction(notes: Possible, now: int, about: About, options: Options) -> Shares | str:
    turn = 0.0
    skipped: Sequence[int] = ()
    if "angle" in about:
        turn = about["angle"] if about["left"] else -about["angle"]
    elif "skipped" in about:
        turns = [run for run in notes.runs(now) if run[0] in TURNS]
        if not turns:
            return "nothing done"
        if turns[-1][0] != about["skipped"]:
            return "another turn"
        skipped = turns[-1][1]
    if notes.last(about["name"], now) is None:
        return "not noted"
    places = notes.places(about["name"], now, skipped)
    if places is None:
        return {}  # what was first noted after the turn could be worked out backwards; not asked
    if about.get("nearest"):
        return _nearest_direction(places, turn, options)
    return direction_shares(places, turn)


def _nearest_direction(places: Floats, turn_deg: float, options: Options) -> dict[str, float]:
    """The share of possible places that lie nearer to each option than to the others."""
    middles = np.array([_MIDDLES_DEG[option] for option in options])
    apart = np.abs((_azimuth(places)[:, None] - turn_deg - middles + 180.0) % 360.0 - 180.0)
    counts = np.bincount(apart.argmin(axis=1), minlength=len(options)) / len(places)
    return dict(zip(options, counts.tolist(), strict=True))


def _progress(notes: Possible, now: int, about: About, options: Options) -> Shares | str:
    done = [action for action, _ in notes.runs(now)]
    if not done:
        return "nothing done"
    return {f"step {len(done)}": 1.0} if done == about["plan"][: len(done)] else "another plan"


def _action(notes: Possible, now: int, about: About, options: Options) -> Shares | str:
    if "undo" in about:
        action = notes.deltas[now].action
        return "nothing done" if now == 0 or action is None else {action.inverse.value: 1.0}
    places = notes.places(about["name"], now)
    if places is None:
        return "not noted"
    azimuth = _azimuth(places)
    ahead = np.abs(azimuth) <= AHEAD_DEG
    return {
        "move forward": float(np.mean(ahead)),
        "rotate left": float(np.mean(~ahead & (azimuth > 0))),
        "rotate right": float(np.mean(~ahead & (azimuth < 0))),
    }


def _nearest(notes: Possible, now: int, about: About, options: Options) -> Shares | str:
    metres = [notes.metres(name, now) for name in options]
    known = [some for some in metres if some is not None]
    if len(known) < len(metres):
        return "not noted"
    table = -np.array(known) if about.get("farthest") else np.array(known)
    counts = np.bincount(table.argmin(axis=0), minlength=len(options)) / len(known[0])
    return dict(zip(options, counts.tolist(), strict=True))


def _quadrant(notes: Possible, now: int, about: About, options: Options) -> Shares | str:
    at, facing, asked = (notes.places(about[key], now) for key in ("at", "facing", "asked"))
    if at is None or facing is None or asked is None:
        return "not noted"
    angle = _azimuth(asked - at) - _azimuth(facing - at)
    angle = (angle + 180.0) % 360.0 - 180.0
    quarter = np.clip((angle + 180.0) // 90.0, 0, 3).astype(np.intp)
    counts = np.bincount(quarter, minlength=4) / len(angle)
    words = ("back-right", "front-right", "front-left", "back-left")
    return dict(zip(words, counts.tolist(), strict=True))


def _route(notes: Possible, now: int, about: About, options: Options) -> Shares | str:
    if "back" not in about:
        shares = _direction(notes, now, about, options)
        return shares if isinstance(shares, str) else {route_to(d): s for d, s in shares.items()}
    last = [action for action, _ in notes.runs(now)][-about["back"] :]
    if len(last) < about["back"]:
        return "nothing done"
    if any(action is None for action in last):
        return "not noted"
    return {", ".join(a.inverse.value for a in reversed(last) if a is not None): 1.0}


def _order(notes: Possible, now: int, about: About, options: Options) -> Shares | str:
    first = {name: notes.first(name, now) for name in about["names"]}
    if None in first.values():
        return "not noted"
    if len(set(first.values())) < len(first):
        return "same entry"
    return {", ".join(sorted(first, key=lambda name: first[name] or 0)): 1.0}


_POSSIBLE = {
    "landmark_position": _direction,
    "counterfactual": _direction,
    "progress_evaluation": _progress,
    "action_generation": _action,
    "relative_distance": _nearest,
    "relative_direction": _quadrant,
    "route_planning": _route,
    "appearance_order": _order,
}
