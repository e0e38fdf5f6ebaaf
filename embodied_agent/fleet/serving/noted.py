"""The facts that robots noted: reading their latest values.

Out of scope: which facts a question names (`fact_reading`), sentences (`about_facts`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from embodied_agent.fleet.serving.database import Db
from embodied_agent.fleet.serving.sightings import Sighting


@dataclass(frozen=True, slots=True)
class Noted:
    """The latest value of a robot's fact. ``key`` is the fact's name in its normal form
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


def latest_facts(db: Db, robots: Sequence[int], keys: Sequence[str]) -> list[Noted]:
    """The latest value of each of these facts of each of these robots, by key and robot."""
    rows = db.execute(
        "SELECT r.id, r.name, f.key, f.name, f.value, f.noted_at, f.noted_by, f.memory "
        "FROM unnest(%s::text[]) AS k (key) CROSS JOIN robots r CROSS JOIN LATERAL ("
        "SELECT * FROM facts WHERE facts.key = k.key AND facts.robot = r.id "
        "ORDER BY noted_at DESC, fact_id DESC LIMIT 1) f "
        "WHERE r.id = ANY(%s) ORDER BY f.key, r.name",
        (list(keys), list(robots)),
    )
    return [Noted(*row) for row in rows]


def keyframes_at(db: Db, facts: Sequence[Noted]) -> list[Sighting]:
    """For each fact, the last keyframe of its memory up to then, if there is one."""
    rows = db.execute(
        "SELECT r.id, r.name, '', k.seen_at, m.uuid, k.keyframe_id "
        "FROM unnest(%s::integer[], %s::timestamptz[]) WITH ORDINALITY AS n (memory, noted_at, at) "
        "JOIN memories m ON m.id = n.memory JOIN robots r ON r.id = m.robot CROSS JOIN LATERAL ("
        "SELECT seen_at, keyframe_id FROM keyframes WHERE keyframes.robot = r.id "
        "AND keyframes.memory = n.memory AND keyframes.seen_at <= n.noted_at "
        "ORDER BY seen_at DESC LIMIT 1) k ORDER BY n.at",
        ([one.memory_id for one in facts], [one.noted_at for one in facts]),
    )
    return [Sighting(*row) for row in rows]
