"""Detections of one picture: which are kept, and what they are called.

A detector may give hundreds of boxes, several for one object, some of them outside the picture or
with confidences that are not numbers. What is kept is bounded, usable, and named in English.

Out of scope: running a detector (`detector`), the colours (`colours`).
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from embodied_agent.perception.colours import colour_of
from embodied_agent.perception.measuring import mention_at, overlap, usable_box
from embodied_agent.perception.replies import clean_name
from embodied_agent.records import Box, Image, Keyframe, Mention
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.settings import PerceptionSettings

#: So many of the most confident detections are compared with each other.
_MOST_COMPARED = 300
#: Two boxes that overlap by more are the same object: of one name, and of two.
_SAME_NAME, _OTHER_NAME = 0.6, 0.85
#: Colours of what they wear say little about these.
_UNCOLOURED = "human being"


@dataclass(frozen=True, slots=True)
class Detection:
    """An object in the picture: its ``name``, ``confidence`` in (0, 1] and box."""

    name: str
    confidence: float
    box: Box


def kept(detections: Iterable[Detection], most: int) -> list[Detection]:
    """The detections that can be used, at most ``most`` of them: the surest, the largest first."""
    usable = []
    for detection in detections:
        box, name = usable_box(detection.box), clean_name(detection.name)
        sure = math.isfinite(detection.confidence) and 0 < detection.confidence <= 1
        if box is not None and name and sure:
            usable.append(Detection(name, detection.confidence, box))
    usable.sort(key=lambda d: -d.confidence)
    chosen: list[Detection] = []
    for detection in usable[:_MOST_COMPARED]:
        if len(chosen) == most:
            break
        if not any(_same(detection, other) for other in chosen):
            chosen.append(detection)
    return sorted(chosen, key=lambda d: -_area(d.box))


def mentions_of(
    detections: Iterable[Detection],
    image: Image,
    keyframe: Keyframe,
    settings: PerceptionSettings,
) -> tuple[Mention, ...]:
    """Mentions with colour, direction and measurements.

    Args:
        detections: in the keyframe's picture.
        image: that picture.
        keyframe: with its size and calibration.
        settings: of perception.
    """
    mentions = []
    for detection in detections:
        name = detection.name
        if settings.detector.colours and not colour_in(name):
            name = coloured(name, colour_of(image, detection.box))
        mentions.append(
            mention_at(
                name,
                detection.box,
                keyframe,
                settings.field_of_view_deg,
                confidence=detection.confidence,
            )
        )
    return tuple(mentions)


def coloured(name: str, colour: str) -> str:
    """A name with its colour, unless it is a person's."""
    words = lexicon()
    if not colour or words.kind(name) in words.members[_UNCOLOURED]:
        return name
    return f"{colour} {name}"


def colour_in(name: str) -> str:
    """The main name of the colour that a name begins with; empty without one."""
    first, _, rest = name.partition(" ")
    second = rest.partition(" ")[0]
    colours = lexicon().colours
    return colours.get(f"{first} {second}") or (colours.get(first, "") if rest else "")


def kind_in(name: str) -> str:
    """The kind of thing that a name with or without colour means: ``sofa`` for "red couch"."""
    words = lexicon()
    rest = name
    while colour_in(rest):
        two = " ".join(rest.split(" ")[:2])
        rest = rest[len(two) :].strip() if two in words.colours else rest.partition(" ")[2]
    parts = rest.split(" ")
    # Adjectives stand before the kind: "leather sofa" is one if "leather sofa" means nothing.
    for start in range(len(parts)):
        noun = " ".join(parts[start:])
        if words.known(noun):
            return words.kind(noun)
    return words.kind(rest)


def _same(one: Detection, other: Detection) -> bool:
    limit = _SAME_NAME if one.name == other.name else _OTHER_NAME
    return overlap(one.box, other.box) > limit


def _area(box: Box) -> float:
    return (box.right - box.left) * (box.bottom - box.top)
