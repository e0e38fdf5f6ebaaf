"""Removes what a person wants forgotten from a memory file, so that not even its bytes are left.

Mentions are removed from their deltas, and pictures from the file. Keyframes stay as entries
without a picture, because a replay recognises by them what it has already stored, so nothing that
was forgotten comes back. SQLite overwrites deleted data (``secure_delete``), and the write-ahead
log, which would still hold the old pages, is emptied afterwards.

Out of scope: which mentions and keyframes those are (`embodied_agent.agent.corrections`).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace
from typing import Any

import apsw

from embodied_agent.codec import from_json
from embodied_agent.errors import StoreError
from embodied_agent.memory.row_reader import KEYFRAME_COLUMNS
from embodied_agent.memory.rows import keyframe_sum
from embodied_agent.memory.writing import delete_delta, delete_pictures, insert_delta
from embodied_agent.object_records import MentionRef
from embodied_agent.records import SUMMARY_ONLY, Delta
from embodied_agent.transcript.summaries import name_key

#: What a delta of a forgotten keyframe says.
FORGOTTEN = "forgotten: a person removed it"


def overwrite_deleted(db: apsw.Connection, *, fully: bool) -> None:
    """Have SQLite overwrite all that it deletes (``fully``), or only what costs no further
    writing."""
    db.execute(f"PRAGMA secure_delete = {'ON' if fully else 'FAST'}")


def forget(
    db: apsw.Connection, mentions: Collection[MentionRef], keyframes: Collection[int]
) -> dict[MentionRef, MentionRef]:
    """Remove mentions with the pictures that show them, and everything noted of whole keyframes;
    part of a transaction.

    Returns:
        The remaining mentions whose place in their delta has changed, with the new place.
    """
    moved: dict[MentionRef, MentionRef] = {}
    by_keyframe: dict[int, set[int]] = {number: set() for number in keyframes}
    for number, rank in mentions:
        by_keyframe.setdefault(number, set()).add(rank)
    whole = set(keyframes)
    for number in sorted(by_keyframe):
        delta = _delta(db, number)
        if delta is None or number in whole:
            mark_forgotten(db, number, delta)
        else:
            kept = [rank for rank in range(len(delta.mentions)) if rank not in by_keyframe[number]]
            moved.update(
                ((number, rank), (number, at)) for at, rank in enumerate(kept) if at != rank
            )
            # Which part of the observation is about the mention can't be told.
            left = tuple(delta.mentions[rank] for rank in kept)
            _replace_delta(db, replace(delta, mentions=left, observation=""))
        delete_pictures(db, number)
    _forget_answers(db, by_keyframe)
    # The full-text index keeps deleted words until its parts are merged.
    db.execute("INSERT INTO delta_text (delta_text) VALUES ('optimize')")
    return moved


def mark_forgotten(db: apsw.Connection, number: int, delta: Delta | None = None) -> None:
    """Keep nothing of a keyframe's delta but the motion in ``delta``."""
    delta = delta or Delta(number, None)
    _replace_delta(
        db,
        Delta(
            number,
            delta.action,
            delta.angle_deg,
            usable=False,
            agrees_with_egomotion=delta.agrees_with_egomotion,
            problem=FORGOTTEN,
        ),
    )
    db.execute("UPDATE keyframes SET state = 'unusable' WHERE id = ?", (number,))


def keep_motion(db: apsw.Connection, numbers: Collection[int]) -> None:
    """Drop what keyframes show, and keep their poses and the motion to them; part of a
    transaction.

    All rows are removed before the first is written again: rows that shrink one by one would leave
    their pages half empty for ever.
    """
    bare = [
        Delta(
            delta.keyframe_id,
            delta.action,
            delta.angle_deg,
            usable=delta.usable,
            agrees_with_egomotion=delta.agrees_with_egomotion,
            camera=delta.camera,
            problem=SUMMARY_ONLY,
        )
        for delta in (_delta(db, number) for number in numbers)
        if delta is not None
    ]
    columns = [str(row[1]) for row in db.execute("PRAGMA table_info(keyframes)")]
    sql = f"SELECT {', '.join(columns)} FROM keyframes WHERE id = ?"
    rows = [row for delta in bare for row in db.execute(sql, (delta.keyframe_id,))]
    for delta in bare:
        delete_delta(db, delta.keyframe_id)
        db.execute("DELETE FROM keyframes WHERE id = ?", (delta.keyframe_id,))
    places = ", ".join("?" * len(columns))
    for row in rows:
        values = dict(zip(columns, row, strict=True)) | {"egomotion": None, "intrinsics": None}
        values["checksum"] = keyframe_sum([values[one] for one in KEYFRAME_COLUMNS.split(", ")])
        db.execute(f"INSERT INTO keyframes VALUES ({places})", tuple(values.values()))
    for delta in bare:
        insert_delta(db, delta)


def names_of(db: apsw.Connection, mentions: Iterable[MentionRef]) -> set[tuple[int, str]]:
    """The keyframe of each of these mentions, with what its name is compared by."""
    names = set()
    for number, rank in mentions:
        delta = _delta(db, number)
        if delta is not None and rank < len(delta.mentions):
            names.add((number, name_key(delta.mentions[rank].name)))
    return names


def empty_log(db: apsw.Connection, path: str) -> None:
    """Empty the write-ahead log, once a transaction that forgets is committed.

    Raises:
        StoreError: somebody reads an older state of the file, and will for longer.
    """
    if path == ":memory:":
        return
    row = next(iter(db.execute("PRAGMA wal_checkpoint(TRUNCATE)")), (0,))
    if row[0]:
        raise StoreError(
            f"what was forgotten is out of {path}, but its bytes remain in {path}-wal while "
            "another program reads the file; stop that program and forget again"
        )


def _delta(db: apsw.Connection, number: int) -> Delta | None:
    row: tuple[Any, ...] | None = next(
        iter(db.execute("SELECT json FROM deltas WHERE keyframe_id = ?", (number,))), None
    )
    return None if row is None else from_json(Delta, row[0])


def _replace_delta(db: apsw.Connection, delta: Delta) -> None:
    delete_delta(db, delta.keyframe_id)
    insert_delta(db, delta)


def forget_answers_of_facts(db: apsw.Connection, from_ns: int, to_ns: int) -> None:
    """Remove the answers that give facts noted between two stamps, inclusive; part of a
    transaction."""

    def tells(text: str) -> bool:
        try:
            facts = json.loads(text).get("facts", ())
            return any(from_ns <= fact["stamp_ns"] <= to_ns for fact in facts)
        except (ValueError, LookupError, TypeError, AttributeError):
            return True  # unreadable, so it may

    _drop_answers(db, tells)


def _forget_answers(db: apsw.Connection, keyframes: Mapping[int, object]) -> None:
    """Remove the answers that rest on these keyframes, because they may say what these show."""
    _drop_answers(db, lambda text: _rests_on(text, keyframes))


def _drop_answers(db: apsw.Connection, is_stale: Callable[[str], bool]) -> None:
    for table, key in (("answers", "id"), ("requests", "id")):
        rows = db.execute(f"SELECT {key}, answer FROM {table} WHERE answer IS NOT NULL")
        stale = [number for number, text in rows if is_stale(text)]
        for number in stale:
            if table == "requests":
                db.execute("DELETE FROM outbox WHERE request_id = ?", (number,))
            else:
                db.execute("DELETE FROM citations WHERE answer_id = ?", (number,))
            db.execute(f"DELETE FROM {table} WHERE {key} = ?", (number,))


def _rests_on(text: str, keyframes: Mapping[int, object]) -> bool:
    """Whether an answer, as a record or as it was sent, rests on one of these keyframes."""
    try:
        return any(item["keyframe_id"] in keyframes for item in json.loads(text)["evidence"])
    except (ValueError, LookupError, TypeError):
        return True  # unreadable, so it may


def rename_mentions(
    refs: Iterable[MentionRef], moved: Mapping[MentionRef, MentionRef], gone: Collection[MentionRef]
) -> tuple[MentionRef, ...]:
    """``refs`` after `forget`: without the mentions that are gone, the others at their new
    place."""
    return tuple(moved.get(ref, ref) for ref in refs if ref not in gone)
