"""The compact language of the built-in perceiver: what it is shown and what it replies.

It sees both pictures of a pair, scaled to squares of `PICTURE_PX`, and one line about the motion
that the keyframer measured. It replies ``rotate left: red sofa front-left near; blue lamp front
far.`` Training, running it in process and running it on a server use the same text.

Out of scope: the prompt for general VLMs (`embodied_agent.perception.prompts`).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import cv2
import numpy as np

from embodied_agent.errors import ReplyError
from embodied_agent.records import (
    DIRECTIONS,
    DISTANCES,
    Action,
    Egomotion,
    Image,
    Mention,
)

#: Side of the square pictures that the built-in perceiver takes, in pixels.
PICTURE_PX = 192

_DIRECTION = "|".join(sorted(DIRECTIONS, key=len, reverse=True))
_PART = re.compile(
    rf"^(?P<name>[a-z][a-z -]{{0,60}}?) (?P<direction>{_DIRECTION})"
    rf"(?: (?P<distance>{'|'.join(DISTANCES)}))?$"
)
_ACTIONS = {action.value: action for action in Action}


@dataclass(frozen=True, slots=True)
class CompactReply:
    """The action (``None`` for a first view) and the objects in view, most prominent first."""

    action: Action | None
    mentions: tuple[Mention, ...]


def motion_hint(egomotion: Egomotion | None) -> str:
    """The keyframer's egomotion in words: degrees in steps of five, travel in tenths of the depth.

    ``None`` (a first view) gives ``first``.
    """
    if egomotion is None:
        return "first"
    words = [egomotion.action.value if egomotion.action else "still"]
    right, down, ahead = egomotion.translation
    for value, step, positive, negative in (
        (egomotion.yaw_deg, 5.0, "left", "right"),
        (egomotion.pitch_deg, 5.0, "up", "down"),
    ):
        size = min(round(abs(value) / step), 36) * int(step)
        words.append(f"{positive if value >= 0 else negative} {size}" if size else "level")
    for value, positive, negative in (
        (ahead, "ahead", "back"),
        (right, "rightward", "leftward"),
        (-down, "upward", "downward"),
    ):
        size = min(round(abs(value) * 10), 20)
        if size:
            words.append(f"{positive if value >= 0 else negative} {size}")
    return " ".join(words)


def compact_prompt(egomotion: Egomotion | None) -> str:
    """The text that accompanies the pictures."""
    return f"Motion: {motion_hint(egomotion)}. Seen:"


def compact_reply(action: Action | None, mentions: tuple[Mention, ...]) -> str:
    """The reply of a perfect perceiver; `parse_compact` is its inverse."""
    seen = "; ".join(f"{m.name} {m.direction} {m.distance}" for m in mentions) or "nothing"
    return f"{action.value if action else 'start'}: {seen}."


def parse_compact(reply: str) -> CompactReply:
    """Parse a reply. Parts without a direction are dropped; the action must be one of the ten.

    Raises:
        ReplyError: the action, or everything after it, can't be parsed.
    """
    head, colon, rest = reply.strip().partition(":")
    action_name = head.strip()
    if not colon or (action_name not in _ACTIONS and action_name != "start"):
        raise ReplyError(
            f"the reply {reply[:80]!r} does not begin with one of the ten actions", reply=reply
        )
    mentions: dict[str, Mention] = {}
    parts = [part.strip() for part in rest.strip().removesuffix(".").split(";")]
    for part in parts:
        match = _PART.match(part)
        if match is not None and match["name"] not in mentions:
            name, direction, distance = match.groups()
            mentions[name] = Mention(name, direction, distance)  # type: ignore[arg-type]
    if not mentions and parts != ["nothing"]:
        raise ReplyError(f"the reply {reply[:80]!r} names no object", reply=reply)
    return CompactReply(_ACTIONS.get(action_name), tuple(mentions.values()))


def square_picture(image: Image) -> Image:
    """A BGR picture (h, w, 3) as the built-in perceiver takes it: RGB, a square of `PICTURE_PX`."""
    squared = cv2.resize(image, (PICTURE_PX, PICTURE_PX), interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(squared, cv2.COLOR_BGR2RGB).astype(np.uint8, copy=False)
