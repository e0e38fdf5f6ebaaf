"""Rewrite reasoning so that it leads to another option, to keep a judge honest.

A judge trained on true reasoning only may learn to guess the true answer from the question and the
first steps. Rewriting the conclusion (the last direction of a chain, a step number, an order) makes
the text lead elsewhere, and the judge has to follow it.

Out of scope: true reasoning (`training.traces`), the judge itself (`training.judge`).
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence

import numpy as np

from embodied_agent.records import DIRECTIONS, DISTANCES, Action, Mention
from sim_clips.journey import INVERSE, direction_class
from sim_clips.questions import NOT_TOLD, ClipQuestion, route_to
from sim_clips.scene import CITY_KINDS, COLOURS, HOUSE_KINDS
from sim_clips.splits import pairs_of
from training.reckoning import Place
from training.traces import triangle

_DIRECTION = "|".join(sorted(DIRECTIONS, key=len, reverse=True))
_PLACE = r"= (?:front|left|right|back) \d+ (?P<reach>\d+)"
_LAST_PLACE = re.compile(rf"{_PLACE}\n(?:{_DIRECTION})\.$")
_LAST_REACH = re.compile(rf"{_PLACE}$")
_NAME = re.compile(rf"\b(?:{'|'.join(COLOURS)}) (?:{'|'.join((*HOUSE_KINDS, *CITY_KINDS))})\b")
#: All object names that training may use: no held-out pairs.
_EVERY_NAME = pairs_of("house")
#: The directions of an object that imply each first action towards it.
_TOWARDS = {
    "move forward": ("front",),
    "rotate left": ("front-left", "left", "back-left"),
    "rotate right": ("front-right", "right", "back-right"),
}
_ROUTES = {route_to(direction): direction for direction in DIRECTIONS}


def redirected(
    question: ClipQuestion, reasoning: str, rng: np.random.Generator
) -> tuple[str, int] | None:
    """``reasoning`` rewritten to lead to another choice, and the index of that choice; ``None`` if
    this reasoning can't be rewritten so."""
    kind, about, choices = question.type, question.about, question.choices
    if not question.told:
        return None
    if NOT_TOLD in choices and rng.random() < 1 / (len(choices) - 1):
        return _to_nothing(reasoning, rng), choices.index(NOT_TOLD)
    if kind == "relative_direction":
        return _other_triangle(question, reasoning, rng)
    candidates = [i for i, c in enumerate(choices) if i != question.answer and c != NOT_TOLD]
    target = candidates[int(rng.integers(len(candidates)))]
    target_text = choices[target]
    text: str | None
    if kind in ("landmark_position", "counterfactual"):
        text = _last_direction(reasoning, target_text, rng)
    elif kind == "progress_evaluation":
        text = re.sub(r"\d+\.$", f"{target_text.removeprefix('step ')}.", reasoning)
    elif kind == "action_generation" and "undo" in about:
        text = re.sub(r"(#\d+ ).*\.$", rf"\g<1>{INVERSE[Action(target_text)].value}.", reasoning)
    elif kind == "action_generation":
        directions = _TOWARDS.get(target_text)
        text = directions and _last_direction(
            reasoning, directions[int(rng.integers(len(directions)))], rng
        )
    elif kind == "relative_distance":
        text = _other_nearest(reasoning, target_text, rng)
    elif kind == "route_planning":
        text = (
            _other_retrace(reasoning, target_text)
            if "back" in about
            else (
                _last_direction(reasoning, _ROUTES[target_text], rng)
                if target_text in _ROUTES
                else None
            )
        )
    else:
        ids = re.findall(r"#\d+", reasoning)
        names = target_text.split(", ")
        order = ", ".join(f"{i} {n}" for i, n in zip(ids, names, strict=True))
        text = f"first {order}."
    return (text, target) if text else None


def _to_nothing(reasoning: str, rng: np.random.Generator) -> str:
    """Conclude that the steps leave the answer open, or that one of the objects was not seen."""
    lines, names = reasoning.split("\n"), _NAME.findall(reasoning)
    if names and rng.random() < 0.3:
        return f"the {names[int(rng.integers(len(names)))]} not seen.\n{NOT_TOLD}."
    return "\n".join([*(lines[:-1] or lines), "not one.", f"{NOT_TOLD}."])


def renamed_text(
    parts: tuple[str, ...], rng: np.random.Generator, others: Sequence[str] | None = None
) -> tuple[str, ...]:
    """The texts with every object's name replaced by another, consistently in all parts: by one of
    ``others``, or of the names that training may use."""
    names = sorted({name for part in parts for name in _NAME.findall(part)})
    drawn_from = _EVERY_NAME if others is None else others
    drawn = rng.choice(len(drawn_from), len(names), replace=False)
    new = {old: drawn_from[int(n)] for old, n in zip(names, drawn, strict=True)}
    return tuple(_NAME.sub(lambda m: new[m.group()], part) for part in parts)


def _last_direction(reasoning: str, direction: str, rng: np.random.Generator) -> str | None:
    """Move the last place of the chain into ``direction``, and conclude that."""
    bearings = [b for b in range(-175, 181, 5) if direction_class(b) == direction]
    bearing = bearings[int(rng.integers(len(bearings)))]

    def other(match: re.Match[str]) -> str:
        return f"= {Place(bearing, int(match['reach'])).text}\n{direction}."

    text, count = _LAST_PLACE.subn(other, reasoning)
    return text if count else None


def _other_nearest(reasoning: str, wanted: str, rng: np.random.Generator) -> str | None:
    """Make the chain of the object ``wanted`` end nearest, and conclude that."""
    *lines, _ = reasoning.split("\n")
    starts = [i for i, line in enumerate(lines) if not line.startswith("#")]
    limit = int(rng.integers(3, 7))
    for start, after in itertools.pairwise([*starts, len(lines)]):
        nearest = lines[start].startswith(f"the {wanted} ")
        reach = int(rng.integers(1, limit)) if nearest else limit + int(rng.integers(0, 9))
        match = _LAST_REACH.search(lines[after - 1])
        if match is None:
            return None
        lines[after - 1] = f"{lines[after - 1][: match.start('reach')]}{reach}"
    return "\n".join([*lines, f"nearest {wanted}."])


def _other_retrace(reasoning: str, wanted: str) -> str | None:
    """Replace each run of one action so that undoing the runs gives the route ``wanted``."""
    entries = re.findall(r"(#\d+) ([a-z ]+)", reasoning)
    route = [INVERSE[Action(step)].value for step in wanted.split(", ")]
    runs: list[list[str]] = []
    for index, (keyframe, action) in enumerate(entries):
        if index == 0 or action != entries[index - 1][1]:
            runs.append([])
        runs[-1].append(keyframe)
    if len(runs) != len(route) or any(a == b for a, b in itertools.pairwise(route)):
        return None
    lines = [
        f"{keyframe} {action}" for run, action in zip(runs, route, strict=True) for keyframe in run
    ]
    return "\n".join(lines) + "."


def _other_triangle(
    question: ClipQuestion, reasoning: str, rng: np.random.Generator
) -> tuple[str, int] | None:
    """Draw three new places, and conclude the quadrant that they imply."""
    names = [question.about[key] for key in ("at", "facing", "asked")]
    header = re.match(r"at #\d+", reasoning)
    ahead = [(d, r) for d in DIRECTIONS if d.startswith("front") for r in DISTANCES]
    places = [ahead[int(i)] for i in rng.choice(len(ahead), 3, replace=False)]
    mentions = [Mention(n, d, r) for n, (d, r) in zip(names, places, strict=True)]
    if header is None:
        return None
    rewritten = triangle(header.group(), mentions)
    return rewritten and (rewritten[0], question.choices.index(rewritten[1]))
