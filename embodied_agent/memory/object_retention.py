"""What is dropped from the tables of objects as a memory grows.

- Sightings are thinned out, oldest first: their measured direction and distance are dropped. Which
  keyframe shows which object is kept as long as the keyframe's text, so that what a person wants
  forgotten is found. An object's first and last sighting, and those that its position is computed
  from, stay whole.
- Objects of earlier map sessions are thinned out, oldest first: of the sightings that they rest on,
  the first and the last stay. What an object is, where, and when it was first and last seen, is
  never dropped. Those of which all text was thinned out are thinned out, too.
- No evidence is written that names a keyframe whose text was thinned out (`object_evidence`).

All of it is part of the transaction that stores what one more keyframe changes, a few rows at a
time.

Out of scope: pictures, text and answers (`retention`), what people want forgotten (`corrections`).
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable
from dataclasses import replace
from typing import Any

import apsw

from embodied_agent.memory.kept import kept_in
from embodied_agent.memory.object_evidence import (
    drop_thinned_evidence,
    drop_thinned_sightings,
    rays_of,
    read_object,
    write_object,
)
from embodied_agent.memory.object_rows import sighting_row
from embodied_agent.object_records import MentionRef, ObjectChanges, SeenObject, Sighting
from embodied_agent.settings import MemorySettings

#: Most rows that are considered with one keyframe.
_SIGHTINGS_AT_ONCE, _OBJECTS_AT_ONCE = 256, 16


class ObjectRetention:
    """Applies the limits of ``settings``; every method is part of a transaction of the writer."""

    def __init__(self, settings: MemorySettings) -> None:
        self._settings = settings
        self._passed = (-1, -1)  # the last sighting that was considered since the start
        self._passed_object = -1
        self._whole: int | None = None  # how many sightings there are; counted when first needed
        self._corrected = 0
        self._text_from = 0
        self._mended, self._all_mended = -1, False

    def recount(self) -> None:
        """Consider all sightings anew, because a transaction failed, or some were removed or
        changed."""
        self._whole, self._passed, self._passed_object = None, (-1, -1), -1

    def apply(self, db: apsw.Connection, changes: ObjectChanges) -> None:
        """Thin out what exceeds the limits, now that ``changes`` are stored."""
        settings, now = self._settings, time.time()
        if changes.correction_id != self._corrected:
            self.recount()  # corrections remove and change sightings
            self._corrected = changes.correction_id
        text_from = kept_in(db).text_from
        if text_from != self._text_from:
            self._whole, self._text_from = None, text_from  # sightings go with their text
        if settings.sightings_max or settings.sightings_max_age_s:
            if self._whole is not None:
                self._whole += sum(one.ray is not None for one in changes.sightings)
            self._thin_sightings(db, now - settings.sightings_max_age_s)
            self._thin_again(db, {one.object_id for one in changes.sightings})
        if settings.objects_max or settings.objects_max_age_s or text_from:
            thinned = self._thin_objects(db, now - settings.objects_max_age_s, text_from)
            self._thin_again(db, thinned)
        if text_from:
            records = [record for record, _ in changes.objects]
            reaching = {one.id for one in records if one.evidence and one.evidence[0] < text_from}
            drop_thinned_evidence(db, reaching | self._next_of_earlier_versions(db))

    def _next_of_earlier_versions(self, db: apsw.Connection) -> set[int]:
        """The next objects that an earlier version may have left with evidence that is thinned."""
        if self._all_mended:
            return set()
        sql = "SELECT id FROM objects WHERE id > ? ORDER BY id LIMIT ?"
        ids = [int(one) for (one,) in db.execute(sql, (self._mended, _OBJECTS_AT_ONCE))]
        self._mended = ids[-1] if ids else self._mended
        self._all_mended = not ids
        return set(ids)

    # -- sightings -------------------------------------------------------------------------------

    def _thin_sightings(self, db: apsw.Connection, before_s: float) -> None:
        settings = self._settings
        if self._whole is None:
            sql = "SELECT count(*) FROM sightings WHERE ray IS NOT NULL"
            self._whole = int(db.execute(sql).get)
        excess = self._whole - settings.sightings_max if settings.sightings_max else 0
        sql = (
            "SELECT s.keyframe_id, s.rank, s.object_id, s.ray IS NOT NULL, k.stored_at_s "
            "FROM sightings s JOIN keyframes k ON k.id = s.keyframe_id "
            "WHERE (s.keyframe_id, s.rank) > (?, ?) ORDER BY s.keyframe_id, s.rank LIMIT ?"
        )
        held: dict[int, set[MentionRef]] = {}
        thinned: list[Sighting] = []
        for number, rank, one, whole, stored_s in list(
            db.execute(sql, (*self._passed, _SIGHTINGS_AT_ONCE))
        ):
            too_old = settings.sightings_max_age_s and stored_s < before_s
            if not too_old and len(thinned) >= excess:
                break
            self._passed = number, rank
            if one not in held:
                held[one] = _needed_by(db, one)
            if whole and (number, rank) not in held[one]:
                thinned.append(Sighting(number, rank, one, None))
        self._store(db, thinned)

    def _thin_again(self, db: apsw.Connection, objects: Iterable[int]) -> None:
        """Thin the sightings that were skipped because these objects needed them, and that they no
        longer need, because they were seen again or thinned out themselves."""
        sql = (
            "SELECT keyframe_id, rank FROM sightings WHERE object_id = ?1 AND ray IS NOT NULL "
            "AND keyframe_id <= ?2"
        )
        for one in objects:
            earlier = set(db.execute(sql, (one, self._passed[0])))
            if earlier:
                leaving = sorted(earlier - _needed_by(db, one))
                self._store(db, [Sighting(number, rank, one, None) for number, rank in leaving])

    def _store(self, db: apsw.Connection, thinned: list[Sighting]) -> None:
        db.executemany(
            "INSERT OR REPLACE INTO sightings VALUES (?, ?, ?, ?, ?)", map(sighting_row, thinned)
        )
        if self._whole is not None:
            self._whole -= len(thinned)

    # -- objects ---------------------------------------------------------------------------------

    def _thin_objects(self, db: apsw.Connection, before_s: float, text_from: int) -> list[int]:
        """Thin out objects; returns those that were thinned out now. All text is kept from
        ``text_from`` on."""
        settings = self._settings
        present = db.execute("SELECT max(session) FROM objects").get
        excess = 0
        if settings.objects_max:
            excess = int(db.execute("SELECT count(*) FROM objects").get) - settings.objects_max
            excess -= int(
                db.execute("SELECT count(*) FROM objects WHERE id <= ?", (self._passed_object,)).get
            )
        sql = (
            "SELECT id, session, json, state, checksum FROM objects WHERE id > ? "
            "ORDER BY id LIMIT ?"
        )
        thinned = []
        rows = list(db.execute(sql, (self._passed_object, _OBJECTS_AT_ONCE)))
        for place, (number, session, text, state, checksum) in enumerate(rows):
            if session == present:
                break  # it is still being tracked
            record = read_object(text, state, checksum)
            too_old = (
                record is None
                or (settings.objects_max_age_s and _stored_s(db, record) < before_s)
                or (bool(record.evidence) and record.evidence[-1] < text_from)
            )
            if not too_old and place >= excess:
                break
            self._passed_object = int(number)
            if record is not None:
                smaller = _thinned(record, state)
                if smaller != (record, state):
                    write_object(db, *smaller)
                drop_thinned_sightings(db, int(number), rays_of(smaller[1]))
                self._whole = None
                thinned.append(int(number))
        return thinned


def _needed_by(db: apsw.Connection, object_id: int) -> set[MentionRef]:
    """The first and last sighting of an object, and those that its position is computed from; all,
    if these can't be read."""
    refs: set[MentionRef] = set()
    for order in ("ASC", "DESC"):
        sql = (
            "SELECT keyframe_id, rank FROM sightings WHERE object_id = ? "
            f"ORDER BY keyframe_id {order}, rank {order} LIMIT 1"
        )
        refs |= set(db.execute(sql, (object_id,)))
    row = next(iter(db.execute("SELECT state FROM objects WHERE id = ?", (object_id,))), None)
    try:
        refs |= rays_of(row[0] if row else "{}")
    except (ValueError, TypeError, LookupError):
        refs |= set(
            db.execute("SELECT keyframe_id, rank FROM sightings WHERE object_id = ?", (object_id,))
        )
    return refs


def _stored_s(db: apsw.Connection, record: SeenObject) -> float:
    """When an object was last seen, by the wall clock; 0 if unknown."""
    sql = "SELECT stored_at_s FROM keyframes WHERE id = ?"
    last = record.evidence[-1] if record.evidence else -1
    return float(db.execute(sql, (last,)).get or 0.0)


def _thinned(record: SeenObject, state: str) -> tuple[SeenObject, str]:
    """An object with only the first and last sighting that it rests on."""
    values = json.loads(state)
    values["rays"] = _ends(values["rays"])
    values["missed_from"] = []
    smaller = replace(
        record, evidence=tuple(_ends(record.evidence)), missed_in=tuple(_ends(record.missed_in))
    )
    return smaller, json.dumps(values)


def _ends(items: Any) -> list[Any]:
    """The first and the last item."""
    return [*items[:1], *items[1:][-1:]]
