"""The prompt about a keyframe for a general vision-language model, and the schema of its reply.

``full`` style: instructions, one or two pictures, the keyframer's measured motion as a hint, and a
JSON reply. The reply is constrained to a schema if the server supports that; a lenient parser
(`embodied_agent.perception.replies`) handles those that don't.

Out of scope: the compact style of the built-in model (`embodied_agent.perception.language`).
"""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import JsonValue

from embodied_agent.codec import JsonObject
from embodied_agent.perception.boxes import Convention
from embodied_agent.records import DIRECTIONS, DISTANCES, Action, Egomotion

#: Maximum number of objects asked for, and taken from a reply.
MAX_OBJECTS = 12

#: Estimates below this confidence are not given as a hint.
_HINT_CONFIDENCE = 0.2
#: The action where the camera did none of the ten, as when a keyframe was forced.
NO_ACTION = "none"

_FRAME_OF_REFERENCE = (
    "Directions are the camera's own: 'front' is where it points now, 'left' is to its left hand, "
    "'back' is behind it. Don't give places in the picture."
)
_OBJECTS = (
    f"'objects': at most {MAX_OBJECTS}, the most prominent first. 'name' is colour and kind, such "
    "as 'red armchair', with the shape or a distinctive mark where that tells it apart from "
    f"others of its kind; 'direction' is one of {', '.join(DIRECTIONS)}; 'distance' is one of "
    f"{', '.join(DISTANCES)} (within a few steps; across the room or street; beyond). List only "
    "what you see for certain."
)
_BOXES = (
    "'bbox_2d' of each object: [x1, y1, x2, y2], the left, top, right and bottom edge of it in the "
    "{picture}, {units}."
)
#: How each convention counts, in words.
_UNITS: dict[Convention, str] = {
    "pixels": "in pixels",
    "thousandths": "from 0 to 1000 across the picture",
    "fractions": "from 0 to 1 across the picture",
}
_FIRST = (
    "The picture is what a moving camera sees first. Describe the place so that somebody who "
    f"can't see it could find things in it. {_FRAME_OF_REFERENCE}\n"
    f"{_OBJECTS}\n"
    "'observation': one or two sentences on what kind of place it is and how the main things lie "
    "to each other, including above and below."
)
_PAIR = (
    "The first picture is what a moving camera saw before, the second is what it sees now. Say "
    f"how the camera moved in between and what is new to it. {_FRAME_OF_REFERENCE}\n"
    f"'action': the motion that explains most of the change, one of {', '.join(Action)}; "
    f"'{NO_ACTION}' only if the camera did not move.\n"
    f"{_OBJECTS} These are objects in the second picture, those that the first did not show, or "
    "not clearly, before the others.\n"
    "'observation': one or two sentences on what the second picture adds: what came into view, "
    "where it lies, what went out of view."
)
_WATCH = (
    "'watch': for each item of this list that the newest picture tells something about, the item "
    "in its own words and, as 'seen', what the picture tells in a few words. Don't answer "
    "questions, don't guess, leave out what is not in view. The list: {items}."
)
_JSON_ONLY = "Reply with one JSON object, in English, and nothing else."

#: Sent after a reply that could not be parsed.
AGAIN = (
    f"That could not be read. {_JSON_ONLY} Use the keys and the words that were asked for, and be "
    "brief: name fewer objects."
)
#: Sent after a reply whose action is none of the ten.
WHICH_ACTION = (
    "That 'action' is none of those that were asked for. Give the whole object again with one of "
    f"{', '.join(Action)}, or '{NO_ACTION}'."
)


def full_prompt(
    first: bool,
    egomotion: Egomotion | None,
    watch_list: Sequence[str],
    boxes: Convention | None = None,
) -> str:
    """The text that accompanies the picture of a ``first`` view, or the pictures before and now.
    ``boxes``: how the model counts in the boxes that it is asked for."""
    parts = [_FIRST if first else _PAIR]
    if boxes is not None:
        picture = "picture" if first else "second picture"
        parts.append(_BOXES.format(picture=picture, units=_UNITS[boxes]))
    hint = None if first else motion_hint(egomotion)
    if hint:
        parts.append(hint)
    if watch_list:
        parts.append(_WATCH.format(items="; ".join(watch_list)))
    parts.append(_JSON_ONLY)
    return "\n".join(parts)


def motion_hint(egomotion: Egomotion | None) -> str:
    """The measured motion as a sentence; empty if too little of it is known."""
    if egomotion is None or egomotion.confidence < _HINT_CONFIDENCE:
        return ""
    right, down, ahead = egomotion.translation
    seen = [
        f"{positive if value > 0 else negative} by {abs(value):.0f} degrees"
        for value, positive, negative in (
            (egomotion.yaw_deg, "turned left", "turned right"),
            (egomotion.pitch_deg, "tilted up", "tilted down"),
        )
        if abs(value) >= 3
    ]
    seen += [
        f"{positive if value > 0 else negative}"
        for value, positive, negative in (
            (ahead, "moved ahead", "moved back"),
            (right, "moved right", "moved left"),
            (-down, "rose", "sank"),
        )
        if abs(value) >= 0.05
    ]
    what = ", ".join(seen) or "hardly moved"
    return f"Matching the pictures' features suggests that the camera {what}; this may be wrong."


def full_schema(first: bool, watching: bool, boxes: bool = False) -> JsonObject:
    """JSON schema of the reply. Every key is required, as strict servers demand."""
    box: JsonObject = {
        "type": "array",
        "items": {"type": "number"},
        "minItems": 4,
        "maxItems": 4,
    }
    item = _object(
        name={"type": "string"},
        direction={"type": "string", "enum": list(DIRECTIONS)},
        distance={"type": "string", "enum": list(DISTANCES)},
        **({"bbox_2d": box} if boxes else {}),
    )
    keys: JsonObject = {}
    if not first:
        keys["action"] = {"type": "string", "enum": [*map(str, Action), NO_ACTION]}
    keys["objects"] = {"type": "array", "items": item, "maxItems": MAX_OBJECTS}
    keys["observation"] = {"type": "string"}
    if watching:
        entry = _object(item={"type": "string"}, seen={"type": "string"})
        keys["watch"] = {"type": "array", "items": entry}
    return _object(**keys)


def _object(**keys: JsonValue) -> JsonObject:
    return {
        "type": "object",
        "properties": keys,
        "required": [*keys],
        "additionalProperties": False,
    }
