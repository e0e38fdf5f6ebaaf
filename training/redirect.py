"""Reasoning changed so that it leads to another option: what keeps a judge honest.

A judge that is only ever shown true reasoning may learn to guess the true answer from the question
and the early steps. Here the conclusion is rewritten (the last direction of a chain, a step number,
an order), so that the text leads elsewhere and the judge has to follow it there.

Not here: true reasoning (`training.traces`), the judge itself (`training.judge`).
"""

from __future__ import annotations

import itertools
import re

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
#: Of what may be said in training: no pair that is held out.
_EVERY_NAME = pairs_of("house")
#: The directions from which each first action towards an object follows.
_TOWARDS = {
    "move forward": ("front",),
    "rotate left": ("front-left", "left", "back-left"),
    "rotate right": ("front-right", "right", "back-right"),
}
_ROUTES = {route_to(direction): direction for direction in DIRECTIONS}


def redirected(
    question: ClipQuestion, reasoning: str, rng: np.random.Generator
) -> tuple[str, int] | None:
    """``reasoning`` rewritten to lead to another choice, and the index of that choice; ``None``
    where this reasoning can't be bent that way."""
    kind, about, choices = question.type, question.about, question.choices
    if not question.told:
        return None
    if kind == "relative_direction":
        return _other_triangle(question, reasoning, rng)
    others = [i for i, c in enumerate(choices) if i != question.answer and c != NOT_TOLD]
    target = others[int(rng.integers(len(others)))]
    wanted = choices[target]
    text: str | None
    if kind in ("landmark_position", "counterfactual"):
        text = _last_direction(reasoning, wanted, rng)
    elif kind == "progress_evaluation":
        text = re.sub(r"\d+\.$", f"{wanted.removeprefix('step ')}.", reasoning)
    elif kind == "action_generation" and "undo" in about:
        text = re.sub(r"(#\d+ ).*\.$", rf"\g<1>{INVERSE[Action(wanted)].value}.", reasoning)
    elif kind == "action_generation":
        ways = _TOWARDS.get(wanted)
        text = ways and _last_direction(reasoning, ways[int(rng.integers(len(ways)))], rng)
    elif kind == "relative_distance":
        text = _other_nearest(reasoning, wanted, rng)
    elif kind == "route_planning":
        text = (
            _other_retrace(reasoning, wanted)
            if "back" in about
            else (_last_direction(reasoning, _ROUTES[wanted], rng) if wanted in _ROUTES else None)
        )
    else:
        ids = re.findall(r"#\d+", reasoning)
        names = wanted.split(", ")
        said = ", ".join(f"{i} {n}" for i, n in zip(ids, names, strict=True))
        text = f"first {said}."
    return (text, target) if text else None


def renamed_text(parts: tuple[str, ...], rng: np.random.Generator) -> tuple[str, ...]:
    """The same texts about other things: every object's name is exchanged, alike in all parts."""
    found = sorted({name for part in parts for name in _NAME.findall(part)})
    drawn = rng.choice(len(_EVERY_NAME), len(found), replace=False)
    new = {old: _EVERY_NAME[int(n)] for old, n in zip(found, drawn, strict=True)}
    return tuple(_NAME.sub(lambda m: new[m.group()], part) for part in parts)


def _last_direction(reasoning: str, direction: str, rng: np.random.Generator) -> str | None:
    """The last place of the chain lies in ``direction``, and the conclusion says so."""
    bearings = [b for b in range(-175, 181, 5) if direction_class(b) == direction]
    bearing = bearings[int(rng.integers(len(bearings)))]

    def other(match: re.Match[str]) -> str:
        return f"= {Place(bearing, int(match['reach'])).text}\n{direction}."

    text, count = _LAST_PLACE.subn(other, reasoning)
    return text if count else None


def _other_nearest(reasoning: str, wanted: str, rng: np.random.Generator) -> str | None:
    """The wanted object's chain ends nearest, and the conclusion says so."""
    *lines, _ = reasoning.split("\n")
    starts = [i for i, line in enumerate(lines) if not line.startswith("#")]
    limit = int(rng.integers(3, 7))
    for start, after in itertools.pairwise([*starts, len(lines)]):
        nearest = lines[start].startswith(f"the {wanted} ")
        reach = int(rng.integers(1, limit)) if nearest else limit + int(rng.integers(0, 9))
        found = _LAST_REACH.search(lines[after - 1])
        if found is None:
            return None
        lines[after - 1] = f"{lines[after - 1][: found.start('reach')]}{reach}"
    return "\n".join([*lines, f"nearest {wanted}."])


def _other_retrace(reasoning: str, wanted: str) -> str | None:
    """Each run of one action becomes a run of what the wanted route takes back."""
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
    """Three fresh places, and the quadrant that they make."""
    names = [question.about[key] for key in ("at", "facing", "asked")]
    header = re.match(r"at #\d+", reasoning)
    ahead = [(d, r) for d in DIRECTIONS if d.startswith("front") for r in DISTANCES]
    places = [ahead[int(i)] for i in rng.choice(len(ahead), 3, replace=False)]
    mentions = [Mention(n, d, r) for n, (d, r) in zip(names, places, strict=True)]
    if header is None:
        return None
    written = triangle(header.group(), mentions)
    return written and (written[0], question.choices.index(written[1]))
