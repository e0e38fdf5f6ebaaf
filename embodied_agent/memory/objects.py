"""Objects, map sessions and sightings in a memory file.

They are derived from keyframes and deltas: `ObjectTable.write` takes what one more keyframe
changes. Each row has a checksum; a damaged row is left out and reported.

Out of scope: how objects are derived (`embodied_agent.objects`), the deltas (`store`), what people
say about objects (`corrections`, `places`).
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple, TypeVar

import apsw

from embodied_agent.codec import from_json, to_json
from embodied_agent.memory import schema
from embodied_agent.memory.access import Access
from embodied_agent.memory.object_retention import ObjectRetention
from embodied_agent.memory.object_rows import (
    move_sightings,
    object_row,
    read_records,
    sighting_of,
    sighting_row,
)
from embodied_agent.memory.rows import DamagedRow, check_texts, text_sum
from embodied_agent.object_records import (
    MapSession,
    MentionRef,
    ObjectChanges,
    SeenObject,
    Sighting,
)
from embodied_agent.settings import MemorySettings

R = TypeVar("R", SeenObject, MapSession)

#: The derived tables.
_DERIVED = ("map_sessions", "objects", "sightings", "object_fold")
#: Most values in one statement; SQLite allows more.
_MOST_BOUND = 500
#: The order of `best_first` in SQL: latest session, still there, last seen.
_BEST_FIRST = "ORDER BY session DESC, gone, last_seen_ns DESC, id"


class Folded(NamedTuple):
    """How far the objects are derived: the last keyframe (-1: none), the last correction (0: none),
    and the tracker's state as JSON ("": nothing is derived)."""

    keyframe_id: int = -1
    correction_id: int = 0
    state: str = ""


class ObjectTable:
    """The objects in one file. Every method may be called from any thread, and raises `StoreError`
    if the file can't be read or written.

    Args:
        access: the file that holds them.
        settings: of retention.
    """

    def __init__(
        self,
        access: Access,
        settings: MemorySettings,
    ) -> None:
        self._access = access
        self._retention = ObjectRetention(settings)

    @property
    def exists(self) -> bool:
        """Whether the file has these tables; one of an earlier version, opened read-only, does
        not."""
        with self._access.query("look for objects") as db:
            return schema.version_of(db) >= schema.WITH_OBJECTS

    def folded(self) -> Folded:
        """How far the objects are derived; not at all if the row that says so is damaged."""
        with self._access.query("read objects") as db:
            sql = "SELECT keyframe_id, correction_id, state, checksum FROM object_fold"
            row = next(iter(db.execute(sql)), None)
        if row is None:
            return Folded()
        number, correction, state, checksum = row
        try:
            check_texts(checksum, f"{number} {correction}", state)
        except DamagedRow as error:
            self._access.damage.note("the state of the objects", error)
            return Folded()
        return Folded(number, correction, state)

    def write(self, changes: ObjectChanges) -> None:
        """Store the changes of one keyframe or one correction."""
        try:
            with self._access.transaction("store objects") as db:
                self.apply(db, changes)
                self._retention.apply(db, changes)
        except BaseException:
            self._retention.recount()
            raise

    @staticmethod
    def apply(db: apsw.Connection, changes: ObjectChanges) -> None:
        """`write` as part of a transaction."""
        if changes.session is not None:
            text = to_json(changes.session)
            db.execute(
                "INSERT OR REPLACE INTO map_sessions VALUES (?, ?, ?)",
                (changes.session.id, text, text_sum(text)),
            )
        db.executemany(
            "INSERT OR REPLACE INTO sightings VALUES (?, ?, ?, ?, ?)",
            [sighting_row(sighting) for sighting in changes.sightings],
        )
        for gone, kept in changes.joined:
            move_sightings(db, gone, kept)
            db.execute("DELETE FROM objects WHERE id = ?", (gone,))
        db.executemany(
            "INSERT OR REPLACE INTO objects VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [object_row(record, state) for record, state in changes.objects],
        )
        reached = changes.keyframe_id, changes.correction_id
        db.execute(
            "INSERT OR REPLACE INTO object_fold VALUES (0, ?, ?, ?, ?)",
            (*reached, changes.state, text_sum(f"{reached[0]} {reached[1]}", changes.state)),
        )

    def clear(self) -> None:
        """Remove everything derived; corrections and places stay."""
        self._retention.recount()
        with self._access.transaction("remove the objects") as db:
            self.empty(db)

    @staticmethod
    def empty(db: apsw.Connection) -> None:
        """`clear` as part of a transaction."""
        for table in _DERIVED:
            db.execute(f"DELETE FROM {table}")

    def copy_from(self, other: ObjectTable) -> None:
        """Copy everything derived from another file."""
        with (
            other._access.query("read objects") as theirs,
            self._access.transaction("copy objects") as db,
        ):
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
        """All objects, or those of a map session, in this order: latest session first; still there
        first; last seen first."""
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
        colours = sorted(colors)
        also = "".join(" AND instr(color, ?)" for _ in colours)
        sql = (
            f"SELECT id, json, checksum, state FROM objects WHERE kind IN ({places}){also} "
            f"{_BEST_FIRST} LIMIT ?"
        )
        bindings = (*kinds[:_MOST_BOUND], *colours, limit)
        return self._records(SeenObject, "object", sql, bindings)

    def kinds(self) -> list[str]:
        """The kinds of the objects."""
        with self._access.query("read objects") as db:
            # Skips through the index from one to the next, instead of reading all of it.
            sql = (
                "WITH RECURSIVE k (kind) AS (SELECT min(kind) FROM objects UNION "
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
        """Objects of a map session, or those with the ``ids``, by id, each with the state that its
        track needs."""
        places = ", ".join("?" * len(ids))
        where, bindings = (
            (f"id IN ({places})", tuple(ids)) if session is None else ("session = ?", (session,))
        )
        tracked = []
        with self._access.query("read objects") as db:
            sql = f"SELECT id, json, checksum, state FROM objects WHERE {where} ORDER BY id"
            for number, text, checksum, state in db.execute(sql, bindings):
                try:
                    check_texts(checksum, text, state)
                    tracked.append((from_json(SeenObject, text), str(state)))
                except ValueError as error:
                    self._access.damage.note(f"object {number}", error)
        return tracked

    def sightings(
        self,
        *,
        object_ids: Sequence[int] | None = None,
        session: int | None = None,
        latest: int | None = None,
    ) -> list[Sighting]:
        """Which mentions show these objects, or those of a session, in keyframe order; only so many
        of the ``latest``, if given."""
        if object_ids is not None:
            places = ", ".join("?" * len(object_ids))
            where, bindings = f"object_id IN ({places})", tuple(object_ids)
        else:
            where = "object_id IN (SELECT id FROM objects WHERE session = ?)"
            bindings = (session or 0,)
        with self._access.query("read sightings") as db:
            sql = (
                "SELECT keyframe_id, rank, object_id, ray, checksum FROM sightings "
                f"WHERE {where} ORDER BY keyframe_id DESC, rank DESC LIMIT ?"
            )
            most = -1 if latest is None else latest
            return self._sightings(db.execute(sql, (*bindings, most)))[::-1]

    def sightings_at(self, refs: Iterable[MentionRef]) -> list[Sighting]:
        """Which objects these mentions show, for those that show one."""
        sql = (
            "SELECT keyframe_id, rank, object_id, ray, checksum FROM sightings "
            "WHERE keyframe_id = ? AND rank = ?"
        )
        with self._access.query("read sightings") as db:
            rows = [row for ref in refs for row in db.execute(sql, ref)]
        return self._sightings(rows)

    def shown_by(self, refs: Iterable[MentionRef]) -> dict[MentionRef, int]:
        """The object that each of these mentions shows, if it shows one."""
        object_ids: dict[MentionRef, int] = {}
        with self._access.query("read sightings") as db:
            sql = "SELECT object_id FROM sightings WHERE keyframe_id = ? AND rank = ?"
            for ref in refs:
                for (number,) in db.execute(sql, ref):
                    object_ids[ref] = number
        return object_ids

    def _sightings(self, rows: Iterable[Sequence[Any]]) -> list[Sighting]:
        sightings = []
        for row in rows:
            try:
                sightings.append(sighting_of(row))
            except (DamagedRow, struct.error) as error:
                self._access.damage.note(f"sighting {row[1]} of keyframe {row[0]}", error)
        return sightings

    def _records(self, kind: type[R], name: str, sql: str, bindings: tuple[Any, ...]) -> list[R]:
        with self._access.query("read objects") as db:
            return read_records(db, self._access.damage, kind, name, sql, bindings)
