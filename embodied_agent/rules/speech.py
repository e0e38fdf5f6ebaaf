"""How the rules speak: things, keyframes, directions and movements in plain English.

Every thing that is named here comes out of the notes, except where a sentence denies it.

Out of scope: what is said (`about_things` and its like).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from embodied_agent.records import Action, AnswerStatus, Delta, Direction, Mention
from embodied_agent.rules.lexicon import with_article
from embodied_agent.rules.notes import Thing

#: More than this are not listed one by one.
_LONGEST_LIST = 30
_DIRECTIONS: dict[Direction, str] = {
    "front": "ahead of me", "front-right": "front-right of me", "right": "to my right",
    "back-right": "back-right of me", "back": "behind me", "back-left": "back-left of me",
    "left": "to my left", "front-left": "front-left of me",
}  # fmt: skip
_DONE: dict[Action, str] = {
    Action.MOVE_FORWARD: "moved forward", Action.MOVE_BACKWARD: "moved backward",
    Action.MOVE_LEFT: "moved left", Action.MOVE_RIGHT: "moved right",
    Action.MOVE_UPWARD: "moved upward", Action.MOVE_DOWNWARD: "moved downward",
    Action.ROTATE_LEFT: "turned left", Action.ROTATE_RIGHT: "turned right",
    Action.TILT_DOWNWARD: "tilted downward", Action.TILT_UPWARD: "tilted upward",
}  # fmt: skip
_NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Saying:
    """An answer by rule: what is said, and the indexes of the deltas that it rests on."""

    text: str
    evidence: tuple[int, ...] = ()
    status: AnswerStatus = "answered"


def the(thing: Thing | str) -> str:
    """``the red sofa``."""
    name = thing if isinstance(thing, str) else thing.name
    return f"the {re.sub(r'^(?:the|an?|some) ', '', name)}"


def a(name: str) -> str:
    """``a red sofa``, with the article that its sound wants."""
    return with_article(re.sub(r"^(?:the|an?|some|any) ", "", name))


def join_names(items: Iterable[str], joint: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``; what is too many is counted."""
    words = list(items)
    if len(words) > _LONGEST_LIST:
        rest = len(words) - _LONGEST_LIST
        return f"{', '.join(words[:_LONGEST_LIST])} {joint} {rest} more"
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joint} {words[-1]}"


def number(count: int) -> str:
    """``two``; figures from thirteen on."""
    return _NUMBERS[count] if 0 <= count < len(_NUMBERS) else str(count)


def times(count: int) -> str:
    """``once``, ``twice``, ``three times``."""
    return {0: "never", 1: "once", 2: "twice"}.get(count) or f"{number(count)} times"


def where(mention: Mention) -> str:
    """``front-left of me, near``."""
    place = _DIRECTIONS[mention.direction]
    if mention.distance is None:
        return place
    return f"{place}, {'at mid range' if mention.distance == 'mid' else mention.distance}"


def towards(direction: Direction) -> str:
    """``to my left``."""
    return _DIRECTIONS[direction]


def tell_action(delta: Delta) -> str:
    """``turned left by 45 degrees``; empty where nobody could tell."""
    if delta.action is None:
        return ""
    text = _DONE[delta.action]
    if delta.action.is_rotation and delta.angle_deg:
        text += f" by {_rounded(delta.angle_deg)} degrees"
    return text


def runs(deltas: Sequence[Delta]) -> list[tuple[Action | None, int, float | None]]:
    """Movements with those of a kind in a row as one: action, how many, sum of angles (``None``
    where one is unknown). Unknown movements are a kind of their own."""
    merged: list[tuple[Action | None, int, float | None]] = []
    for delta in deltas:
        angle = delta.angle_deg if delta.action is not None and delta.action.is_rotation else 0.0
        if merged and merged[-1][0] is delta.action:
            _, count, total = merged[-1]
            summed = None if total is None or angle is None else total + angle
            merged[-1] = (delta.action, count + 1, summed)
        else:
            merged.append((delta.action, 1, angle))
    return merged


def tell_motion(deltas: Sequence[Delta], most: int = 4) -> str:
    """What was done over several keyframes: ``turned right by 90 degrees and moved forward``; in
    sum where that is long. Empty where nothing was."""
    parts = runs(deltas)
    if not parts:
        return ""
    if len(parts) > most:
        return _summed(parts)
    texts = []
    for action, count, angle in parts:
        if action is None:
            texts.append("moved in a way that I could not measure")
        elif action.is_rotation:
            texts.append(_DONE[action] + (f" by {_rounded(angle)} degrees" if angle else ""))
        else:
            texts.append(_DONE[action] + (f" {times(count)}" if count > 1 else ""))
    return join_names(texts)


def _summed(parts: Sequence[tuple[Action | None, int, float | None]]) -> str:
    left = sum(action is Action.ROTATE_LEFT for action, _, _ in parts)
    right = sum(action is Action.ROTATE_RIGHT for action, _, _ in parts)
    moves = sum(
        count for action, count, _ in parts if action is not None and not action.is_rotation
    )
    texts = [f"turned left {times(left)}"] * bool(left) + [f"turned right {times(right)}"] * bool(
        right
    )
    texts += [f"moved on {times(moves)}"] * bool(moves)
    return join_names(texts) or "moved in ways that I could not measure"


def _rounded(degrees: float) -> int:
    return max(5, round(degrees / 5) * 5)
