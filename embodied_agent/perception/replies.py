"""Reading what a general vision-language model replies, however it dresses it up.

Code fences, prose around the JSON, single quotes, trailing commas and synonyms are accepted. What
is not one of the words of `embodied_agent.records` afterwards is dropped, never passed on: an
object without a direction, an action that is none of the ten, "left of the sofa" (that is the
sofa's left, not the camera's).

Not here: what was asked (`prompts`).
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml

from embodied_agent.errors import ReplyError
from embodied_agent.perception.prompts import MAX_OBJECTS
from embodied_agent.records import DIRECTIONS, DISTANCES, Action, Direction, Distance, Mention

#: Longest name of an object and longest observation, in characters.
MAX_NAME, MAX_OBSERVATION = 60, 400
#: A reply longer than this, in characters, is not looked at.
_MAX_REPLY = 20_000
#: Deeper JSON than this is not what was asked for, and could exhaust a parser's stack.
_MAX_DEPTH = 20

_THOUGHTS = re.compile(r"^.*?</think>", re.DOTALL)
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
    """``action`` is ``None`` where the reply names none of the ten."""

    action: Action | None
    mentions: tuple[Mention, ...]
    observation: str


def parse_full(reply: str) -> FullReply:
    """What a reply in the ``full`` style says.

    Raises:
        ReplyError: there is no JSON object with objects or an observation in it, or it lists
            objects and none of them can be used.
    """
    for values in _objects(_THOUGHTS.sub("", reply[:_MAX_REPLY])):
        keys = {str(key).strip().lower(): value for key, value in values.items()}
        listed = keys.get("objects")
        observation = clean_text(keys.get("observation"))
        if not isinstance(listed, list) and not observation:
            continue
        entries = listed if isinstance(listed, list) else []
        mentions = tuple(dict.fromkeys(m for m in map(_mention, entries) if m is not None))
        if entries and not mentions:
            continue
        watched = [_watched(entry) for entry in _list(keys.get("watch"))]
        said = " ".join(filter(None, [observation, *watched]))
        return FullReply(read_action(keys.get("action")), mentions[:MAX_OBJECTS], said)
    raise ReplyError(f"no usable JSON object in the reply {reply[:80]!r}", reply=reply)


def read_action(value: Any) -> Action | None:
    """The one of the ten that ``value`` means, ``None`` where it means none or more than one."""
    if not isinstance(value, str):
        return None
    words = re.findall(r"[a-z]+", value.lower())
    if " ".join(words) in _ACTIONS:
        return _ACTIONS[" ".join(words)]
    words = [_stem(word) for word in words if not _IGNORED.fullmatch(word)]
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
    """The one of the eight that ``value`` means, ``None`` where that is not clear."""
    if not isinstance(value, str):
        return None
    text = _OWN.sub(" ", value.lower().replace("-", " ").replace("_", " "))
    words = [word for word in re.findall(r"[a-z']+", text) if not _FILLER.fullmatch(word)]
    if not words or any(word not in _SIDES for word in words):
        return None
    sides = {_SIDES[word] for word in words}
    if {"front", "back"} <= sides or {"left", "right"} <= sides:
        return None
    name = "-".join(side for side in ("front", "back", "left", "right") if side in sides)
    return next((direction for direction in DIRECTIONS if direction == name), None)


def read_distance(value: Any) -> Distance | None:
    """``near``, ``mid`` or ``far``, ``None`` where ``value`` means none of them."""
    if not isinstance(value, str):
        return None
    text = " ".join(re.findall(r"[a-z]+", value.lower()))
    return text if text in DISTANCES else _DISTANCES.get(text)


def clean_text(value: Any) -> str:
    """Free text on one line, without what could pass for markup or a keyframe's number."""
    if not isinstance(value, str):
        return ""
    text = " ".join(re.sub(r"[<>#{}\x00-\x1f\x7f]", " ", value).split())
    if len(text) <= MAX_OBSERVATION:
        return text
    return text[:MAX_OBSERVATION].rsplit(" ", 1)[0] + " …"


def _mention(entry: Any) -> Mention | None:
    if not isinstance(entry, dict):
        return None
    keys = {str(key).strip().lower(): value for key, value in entry.items()}
    name = keys.get("name")
    direction = read_direction(keys.get("direction"))
    if not isinstance(name, str) or direction is None:
        return None
    # A name stands in the transcript between separators, so it must hold none of them.
    name = _ARTICLE.sub("", " ".join(_NOT_IN_NAMES.sub(" ", name.lower()).split()))
    if not name or len(name) > MAX_NAME:
        return None
    return Mention(name, direction, read_distance(keys.get("distance")))


def _watched(entry: Any) -> str:
    if not isinstance(entry, dict):
        return ""
    item, seen = clean_text(entry.get("item")), clean_text(entry.get("seen"))
    return f"{item}: {seen.rstrip('.')}." if item and seen else ""


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _stem(word: str) -> str:
    """The verb's base form: turned, turning, turns → turn."""
    for ending in ("ing", "ed", "d", "s"):
        base = word.removesuffix(ending)
        if base != word:
            for candidate in (base, f"{base}e", base[:-1]):
                if candidate in _VERBS or candidate in _WHOLE:
                    return candidate
    return word


def _objects(text: str) -> Iterator[dict[Any, Any]]:
    """Every outermost {...} of ``text`` that can be read as an object, in order."""
    # Braces in strings don't count; but a stray quotation mark must not hide everything after it.
    for quotes in (True, False):
        for span in _spans(text, quotes):
            value = _loaded(span)
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
    if _depth(text) > _MAX_DEPTH:
        return None
    try:
        return json.loads(text)
    except ValueError:
        pass
    try:
        # YAML's flow style is JSON with single quotes, bare words and trailing commas.
        return yaml.safe_load(text.replace("\t", " "))
    except (yaml.YAMLError, ValueError, TypeError, AttributeError):
        return None


def _depth(text: str) -> int:
    depth = deepest = 0
    for sign in text:
        depth += (sign in "[{") - (sign in "]}")
        deepest = max(deepest, depth)
    return deepest
