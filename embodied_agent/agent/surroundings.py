"""Directions and distances of known objects from the camera, in words: "green sofa: 40° left,
3.0 m, last seen #12".

A language model that is told them need not add up turns. Objects whose direction is uncertain are
left out, and so are distances that are only a guess.

Out of scope: how they come about (`from_here`), the prompt around them
(`embodied_agent.reasoning.prompts`).
"""

from __future__ import annotations

import re

from embodied_agent.agent.from_here import FromHere, from_here
from embodied_agent.agent.object_memory import ObjectMemory
from embodied_agent.memory.query import Reader
from embodied_agent.object_records import SeenObject
from embodied_agent.records import Question

#: Most objects that are told.
_MOST_TOLD = 16
#: Largest uncertainty of a bearing that is told, in degrees, and of a distance, as a share of it.
_BEARING_DEG, _DISTANCE = 10.0, 0.35
#: Largest bearing that counts as straight ahead, or as straight behind, in degrees from it.
_STRAIGHT_DEG = 5.0


def surroundings(
    question: Question, keyframe_id: int, memory: ObjectMemory, keyframes: Reader
) -> str:
    """The objects that are located, those that the question names first, then the nearest.

    Empty if the robot's pose is unknown: keyframe ``keyframe_id`` has none in the present map
    session, or the question asks as of an earlier time.

    Raises:
        StoreError: the memory can't be read.
    """
    here = None if question.at_ns is not None else from_here(keyframe_id, memory, keyframes)
    if here is None:
        return ""
    words = set(re.findall(r"\w+", " ".join((question.text, *question.choices)).casefold()))
    lines: list[tuple[bool, float, str]] = []
    for one in here.objects:
        sight = here.sight(one)
        if sight is None or sight.bearing_std_deg > _BEARING_DEG:
            continue
        is_named = bool(words & set(re.findall(r"\w+", f"{one.name} {one.kind}".casefold())))
        lines.append((not is_named, sight.distance_m, in_words(one, here)))
    return "; ".join(text for _, _, text in sorted(lines)[:_MOST_TOLD])


def in_words(one: SeenObject, here: FromHere) -> str:
    """Where an object is from here, in words; its distance only where it is more than a guess."""
    sight = here.sight(one)
    if sight is None:
        return f"{one.name}: here, last seen #{one.evidence[-1]}"
    sure = sight.distance_std_m <= _DISTANCE * sight.distance_m
    far = f", {sight.distance_m:.1f} m" if sure else ""
    return f"{one.name}: {_direction(sight.bearing_deg)}{far}, last seen #{one.evidence[-1]}"


def _direction(bearing_deg: float) -> str:
    if abs(bearing_deg) < _STRAIGHT_DEG:
        return "straight ahead"
    if abs(bearing_deg) > 180 - _STRAIGHT_DEG:
        return "straight behind"
    return f"{abs(bearing_deg):.0f}° {'left' if bearing_deg > 0 else 'right'}"
