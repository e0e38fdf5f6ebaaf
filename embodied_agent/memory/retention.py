"""What leaves a memory file as it grows: pictures first, then text, and answers.

- Pictures thin out: of old ones a few are kept per place, or without poses per stretch, and ever
  fewer the older they are. What answers and objects rest on outlives that, and what answers rest on
  is dropped last. A limit by age drops all.
- Text is thinned in rows of summaries (`summaries`): keyframes that hold the first or last sighting
  of a thing there, or that an answer or object rests on, stay as they are. Of the others the motion
  and pose stay, so that ways and directions can still be followed.
- Answers are dropped, oldest first.

Nothing leaves that perception still needs. Each step is part of the transaction that makes it due,
and bounded, so that no question waits for long.

Out of scope: what people want forgotten (`forgetting`).
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Hashable, Iterable
from typing import NamedTuple

import apsw

from embodied_agent.memory import schema, summaries
from embodied_agent.memory.forgetting import keep_motion
from embodied_agent.memory.summaries import SummaryTable, span
from embodied_agent.records import SUMMARY_ONLY
from embodied_agent.settings import MemorySettings
from embodied_agent.transcript.summaries import cell_of

#: Rows of this level are what text is thinned by: few, so that whoever keeps text reads it anew
#: rarely.
TEXT_LEVEL = 1
#: Blocks whose pictures are thinned together with one keyframe, at most.
_BLOCKS_AT_ONCE = 8
#: Keyframes whose text is thinned together with one delta, at most.
_AT_ONCE = 64
#: Without poses, this many stretches of a row of summaries keep pictures.
_STRETCHES = 4
#: Keyframes that answers rest on, by SQL with the first and last id.
_CITED = "SELECT keyframe_id FROM citations WHERE keyframe_id BETWEEN ?1 AND ?2"
#: The first and last keyframe that each object rests on. Damaged rows are passed over.
_OF_OBJECTS = (
    "SELECT id FROM (SELECT json_extract(text, at) AS id FROM "
    "(SELECT CASE WHEN json_valid(json) THEN json ELSE '{}' END AS text FROM objects), "
    "(SELECT '$.evidence[0]' AS at UNION SELECT '$.evidence[#-1]')) WHERE id BETWEEN ?1 AND ?2"
)


class Kept(NamedTuple):
    """How far retention has come: all pictures are kept from keyframe ``pictures_from`` on (but for
    those over the limits), and all text from ``text_from`` on."""

    pictures_from: int = 0
    text_from: int = 0


class Retention:
    """Applies the limits of ``settings``; every method is part of a transaction of the writer."""

    def __init__(self, settings: MemorySettings, table: SummaryTable) -> None:
        self._settings = settings
        self._summaries = table
        self._picture_bytes: int | None = None  # counted when first needed and after a failure
        self._answer_bytes: int | None = None

    def recount(self) -> None:
        """A transaction failed: sizes are counted anew."""
        self._picture_bytes = self._answer_bytes = None

    def picture_added(self, size: int) -> None:
        """A picture of ``size`` bytes was stored."""
        if self._picture_bytes is not None:
            self._picture_bytes += size

    def apply(self, db: apsw.Connection) -> None:
        """Let go of pictures and text beyond the limits."""
        settings, now = self._settings, time.time()
        needed = _needed(db)
        kept = kept_in(db)
        if settings.max_age_s:
            self._drop_older(db, now - settings.max_age_s, needed)
        if settings.thin_after_s:
            kept = self._thin_older(db, kept, now - settings.thin_after_s, needed)
        if settings.max_bytes:
            kept = self._fit_pictures(db, kept, needed)
        self._thin_text(db, kept, now, needed)

    # -- pictures --------------------------------------------------------------------------------

    def _drop_older(self, db: apsw.Connection, before_s: float, needed: int) -> None:
        """Drop all pictures that were stored before a time."""
        while True:
            row = _first(
                db,
                "SELECT id, stored_at_s FROM keyframes WHERE picture_bytes > 0 ORDER BY id LIMIT 1",
            )
            if row is None or row[0] >= needed or row[1] >= before_s:
                return
            self._drop_pictures(db, [int(row[0])])

    def _thin_older(self, db: apsw.Connection, kept: Kept, before_s: float, needed: int) -> Kept:
        for _ in range(_BLOCKS_AT_ONCE):
            last = span(0, kept.pictures_from // summaries.BLOCK)[1]
            newest = _newest_stored_s(db, last)
            if last >= needed or newest is None or newest >= before_s:
                break
            kept = self._thin_block(db, kept)
        return kept

    def _fit_pictures(self, db: apsw.Connection, kept: Kept, needed: int) -> Kept:
        """Thin pictures, oldest first, until they fit; then drop the oldest that nothing rests on,
        then the oldest."""
        first = kept.pictures_from // summaries.BLOCK
        while self._counted(db) > self._settings.max_bytes:
            block = kept.pictures_from // summaries.BLOCK
            if block == first + _BLOCKS_AT_ONCE:
                break  # the next keyframe goes on
            if span(0, block)[1] < needed:
                kept = self._thin_block(db, kept)
                continue
            oldest = (
                "SELECT id FROM keyframes WHERE picture_bytes > 0 AND id < ?1 "
                "AND NOT (?2 AND id IN (SELECT keyframe_id FROM citations)) ORDER BY id LIMIT 1"
            )
            row = _first(db, oldest, (needed, True)) or _first(db, oldest, (needed, False))
            if row is None:
                break
            self._drop_pictures(db, [int(row[0])])
        return kept

    def _thin_block(self, db: apsw.Connection, kept: Kept) -> Kept:
        """Thin the pictures of the next block, and of the rows of summaries that end with it."""
        block = kept.pictures_from // summaries.BLOCK
        level, number = 0, block
        while True:
            self._thin_pictures(db, level, number)
            if (number + 1) % summaries.FANOUT:
                break
            level, number = level + 1, (number + 1) // summaries.FANOUT - 1
        kept = kept._replace(pictures_from=span(0, block)[1] + 1)
        db.execute("UPDATE retention SET pictures_from = ?", (kept.pictures_from,))
        return kept

    def _thin_pictures(self, db: apsw.Connection, level: int, number: int) -> None:
        first, last = span(level, number)
        places: dict[Hashable, list[int]] = defaultdict(list)
        stretch = max(1, (last + 1 - first) // _STRETCHES)
        sql = (
            "SELECT id, segment, x, y, z FROM keyframes "
            "WHERE picture_bytes > 0 AND id BETWEEN ? AND ? ORDER BY id"
        )
        for one, segment, x, y, z in db.execute(sql, (first, last)):
            cell = None if x is None else cell_of((x, y, z), self._settings.place_m)
            places[segment, cell or one // stretch].append(one)
        kept = {one for ids in places.values() for one in _spread(ids, self._settings.thin_to)}
        kept |= _ids(db, _CITED, first, last) | _ids(db, _OF_OBJECTS, first, last)
        self._drop_pictures(db, (one for ids in places.values() for one in ids if one not in kept))

    def _drop_pictures(self, db: apsw.Connection, ids: Iterable[int]) -> None:
        for one in ids:
            size = db.execute("SELECT picture_bytes FROM keyframes WHERE id = ?", (one,)).get
            db.execute("DELETE FROM pictures WHERE keyframe_id = ?", (one,))
            db.execute("UPDATE keyframes SET picture_bytes = 0 WHERE id = ?", (one,))
            if self._picture_bytes is not None:
                self._picture_bytes -= int(size)

    def _counted(self, db: apsw.Connection) -> int:
        """The size of all pictures, in bytes."""
        if self._picture_bytes is None:
            sql = "SELECT coalesce(sum(picture_bytes), 0) FROM keyframes"
            self._picture_bytes = int(db.execute(sql).get)
        return self._picture_bytes

    # -- text ------------------------------------------------------------------------------------

    def _thin_text(self, db: apsw.Connection, kept: Kept, now: float, needed: int) -> None:
        """Thin the text that the next row of summaries stands for, where that is due."""
        settings = self._settings
        if not settings.text_max_age_s and not settings.text_max_bytes:
            return
        width = span(TEXT_LEVEL, 0)[1] + 1
        number = kept.text_from // width
        last = span(TEXT_LEVEL, number)[1]
        if last >= needed or not self._summaries.is_derived(db, TEXT_LEVEL, number):
            return
        newest = _newest_stored_s(db, last)
        too_old = settings.text_max_age_s and (newest or now) < now - settings.text_max_age_s
        if not too_old and not (
            settings.text_max_bytes and text_bytes(db, self._counted(db)) > settings.text_max_bytes
        ):
            return
        level = TEXT_LEVEL
        while self._thin_row(db, level, number):
            if (number + 1) % summaries.FANOUT:
                db.execute("UPDATE retention SET text_from = ?", (last + 1,))
                return
            level, number = level + 1, (number + 1) // summaries.FANOUT - 1

    def _thin_row(self, db: apsw.Connection, level: int, number: int) -> bool:
        """Thin the text that a row summarises, a part at a time; whether all of it is."""
        first, last = span(level, number)
        kept = self._summaries.evidence(db, level, number)
        kept |= _ids(db, _CITED, first, last) | _ids(db, _OF_OBJECTS, first, last)
        sql = (
            "SELECT keyframe_id FROM deltas WHERE keyframe_id BETWEEN ?1 AND ?2 "
            f"AND NOT instr(json, '{SUMMARY_ONLY}')"
        )
        leaving = sorted(_ids(db, sql, first, last) - kept)
        now = leaving[:_AT_ONCE]
        self._drop_pictures(db, now)
        for one in now:
            keep_motion(db, one)
        _drop_sightings(db, now, first, last)
        if now != leaving:
            return False
        self._summaries.drop_below(db, level, number)
        return True

    # -- answers ---------------------------------------------------------------------------------

    def answer_added(self, db: apsw.Connection, size: int) -> None:
        """An answer whose texts have ``size`` bytes was stored: let go of those beyond the
        limits."""
        settings = self._settings
        if settings.answers_max_age_s:
            before_s = time.time() - settings.answers_max_age_s
            while row := _first(db, f"{_OLDEST_ANSWER} AND stored_at_s < ?", (before_s,)):
                self._drop_answer(db, *row)
        if not settings.answers_max_bytes:
            return
        if self._answer_bytes is None:
            sql = f"SELECT coalesce(sum({_ANSWER_SIZE}), 0) FROM answers"
            self._answer_bytes = int(db.execute(sql).get)
        else:
            self._answer_bytes += size
        while self._answer_bytes > settings.answers_max_bytes:
            oldest = _first(db, _OLDEST_ANSWER)
            if oldest is None:
                break
            self._drop_answer(db, *oldest)

    def _drop_answer(self, db: apsw.Connection, number: int, size: int) -> None:
        db.execute("DELETE FROM answers WHERE id = ?", (number,))
        db.execute("DELETE FROM citations WHERE answer_id = ?", (number,))
        if self._answer_bytes is not None:
            self._answer_bytes -= size


_ANSWER_SIZE = "octet_length(question) + octet_length(answer)"
#: The oldest answer but the newest one, and the size of its texts.
_OLDEST_ANSWER = (
    f"SELECT id, {_ANSWER_SIZE} FROM answers "
    "WHERE id = (SELECT min(id) FROM answers) AND id < (SELECT max(id) FROM answers)"
)


def kept_in(db: apsw.Connection) -> Kept:
    """How far retention has come in a file; one of an earlier version may lack the table."""
    if schema.version_of(db) < schema.WITH_SUMMARIES:
        return Kept()
    row = _first(db, "SELECT pictures_from, text_from FROM retention")
    if row is None or not all(isinstance(one, int) for one in row):
        return Kept()  # damaged: nothing is taken for dropped
    return Kept(*row)


def text_bytes(db: apsw.Connection, picture_bytes: int) -> int:
    """The size of everything but the pictures, in bytes."""
    pages = int(db.pragma("page_count")) - int(db.pragma("freelist_count"))
    return max(0, pages * int(db.pragma("page_size")) - picture_bytes)


def _needed(db: apsw.Connection) -> int:
    """The first keyframe that perception still needs: that before the oldest pending one, or the
    last one."""
    sql = (
        "SELECT coalesce((SELECT min(id) FROM keyframes WHERE state = 'pending'), "
        "(SELECT max(id) + 1 FROM keyframes), 0) - 1"
    )
    return int(db.execute(sql).get)


def _newest_stored_s(db: apsw.Connection, last_id: int) -> float | None:
    """When the newest keyframe up to ``last_id`` was stored, by the wall clock."""
    sql = "SELECT stored_at_s FROM keyframes WHERE id <= ? ORDER BY id DESC LIMIT 1"
    row = _first(db, sql, (last_id,))
    return None if row is None else float(row[0])


def _spread(ids: list[int], count: int) -> list[int]:
    """At most ``count`` of the ids, evenly spread, with the first of them."""
    if len(ids) <= count:
        return ids
    return [ids[at * len(ids) // count] for at in range(count)]


def _drop_sightings(db: apsw.Connection, leaving: list[int], first: int, last: int) -> None:
    """Remove the sightings of these keyframes, but for those whose rays an object's position is
    made of."""
    sql = (
        "SELECT number, rank FROM (SELECT CASE type WHEN 'array' THEN json_extract(value, '$[0]') "
        "END AS number, CASE type WHEN 'array' THEN json_extract(value, '$[1]') END AS rank "
        "FROM objects, json_each(CASE WHEN json_valid(state) THEN state ELSE '{}' END, '$.rays')) "
        "WHERE number BETWEEN ? AND ?"
    )
    rays = set(db.execute(sql, (first, last)))
    refs = [
        ref
        for one in leaving
        for ref in db.execute(
            "SELECT keyframe_id, rank FROM sightings WHERE keyframe_id = ?", (one,)
        )
        if ref not in rays
    ]
    db.executemany("DELETE FROM sightings WHERE keyframe_id = ? AND rank = ?", refs)


def _ids(db: apsw.Connection, sql: str, first: int, last: int) -> set[int]:
    return {int(one) for (one,) in db.execute(sql, (first, last))}


def _first(
    db: apsw.Connection, sql: str, bindings: tuple[object, ...] = ()
) -> tuple[int, ...] | None:
    row: tuple[int, ...] | None = next(iter(db.execute(sql, bindings)), None)
    return row
