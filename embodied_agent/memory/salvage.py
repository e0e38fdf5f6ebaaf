"""Reads the intact part of a damaged memory file: each table as far as possible, from the front,
from the back, and row by row in between.

Each row's content is compared with its checksum. What can't be read is reported with the reason.

Out of scope: SQLite's own check, writing the intact rows to a new file (`repair`).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import cache
from typing import Any

import apsw

from embodied_agent.codec import Record, from_json
from embodied_agent.memory import schema
from embodied_agent.memory.facts import check_forgotten, fact_of
from embodied_agent.memory.file import ANY_DAMAGE, DAMAGE
from embodied_agent.memory.outbox import check_delivery, check_request
from embodied_agent.memory.replays import check_replay
from embodied_agent.memory.row_reader import KEYFRAME_COLUMNS, most_rows
from embodied_agent.memory.rows import DamagedRow, check_keyframe, check_picture, check_texts
from embodied_agent.records import Answer, Delta, Egomotion, Intrinsics, Mount, Pose, Question
from embodied_agent.transcript.summaries import Summary

#: The columns that a keyframe's checksum covers, and the other ones.
KEYFRAME_NAMES = KEYFRAME_COLUMNS.split(", ")
MORE_NAMES = ("x", "y", "z", "source", "ordinal", "stored_at_s", "picture_bytes", "state")
#: What stands in for `MORE_NAMES` where they are damaged, from ``source`` on.
_LEAST: tuple[Any, ...] = ("", 0, 0.0, 0, "done")

#: What a memory's identity looks like.
_UUID = re.compile(r"[0-9a-f]{32}")


@dataclass
class Findings:
    """What a memory file holds, whole and damaged.

    ``whole`` counts rows by table. ``damaged`` names what can't be read, with the reason;
    ``structure`` is what SQLite says of the file itself.
    """

    path: str
    whole: dict[str, int] = field(default_factory=dict)
    damaged: dict[str, str] = field(default_factory=dict)
    structure: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether nothing is damaged."""
        return not self.damaged and not self.structure


@dataclass
class WholeRows:
    """The rows that are whole, by table and id. A keyframe's values are `KEYFRAME_NAMES` and then
    `MORE_NAMES`."""

    keyframes: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    pictures: dict[int, bytes] = field(default_factory=dict)
    depths: dict[int, bytes] = field(default_factory=dict)
    deltas: dict[int, Delta] = field(default_factory=dict)
    answers: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    sources: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    requests: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    outbox: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    corrections: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    facts: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    named_places: list[tuple[Any, ...]] = field(default_factory=list)
    uuid: str = ""
    summaries: dict[int, tuple[Any, ...]] = field(default_factory=dict)
    retention: tuple[Any, ...] = (0, 0, 0)


def read_whole(db: apsw.Connection, found: Findings) -> WholeRows:
    """Every intact row. What is intact and what is damaged is noted in ``found``.

    Columns are identified by their position, because their names may be damaged.
    """
    rows = WholeRows()
    places = _keyframe_places()
    order = [places[name] for name in (*KEYFRAME_NAMES, *MORE_NAMES)]

    def keyframe(row: Sequence[Any]) -> None:
        values = [row[at] if at < len(row) else None for at in order]
        check_keyframe(values[: len(KEYFRAME_NAMES)], _sum_in(row, places["checksum"]))
        kinds: tuple[type[Record], ...] = (Egomotion, Pose, Intrinsics, Mount)
        for kind, text in zip(kinds, values[9:13], strict=True):
            if text is not None:
                from_json(kind, text)
        for at, least in enumerate(_LEAST, len(values) - len(_LEAST)):
            if not isinstance(values[at], type(least)):
                values[at] = least
        rows.keyframes[row[0]] = tuple(values)

    def picture(row: Sequence[Any]) -> None:
        rows.pictures[row[0]] = check_picture(_sum_in(row, 2), row[1])

    def depth(row: Sequence[Any]) -> None:
        rows.depths[row[0]] = check_picture(_sum_in(row, 2), row[1])

    def delta(row: Sequence[Any]) -> None:
        check_texts(_sum_in(row, 6), row[5])
        read = from_json(Delta, row[5])
        if read.keyframe_id != row[0]:
            raise ValueError(f"it is that of keyframe {read.keyframe_id}")
        rows.deltas[row[0]] = read

    def answer(row: Sequence[Any]) -> None:
        check_texts(_sum_in(row, 4), row[1], row[2])
        from_json(Question, row[1])
        from_json(Answer, row[2])
        rows.answers[row[0]] = tuple(row[:4])

    def source(row: Sequence[Any]) -> None:
        check_replay(row[1:4], _sum_in(row, 4))
        rows.sources[row[0]] = tuple(row[1:4])

    def request(row: Sequence[Any]) -> None:
        try:
            check_request(row[1:8], _sum_in(row, 8))
        except DamagedRow as error:
            raise DamagedRow(f"{error}; its id is {row[1]!r}") from error
        rows.requests[row[0]] = tuple(row[1:8])

    def delivery(row: Sequence[Any]) -> None:
        check_delivery(row[1:5], _sum_in(row, 5))
        rows.outbox[row[0]] = tuple(row[1:5])

    def correction(row: Sequence[Any]) -> None:
        check_texts(row[2], row[1])
        rows.corrections[row[0]] = tuple(row[:3])

    def fact(row: Sequence[Any]) -> None:
        number, key, source, stamp_ns, stored_at_s, text, checksum = row
        if text:
            fact_of((number, key, source, stamp_ns, text, checksum))
        else:
            check_forgotten((key, source, stamp_ns, text, checksum))
        rows.facts[number] = (number, key, source, stamp_ns, stored_at_s, text, checksum)

    def summary(row: Sequence[Any]) -> None:
        check_texts(row[4], row[3])
        from_json(Summary, row[3])
        rows.summaries[row[0]] = tuple(row[1:5])

    top = _last_id(db)
    existing = {*KEYFRAME_NAMES, "checksum"}
    with suppress(*ANY_DAMAGE):
        existing &= schema.columns_of(db, "keyframes")
    needed = ", ".join(name if name in existing else "NULL" for name in places)
    _read(db, found, "keyframes", keyframe, "keyframe {}", top, needed)
    top = max(top, *rows.keyframes, -1)
    _read(db, found, "pictures", picture, "picture of keyframe {}", top)
    if _has(db, "depths"):
        _read(db, found, "depths", depth, "depth of keyframe {}", top)
    needed = "keyframe_id, NULL, NULL, NULL, NULL, json, checksum"
    _read(db, found, "deltas", delta, "delta of keyframe {}", top, needed)
    _read(db, found, "answers", answer, "answer {}", _last_id(db, ("answers",)))
    # Their names are not numbers, so they are read with the number that SQLite gives each row.
    _read(db, found, "sources", source, "replay {}", _last_id(db, ("sources",)), "", "rowid, *")
    if _has(db, "requests", "outbox"):
        top = _last_id(db, ("requests",))
        _read(db, found, "requests", request, "question {}", top, "", "rowid, *")
        _read(db, found, "outbox", delivery, "delivery {}", _last_id(db, ("outbox",)))
    if _has(db, "corrections", "named_places"):
        top = _last_id(db, ("corrections",))
        _read(db, found, "corrections", correction, "correction {}", top)
        _read_named_places(db, found, rows)
    if _has(db, "facts"):
        _read(db, found, "facts", fact, "fact {}", _last_id(db, ("facts",)))
    if _has(db, "summaries", "retention"):
        top = _last_id(db, ("summaries",))
        _read(db, found, "summaries", summary, "summary {}", top, "", "rowid, *")
        with suppress(*ANY_DAMAGE):
            rows.retention = next(iter(db.execute("SELECT * FROM retention")), rows.retention)
    if _has(db, "identity"):
        with suppress(*ANY_DAMAGE):
            uuid = db.execute("SELECT uuid FROM identity").get
            if isinstance(uuid, str) and _UUID.fullmatch(uuid):
                rows.uuid = uuid
        if not rows.uuid:
            found.damaged["the memory's identity"] = "it is not 32 hexadecimal digits"
    _note_gaps(rows, found)
    return rows


@cache
def _keyframe_places() -> dict[str, int]:
    """The position of each column in a row of keyframes."""
    with closing(apsw.Connection(":memory:")) as db:
        schema.migrate(db, ":memory:")
        return {row[1]: row[0] for row in db.execute("PRAGMA table_info(keyframes)")}


def _has(db: apsw.Connection, *tables: str) -> bool:
    """Whether the file has all of these tables; earlier versions do not."""
    marks = ", ".join("?" * len(tables))
    with suppress(*ANY_DAMAGE):
        sql = f"SELECT count(*) FROM sqlite_schema WHERE name IN ({marks})"
        return int(db.execute(sql, tables).get) == len(tables)
    return False


def _read_named_places(db: apsw.Connection, found: Findings, rows: WholeRows) -> None:
    """Read the places in order of their names: this table has no numbers."""
    try:
        for name, text, checksum in db.execute("SELECT name, json, checksum FROM named_places"):
            try:
                check_texts(checksum, text)
            except DamagedRow as error:
                found.damaged[f"place {name!r}"] = str(error)
            else:
                rows.named_places.append((name, text, checksum))
    except ANY_DAMAGE as error:
        found.damaged[f"the places after {len(rows.named_places)}"] = str(error)
    found.whole["named_places"] = len(rows.named_places)


def _last_id(
    db: apsw.Connection, tables: Sequence[str] = ("keyframes", "pictures", "deltas")
) -> int:
    """The greatest id that any of the tables still holds."""
    last = -1
    for table in tables:
        for what in ("max(rowid)", "count(*) - 1"):
            with suppress(*ANY_DAMAGE):
                last = max(last, int(db.execute(f"SELECT {what} FROM {table}").get))
    return min(last, most_rows(db))


def _sum_in(row: Sequence[Any], at: int) -> int | None:
    """A row's checksum, which is its last column if it has one."""
    return row[at] if len(row) > at else None


def _read(
    db: apsw.Connection,
    found: Findings,
    table: str,
    take: Callable[[Sequence[Any]], None],
    name: str,
    top: int = -1,
    needed: str = "",
    columns: str = "*",
) -> None:
    """Pass each row of a table to ``take``, from both ends and then one by one.

    The first of the ``columns`` is the row's number. One by one, rows are read with the ``needed``
    columns alone, where all of them can't be.
    """
    seen: set[int] = set()
    whole = 0
    problem: Exception | None = None

    def pass_on(row: Sequence[Any]) -> None:
        nonlocal whole
        number = row[0]
        if number in seen or not isinstance(number, int):
            return
        try:
            take(row)
        except DAMAGE as error:
            found.damaged.setdefault(name.format(number), str(error))
        else:
            # Mixed-up pages give some rows twice, once correctly.
            found.damaged.pop(name.format(number), None)
            seen.add(number)
            whole += 1

    every = f"SELECT {columns} FROM {table} NOT INDEXED"
    for order in ("", " DESC"):
        try:
            for row in db.execute(f"{every} ORDER BY rowid{order}"):
                pass_on(row)
        except ANY_DAMAGE as error:
            problem = error
        else:
            break
    # If pages were mixed up, a row may be found only by its number.
    for number in range(min(max((*seen, top), default=-1), most_rows(db)) + 1):
        if number in seen:
            continue
        for some in dict.fromkeys((columns, needed or columns)):
            try:
                statement = f"SELECT {some} FROM {table} NOT INDEXED WHERE rowid = ?"
                for row in db.execute(statement, (number,)):
                    pass_on(row)
            except ANY_DAMAGE as error:
                found.damaged.setdefault(name.format(number), str(error))
            if number in seen:
                break
    if problem is not None and not seen:
        found.damaged[f"the table {table}"] = str(problem)
    found.whole[table] = whole


def _note_gaps(rows: WholeRows, found: Findings) -> None:
    """Report what rows refer to and what is missing: deltas, pictures, the questions of deliveries.

    A delivery without its question is damaged itself.
    """
    request_ids = {values[0] for values in rows.requests.values()}
    for number, values in list(rows.outbox.items()):
        if values[0] not in request_ids:
            found.damaged.setdefault(f"delivery {number}", "its question is missing")
            found.whole["outbox"] -= 1
            del rows.outbox[number]
    for number, values in rows.keyframes.items():
        picture_bytes, state = values[-2:]
        name = f"delta of keyframe {number}"
        if state != "pending" and number not in rows.deltas:
            found.damaged.setdefault(name, "it is missing")
        name = f"picture of keyframe {number}"
        if picture_bytes and number not in rows.pictures:
            found.damaged.setdefault(name, "it is missing")
