"""Takes in what robots send: each keyframe, answer and fact once, in order, with the cursor in the
same transaction.

The row of a memory is locked while one of its batches is stored, so two copies of a batch can't
both be new. A batch that holds only known rows changes nothing. One that leaves a gap after the
known rows is refused.

Out of scope: who may send (`access`), connections (`database`), questions (`answering`).
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from embodied_agent.errors import QuestionError
from embodied_agent.fleet.serving.database import Database, Db
from embodied_agent.fleet.serving.writing import (
    Memory,
    derive_seen,
    insert_keyframes,
    name_ids,
    remove_keyframes,
)
from embodied_agent.fleet.serving.writing_rows import (
    forget_facts,
    insert_answers,
    insert_facts,
    take_objects,
    take_places,
)
from embodied_agent.fleet.wire import (
    Audit,
    Audited,
    Batch,
    Cursor,
    FleetAnswer,
    FleetFact,
    FleetKeyframe,
)

T = TypeVar("T", FleetKeyframe, FleetAnswer, FleetFact)


class Gap(QuestionError):
    """Rows are missing before a batch; ``cursor`` says how far the server is."""

    def __init__(self, cursor: Cursor) -> None:
        super().__init__(
            f"keyframes after {cursor.keyframe_id}, answers after {cursor.answer_id} or facts "
            f"after {cursor.fact_id} are missing"
        )
        self.cursor = cursor


class Intake:
    """Every method may be called from any thread, and raises `DatabaseError` if the database can't
    be used. Then the call has had either no effect or its whole effect."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def cursor(self, robot: str, memory: str) -> Cursor:
        """How far the server is with a memory. A new memory, or robot, is registered."""
        with self._database.transaction() as db:
            return _locked(db, robot, memory).cursor

    def take(self, robot: str, batch: Batch) -> Cursor:
        """Store a batch; returns how far the server is then.

        Raises:
            Gap: the batch does not continue what the server has.
            QuestionError: a value can't be stored.
        """
        with self._database.transaction() as db:
            # In a transaction of their own and sorted, so that robots with the same new names don't
            # deadlock.
            names = name_ids(db, batch)
        with self._database.transaction() as db:
            memory = _locked(db, robot, batch.memory)
            had = memory.cursor
            had_fact = had.fact_id or 0
            if (
                batch.after_keyframe > had.keyframe_id
                or batch.after_answer > had.answer_id
                or batch.after_fact > had_fact
            ):
                raise Gap(had)
            keyframes = _new(batch.keyframes, had.keyframe_id)
            answers = _new(batch.answers, had.answer_id)
            facts = _new(batch.facts, had_fact)
            amended = [one for one in batch.amended_keyframes if one.id <= had.keyframe_id]
            remove_keyframes(db, memory, [one.id for one in amended])
            insert_keyframes(db, memory, [*amended, *keyframes], names)
            amended_answers = [one for one in batch.amended_answers if one.id <= had.answer_id]
            insert_answers(db, memory, [*amended_answers, *answers])
            forget_facts(db, memory, batch.forgotten_ns)
            amended_facts = [one for one in batch.amended_facts if one.id <= had_fact]
            insert_facts(db, memory, [*amended_facts, *facts])
            take_objects(db, memory, batch.objects, batch.objects_gone)
            if batch.places is not None:
                take_places(db, memory, batch.places)
            reached = Cursor(
                keyframe_id=keyframes[-1].id if keyframes else had.keyframe_id,
                stamp_ns=keyframes[-1].stamp_ns if keyframes else had.stamp_ns,
                answer_id=answers[-1].id if answers else had.answer_id,
                correction_id=had.correction_id,
                fact_id=facts[-1].id if facts else had_fact,
            )
            if batch.corrected is not None:
                # Ids of entries that were removed at the end are used again for later ones.
                reached = reached.model_copy(
                    update={
                        "correction_id": max(batch.corrected.correction_id, had.correction_id),
                        "answer_id": min(reached.answer_id, batch.corrected.answer_id),
                        "fact_id": min(
                            one
                            for one in (reached.fact_id, batch.corrected.fact_id)
                            if one is not None
                        ),
                    }
                )
            db.execute(
                "UPDATE memories SET keyframe_id = %s, stamp_ns = %s, answer_id = %s, "
                "correction_id = %s, fact_id = %s WHERE id = %s",
                (
                    reached.keyframe_id,
                    reached.stamp_ns,
                    reached.answer_id,
                    reached.correction_id,
                    reached.fact_id,
                    memory.id,
                ),
            )
            return reached

    def audit(self, robot: str, audit: Audit) -> Audited:
        """Compare checksums; delete answers and objects that the memory no longer has."""
        sums = dict(audit.sums)
        table, key = {
            "keyframes": ("keyframes", "keyframe_id"),
            "answers": ("answers", "answer_id"),
            "objects": ("objects", "object_id"),
            "facts": ("facts", "fact_id"),
        }[audit.table]
        with self._database.transaction() as db:
            memory = _locked(db, robot, audit.memory)
            rows = db.execute(
                f"SELECT {key}, checksum FROM {table} "
                f"WHERE memory = %s AND {key} BETWEEN %s AND %s",
                (memory.id, audit.first, audit.last),
            )
            held = {int(number): int(total) for number, total in rows}
            if audit.table in ("answers", "objects"):
                gone = [number for number in held if number not in sums]
                db.execute(
                    f"DELETE FROM {table} WHERE memory = %s AND {key} = ANY(%s)", (memory.id, gone)
                )
        wanted = [number for number in held if number in sums and sums[number] != held[number]]
        if audit.table in ("objects", "facts"):
            wanted += [number for number in sums if number not in held]
        return Audited(wanted=sorted(wanted))

    def restart(self, robot: str, uuid: str) -> Cursor:
        """Delete all that the server has of a memory."""
        with self._database.transaction() as db:
            memory = _locked(db, robot, uuid)
            for table in (
                *("thumbnails", "mentions", "keyframes", "visits"),
                *("answers", "objects", "places", "facts"),
            ):
                db.execute(f"DELETE FROM {table} WHERE memory = %s".encode(), (memory.id,))
            derive_seen(db, memory.robot, None)
            db.execute(
                "UPDATE memories SET keyframe_id = -1, stamp_ns = NULL, answer_id = 0, "
                "correction_id = 0, fact_id = 0 WHERE id = %s",
                (memory.id,),
            )
            return Cursor(fact_id=0)


def _locked(db: Db, robot: str, uuid: str) -> Memory:
    """The memory, locked until the transaction ends."""
    # The robot's row is locked first: the version of its vocabulary is in it.
    heard = "UPDATE robots SET heard_at = now() WHERE name = %s RETURNING id"
    row = db.execute(heard, (robot,)).fetchone()
    if row is None:
        db.execute("INSERT INTO robots (name) VALUES (%s) ON CONFLICT DO NOTHING", (robot,))
        row = db.execute(heard, (robot,)).fetchone()
    assert row is not None
    known = (
        "SELECT id, keyframe_id, stamp_ns, answer_id, correction_id, fact_id FROM memories "
        "WHERE robot = %s AND uuid = %s FOR UPDATE"
    )
    found = db.execute(known, (row[0], uuid)).fetchone()
    if found is None:
        db.execute("INSERT INTO memories (robot, uuid) VALUES (%s, %s)", (row[0], uuid))
        found = db.execute(known, (row[0], uuid)).fetchone()
    assert found is not None
    number, keyframe_id, stamp_ns, answer_id, correction_id, fact_id = found
    cursor = Cursor(
        keyframe_id=keyframe_id,
        stamp_ns=stamp_ns,
        answer_id=answer_id,
        correction_id=correction_id,
        fact_id=fact_id,
    )
    return Memory(number, row[0], cursor)


def _new(items: Sequence[T], after: int) -> list[T]:
    """The items that are new to the server.

    Raises:
        QuestionError: they are not in order.
    """
    if any(one.id >= other.id for one, other in pairwise(items)):
        raise QuestionError("keyframes, answers and facts must come in the order of their ids")
    return [item for item in items if item.id > after]
