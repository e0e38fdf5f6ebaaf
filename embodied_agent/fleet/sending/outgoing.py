"""Rows of a robot's memory as messages to the fleet, within the limits of the messages.

Out of scope: which rows are sent and when (`sender`), reading them
(`embodied_agent.memory.outgoing`).
"""

from __future__ import annotations

import base64
import math
from collections.abc import Iterable, Sequence

from embodied_agent.errors import DecodeError
from embodied_agent.fleet.wire import (
    MAX_NAME,
    MAX_TEXT,
    FleetAnswer,
    FleetFact,
    FleetKeyframe,
    FleetMention,
    FleetObject,
    FleetPlace,
)
from embodied_agent.images import scaled_jpeg
from embodied_agent.memory.outgoing import OutgoingAnswer, OutgoingFact, OutgoingKeyframe
from embodied_agent.object_records import MapSession, NamedPlace, SeenObject
from embodied_agent.records import Frame

#: Stamps above this count from 1970, in nanoseconds.
_SINCE_1970_NS = 1_000_000_000_000_000_000
#: JPEG quality of thumbnails.
_QUALITY = 70
#: Entries of a list in a message, and characters of a frame's name, at most.
_MOST, _FRAME = 1000, 256
#: Longest base64 text of a thumbnail, in characters.
_MOST_PICTURE = 1_000_000


def keyframe_message(
    row: OutgoingKeyframe, thumbnail_width: int, *, bare: bool = False
) -> FleetKeyframe:
    """A keyframe as it is sent; ``bare``: without what it shows."""
    keyframe, delta = row.keyframe, row.delta
    stamp_ns = keyframe.stamp_ns
    seen_at_s = _moment(stamp_ns, row.stored_at_s)
    position = None if keyframe.pose is None else _finite(keyframe.pose.position_m)
    if bare:
        return FleetKeyframe(
            id=keyframe.id,
            stamp_ns=stamp_ns,
            seen_at_s=max(0.0, row.stored_at_s),
            segment=keyframe.segment,
            checksum=row.checksum,
        )
    return FleetKeyframe(
        id=keyframe.id,
        stamp_ns=stamp_ns,
        seen_at_s=seen_at_s,
        segment=keyframe.segment,
        frame_id=""
        if position is None or keyframe.pose is None
        else _frame(keyframe.pose.frame_id),
        position_m=position,
        action=delta.action.value if delta.action else "",
        observation=delta.observation[:MAX_TEXT],
        mentions=[
            FleetMention(
                name=mention.name[:MAX_NAME],
                direction=mention.direction,
                distance=mention.distance,
            )
            for mention in delta.mentions[:_MOST]
            if mention.name.strip()
        ],
        checksum=row.checksum,
        thumbnail=_thumbnail(keyframe.jpeg, thumbnail_width),
    )


def _moment(stamp_ns: int, stored_at_s: float) -> float:
    """When something was, in seconds since 1970: by its stamp if that counts from there."""
    return stamp_ns / 1e9 if stamp_ns >= _SINCE_1970_NS else stored_at_s


def _frame(name: str) -> str:
    return name[:_FRAME]


def _finite(position: tuple[float, float, float]) -> tuple[float, float, float] | None:
    return position if all(math.isfinite(value) for value in position) else None


def _thumbnail(jpeg: bytes, width: int) -> str:
    if not jpeg or not width:
        return ""
    try:
        small = scaled_jpeg(Frame(0, encoded=jpeg), width, _QUALITY)
    except DecodeError:
        return ""
    text = base64.b64encode(small).decode()
    return text if len(text) <= _MOST_PICTURE else ""


def answer_message(row: OutgoingAnswer, *, bare: bool = False) -> FleetAnswer:
    """An answer as it is sent; ``bare``: without what was asked and said."""
    answer = row.answer
    return FleetAnswer(
        id=row.id,
        answered_at_s=max(0.0, row.stored_at_s),
        question="" if bare else row.question.text[:MAX_TEXT],
        status=answer.status,
        text="" if bare else (answer.text or answer.problem)[:MAX_TEXT],
        evidence=[] if bare else [one.keyframe_id for one in answer.evidence[:_MOST]],
        checksum=row.checksum,
    )


def fact_message(row: OutgoingFact, *, bare: bool = False) -> FleetFact:
    """A fact as it is sent; ``bare``: without its value."""
    fact = row.fact
    return FleetFact(
        id=row.id,
        name=fact.name[:MAX_NAME],
        value="" if bare else fact.value[:MAX_TEXT],
        stamp_ns=fact.stamp_ns,
        noted_at_s=max(0.0, row.stored_at_s if bare else _moment(fact.stamp_ns, row.stored_at_s)),
        by="" if bare else fact.by[:MAX_NAME],
        source=fact.source[:MAX_NAME],
        checksum=row.checksum,
    )


def object_message(record: SeenObject, checksum: int, *, bare: bool = False) -> FleetObject:
    """An object as it is sent; ``bare``: without what and where it is."""
    if bare:
        return FleetObject(
            id=record.id, name="thing", last_seen_ns=record.last_seen_ns, checksum=checksum
        )
    position = None if record.position_m is None else _finite(record.position_m)
    std_m = record.std_m
    return FleetObject(
        id=record.id,
        name=(record.label or record.name)[:MAX_NAME] or "thing",
        kind=record.kind[:MAX_NAME],
        color=record.color[:MAX_NAME],
        frame_id=_frame(record.frame_id),
        position_m=position,
        std_m=std_m if std_m is not None and math.isfinite(std_m) else None,
        measured=record.measured,
        last_seen_ns=record.last_seen_ns,
        seen=record.seen,
        gone=record.gone_since_ns is not None,
        evidence=list(record.evidence[-_MOST:]),
        checksum=checksum,
    )


def place_messages(
    places: Iterable[NamedPlace], sessions: Sequence[MapSession]
) -> list[FleetPlace]:
    """Named places as they are sent, with the segments that their map sessions are part of."""
    segments = {one.id: one.segment for one in sessions}
    return [
        FleetPlace(
            name=place.name[:MAX_NAME],
            frame_id=_frame(place.frame_id),
            segment=segments.get(place.session, 0),
            position_m=place.position_m[:2],
            region=list(place.region[:_MOST]),
        )
        for place in places
        if all(math.isfinite(value) for value in place.position_m)
    ]
