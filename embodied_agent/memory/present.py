"""The latest keyframes of a memory and the path to them, read from the ends of indexes.

Out of scope: what is read of these keyframes (`query`).
"""

from __future__ import annotations

from dataclasses import dataclass

import apsw

from embodied_agent.memory.rows import DamagedRow


@dataclass(frozen=True, slots=True)
class Posed:
    """The keyframes with a pose: their ``total``, the ids of every ``step``-th, and the last id."""

    total: int
    step: int
    ids: list[int]
    last_id: int


def present(
    db: apsw.Connection, at_ns: int | None, source: str | None, segment: int | None
) -> tuple[int, int] | None:
    """See `embodied_agent.memory.query.Reader.horizon`."""
    conditions = [
        f"{name} = ?"
        for name, value in (("source", source), ("segment", segment))
        if value is not None
    ]
    bindings = tuple(value for value in (source, segment) if value is not None)
    where = " AND ".join(conditions)
    if at_ns is None:
        # Each of the two reads only the end of an index.
        only = f"WHERE {where}" if where else ""
        also = f"AND {where}" if where else ""
        sql = (
            f"SELECT segment, max(id) FROM keyframes WHERE segment = (SELECT max(segment) "
            f"FROM keyframes {only}) {also} HAVING segment IS NOT NULL"
        )
        bindings = (*bindings, *bindings)
    elif not conditions:
        # First the segment, by where it begins and ends, then its last keyframe.
        sql = (
            "WITH RECURSIVE s (n) AS (SELECT min(segment) FROM keyframes UNION "
            "SELECT (SELECT min(segment) FROM keyframes WHERE segment > s.n) FROM s "
            "WHERE s.n IS NOT NULL) "
            "SELECT n, (SELECT max(id) FROM keyframes WHERE segment = n AND stamp_ns <= ?1) "
            "FROM s WHERE (SELECT min(stamp_ns) FROM keyframes WHERE segment = n) <= ?1 "
            "ORDER BY (SELECT max(stamp_ns) FROM keyframes WHERE segment = n) >= ?1 DESC, n DESC "
            "LIMIT 1"
        )
        bindings = (at_ns,)
    else:
        sql = (
            "SELECT segment, max(id) FILTER (WHERE stamp_ns <= ?) AS last "
            f"FROM keyframes WHERE {where or 'true'} GROUP BY segment HAVING last IS NOT NULL "
            "ORDER BY max(stamp_ns) >= ? DESC, segment DESC LIMIT 1"
        )
        bindings = (at_ns, *bindings, at_ns)
    row = next(iter(db.execute(sql, bindings)), None)
    if row is None:
        return None
    if not isinstance(row[0], int) or not isinstance(row[1], int):
        raise DamagedRow(f"segment {row[0]!r}")
    return row[0], row[1]


def posed(db: apsw.Connection, most: int) -> Posed:
    """See `embodied_agent.memory.query.Reader.posed`."""
    sql = "SELECT count(*), min(id), max(id) FROM keyframes WHERE x IS NOT NULL"
    total, first, last = next(iter(db.execute(sql)))
    step = 1
    while -(-total // step) > most:
        step *= 2
    if total and total == last - first + 1:
        return Posed(total, step, list(range(first, last + 1, step)), last)
    rows = db.execute(
        "SELECT id FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS n "
        "FROM keyframes WHERE x IS NOT NULL) WHERE n % ? = 0 ORDER BY id",
        (step,),
    )
    return Posed(total, step, [int(number) for (number,) in rows], last or 0)
