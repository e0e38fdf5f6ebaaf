"""Parses the replies of general vision-language models, leniently.

Code fences, prose around the JSON, single quotes, trailing commas and synonyms are accepted, and so
is the complete part of a reply that was cut off. Whatever is not in the vocabulary of
`embodied_agent.records` after that is dropped, never passed on: an object without a direction, an
action that is none of the ten, "left of the sofa" (the sofa's left, not the camera's), names and
sentences that are not English.

Out of scope: what was asked (`prompts`).
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import chain
from typing import Any

from embodied_agent.errors import ReplyError
from embodied_agent.perception import loose_json
from embodied_agent.perception.boxes import RawBox
from embodied_agent.perception.loose_json import MAX_DEPTH
from embodied_agent.perception.prompts import MAX_OBJECTS, NO_ACTION
from embodied_agent.perception.wording import other_language, other_script
from embodied_agent.records import DIRECTIONS, Action, Direction, Distance, Mention

#: Maximum length of an object's name and of an observation, in characters.
MAX_NAME, MAX_OBSERVATION = 60, 400
#: Only this much of a reply is parsed, in characters.
_MAX_REPLY = 20_000
#: How many places, from the end, are tried at which a reply that was cut off can be closed.
_MOST_CUTS = 40

#: What models call an object's box, and the largest number that they may write in it.
_BOX_KEYS = ("bbox_2d", "bbox", "box_2d", "box")
_MOST_IN_BOX = 1e6

_THOUGHTS = re.compile(r"^.*?</think>", re.DOTALL)
#: Markup, control signs and those that turn the direction of writing, and sequences for terminals.
_MARKUP = re.compile(
    r"\x1b\[[0-9;?]*[A-Za-z]|[<>#{}\x00-\x1f\x7f-\x9f\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff]"
)
_NOT_IN_NAMES = re.compile(r"[^\w\s'&/-]")
_ARTICLE = re.compile(r"^(?:a|an|the|one|some)\s+", re.IGNORECASE)
_OWN = re.compile(r"\b(?:of|from|to)\s+(?:me|you|us|the (?:agent|camera|robot|viewer|observer))\b")

_SIDES: dict[str, str] = {
    **dict.fromkeys(("front", "ahead", "forward", "straight", "center", "centre"), "front"),
    **dict.fromkeys(("back", "behind", "rear", "backward"), "back"),
    **dict.fromkeys(("left", "leftward"), "left"),
    **dict.fromkeys(("right", "rightward"), "right"),
}
_FILLER = re.compile(
    "a|an|and|at|bit|by|dead|directly|direction|far|further|hand|in|is|just|lies|little|located|"
    "me|mid|middle|my|near|on|side|slightly|somewhat|the|to|towards?|you|your"
)
_DISTANCES: dict[str, Distance] = {
    **dict.fromkeys(("near", "close", "nearby", "adjacent", "very near", "very close"), "near"),
    **dict.fromkeys(("mid", "middle", "medium", "moderate", "mid range", "midrange"), "mid"),
    **dict.fromkeys(("far", "distant", "far away", "very far", "background"), "far"),
}
_VERBS: dict[str, str] = {
    **dict.fromkeys(("rotate", "turn", "yaw", "pan", "spin", "swivel"), "rotate"),
    **dict.fromkeys(("tilt", "pitch"), "tilt"),
    **dict.fromkeys(("look",), "look"),
    **dict.fromkeys(("move", "go", "walk", "drive", "fly", "step", "translate", "shift"), "move"),
    **dict.fromkeys(("strafe", "slide", "travel", "proceed", "sidestep"), "move"),
}
_WAYS: dict[str, str] = {
    **dict.fromkeys(("forward", "forwards", "ahead", "onward"), "forward"),
    **dict.fromkeys(("backward", "backwards", "back"), "backward"),
    **dict.fromkeys(("left", "leftward", "leftwards"), "left"),
    **dict.fromkeys(("right", "rightward", "rightwards"), "right"),
    **dict.fromkeys(("up", "upward", "upwards"), "upward"),
    **dict.fromkeys(("down", "downward", "downwards"), "downward"),
}
_WHOLE: dict[str, str] = {
    "ascend": "move upward",
    "climb": "move upward",
    "rise": "move upward",
    "descend": "move downward",
    "advance": "move forward",
    "retreat": "move backward",
    "forward": "move forward",
    "backward": "move backward",
}
_IGNORED = re.compile(
    "a|agent|bit|by|camera|degrees?|has|in|is|it|place|robot|slightly|straight|the|to|was"
)
_ACTIONS = {action.value: action for action in Action}


@dataclass(frozen=True, slots=True)
class FullReply:
    """A parsed reply. ``action`` is ``None`` if the reply names none of the ten; ``open``: it said
    explicitly that there was none, or said nothing. ``repaired``: part of it had to be dropped.
    ``boxes`` are four numbers for each mention, as the model counts them, where it gave them."""

    action: Action | None
    mentions: tuple[Mention, ...]
    observation: str
    open: bool = field(default=True, compare=False)
    repaired: bool = field(default=False, compare=False)
    boxes: tuple[RawBox | None, ...] = field(default=(), compare=False)


def parse_full(reply: str) -> FullReply:
    """Parse a reply in the ``full`` style.

    Raises:
        ReplyError: there is no JSON object with objects or an observation in it, it lists objects
            and none of them is usable, or it is in another language.
    """
    text = _THOUGHTS.sub("", reply[:_MAX_REPLY])
    for values, whole in chain(
        ((values, True) for values in _objects(text)),
        ((values, False) for values in _beginnings(text)),
    ):
        keys = {str(key).strip().lower(): value for key, value in values.items()}
        listed = keys.get("objects")
        observation = clean_text(keys.get("observation"))
        if other_language(observation):
            raise ReplyError(f"the reply is not English: {observation[:80]!r}", reply=reply)
        foreign = other_script(observation)
        if foreign:
            observation = ""
        if not isinstance(listed, list) and not observation:
            continue
        entries = listed if isinstance(listed, list) else []
        # Two objects of one name in one direction are told apart by their boxes.
        seen = dict.fromkeys(
            (mention, _raw_box(entry)) for entry in entries if (mention := _mention(entry))
        )
        mentions = tuple(mention for mention, _ in seen)
        if entries and not mentions:
            continue
        watched = [_watched(entry) for entry in _list(keys.get("watch"))]
        observations = " ".join(filter(None, [observation, *watched]))
        named = keys.get("action")
        action = read_action(named)
        return FullReply(
            action,
            mentions[:MAX_OBJECTS],
            observations,
            open=action is None and is_no_action(named),
            repaired=foreign or not whole or len(mentions) < len(entries),
            boxes=tuple(box for _, box in seen)[:MAX_OBJECTS],
        )
    raise ReplyError(f"no usable JSON object in the reply {reply[:80]!r}", reply=reply)


def is_no_action(value: Any) -> bool:
    """Whether the value of the action says that there was none, or nothing at all."""
    return value is None or (isinstance(value, str) and value.strip().lower() in ("", NO_ACTION))


def read_action(value: Any) -> Action | None:
    """The action that ``value`` means; ``None`` if it means none of the ten or more than one."""
    if not isinstance(value, str):
        return None
    words = [
        _stem(word) for word in re.findall(r"[a-z]+", value.lower()) if not _IGNORED.fullmatch(word)
    ]
    if len(words) == 1 and words[0] in _WHOLE:
        return _ACTIONS[_WHOLE[words[0]]]
    verbs = {_VERBS[word] for word in words if word in _VERBS}
    ways = {_WAYS[word] for word in words if word in _WAYS}
    known = all(word in _VERBS or word in _WAYS for word in words)
    if not known or len(verbs) != 1 or len(ways) != 1:
        return None
    verb, way = verbs.pop(), ways.pop()
    if way in ("upward", "downward") and verb in ("look", "rotate"):
        verb = "tilt"
    elif way in ("left", "right") and verb == "look":
        verb = "rotate"
    return _ACTIONS.get(f"{verb} {way}")


def read_direction(value: Any) -> Direction | None:
    """The direction that ``value`` means; ``None`` if that is not clear."""
    if not isinstance(value, str):
        return None
    text = _OWN.sub(" ", value.lower().replace("-", " ").replace("_", " "))
    words = [word for word in re.findall(r"[a-z']+", text) if not _FILLER.fullmatch(word)]
    if not words or any(word not in _SIDES for word in words):
        return None
    sides = {_SIDES[word] for word in words}
    name = "-".join(side for side in ("front", "back", "left", "right") if side in sides)
    # There is no direction for two sides that contradict each other.
    return next((direction for direction in DIRECTIONS if direction == name), None)


def read_distance(value: Any) -> Distance | None:
    """``near``, ``mid`` or ``far``; ``None`` if ``value`` means none of them."""
    if not isinstance(value, str):
        return None
    return _DISTANCES.get(" ".join(re.findall(r"[a-z]+", value.lower())))


def clean_text(value: Any) -> str:
    """Free text on one line, without anything that could pass for markup or a keyframe's number."""
    if not isinstance(value, str):
        return ""
    text = " ".join(_MARKUP.sub(" ", value).split())
    if len(text) <= MAX_OBSERVATION:
        return text
    return text[:MAX_OBSERVATION].rsplit(" ", 1)[0] + " …"


def clean_name(text: str) -> str:
    """An object's name as it may stand in a mention; empty if the text is none, too long, or not in
    Latin letters."""
    # In the transcript, names stand between separators, so they must not contain any.
    name = _ARTICLE.sub("", " ".join(_NOT_IN_NAMES.sub(" ", text.lower()).split()))
    return "" if len(name) > MAX_NAME or other_script(name) else name


def _mention(entry: Any) -> Mention | None:
    if not isinstance(entry, dict):
        return None
    keys = {str(key).strip().lower(): value for key, value in entry.items()}
    name = keys.get("name")
    direction = read_direction(keys.get("direction"))
    if not isinstance(name, str) or direction is None:
        return None
    name = clean_name(name)
    return Mention(name, direction, read_distance(keys.get("distance"))) if name else None


def _raw_box(entry: dict[Any, Any]) -> RawBox | None:
    """The four numbers of an object's box; ``None`` without them."""
    keys = {str(key).strip().lower(): value for key, value in entry.items()}
    value = next((keys[key] for key in _BOX_KEYS if key in keys), None)
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if not isinstance(value, list) or len(value) != 4:
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in value):
        return None
    # Integers of a JSON text may be too large for a float.
    numbers = tuple(float(v) if abs(v) < _MOST_IN_BOX else math.inf for v in value)
    return numbers if all(map(math.isfinite, numbers)) else None  # type: ignore[return-value]


def _watched(entry: Any) -> str:
    if not isinstance(entry, dict):
        return ""
    item, seen = clean_text(entry.get("item")), clean_text(entry.get("seen"))
    if other_script(seen) or other_language(seen):
        return ""
    return f"{item}: {seen.rstrip('.')}." if item and seen else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _stem(word: str) -> str:
    """The verb's base form: turned, turning, turns → turn."""
    for ending in ("ing", "ed", "s"):
        base = word.removesuffix(ending)
        if base != word:
            for candidate in (base, f"{base}e", base[:-1]):
                if candidate in _VERBS or candidate in _WHOLE:
                    return candidate
    return word


def _objects(text: str) -> Iterator[dict[Any, Any]]:
    """Every outermost {...} in ``text`` that can be parsed as an object, in order."""
    # Braces in strings don't count, but a stray quotation mark must not hide everything after it.
    for quotes in (True, False):
        for span in _spans(text, quotes):
            value = _loaded(span)
            if isinstance(value, dict):
                yield value


def _beginnings(text: str) -> Iterator[dict[Any, Any]]:
    """The complete parts of an object that was cut off, closed properly, the longest first."""
    start = text.find("{")
    if start < 0 or _depth(text) > MAX_DEPTH:
        return
    ends, stack, quoted, escaped = [], [], False, False
    for position, sign in enumerate(text[start:], start):
        if quoted:
            quoted = escaped or sign != '"'
            escaped = sign == "\\" and not escaped
        elif sign == '"':
            quoted = True
        elif sign in "{[":
            stack.append("}" if sign == "{" else "]")
        elif sign in "}]":
            if not stack or stack.pop() != sign:
                return
            if not stack:
                return  # it is complete, and was tried before
            ends.append((position + 1, "".join(reversed(stack))))
        elif sign == "," and len(stack) == 1:  # half an object of a list is of no use
            ends.append((position, "".join(reversed(stack))))
    for end, closing in reversed(ends[-_MOST_CUTS:]):
        try:
            value = json.loads(text[start:end] + closing)
        except (ValueError, RecursionError):
            continue
        if isinstance(value, dict):
            yield value


def _spans(text: str, quotes: bool) -> Iterator[str]:
    start, depth, quoted, escaped = 0, 0, False, False
    for position, sign in enumerate(text):
        if quoted:
            quoted = escaped or sign != '"'
            escaped = sign == "\\" and not escaped
        elif sign == '"' and quotes and depth:
            quoted = True
        elif sign == "{":
            start = start if depth else position
            depth += 1
        elif sign == "}" and depth:
            depth -= 1
            if depth == 0:
                yield text[start : position + 1]


def _loaded(text: str) -> Any:
    if _depth(text) > MAX_DEPTH:
        return None
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        pass
    try:
        return loose_json.loads(text)
    except ValueError:
        return None


def _depth(text: str) -> int:
    depth = deepest = 0
    for sign in text:
        depth += (sign in "[{") - (sign in "]}")
        deepest = max(deepest, depth)
    return deepest
