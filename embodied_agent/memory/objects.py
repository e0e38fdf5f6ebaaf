"""Objects, map sessions, corrections and named places in a memory file.

Objects and sessions are derived from keyframes and deltas: `ObjectTable.write` takes what one more
keyframe changes. Corrections and places are what people said, and derived from nothing. Each row
carries a checksum; a damaged row is left out and named.

Out of scope: how objects are derived (`embodied_agent.objects`), the deltas (`store`).
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, NamedTuple, TypeVar
from zlib import crc32

import apsw

from embodied_agent.codec import encodable, from_json, to_json
from embodied_agent.memory import forgetting, schema
from embodied_agent.memory.rows import Damage, DamagedRow, check_texts, text_sum
from embodied_agent.memory.summaries import SummaryTable
from embodied_agent.object_records import (
    Correction,
    MapSession,
    MentionRef,
    NamedPlace,
    ObjectChanges,
    SeenObject,
    Sighting,
)

Transaction = Callable[[str], AbstractContextManager[apsw.Connection]]
R = TypeVar("R", SeenObject, MapSession, Correction, NamedPlace)

#: Stamps above this count from 1970, in nanoseconds.
_SINCE_1970_NS = 1_000_000_000_000_000_000
#: The tables of what is derived.
_DERIVED = ("map_sessions", "objects", "sightings", "object_fold")
#: Values in one statement, at most; SQLite allows more.
_MOST_BOUND = 500
#: What `best_first` means in SQL: here, still there, lately.
_BEST_FIRST = "ORDER BY session DESC, gone, last_seen_ns DESC, id"


class Folded(NamedTuple):
    """How far the objects are derived: the last keyframe (-1: none), the last correction (0: none),
    and what is needed to go on, as JSON ("": nothing is derived)."""

    keyframe_id: int = -1
    correction_id: int = 0
    state: str = ""


class ObjectTable:
    """The tables of one file. Every method may be called from any thread, and raises `StoreError`
    where the file can't be read or written.

    Args:
        transaction: opens a transaction for writing; raises where the file is read-only.
        query: opens a connection for reading.
        damage: is told of damaged rows.
        summaries: derived from the same deltas; follow what is forgotten.
    """

    def __init__(
        self, transaction: Transaction, query: Transaction, damage: Damage, summaries: SummaryTable
    ) -> None:
        self._transaction = transaction
        self._query = query
        self._damage = damage
        self._summaries = summaries
        self._forgotten: list[tuple[int, int]] | None = None  # intervals, once they are read

    @property
    def exists(self) -> bool:
        """Whether the file has these tables; a read-only one of an earlier version does not."""
        with self._query("look for objects") as db:
            return schema.version_of(db) >= schema.WITH_OBJECTS

    # -- what is derived -------------------------------------------------------------------------

    def folded(self) -> Folded:
        """How far the objects are derived; from nothing also where that is damaged."""
        with self._query("read objects") as db:
            sql = "SELECT keyframe_id, correction_id, state, checksum FROM object_fold"
            row = next(iter(db.execute(sql)), None)
        if row is None:
            return Folded()
        number, correction, state, checksum = row
        try:
            check_texts(checksum, f"{number} {correction}", state)
        except DamagedRow as error:
            self._damage.note("the state of the objects", error)
            return Folded()
        return Folded(number, correction, state)

    def write(self, changes: ObjectChanges) -> None:
        """Store what one keyframe, or one correction, changes."""
        with self._transaction("store objects") as db:
            self._write(db, changes)

    @staticmethod
    def _write(db: apsw.Connection, changes: ObjectChanges) -> None:
        if changes.session is not None:
            text = to_json(changes.session)
            db.execute(
                "INSERT OR REPLACE INTO map_sessions VALUES (?, ?, ?)",
                (changes.session.id, text, text_sum(text)),
            )
        db.executemany(
            "INSERT OR REPLACE INTO sightings VALUES (?, ?, ?, ?, ?)",
            [_sighting_row(sighting) for sighting in changes.sightings],
        )
        for gone, kept in changes.joined:
            _move_sightings(db, gone, kept)
            db.execute("DELETE FROM objects WHERE id = ?", (gone,))
        db.executemany(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [_object_row(record, state) for record, state in changes.objects],
        )
        reached = changes.keyframe_id, changes.correction_id
        db.execute(
            "INSERT OR REPLACE INTO object_fold VALUES (0, ?, ?, ?, ?)",
            (*reached, changes.state, text_sum(f"{reached[0]} {reached[1]}", changes.state)),
        )

    def clear(self) -> None:
        """Remove what is derived; corrections and places stay."""
        with self._transaction("remove the objects") as db:
            for table in _DERIVED:
                db.execute(f"DELETE FROM {table}")

    def copy_from(self, other: ObjectTable) -> None:
        """Take over what is derived in another file."""
        with other._query("read objects") as theirs, self._transaction("copy objects") as db:
            for table in _DERIVED:
                rows = list(theirs.execute(f"SELECT * FROM {table}"))
                if rows:
                    places = ", ".join("?" * len(rows[0]))
                    db.executemany(f"INSERT OR REPLACE INTO {table} VALUES ({places})", rows)

    def sessions(self) -> list[MapSession]:
        """All map sessions, in order."""
        sql = "SELECT id, json, checksum FROM map_sessions ORDER BY id"
        return self._records(MapSession, "map session", sql, ())

    def objects(self, *, session: int | None = None, limit: int | None = None) -> list[SeenObject]:
        """All objects, or those of a session: of the latest session first, those that are still
        there first, the last seen first."""
        sql = (
            "SELECT id, json, checksum, state FROM objects WHERE ?1 IS NULL OR session = ?1 "
            f"{_BEST_FIRST} LIMIT ?2"
        )
        return self._records(SeenObject, "object", sql, (session, -1 if limit is None else limit))

    def by_kind(
        self, kinds: Sequence[str], *, colors: Iterable[str] = (), limit: int = 50
    ) -> list[SeenObject]:
        """Objects of one of these kinds with all of these colours, in the order of `objects`."""
        places = ", ".join("?" * len(kinds[:_MOST_BOUND]))
        wanted = sorted(colors)
        also = "".join(" AND instr(color, ?)" for _ in wanted)
        sql = (
            f"SELECT id, json, checksum, state FROM objects WHERE kind IN ({places}){also} "
            f"{_BEST_FIRST} LIMIT ?"
        )
        bindings = (*kinds[:_MOST_BOUND], *wanted, limit)
        return self._records(SeenObject, "object", sql, bindings)

    def kinds(self) -> list[str]:
        """The kinds of things that there are objects of."""
        with self._query("read objects") as db:
            # Skips from one to the next in the index, instead of reading all of it.
            sql = (
                "WITH RECURSIVE k (kind) AS (SELECT min(kind) FROM objects UNION ALL "
                "SELECT (SELECT min(kind) FROM objects WHERE kind > k.kind) FROM k "
                "WHERE k.kind IS NOT NULL) SELECT kind FROM k WHERE kind IS NOT NULL"
            )
            return [str(kind) for (kind,) in db.execute(sql)]

    def find(self, object_id: int) -> SeenObject | None:
        """That object; ``None`` if there is none."""
        sql = "SELECT id, json, checksum, state FROM objects WHERE id = ?"
        return next(iter(self._records(SeenObject, "object", sql, (object_id,))), None)

    def followed(
        self, *, session: int | None = None, ids: Sequence[int] = ()
    ) -> list[tuple[SeenObject, str]]:
        """Objects of a session, or those with the ``ids``, by id, with what is needed to follow
        them further."""
        places = ", ".join("?" * len(ids))
        where, bindings = (
            (f"id IN ({places})", tuple(ids)) if session is None else ("session = ?", (session,))
        )
        found = []
        with self._query("read objects") as db:
            sql = f"SELECT id, json, checksum, state FROM objects WHERE {where} ORDER BY id"
            for number, text, checksum, state in db.execute(sql, bindings):
                try:
                    check_texts(checksum, text, state)
                    found.append((from_json(SeenObject, text), str(state)))
                except ValueError as error:
                    self._damage.note(f"object {number}", error)
        return found

    def sightings(
        self, *, object_ids: Sequence[int] | None = None, session: int | None = None
    ) -> list[Sighting]:
        """Which mentions show these objects, or those of a session, in keyframe order."""
        if object_ids is not None:
            places = ", ".join("?" * len(object_ids))
            where, bindings = f"object_id IN ({places})", tuple(object_ids)
        else:
            where = "object_id IN (SELECT id FROM objects WHERE session = ?)"
            bindings = (session or 0,)
        found = []
        with self._query("read sightings") as db:
            sql = (
                "SELECT keyframe_id, rank, object_id, ray, checksum FROM sightings "
                f"WHERE {where} ORDER BY keyframe_id, rank"
            )
            for row in db.execute(sql, bindings):
                try:
                    found.append(_sighting(row))
                except (DamagedRow, struct.error) as error:
                    self._damage.note(f"sighting {row[1]} of keyframe {row[0]}", error)
        return found

    def shown_by(self, refs: Iterable[MentionRef]) -> dict[MentionRef, int]:
        """The object that each of these mentions shows, if it shows one."""
        shown: dict[MentionRef, int] = {}
        with self._query("read sightings") as db:
            sql = "SELECT object_id FROM sightings WHERE keyframe_id = ? AND rank = ?"
            for ref in refs:
                for (number,) in db.execute(sql, ref):
                    shown[ref] = number
        return shown

    # -- what people said ------------------------------------------------------------------------

    def corrections(self) -> list[Correction]:
        """All corrections, in the order in which they were made."""
        if not self.exists:
            return []
        sql = "SELECT id, json, checksum FROM corrections ORDER BY id"
        return self._records(Correction, "correction", sql, ())

    def correct(self, correction: Correction, changes: ObjectChanges) -> Correction:
        """Store a correction together with what it changes; returns it with its id."""
        with self._transaction("store a correction") as db:
            stored = _insert_correction(db, correction)
            self._write(db, replace(changes, correction_id=stored.id or 0))
        return stored

    def forget(
        self, correction: Correction, object_ids: Collection[int], keyframes: Collection[int]
    ) -> Correction:
        """Remove objects, and everything of whole keyframes, from the file, and store the
        correction that says so; returns it with its id.

        Where keyframes are forgotten, the objects have to be derived again: nothing of what is
        derived is left. `Store.empty_log` is to be called afterwards.
        """
        with self._transaction("forget") as db:
            forgetting.overwrite_deleted(db, fully=True)
            try:
                stored = self._forget(db, correction, object_ids, keyframes)
                self._forgotten = None
            finally:
                forgetting.overwrite_deleted(db, fully=False)
        return stored

    def _forget(
        self,
        db: apsw.Connection,
        correction: Correction,
        object_ids: Collection[int],
        keyframes: Collection[int],
    ) -> Correction:
        sql = "SELECT keyframe_id, rank FROM sightings WHERE object_id = ?"
        refs = {(number, rank) for one in object_ids for number, rank in db.execute(sql, (one,))}
        names = forgetting.names_of(db, refs)
        moved = forgetting.forget(db, refs, keyframes)
        self._summaries.forget(db, names, set(keyframes))
        _amend_corrections(db, moved, refs, keyframes)
        for one in object_ids:
            db.execute("DELETE FROM sightings WHERE object_id = ?", (one,))
            db.execute("DELETE FROM objects WHERE id = ?", (one,))
        stored = _insert_correction(db, correction)
        if keyframes:
            for table in _DERIVED:
                db.execute(f"DELETE FROM {table}")
            return stored
        _renumber(db, moved)
        row = next(iter(db.execute("SELECT keyframe_id, state FROM object_fold")), None)
        if row is not None:
            self._write(db, ObjectChanges(row[0], row[1], correction_id=stored.id or 0))
        return stored

    def is_forgotten(self, stamp_ns: int) -> bool:
        """Whether a person wants what was seen at this moment forgotten, whenever it comes in.

        Stamps that count from 1970 name a moment. Others, such as a video's, start anew with each
        recording: of these, only what the memory held is forgotten.
        """
        if self._forgotten is None:
            self._forgotten = [
                (one.from_ns, one.to_ns)
                for one in self.corrections()
                if one.kind == "forget" and one.from_ns is not None and one.to_ns is not None
            ]
        return stamp_ns >= _SINCE_1970_NS and any(
            first <= stamp_ns <= last for first, last in self._forgotten
        )

    def named_places(self) -> list[NamedPlace]:
        """All named places, by name."""
        if not self.exists:
            return []
        sql = "SELECT name, json, checksum FROM named_places ORDER BY name"
        return self._records(NamedPlace, "named place", sql, ())

    def name_place(self, place: NamedPlace) -> None:
        """Store a named place; one of the same name is replaced."""
        text = to_json(place)
        with self._transaction("store a named place") as db:
            db.execute(
                "INSERT OR REPLACE INTO named_places VALUES (?, ?, ?)",
                (place.name, text, text_sum(text)),
            )

    def remove_place(self, name: str) -> bool:
        """Remove a named place; whether there was one."""
        with self._transaction("remove a named place") as db:
            db.execute("DELETE FROM named_places WHERE name = ?", (name,))
            return db.changes() > 0

    def _records(self, kind: type[R], name: str, sql: str, bindings: tuple[Any, ...]) -> list[R]:
        records = []
        with self._query("read objects") as db:
            for key, text, checksum, *more in db.execute(sql, bindings):
                try:
                    check_texts(checksum, text, *more)
                    records.append(from_json(kind, text))
                except ValueError as error:
                    self._damage.note(f"{name} {key}", error)
        return records


def _insert_correction(db: apsw.Connection, correction: Correction) -> Correction:
    number = int(db.execute("SELECT coalesce(max(id), 0) + 1 FROM corrections").get)
    stored = replace(correction, id=number)
    text = to_json(stored)
    db.execute("INSERT INTO corrections VALUES (?, ?, ?)", (number, text, text_sum(text)))
    return stored


def _amend_corrections(
    db: apsw.Connection,
    moved: Mapping[MentionRef, MentionRef],
    refs: Collection[MentionRef],
    keyframes: Collection[int],
) -> None:
    """Let corrections find what is left of their objects; of those whose object is forgotten only
    who made them and when is kept."""
    for number, text in list(db.execute("SELECT id, json FROM corrections")):
        correction = from_json(Correction, text)
        if correction.kind == "forget":
            continue
        gone = {ref for ref in correction.mentions if ref[0] in keyframes} | {*refs}
        kept = forgetting.rename_mentions(correction.mentions, moved, gone)
        others = forgetting.rename_mentions(correction.other_mentions, moved, gone)
        if not kept:
            correction = replace(correction, text="", keyframes=())
        text = to_json(replace(correction, mentions=kept, other_mentions=others))
        db.execute(
            "UPDATE corrections SET json = ?, checksum = ? WHERE id = ?",
            (text, text_sum(text), number),
        )


def _renumber(db: apsw.Connection, moved: Mapping[MentionRef, MentionRef]) -> None:
    """Let sightings and objects name mentions by where they are in their deltas now."""
    ids = set()
    for (number, old), (_, new) in sorted(moved.items()):  # downward, so that each place is free
        sql = "SELECT object_id, ray FROM sightings WHERE keyframe_id = ? AND rank = ?"
        for one, ray in list(db.execute(sql, (number, old))):
            ids.add(one)
            db.execute(
                "UPDATE sightings SET rank = ?, checksum = ? WHERE keyframe_id = ? AND rank = ?",
                (new, _sighting_sum(number, new, one, ray), number, old),
            )
    for one in sorted(ids):
        for text, state in list(db.execute("SELECT json, state FROM objects WHERE id = ?", (one,))):
            values = json.loads(state)
            values["rays"] = [list(moved.get((n, r), (n, r))) for n, r in values["rays"]]
            state = json.dumps(values)
            db.execute(
                "UPDATE objects SET state = ?, checksum = ? WHERE id = ?",
                (state, text_sum(text, state), one),
            )


def _object_row(record: SeenObject, state: str) -> tuple[Any, ...]:
    text = to_json(record)
    return (
        record.id,
        record.session,
        encodable(record.kind),
        encodable(record.color),
        record.gone_since_ns is not None,
        record.last_seen_ns,
        text,
        state,
        text_sum(text, state),
    )


def _sighting_row(sighting: Sighting) -> tuple[Any, ...]:
    numbers = sighting.ray
    ray = None if numbers is None else struct.pack(f"<{len(numbers)}d", *numbers)
    key = (sighting.keyframe_id, sighting.rank, sighting.object_id)
    return (*key, ray, _sighting_sum(*key, ray))


def _sighting_sum(keyframe_id: int, rank: int, object_id: int, ray: bytes | None) -> int:
    return crc32(ray or b"", crc32(f"{keyframe_id} {rank} {object_id}".encode()))


def _sighting(row: Sequence[Any]) -> Sighting:
    keyframe_id, rank, object_id, ray, checksum = row
    if not (ray is None or isinstance(ray, bytes)):
        raise DamagedRow(f"it holds {ray!r}")
    if _sighting_sum(keyframe_id, rank, object_id, ray) != checksum:
        raise DamagedRow("its checksum is wrong")
    numbers = None if ray is None else struct.unpack(f"<{len(ray) // 8}d", ray)
    return Sighting(keyframe_id, rank, object_id, numbers)


def _move_sightings(db: apsw.Connection, gone: int, kept: int) -> None:
    rows = list(
        db.execute("SELECT keyframe_id, rank, ray FROM sightings WHERE object_id = ?", (gone,))
    )
    db.executemany(
        "UPDATE sightings SET object_id = ?3, checksum = ?4 WHERE keyframe_id = ?1 AND rank = ?2",
        [
            (number, rank, kept, _sighting_sum(number, rank, kept, ray))
            for number, rank, ray in rows
        ],
    )
