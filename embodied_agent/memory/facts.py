"""Facts in a memory file: values with a stamp that were noted beside the deltas.

A fact is stored once for each name, recording and stamp, so that replaying a recording again adds
nothing. What a person makes the robot forget is removed from the file; the name and stamp of a
recording's fact stay, so that a replay does not bring its value back. Each row has a checksum; a
damaged row is left out and reported.

Out of scope: which values are noted (`embodied_agent.agent.fact_notes`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

import apsw

from embodied_agent.codec import from_json, to_json
from embodied_agent.memory import schema
from embodied_agent.memory.access import Access
from embodied_agent.memory.rows import check_texts, text_sum
from embodied_agent.records import Fact
from embodied_agent.settings import MemorySettings
from embodied_agent.settings.facts import fact_key

#: So much more than the limit is kept, in parts of it, before the oldest are dropped.
_SLACK = 0.02
#: It is looked for facts that are too old after this many new ones.
_AGED_EVERY = 100
_COLUMNS = "id, key, source, stamp_ns, json, checksum"


class FactTable:
    """The facts in one file. Every method may be called from any thread, and raises `StoreError`
    if the file can't be read or written.

    Args:
        access: the file that holds them.
        settings: of retention.
    """

    def __init__(self, access: Access, settings: MemorySettings) -> None:
        self._access = access
        self._settings = settings
        self._count: int | None = None  # counted when first needed
        self._added = 0

    def add(self, facts: Iterable[Fact]) -> None:
        """Store facts, in their order. Of a recording, one that is known stays as it is; live, one
        with the same name and stamp is replaced."""
        with self._access.transaction("store facts") as db:
            count, self._count = self._counted(db), None
            # Looked up before a row is replaced: an id is never given to another value.
            last = int(db.execute("SELECT coalesce(max(id), 0) FROM facts").get)
            for fact in facts:
                moment = (fact_key(fact.name), fact.source, fact.stamp_ns)
                if not fact.source:
                    sql = "DELETE FROM facts WHERE key = ? AND source = ? AND stamp_ns = ?"
                    db.execute(sql, moment)
                    count -= db.changes()
                text = to_json(replace(fact, id=None))
                db.execute(
                    "INSERT OR IGNORE INTO facts (id, key, source, stamp_ns, stored_at_s, json, "
                    "checksum) VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (last + 1, *moment, time.time(), text, _sum(*moment, text)),
                )
                last += db.changes()
                count += db.changes()
                self._added += 1
            count -= self._trim(db, count)
        self._count = count

    def names(self, source: str | None = None) -> list[str]:
        """The names of all facts, or of what belongs to a recording and of live ones, as they were
        last noted."""
        return [fact.name for fact in self.latest(source=source)]

    def latest(self, *, source: str | None = None, at_ns: int | None = None) -> list[Fact]:
        """The latest fact of each name, by name: the last that was noted or, with ``at_ns``, that
        with the latest stamp up to it.

        Args:
            source: of this recording and live; ``None``: of all.
            at_ns: as of this stamp.
        """
        with self._access.query("read facts") as db:
            if schema.version_of(db) < schema.WITH_FACTS:
                return []
            pairs = list(
                db.execute(
                    # Skips from one to the next in the index, instead of reading all of it.
                    "WITH RECURSIVE k (s, n) AS (SELECT * FROM (SELECT source, key FROM facts "
                    "ORDER BY source, key LIMIT 1) UNION SELECT (SELECT source FROM facts "
                    "WHERE (source, key) > (s, n) ORDER BY source, key LIMIT 1), (SELECT key FROM "
                    "facts WHERE (source, key) > (s, n) ORDER BY source, key LIMIT 1) FROM k WHERE "
                    "s IS NOT NULL) SELECT s, n FROM k WHERE s IS NOT NULL"
                )
            )
        newest: dict[str, Fact] = {}
        for stored, key in pairs:
            if source is not None and stored not in (source, ""):
                continue
            fact = self._first(key, stored, at_ns)
            if fact is None:
                continue
            other = newest.get(key)
            if other is None or _rank(fact, at_ns) > _rank(other, at_ns):
                newest[key] = fact
        return [newest[key] for key in sorted(newest)]

    def _first(self, key: str, source: str, at_ns: int | None) -> Fact | None:
        where = "source = ?1 AND key = ?2 AND json <> ''"
        if at_ns is None:
            facts = self._read(f"{where} ORDER BY id DESC", (source, key))
        else:
            where += " AND stamp_ns <= ?3 ORDER BY stamp_ns DESC"
            facts = self._read(where, (source, key, at_ns))
        return next(iter(facts), None)

    def history(
        self,
        name: str | None = None,
        *,
        source: str | None = None,
        from_ns: int | None = None,
        to_ns: int | None = None,
        limit: int = 100,
    ) -> list[Fact]:
        """Facts, the last noted first.

        Args:
            name: only those of this name.
            source: only those of this recording, and live ones; ``None``: all.
            from_ns: earliest stamp, inclusive, in nanoseconds.
            to_ns: latest stamp, inclusive, in nanoseconds.
            limit: most of them.
        """
        key = None if name is None else fact_key(name)
        where = (
            "json <> '' AND (?1 IS NULL OR source IN (?1, '')) AND (?2 IS NULL OR key = ?2) "
            "AND (?3 IS NULL OR stamp_ns >= ?3) AND (?4 IS NULL OR stamp_ns <= ?4) ORDER BY id DESC"
        )
        return self._read(where, (source, key, from_ns, to_ns), limit)

    def holds(self, source: str) -> bool:
        """Whether there is a fact of a recording."""
        with self._access.query("read facts") as db:
            if schema.version_of(db) < schema.WITH_FACTS:
                return False
            sql = "SELECT EXISTS (SELECT 1 FROM facts WHERE source = ?)"
            return bool(db.execute(sql, (source,)).get)

    def forget(self, db: apsw.Connection, from_ns: int, to_ns: int) -> None:
        """Remove the values noted between two stamps, inclusive; part of a transaction."""
        self._count = None
        span = (from_ns, to_ns)
        db.execute("DELETE FROM facts WHERE source = '' AND stamp_ns BETWEEN ? AND ?", span)
        rows = list(
            db.execute(
                "SELECT id, key, source, stamp_ns FROM facts WHERE stamp_ns BETWEEN ? AND ?", span
            )
        )
        db.executemany(
            "UPDATE facts SET json = '', checksum = ? WHERE id = ?",
            [(_sum(key, source, stamp, ""), number) for number, key, source, stamp in rows],
        )

    def _read(self, where: str, bindings: tuple[Any, ...], limit: int = 1) -> list[Fact]:
        facts: list[Fact] = []
        with self._access.query("read facts") as db:
            if schema.version_of(db) < schema.WITH_FACTS:
                return []
            for row in db.execute(f"SELECT {_COLUMNS} FROM facts WHERE {where}", bindings):
                try:
                    facts.append(fact_of(row))
                except ValueError as error:
                    self._access.damage.note(f"fact {row[0]}", error)
                if len(facts) == limit:
                    break
        return facts

    def _counted(self, db: apsw.Connection) -> int:
        if self._count is None:
            return int(db.execute("SELECT count(*) FROM facts").get)
        return self._count

    def _trim(self, db: apsw.Connection, count: int) -> int:
        """Drop what is beyond the limits, but for the newest of each name; how many that was."""
        settings = self._settings
        before = db.total_changes()
        newest = "id NOT IN (SELECT max(id) FROM facts GROUP BY source, key)"
        if count > settings.facts_max * (1 + _SLACK):
            db.execute(
                f"DELETE FROM facts WHERE {newest} AND id IN "
                "(SELECT id FROM facts ORDER BY id LIMIT ?)",
                (count - settings.facts_max,),
            )
        if settings.facts_max_age_s and self._added >= _AGED_EVERY:
            self._added = 0
            before_s = time.time() - settings.facts_max_age_s
            db.execute(f"DELETE FROM facts WHERE {newest} AND stored_at_s < ?", (before_s,))
        return int(db.total_changes() - before)


def fact_of(row: Sequence[Any]) -> Fact:
    """The fact of a row: id, key, source, stamp, JSON and checksum.

    Raises:
        ValueError: the row does not hold what was written.
    """
    number, key, source, stamp_ns, text, checksum = row
    check_texts(checksum, f"{key}\n{source}\n{stamp_ns}", text)
    return replace(from_json(Fact, text), id=number)


def check_forgotten(row: Sequence[Any]) -> None:
    """Refuse a row without a value that is not what `FactTable.forget` left.

    Args:
        row: its key, source, stamp, JSON and checksum.

    Raises:
        DamagedRow: it is not.
    """
    key, source, stamp_ns, text, checksum = row
    check_texts(checksum, f"{key}\n{source}\n{stamp_ns}", text)


def _rank(fact: Fact, at_ns: int | None) -> int:
    return (fact.id or 0) if at_ns is None else fact.stamp_ns


def _sum(key: str, source: str, stamp_ns: int, text: str) -> int:
    return text_sum(f"{key}\n{source}\n{stamp_ns}", text)
