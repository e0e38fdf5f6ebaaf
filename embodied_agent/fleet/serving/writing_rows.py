"""Writes answers, facts, objects and named places into the tables; part of a transaction.

Out of scope: which are new (`intake`), the tables (`schema`), keyframes (`writing`).
"""

from __future__ import annotations

from collections.abc import Sequence

from embodied_agent.fleet.serving.database import Db
from embodied_agent.fleet.serving.writing import Memory, clean, moment
from embodied_agent.fleet.wire import FleetAnswer, FleetFact, FleetObject, FleetPlace
from embodied_agent.settings.facts import fact_key


def insert_answers(db: Db, memory: Memory, answers: Sequence[FleetAnswer]) -> None:
    """Write answers; one of the same number is replaced."""
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO answers VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s) "
            "ON CONFLICT (memory, answer_id) DO UPDATE SET answered_at = excluded.answered_at, "
            "question = excluded.question, status = excluded.status, text = excluded.text, "
            "evidence = excluded.evidence, checksum = excluded.checksum",
            [
                (
                    memory.id,
                    one.id,
                    memory.robot,
                    moment(one.answered_at_s),
                    clean(one.question),
                    one.status,
                    clean(one.text),
                    one.evidence,
                    one.checksum,
                )
                for one in answers
            ],
        )


def forget_facts(db: Db, memory: Memory, intervals_ns: Sequence[tuple[int, int]]) -> None:
    """Remove the facts of a memory whose stamps lie in an interval, its ends included."""
    for first_ns, last_ns in intervals_ns:
        db.execute(
            "DELETE FROM facts WHERE memory = %s AND stamp_ns BETWEEN %s AND %s",
            (memory.id, first_ns, last_ns),
        )


def insert_facts(db: Db, memory: Memory, facts: Sequence[FleetFact]) -> None:
    """Write facts; one of the same number, or of the same name, source and stamp, is replaced."""
    if not facts:
        return
    keys = [fact_key(clean(one.name)) for one in facts]
    sources = [clean(one.source) for one in facts]
    db.execute(
        "DELETE FROM facts WHERE memory = %s AND (fact_id = ANY(%s) OR (key, source, stamp_ns) IN "
        "(SELECT * FROM unnest(%s::text[], %s::text[], %s::bigint[])))",
        (memory.id, [one.id for one in facts], keys, sources, [one.stamp_ns for one in facts]),
    )
    # Of two with the same name, source and stamp, the later one counts.
    latest = {
        (key, source, one.stamp_ns): one
        for key, source, one in zip(keys, sources, facts, strict=True)
    }
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO facts VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    memory.id,
                    one.id,
                    memory.robot,
                    key,
                    clean(one.name),
                    clean(one.value),
                    source,
                    stamp_ns,
                    moment(one.noted_at_s),
                    clean(one.by),
                    one.checksum,
                )
                for (key, source, stamp_ns), one in latest.items()
            ],
        )


def take_objects(
    db: Db, memory: Memory, objects: Sequence[FleetObject], gone: Sequence[int]
) -> None:
    """Write objects, and remove those that are no more."""
    ids = [*(one.id for one in objects), *gone]
    if not ids:
        return
    db.execute("DELETE FROM objects WHERE memory = %s AND object_id = ANY(%s)", (memory.id, ids))
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO objects VALUES "
            "(%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    memory.id,
                    one.id,
                    memory.robot,
                    clean(one.name),
                    clean(one.kind),
                    clean(one.color),
                    clean(one.frame_id),
                    *(one.position_m or (None, None, None)),
                    one.std_m,
                    clean(one.measured),
                    one.last_seen_ns,
                    one.seen,
                    one.gone,
                    one.evidence,
                    one.checksum,
                )
                for one in {one.id: one for one in objects}.values()
            ],
        )


def take_places(db: Db, memory: Memory, places: Sequence[FleetPlace]) -> None:
    """Write the named places of a memory in place of those that it had."""
    db.execute("DELETE FROM places WHERE memory = %s", (memory.id,))
    with db.cursor() as cursor:
        cursor.executemany(
            "INSERT INTO places VALUES (%s, %s, %s, %s, %s, %s, %s, %s)",
            [
                (
                    memory.id,
                    name,
                    memory.robot,
                    clean(one.frame_id),
                    one.segment,
                    *one.position_m,
                    [value for corner in one.region for value in corner],
                )
                for name, one in {clean(one.name): one for one in places}.items()
            ],
        )
