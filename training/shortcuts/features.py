"""What can be seen of each option without the memory: its words, and how it relates to the others.

Every number is given as it is and relative to the question's other options (rank, distance from
their mean), because wrong options betray the right one by what they have in common with it, not by
their words: the middle direction of three neighbours, the one action whose inverse stands beside
it, the route that all others are changed from.

Out of scope: learning from these numbers (`classifier`).
"""

from __future__ import annotations

import itertools
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from embodied_agent.records import DIRECTIONS, Action
from sim_clips.journey import INVERSE
from sim_clips.questions import NOT_TOLD, route_to
from sim_clips.scene import CITY_KINDS, COLOURS, HOUSE_KINDS

Floats = npt.NDArray[np.float64]
#: Number of words that get their own column, most frequent first.
MOST_WORDS = 80
_KINDS = (*HOUSE_KINDS, *CITY_KINDS)
_ANGLE = {direction: -45.0 * place for place, direction in enumerate(DIRECTIONS)}
_ROUTES = {route_to(direction): angle for direction, angle in _ANGLE.items()}
_ACTIONS = {action.value: action for action in Action}
_WORD = re.compile(r"[a-z]+(?:-[a-z]+)*|\d+")
_NAME = re.compile(rf"\b({'|'.join(COLOURS)}) ({'|'.join(_KINDS)})\b")


def words_of(text: str) -> list[str]:
    """The lower-case words and numbers in a text."""
    return _WORD.findall(text.lower())


class Vocabulary:
    """The words of questions and of options that get columns."""

    def __init__(self, questions: Sequence[str], options: Sequence[str]) -> None:
        self._asked, self._offered = (
            [w for w, _ in Counter(itertools.chain(*map(words_of, texts))).most_common(MOST_WORDS)]
            for texts in (questions, options)
        )

    def columns(self, text: str, choices: Sequence[str]) -> Floats:
        """One row per choice: the counts of each word in the question and in the choice."""
        asked = Counter(words_of(text))
        common = [float(asked[word]) for word in self._asked]
        rows = []
        for choice in choices:
            own = Counter(words_of(choice))
            rows.append([*common, *(float(own[word]) for word in self._offered)])
        return np.array(rows)


def relations(text: str, choices: Sequence[str]) -> Floats:
    """One row per choice: its own features, then the same relative to the other choices."""
    asked = set(words_of(text))
    own = [
        {
            **_shape(choice, asked),
            **_number(choice, choices, text),
            **_direction(choice, choices),
            **_actions(choice, choices, text),
            **_order(choice, choices, text),
            **_names(choice, text),
        }
        for choice in choices
    ]
    table = np.array([list(row.values()) for row in own], np.float64)
    shared = [float(len(choices)), float(NOT_TOLD in choices), *_question(text)]
    first = np.arange(len(choices), dtype=np.float64)[:, None]
    # `NOT_TOLD` is not compared with other options.
    real = np.array([choice != NOT_TOLD for choice in choices])
    centred = table - np.nanmean(np.where(real[:, None], table, np.nan), axis=0)
    less = (table[:, None, :] > table[None, :, :]) & real[None, :, None]
    more = (table[:, None, :] < table[None, :, :]) & real[None, :, None]
    return np.hstack(
        [first, np.tile(shared, (len(choices), 1)), table, centred, less.sum(1), more.sum(1)]
    )


def _question(text: str) -> list[float]:
    """Features of the question alone: its length, its plan, and the objects that it names."""
    plan = re.findall(r"\d+ ((?:move|rotate|tilt) [a-z]+)", text)
    angle = re.search(r"rotate (left|right) (\d+)", text)
    names = _NAME.findall(text)[:3]
    codes = [
        float(code)
        for colour, kind in (*names, *((("", ""),) * (3 - len(names))))
        for code in (
            list(COLOURS).index(colour) if colour else -1,
            _KINDS.index(kind) if kind else -1,
        )
    ]
    turn = (1.0 if angle[1] == "left" else -1.0) * float(angle[2]) if angle else 0.0
    return [float(len(text)), float(len(plan)), turn, *codes]


def _shape(choice: str, asked: set[str]) -> dict[str, float]:
    words = words_of(choice)
    return {
        "untold": float(choice == NOT_TOLD),
        "characters": float(len(choice)),
        "words": float(len(words)),
        "different words": float(len(set(words))),
        "shared with the question": float(sum(word in asked for word in words)),
    }


def _number(choice: str, choices: Sequence[str], text: str) -> dict[str, float]:
    """The number in an option, its distance from the others, and its place in the plan."""
    numbers = {c: int(found[-1]) for c in choices if (found := re.findall(r"\d+", c))}
    number = numbers.get(choice, -1)
    others = [abs(number - n) for c, n in numbers.items() if c != choice]
    plan = re.findall(r"\d+ ((?:move|rotate|tilt) [a-z]+)", text)
    there = choice.startswith("step ") and 1 <= number <= len(plan)
    same = [plan.count(plan[number - 1])] if there else [0]
    return {
        "number": float(number),
        "nearest number": float(min(others, default=-1)),
        "farthest number": float(max(others, default=-1)),
        "steps left of the plan": float(len(plan) - number) if there else -1.0,
        "action at that step": float(list(_ACTIONS).index(plan[number - 1])) if there else -1.0,
        "same action in the plan": float(same[0]),
    }


def _direction(choice: str, choices: Sequence[str]) -> dict[str, float]:
    """Where an option lies on the circle among the others."""
    angles = {c: a for c in choices if (a := _ANGLE.get(c, _ROUTES.get(c))) is not None}
    angle = angles.get(choice)
    if angle is None:
        return dict.fromkeys(
            ("angle", "side", "size", "sum of gaps", "squared", "nearest", "farthest", "mirrored",
             "opposite", "neighbours", "gap to the left", "gap to the right", "rank"), -1.0
        )  # fmt: skip
    gaps = [(a - angle + 180.0) % 360.0 - 180.0 for c, a in angles.items() if c != choice] or [0.0]
    sizes = np.abs(gaps)
    return {
        "angle": angle % 360.0,
        "side": float(np.sign(np.sin(np.deg2rad(angle)).round(6))),
        "size": abs((angle + 180.0) % 360.0 - 180.0),
        "sum of gaps": float(sizes.sum()),
        "squared": float((sizes**2).sum()),
        "nearest": float(sizes.min()),
        "farthest": float(sizes.max()),
        "mirrored": float(any((a + angle) % 360.0 == 0 for c, a in angles.items() if c != choice)),
        "opposite": float(180.0 in sizes),
        "neighbours": float((sizes <= 45.0).sum()),
        "gap to the left": min((g % 360.0 for g in gaps), default=0.0),
        "gap to the right": min((-g % 360.0 for g in gaps), default=0.0),
        "rank": float(sum(a % 360.0 < angle % 360.0 for a in angles.values())),
    }


def _actions(choice: str, choices: Sequence[str], text: str) -> dict[str, float]:
    """Relations of an option's actions to those of the others: inverses, reversals, edits."""
    routes = {c: r for c in choices if (r := _route(c))}
    route = routes.get(choice, ())
    others = [r for c, r in routes.items() if c != choice]
    back = tuple(INVERSE[a] for a in reversed(route))
    edits = [_edits(route, other) for other in others] or [0]
    inverted = tuple(INVERSE[a] for a in route)
    mentioned = [a for a in Action if a.value in text]
    return {
        "length": float(len(route)),
        "first": float(list(Action).index(route[0])) if route else -1.0,
        "last": float(list(Action).index(route[-1])) if route else -1.0,
        "undone by another": float(bool(route) and back in others),
        "inverted": float(bool(route) and inverted in others),
        "reversed": float(bool(route) and route[::-1] in others),
        "inverse first": float(bool(route) and any(o[0] is INVERSE[route[0]] for o in others)),
        "same first": float(sum(bool(route) and o[0] is route[0] for o in others)),
        "same last": float(sum(bool(route) and o[-1] is route[-1] for o in others)),
        "same actions": float(sum(bool(route) and sorted(o) == sorted(route) for o in others)),
        "sum of edits": float(sum(edits)),
        "least edits": float(min(edits)),
        "most edits": float(max(edits)),
        "one edit": float(sum(edit == 1 for edit in edits)),
        "in the question": float(sum(a in mentioned for a in route)),
        "inverse in the question": float(sum(INVERSE[a] in mentioned for a in route)),
    }


def _route(choice: str) -> tuple[Action, ...]:
    parts = [re.sub(r" \d+$", "", part) for part in choice.split(", ")]
    return tuple(_ACTIONS[p] for p in parts) if all(p in _ACTIONS for p in parts) else ()


def _edits(a: Sequence[object], b: Sequence[object]) -> int:
    """Levenshtein distance."""
    row = list(range(len(b) + 1))
    for i, x in enumerate(a, 1):
        before, row[0] = row[0], i
        for j, y in enumerate(b, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (x != y))
    return row[-1]


def _order(choice: str, choices: Sequence[str], text: str) -> dict[str, float]:
    """Relations of an order of objects to that in the question, and to the other orders."""
    listed = [" ".join(name) for name in _NAME.findall(text)]
    orders = {c: o for c in choices if len(o := c.split(", ")) == 3 and set(o) == set(listed)}
    order = orders.get(choice)
    keys = ("permutation", "swaps", "sum of swaps", "least swaps", "most swaps", "first shared",
            "last shared", "same middle")  # fmt: skip
    if order is None:
        return dict.fromkeys(keys, -1.0)
    others = [o for c, o in orders.items() if c != choice]
    swaps = [_swaps(order, other) for other in others] or [0]
    place = sum(3**i * listed.index(name) for i, name in enumerate(order))
    counts = [float(sum(o[i] == order[i] for o in others)) for i in (0, 2, 1)]
    values = (place, _swaps(order, listed), sum(swaps), min(swaps), max(swaps), *counts)
    return dict(zip(keys, map(float, values), strict=True))


def _swaps(a: Sequence[str], b: Sequence[str]) -> int:
    """The number of pairs in another order (Kendall's distance)."""
    return sum(b.index(x) > b.index(y) for x, y in itertools.combinations(a, 2))


def _names(choice: str, text: str) -> dict[str, float]:
    """The objects that an option names."""
    names = _NAME.findall(choice)[:3]
    asked = [" ".join(name) for name in _NAME.findall(text)]
    codes: dict[str, float] = {"named": float(len(names))}
    for place in range(3):
        colour, kind = names[place] if place < len(names) else ("", "")
        codes[f"colour {place}"] = float(list(COLOURS).index(colour)) if colour else -1.0
        codes[f"kind {place}"] = float(_KINDS.index(kind)) if kind else -1.0
    codes["named in the question"] = float(sum(" ".join(name) in asked for name in names))
    return codes
