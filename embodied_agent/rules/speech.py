"""The wording of answers by rules: things, keyframes, directions and movements in plain English.

Every thing that an answer names comes from the notes, unless the answer denies it.

Out of scope: the content of answers (`about_things` and the like).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from embodied_agent.records import Action, AnswerStatus, Delta, Direction, Mention
from embodied_agent.rules.lexicon import with_article
from embodied_agent.rules.motions import Motions
from embodied_agent.rules.notes import Thing

T = TypeVar("T")
#: At most this many items are listed one by one, and cited.
LONGEST_LIST = 30
_DIRECTIONS: dict[Direction, str] = {
    "front": "ahead of me", "front-right": "front-right of me", "right": "to my right",
    "back-right": "back-right of me", "back": "behind me", "back-left": "back-left of me",
    "left": "to my left", "front-left": "front-left of me",
}  # fmt: skip
_UNMEASURED = "stood still or moved in a way that I could not measure"
_DONE: dict[Action, str] = {
    Action.MOVE_FORWARD: "moved forward", Action.MOVE_BACKWARD: "moved backward",
    Action.MOVE_LEFT: "moved left", Action.MOVE_RIGHT: "moved right",
    Action.MOVE_UPWARD: "moved upward", Action.MOVE_DOWNWARD: "moved downward",
    Action.ROTATE_LEFT: "turned left", Action.ROTATE_RIGHT: "turned right",
    Action.TILT_DOWNWARD: "tilted downward", Action.TILT_UPWARD: "tilted upward",
}  # fmt: skip
#: At most this many keyframes are the evidence for one thing or one motion.
MOST_CITED = 100
_NUMBERS = (
    "no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Saying:
    """An answer by rules: its text, the indexes of the deltas that it rests on, its status, how many
    measured positions of objects it states, and on the poses of how many keyframes it rests."""

    text: str
    evidence: tuple[int, ...] = ()
    status: AnswerStatus = "answered"
    measured: int = 0
    poses: int = 0


def the(thing: Thing | str) -> str:
    """A thing with the definite article: ``the red sofa``."""
    name = thing if isinstance(thing, str) else thing.name
    return f"the {re.sub(r'^(?:the|an?|some) ', '', name)}"


def capital(text: str) -> str:
    """A text with its first letter in upper case."""
    return text[:1].upper() + text[1:]


def a(name: str) -> str:
    """A name with the indefinite article: ``a red sofa``, ``an orange cone``."""
    return with_article(re.sub(r"^(?:the|an?|some|any) ", "", name))


def join_names(items: Iterable[str], joint: str = "and") -> str:
    """A list in words: ``a``, ``a and b``, ``a, b and c``. A long list ends in ``and 7 more``."""
    return join_each(list(items), str, joint)


def join_each(things: Sequence[T], say: Callable[[T], str], joint: str = "and") -> str:
    """`join_names` of ``say`` for each thing; it is not called for those that are not listed."""
    words = [say(thing) for thing in things[:LONGEST_LIST]]
    if len(things) > LONGEST_LIST:
        return f"{', '.join(words)} {joint} {len(things) - LONGEST_LIST} more"
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} {joint} {words[-1]}"


def number(count: int) -> str:
    """A number in words: ``two``; in figures from thirteen on."""
    return _NUMBERS[count] if 0 <= count < len(_NUMBERS) else str(count)


def times(count: int) -> str:
    """A number of times: ``once``, ``twice``, ``three times``."""
    return {0: "never", 1: "once", 2: "twice"}.get(count) or f"{number(count)} times"


def number_in(text: str) -> int | None:
    """The first number of a text, in words or figures; "once" is 1, and "never" or "not … at all" 0.
    Keyframes (``#7``) are no numbers."""
    words = re.findall(r"#?\w+", text.casefold())
    if "never" in words or {"not", "all"} <= set(words):
        return 0
    table = {word: i for i, word in enumerate(_NUMBERS)} | {"once": 1, "twice": 2, "none": 0}
    return next(
        (table.get(w, int(w) if w.isdigit() else 0) for w in words if w in table or w.isdigit()),
        None,
    )


def where(mention: Mention) -> str:
    """A mention's place: ``front-left of me, near``."""
    place = _DIRECTIONS[mention.direction]
    if mention.distance is None:
        return place
    return f"{place}, {'at mid range' if mention.distance == 'mid' else mention.distance}"


def towards(direction: Direction) -> str:
    """A direction: ``to my left``."""
    return _DIRECTIONS[direction]


def done(action: Action) -> str:
    """An action in the past: ``turned left``."""
    return _DONE[action]


def tell_action(delta: Delta) -> str:
    """A delta's action: ``turned left by 45 degrees``; empty if it is unknown."""
    if delta.at_rest:
        return "stood still"
    if delta.action is None:
        return ""
    text = _DONE[delta.action]
    if delta.action.is_rotation and delta.angle_deg:
        text += f" by {_rounded(delta.angle_deg)} degrees"
    return text


def tell_motion(motions: Motions, start: int, most: int = 4) -> str:
    """The motion from delta ``start`` on: ``turned right by 90 degrees and moved forward``. More
    than ``most`` parts are summarised. Empty if there are no deltas."""
    parts = motions.runs(start, most)
    if parts is None:
        return _summed(motions, start)
    texts = []
    for part in parts:
        action, count, angle = part.action, part.count, part.angle_deg
        if action is None:
            texts.append(_UNMEASURED)
        elif action.is_rotation:
            texts.append(_DONE[action] + (f" by {_rounded(angle)} degrees" if angle else ""))
        else:
            texts.append(_DONE[action] + (f" {times(count)}" if count > 1 else ""))
    return join_names(texts)


def _summed(motions: Motions, start: int) -> str:
    left, right, moves = motions.summary(start)
    texts = [f"turned left {times(left)}"] * bool(left) + [f"turned right {times(right)}"] * bool(
        right
    )
    texts += [f"moved on {times(moves)}"] * bool(moves)
    return join_names(texts) or _UNMEASURED


def _rounded(degrees: float) -> int:
    return max(5, round(degrees / 5) * 5)
