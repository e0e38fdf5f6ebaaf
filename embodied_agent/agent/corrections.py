"""Corrections by people: checking them, applying them, and applying them again after a rebuild.

A correction names objects by their ids, and stores the mentions that they were made of. When the
objects are derived again, these mentions find them.

Out of scope: the kinds of corrections (`embodied_agent.object_records.Correction`), removing things
from the file (`embodied_agent.memory.forgetting`).
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable
from dataclasses import replace

from embodied_agent.errors import QuestionError
from embodied_agent.memory.objects import ObjectTable
from embodied_agent.memory.query import Reader
from embodied_agent.object_records import (
    CORRECTION_KINDS,
    Correction,
    NamedPlace,
    ObjectChanges,
    Polygon,
    SeenObject,
    Sighting,
)
from embodied_agent.objects.amend import merge, split
from embodied_agent.objects.geometry import Ray
from embodied_agent.objects.naming import MAX_NAME
from embodied_agent.objects.rays import is_usable
from embodied_agent.objects.track import Track, restore
from embodied_agent.objects.tracker import Tracker

#: Longest note, in characters, and most corners of a region.
MAX_NOTE, MAX_CORNERS = 2000, 1000
#: Most mentions that are stored to find an object again.
_MOST_MENTIONS = 64


def check(correction: Correction) -> None:
    """Refuse a correction that can't be applied.

    Raises:
        QuestionError: with what is missing.
    """
    kind = correction.kind
    if kind not in CORRECTION_KINDS:
        known = ", ".join(CORRECTION_KINDS)
        raise QuestionError(f"a correction is one of {known}, not {kind!r}")
    if not correction.by.strip():
        raise QuestionError("a correction needs who made it: set by to a name")
    if kind != "forget" and correction.object_id is None:
        raise QuestionError(f"{kind} needs object_id; see the list of objects")
    if kind == "relabel" and not 0 < len(correction.text.strip()) <= MAX_NAME:
        raise QuestionError(f"relabel needs a text of 1 to {MAX_NAME} characters: the new name")
    if kind == "annotate" and len(correction.text) > MAX_NOTE:
        raise QuestionError(f"a note has at most {MAX_NOTE} characters")
    if kind == "merge" and correction.other_id in (None, correction.object_id):
        raise QuestionError("merge needs other_id, another object than object_id")
    if kind == "split" and not correction.keyframes:
        raise QuestionError("split needs keyframes: those that show the other object")
    if kind == "forget":
        _check_forget(correction)


def _check_forget(correction: Correction) -> None:
    interval = correction.from_ns is not None or correction.to_ns is not None
    ways = (correction.object_id is not None, interval, bool(correction.region))
    if sum(ways) != 1:
        raise QuestionError(
            "forget needs exactly one of object_id, an interval (from_ns, to_ns) and a region"
        )
    if interval:
        if correction.from_ns is None or correction.to_ns is None:
            raise QuestionError("an interval needs both from_ns and to_ns, in nanoseconds")
        if correction.from_ns > correction.to_ns:
            raise QuestionError("the interval ends before it begins: exchange from_ns and to_ns")
    if correction.region:
        if correction.session is None:
            raise QuestionError("a region needs the map session that its coordinates belong to")
        check_region(correction.region)


def check_region(region: Polygon) -> None:
    """Refuse a region that has no area.

    Raises:
        QuestionError: it has too few or too many corners, or one is not finite.
    """
    if not 3 <= len(region) <= MAX_CORNERS:
        raise QuestionError(f"a region has 3 to {MAX_CORNERS} corners, not {len(region)}")
    if not all(math.isfinite(x) and math.isfinite(y) for x, y in region):
        raise QuestionError("a corner of the region is not finite")
    pairs = zip(region, (*region[1:], region[0]), strict=True)
    if abs(sum(ax * by - bx * ay for (ax, ay), (bx, by) in pairs)) < 1e-9:
        raise QuestionError("the region has no area: name corners that are not on one line")


def check_place(place: NamedPlace, sessions: Iterable[int]) -> None:
    """Refuse a named place that can't be used.

    Raises:
        QuestionError: with what is wrong.
    """
    if not 0 < len(place.name.strip()) <= MAX_NAME:
        raise QuestionError(f"a place needs a name of 1 to {MAX_NAME} characters")
    if not place.by.strip():
        raise QuestionError("a place needs who named it: set by to a name")
    if (place.pose is None) is not bool(place.region):
        raise QuestionError("a place needs either a pose or a region")
    if place.pose is not None and not is_usable(place.pose):
        raise QuestionError("the place's pose is not finite, or has no orientation")
    if place.region:
        check_region(place.region)
    known = list(sessions)
    if place.session not in known:
        raise QuestionError(
            f"there is no map session {place.session}; the latest is "
            f"{max(known, default='none: nothing was seen yet')}"
        )


def contains(region: Polygon, x: float, y: float) -> bool:
    """Whether a point is inside a polygon."""
    inside = False
    for (ax, ay), (bx, by) in zip(region, (*region[1:], region[0]), strict=True):
        if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
            inside = not inside
    return inside


def completed(correction: Correction, table: ObjectTable, after: int) -> Correction:
    """``correction`` with the mentions by which its objects are found again.

    Raises:
        QuestionError: an object does not exist, or two are of different map sessions.
    """
    objects: list[SeenObject] = []
    for number in (correction.object_id, correction.other_id):
        if number is None:
            continue
        one = table.find(number)
        if one is None:
            raise QuestionError(f"there is no object {number}; see the list of objects")
        objects.append(one)
    if correction.kind == "merge" and objects[0].session != objects[1].session:
        raise QuestionError(
            f"objects {objects[0].id} and {objects[1].id} are of different map sessions, whose "
            "positions can't be compared; only objects of one session can be merged"
        )
    if correction.kind == "split":
        shown = {one.keyframe_id for one in table.sightings(object_ids=[objects[0].id])}
        wanted = set(correction.keyframes)
        if not wanted & shown or shown <= wanted:
            raise QuestionError(
                f"split needs some and not all of the keyframes that show object {objects[0].id}"
            )
    refs = [
        tuple(
            (one.keyframe_id, one.rank)
            for one in table.sightings(object_ids=[item.id])[-_MOST_MENTIONS:]
        )
        for item in objects
    ]
    if correction.kind == "forget":
        refs = []  # what is forgotten must not be found again
    return replace(
        correction,
        after=after,
        mentions=refs[0] if refs else (),
        other_mentions=refs[1] if len(refs) > 1 else (),
    )


def found_again(correction: Correction, table: ObjectTable) -> Correction | None:
    """``correction`` with the ids that its objects have now; ``None`` if they are gone."""
    shown: dict[tuple[int, int], int] = table.shown_by(
        [*correction.mentions, *correction.other_mentions]
    )
    ids: list[int | None] = []
    for refs in (correction.mentions, correction.other_mentions):
        counts = Counter(shown[ref] for ref in refs if ref in shown)
        ids.append(min(counts, key=lambda one: (-counts[one], one)) if counts else None)
    if ids[0] is None or (correction.kind == "merge" and ids[1] in (None, ids[0])):
        return None
    return replace(correction, object_id=ids[0], other_id=ids[1])


def amended(
    correction: Correction, table: ObjectTable, keyframes: Reader, tracker: Tracker
) -> ObjectChanges:
    """What a correction changes in the table of objects. A split takes the tracker's next id; the
    tracker's tracks don't change.

    Args:
        correction: any but "forget", with the ids that its objects have now.
        table: the objects.
        keyframes: the memory that they are derived from.
        tracker: continues with them.
    """
    assert correction.object_id is not None
    ids = [one for one in (correction.object_id, correction.other_id) if one is not None]
    tracks = load_tracks(table, ids=ids)
    track = tracks[correction.object_id]
    changes = ObjectChanges(tracker.last_keyframe)
    changed = [track]
    if correction.kind == "relabel":
        track.label = " ".join(correction.text.split())
    elif correction.kind == "annotate":
        track.note = correction.text.strip()
    elif correction.kind == "merge":
        assert correction.other_id is not None
        merge(track, tracks[correction.other_id])
        changes.joined.append((correction.other_id, track.id))
    else:
        sightings = table.sightings(object_ids=[track.id])
        numbers = {one.keyframe_id for one in sightings}
        stamps = {
            one.id: one.stamp_ns
            for number in numbers
            for one in keyframes.keyframes(since=number, limit=1)
        }
        other = split(track, sightings, stamps, set(correction.keyframes), tracker.take_id())
        changed.append(other)
        changes.sightings = [
            Sighting(one.keyframe_id, one.rank, other.id, one.ray)
            for one in sightings
            if one.keyframe_id in correction.keyframes
        ]
    changes.objects = [(one.record(), json.dumps(one.state())) for one in changed]
    changes.state = tracker.state()
    changes.correction_id = correction.id or 0
    return changes


def load_tracks(
    table: ObjectTable, *, session: int | None = None, ids: Iterable[int] = ()
) -> dict[int, Track]:
    """The tracks of a map session, or those with these ids."""
    numbers = list(ids)
    sightings = (
        table.sightings(object_ids=numbers) if session is None else table.sightings(session=session)
    )
    rays: dict[int, list[Ray]] = {}
    for one in sightings:
        if one.ray is not None:
            ray = Ray.of(one.keyframe_id, one.rank, one.ray)
            rays.setdefault(one.object_id, []).append(ray)
    return {
        record.id: restore(record, json.loads(state), rays.get(record.id, ()))
        for record, state in table.followed(session=session, ids=numbers)
    }
