"""Pictures of a memory file as they grow old: thinned out, then dropped.

Of old pictures, a few are kept for each place (without poses, for each stretch), and fewer the
older they are. Pictures that answers and objects rest on are kept longer, and those that answers
rest on longest. A limit by age drops all. A keyframe's depth picture goes with its picture, and
counts with it.

Out of scope: when (`retention`), which keyframes perception still needs.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable

import apsw

from embodied_agent.memory import summaries
from embodied_agent.memory.kept import (
    CITED,
    OF_OBJECTS,
    Kept,
    first_row,
    ids_of,
    newest_stored_s,
)
from embodied_agent.memory.object_evidence import largest_views
from embodied_agent.memory.summaries import span
from embodied_agent.memory.writing import delete_pictures
from embodied_agent.settings import MemorySettings
from embodied_agent.transcript.summaries import cell_of

#: Most blocks whose pictures are thinned with one keyframe.
_BLOCKS_AT_ONCE = 8
#: How many stretches of a row of summaries keep pictures, if there are no poses.
_STRETCHES = 4


class PictureRetention:
    """Applies the limits of ``settings``; every method is part of a transaction of the writer."""

    def __init__(self, settings: MemorySettings) -> None:
        self._settings = settings
        self._bytes: int | None = None  # counted when first needed and after a failure

    def recount(self) -> None:
        """Count sizes anew, because a transaction failed."""
        self._bytes = None

    def added(self, size: int) -> None:
        """Count a picture of ``size`` bytes that was stored."""
        if self._bytes is not None:
            self._bytes += size

    def counted(self, db: apsw.Connection) -> int:
        """The size of all pictures, in bytes."""
        if self._bytes is None:
            sql = "SELECT coalesce(sum(picture_bytes), 0) FROM keyframes"
            self._bytes = int(db.execute(sql).get)
        return self._bytes

    def drop_older(self, db: apsw.Connection, before_s: float, needed: int) -> None:
        """Drop all pictures that were stored before a time."""
        while True:
            row = first_row(
                db,
                "SELECT id, stored_at_s FROM keyframes WHERE picture_bytes > 0 ORDER BY id LIMIT 1",
            )
            if row is None or row[0] >= needed or row[1] >= before_s:
                return
            self.drop(db, [int(row[0])])

    def thin_older(self, db: apsw.Connection, kept: Kept, before_s: float, needed: int) -> Kept:
        """Thin the pictures that were stored before a time, a few blocks in each call; returns how
        far the thinning has come."""
        for _ in range(_BLOCKS_AT_ONCE):
            last = span(0, kept.pictures_from // summaries.BLOCK)[1]
            newest = newest_stored_s(db, last)
            if last >= needed or newest is None or newest >= before_s:
                break
            kept = self._thin_block(db, kept)
        return kept

    def fit(self, db: apsw.Connection, kept: Kept, needed: int) -> Kept:
        """Thin pictures, oldest first, until they fit; then drop the oldest that nothing rests on,
        then the oldest. Returns how far the thinning has come."""
        first = kept.pictures_from // summaries.BLOCK
        while self.counted(db) > self._settings.max_bytes:
            block = kept.pictures_from // summaries.BLOCK
            if block == first + _BLOCKS_AT_ONCE:
                break  # continued with the next keyframe
            if span(0, block)[1] < needed:
                kept = self._thin_block(db, kept)
                continue
            oldest = (
                "SELECT id FROM keyframes WHERE picture_bytes > 0 AND id < ?1 "
                "AND NOT (?2 AND id IN (SELECT keyframe_id FROM citations)) ORDER BY id LIMIT 1"
            )
            row = first_row(db, oldest, (needed, True)) or first_row(db, oldest, (needed, False))
            if row is None:
                break
            self.drop(db, [int(row[0])])
        return kept

    def _thin_block(self, db: apsw.Connection, kept: Kept) -> Kept:
        """Thin the pictures of the next block, and of the rows of summaries that end with it."""
        block = kept.pictures_from // summaries.BLOCK
        level, number = 0, block
        while True:
            self._thin_span(db, level, number)
            if (number + 1) % summaries.FANOUT:
                break
            level, number = level + 1, (number + 1) // summaries.FANOUT - 1
        kept = kept._replace(pictures_from=span(0, block)[1] + 1)
        db.execute("UPDATE retention SET pictures_from = ?", (kept.pictures_from,))
        return kept

    def _thin_span(self, db: apsw.Connection, level: int, number: int) -> None:
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
        kept |= ids_of(db, CITED, first, last) | ids_of(db, OF_OBJECTS, first, last)
        leaving = [one for ids in places.values() for one in ids if one not in kept]
        self.drop(db, sorted(set(leaving) - largest_views(db, leaving)))

    def drop(self, db: apsw.Connection, ids: Iterable[int]) -> None:
        """Drop the pictures of these keyframes."""
        for one in ids:
            size = db.execute("SELECT picture_bytes FROM keyframes WHERE id = ?", (one,)).get
            delete_pictures(db, one)
            if self._bytes is not None:
                self._bytes -= int(size)


def _spread(ids: list[int], count: int) -> list[int]:
    """At most ``count`` of the ids, evenly spread, with the first of them."""
    if len(ids) <= count:
        return ids
    return [ids[at * len(ids) // count] for at in range(count)]
