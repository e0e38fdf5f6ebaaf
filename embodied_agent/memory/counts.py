"""How much a memory holds, as typed values, and how it is counted.

Out of scope: counting requests over MQTT (`outbox`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import apsw

from embodied_agent.memory.kept import kept_in, text_bytes

#: The fields of `MemoryStatus` that one query counts, in the query's order.
_STORED = (
    *("keyframes", "segments", "first_stamp_ns", "last_stamp_ns", "pictures", "picture_bytes"),
    *("mentions", "objects", "answers"),
)


@dataclass(frozen=True, slots=True)
class KeyframeCounts:
    """Keyframes by state: ``pending`` ones have no delta yet, ``done`` ones have a usable delta,
    ``unusable`` ones a delta that holds the egomotion only."""

    pending: int = 0
    done: int = 0
    unusable: int = 0

    @property
    def total(self) -> int:
        """All keyframes."""
        return self.pending + self.done + self.unusable


@dataclass(frozen=True, slots=True)
class MemoryStatus:
    """What a memory file holds.

    Stamps are nanoseconds of the sensor's clock, ``None`` while there are no keyframes.
    ``pictures`` counts the keyframes whose picture retention has not dropped; ``mentions`` counts
    every mention of an object, ``objects`` the different names. Sizes are in bytes; ``text_bytes``
    is that of everything but the pictures. Of keyframes before ``pictures_from``, pictures are
    thinned out; of those before ``text_from``, text is kept as a summary only. ``damaged`` names
    the rows that were found damaged and are left out, the first of them.
    """

    path: str
    keyframes: int
    segments: int
    first_stamp_ns: int | None
    last_stamp_ns: int | None
    pictures: int
    picture_bytes: int
    mentions: int
    objects: int
    answers: int
    pending: int
    done: int
    unusable: int
    file_bytes: int
    damaged: tuple[str, ...] = ()
    text_bytes: int = 0
    pictures_from: int = 0
    text_from: int = 0


@dataclass(frozen=True, slots=True)
class OutboxCounts:
    """Requests over MQTT: ids that are ``remembered``, questions still ``open``, answers ``due``
    for delivery."""

    remembered: int
    open: int
    due: int


def keyframe_counts(db: apsw.Connection) -> KeyframeCounts:
    """How many keyframes are in which state."""
    total = int(db.execute("SELECT count(*) FROM keyframes").get)
    pending = int(db.execute("SELECT count(*) FROM keyframes WHERE state = 'pending'").get)
    unusable = int(db.execute("SELECT count(*) FROM deltas WHERE NOT usable").get)
    return KeyframeCounts(pending, total - pending - unusable, unusable)


def memory_status(db: apsw.Connection, path: str, damaged: tuple[str, ...]) -> MemoryStatus:
    """What the file at ``path`` holds; ``damaged`` names rows that are left out."""
    stored = dict(zip(_STORED, _stored(db), strict=True))
    counts, kept = keyframe_counts(db), kept_in(db)
    return MemoryStatus(
        path=path,
        **stored,
        pending=counts.pending,
        done=counts.done,
        unusable=counts.unusable,
        file_bytes=int(db.pragma("page_count")) * int(db.pragma("page_size")),
        text_bytes=text_bytes(db, int(stored["picture_bytes"])),
        pictures_from=kept.pictures_from,
        text_from=kept.text_from,
        damaged=damaged,
    )


def _stored(db: apsw.Connection) -> tuple[Any, ...]:
    # Each of these is counted in an index, or skips from one value to the next in one.
    sql = (
        "WITH RECURSIVE s (n) AS (SELECT min(segment) FROM keyframes UNION "
        "SELECT (SELECT min(segment) FROM keyframes WHERE segment > s.n) FROM s "
        "WHERE s.n IS NOT NULL), d (name) AS (SELECT min(name) FROM mentions UNION "
        "SELECT (SELECT min(name) FROM mentions WHERE name > d.name) FROM d "
        "WHERE d.name IS NOT NULL) "
        "SELECT (SELECT count(*) FROM keyframes), count(n), "
        "min((SELECT min(stamp_ns) FROM keyframes WHERE segment = n)), "
        "max((SELECT max(stamp_ns) FROM keyframes WHERE segment = n)), "
        "(SELECT count(*) FROM keyframes WHERE picture_bytes > 0), "
        "(SELECT coalesce(sum(picture_bytes), 0) FROM keyframes WHERE picture_bytes > 0), "
        "(SELECT count(*) FROM mentions), (SELECT count(name) FROM d), "
        "(SELECT count(*) FROM answers) FROM s"
    )
    row: tuple[Any, ...] = next(iter(db.execute(sql)))
    return row
