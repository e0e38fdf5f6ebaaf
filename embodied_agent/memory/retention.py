"""What is dropped from a memory file as it grows: pictures first, then text, and answers.

- Pictures thin out, or are dropped (`picture_retention`).
- Text is thinned in rows of summaries (`summaries`): keyframes that hold the first or last sighting
  of a thing at a place, or that an answer or object rests on, stay as they are. Later rows take
  over from earlier ones what was seen last, so that the older, the fewer stay. Of the others,
  motion and pose stay, so that paths and directions can still be followed. Objects no longer name
  them as evidence (`object_evidence`).
- Answers are dropped, oldest first.

Nothing is dropped that perception still needs. Each step is bounded, and part of the transaction
that makes it due, so that no question waits for long.

Out of scope: objects and sightings (`object_retention`), what people want forgotten (`forgetting`).
"""

from __future__ import annotations

import time

import apsw

from embodied_agent.memory import summaries
from embodied_agent.memory.forgetting import keep_motion
from embodied_agent.memory.kept import (
    CITED,
    OF_OBJECTS,
    Kept,
    first_row,
    ids_of,
    kept_in,
    newest_stored_s,
    text_bytes,
)
from embodied_agent.memory.object_evidence import drop_thinned_evidence, largest_views
from embodied_agent.memory.picture_retention import PictureRetention
from embodied_agent.memory.summaries import SummaryTable, span
from embodied_agent.records import SUMMARY_ONLY
from embodied_agent.settings import MemorySettings

#: Text is thinned by rows of this level. They are few, so that text that is kept elsewhere is
#: seldom read again.
TEXT_LEVEL = 1
#: Most keyframes whose text is thinned with one delta.
_AT_ONCE = 64


class Retention:
    """Applies the limits of ``settings``; every method is part of a transaction of the writer."""

    def __init__(self, settings: MemorySettings, table: SummaryTable) -> None:
        self._settings = settings
        self._summaries = table
        self._pictures = PictureRetention(settings)
        self._answer_bytes: int | None = None  # counted when first needed and after a failure

    def recount(self) -> None:
        """Count sizes anew, because a transaction failed."""
        self._pictures.recount()
        self._answer_bytes = None

    def picture_added(self, size: int) -> None:
        """Count a picture of ``size`` bytes that was stored."""
        self._pictures.added(size)

    def apply(self, db: apsw.Connection) -> None:
        """Drop pictures and text beyond the limits."""
        settings, now = self._settings, time.time()
        needed = _needed(db)
        kept = kept_in(db)
        if settings.max_age_s:
            self._pictures.drop_older(db, now - settings.max_age_s, needed)
        if settings.thin_after_s:
            kept = self._pictures.thin_older(db, kept, now - settings.thin_after_s, needed)
        if settings.max_bytes:
            kept = self._pictures.fit(db, kept, needed)
        self._thin_text(db, kept, now, needed)

    # -- text ------------------------------------------------------------------------------------

    def _thin_text(self, db: apsw.Connection, kept: Kept, now: float, needed: int) -> None:
        """Thin the text that the next row of summaries replaces, if that is due."""
        settings = self._settings
        if not settings.text_max_age_s and not settings.text_max_bytes:
            return
        width = span(TEXT_LEVEL, 0)[1] + 1
        number = kept.text_from // width
        last = span(TEXT_LEVEL, number)[1]
        if last >= needed or not self._summaries.is_derived(db, TEXT_LEVEL, number):
            return
        newest = newest_stored_s(db, last)
        too_old = settings.text_max_age_s and (newest or now) < now - settings.text_max_age_s
        if not too_old and not (
            settings.text_max_bytes
            and text_bytes(db, self._pictures.counted(db)) > settings.text_max_bytes
        ):
            return
        level = TEXT_LEVEL
        while self._thin_rows(db, level, number, number):
            self._summaries.drop_below(db, level, number)
            if (number + 1) % summaries.FANOUT:
                # What earlier rows of the same parent keep is needed less, now that there is more.
                if self._thin_rows(db, level, number - number % summaries.FANOUT, number):
                    db.execute("UPDATE retention SET text_from = ?", (last + 1,))
                return
            level, number = level + 1, (number + 1) // summaries.FANOUT - 1

    def _thin_rows(self, db: apsw.Connection, level: int, first_row: int, last_row: int) -> bool:
        """Thin a part of the text that consecutive rows summarise; returns whether all of it is
        thinned."""
        first, last = span(level, first_row)[0], span(level, last_row)[1]
        kept = self._summaries.evidence(db, level, first_row, last_row)
        kept |= ids_of(db, CITED, first, last) | ids_of(db, OF_OBJECTS, first, last)
        sql = (
            "SELECT keyframe_id FROM deltas WHERE keyframe_id BETWEEN ?1 AND ?2 "
            f"AND NOT instr(json, '{SUMMARY_ONLY}')"
        )
        leaving = sorted(ids_of(db, sql, first, last) - kept)
        now: list[int] = []
        while leaving and not now:
            now, leaving = leaving[:_AT_ONCE], leaving[_AT_ONCE:]
            now = sorted(set(now) - largest_views(db, now))
        self._pictures.drop(db, now)
        keep_motion(db, now)
        shown = _drop_sightings(db, now, first, last)
        drop_thinned_evidence(db, shown)
        return not leaving

    # -- answers ---------------------------------------------------------------------------------

    def answer_added(self, db: apsw.Connection, size: int) -> None:
        """Count an answer of ``size`` bytes that was stored, and drop those beyond the limits."""
        settings = self._settings
        if settings.answers_max_age_s:
            before_s = time.time() - settings.answers_max_age_s
            while row := first_row(db, f"{_OLDEST_ANSWER} AND stored_at_s < ?", (before_s,)):
                self._drop_answer(db, *row)
        if not settings.answers_max_bytes:
            return
        if self._answer_bytes is None:
            sql = f"SELECT coalesce(sum({_ANSWER_SIZE}), 0) FROM answers"
            self._answer_bytes = int(db.execute(sql).get)
        else:
            self._answer_bytes += size
        while self._answer_bytes > settings.answers_max_bytes:
            oldest = first_row(db, _OLDEST_ANSWER)
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


def _needed(db: apsw.Connection) -> int:
    """The first keyframe that perception still needs: the one before the oldest pending keyframe,
    or the last one."""
    sql = (
        "SELECT coalesce((SELECT min(id) FROM keyframes WHERE state = 'pending'), "
        "(SELECT max(id) + 1 FROM keyframes), 0) - 1"
    )
    return int(db.execute(sql).get)


def _drop_sightings(db: apsw.Connection, leaving: list[int], first: int, last: int) -> set[int]:
    """Remove the sightings in these keyframes, except those that an object's position is computed
    from; returns the objects that they show."""
    sql = (
        "SELECT number, rank FROM (SELECT CASE type WHEN 'array' THEN json_extract(value, '$[0]') "
        "END AS number, CASE type WHEN 'array' THEN json_extract(value, '$[1]') END AS rank "
        "FROM objects, json_each(CASE WHEN json_valid(state) THEN state ELSE '{}' END, '$.rays')) "
        "WHERE number BETWEEN ? AND ?"
    )
    rays = set(db.execute(sql, (first, last)))
    sql = "SELECT keyframe_id, rank, object_id FROM sightings WHERE keyframe_id = ?"
    rows = [row for one in leaving for row in db.execute(sql, (one,))]
    db.executemany(
        "DELETE FROM sightings WHERE keyframe_id = ? AND rank = ?",
        [(number, rank) for number, rank, _ in rows if (number, rank) not in rays],
    )
    return {int(one) for _, _, one in rows}
