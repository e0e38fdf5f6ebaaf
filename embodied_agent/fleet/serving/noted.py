"""The facts that robots noted: reading their values as of a moment, and how they changed.

Out of scope: which facts a question names (`fact_reading`), sentences (`about_facts`).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter

from embodied_agent.fleet.serving.database import Db
from embodied_agent.fleet.serving.fact_reading import plain_unit
from embodied_agent.fleet.serving.reading import Window
from embodied_agent.fleet.serving.sightings import KEYFRAME, Sighting

#: Values that are searched for changes, at most: of one robot, or shared between several, but not
#: fewer than the second of each.
_MOST_READ, _LEAST_READ = 10_000, 100
_NUMBER = re.compile(r"\s*([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)\s*([^\d]*)", re.I)


@dataclass(frozen=True, slots=True)
class Noted:
    """A value of a robot's fact. ``key`` is the fact's name in its normal form
    (`fact_key`), and ``memory_id`` the memory that the value was noted in."""

    robot_id: int
    robot: str
    key: str
    name: str
    value: str
    noted_at: datetime
    by: str
    memory_id: int


def noted_keys(db: Db, robots: Sequence[int]) -> list[str]:
    """The keys of all facts of these robots."""
    rows = db.execute(
        # Skips from one key to the next in the index, instead of reading all of it.
        "WITH RECURSIVE k (key) AS ((SELECT key FROM facts ORDER BY key LIMIT 1) UNION "
        "SELECT (SELECT f.key FROM facts f WHERE f.key > k.key ORDER BY f.key LIMIT 1) FROM k "
        "WHERE k.key IS NOT NULL) SELECT key FROM k WHERE key IS NOT NULL AND "
        "EXISTS (SELECT FROM facts f WHERE f.key = k.key AND f.robot = ANY(%s))",
        (list(robots),),
    )
    return [str(key) for (key,) in rows]


_COLUMNS = "r.id, r.name, f.key, f.name, f.value, f.noted_at, f.noted_by, f.memory"


def facts_at(db: Db, moments: Mapping[int, datetime | None], keys: Sequence[str]) -> list[Noted]:
    """The latest value of each of these facts up to a moment of each robot, by key and robot.

    Args:
        db: in a transaction.
        moments: the moment of each robot, by its id; ``None``: now.
        keys: of the facts.
    """
    rows = db.execute(
        f"SELECT {_COLUMNS} FROM unnest(%s::text[]) AS k (key) "
        "CROSS JOIN unnest(%s::integer[], %s::timestamptz[]) AS m (robot, at) "
        "JOIN robots r ON r.id = m.robot CROSS JOIN LATERAL ("
        "SELECT * FROM facts WHERE facts.key = k.key AND facts.robot = r.id "
        "AND facts.noted_at <= coalesce(m.at, 'infinity') "
        "ORDER BY noted_at DESC, fact_id DESC LIMIT 1) f ORDER BY f.key, r.name".encode(),
        (list(keys), list(moments), list(moments.values())),
    )
    return [Noted(*row) for row in rows]


@dataclass(frozen=True, slots=True)
class Changes:
    """The latest values of a robot's fact that differ from the one before each, in the order of
    time. ``earlier`` is how many there were before; ``None``: some were not looked at. They may
    begin with the first value of all: ``is_first``."""

    values: list[Noted]
    earlier: int | None
    is_first: bool = False


def fact_changes(
    db: Db, robots: Sequence[int], key: str, window: Window, limit: int
) -> list[Changes]:
    """How a fact of each of these robots changed within a window. The first value of all counts as
    a change. Robots without a change are left out.

    Args:
        db: in a transaction.
        robots: their ids.
        key: of the fact.
        window: of time.
        limit: maximum number of changes of each robot.
    """
    most = max(_MOST_READ // max(len(robots), 1), _LEAST_READ)
    rows = db.execute(
        f"SELECT {_COLUMNS}, f.changes, f.is_all, f.previous IS NULL FROM robots r "
        "CROSS JOIN LATERAL (SELECT *, count(*) OVER () AS changes FROM ("
        "SELECT *, lag(value) OVER (ORDER BY noted_at, fact_id) AS previous, "
        "count(*) OVER () < %(most)s "
        "OR min(noted_at) OVER () < %(since)s::timestamptz AS is_all FROM ("
        "SELECT * FROM facts WHERE facts.key = %(key)s AND facts.robot = r.id "
        "AND noted_at < coalesce(%(until)s::timestamptz, 'infinity') "
        "ORDER BY noted_at DESC, fact_id DESC LIMIT %(most)s) latest) pairs "
        "WHERE previous IS DISTINCT FROM value "
        "AND noted_at >= coalesce(%(since)s::timestamptz, '-infinity') "
        "ORDER BY noted_at DESC, fact_id DESC LIMIT %(limit)s) f "
        "WHERE r.id = ANY(%(robots)s) ORDER BY r.name, f.noted_at, f.fact_id".encode(),
        {
            "key": key,
            "since": window.since,
            "until": window.until,
            "most": most,
            "limit": limit,
            "robots": list(robots),
        },
    ).fetchall()
    changes = []
    for _, of_robot in groupby(rows, key=itemgetter(0)):
        some = list(of_robot)
        *_, count, is_all, is_first = some[0]
        values = [Noted(*row[:-3]) for row in some]
        if is_all:
            changes.append(Changes(values, count - len(some), is_first))
        else:  # Before the first of those looked at is another.
            values = values[1:] if is_first else values
            changes.append(Changes(values, None))
    return [one for one in changes if one.values]


def number_in(fact: Noted) -> tuple[float | None, str]:
    """A value as a number and its unit; ``None`` where it is not one number."""
    match = _NUMBER.fullmatch(fact.value)
    return (None, "") if match is None else (float(match[1]), plain_unit(match[2]))


def keyframes_at(db: Db, facts: Sequence[Noted]) -> list[Sighting]:
    """For each fact, the last keyframe of its memory up to then, if there is one."""
    rows = db.execute(
        f"SELECT {KEYFRAME} "
        "FROM unnest(%s::integer[], %s::timestamptz[]) WITH ORDINALITY AS n (memory, noted_at, at) "
        "JOIN memories m ON m.id = n.memory JOIN robots r ON r.id = m.robot CROSS JOIN LATERAL ("
        "SELECT seen_at, keyframe_id FROM keyframes WHERE keyframes.robot = r.id "
        "AND keyframes.memory = n.memory AND keyframes.seen_at <= n.noted_at "
        "ORDER BY seen_at DESC LIMIT 1) k ORDER BY n.at".encode(),
        ([one.memory_id for one in facts], [one.noted_at for one in facts]),
    )
    return [Sighting(*row) for row in rows]
