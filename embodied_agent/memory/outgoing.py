"""What a memory sends to a fleet: rows by ascending ids, and checksums to compare what was sent.

Keyframes, answers and facts are committed in the order of their ids, so the last id that the fleet
has says what is still to be sent: the memory file itself is the outbox.

Out of scope: what is sent and when (`embodied_agent.fleet.sending.sender`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from embodied_agent.memory import schema
from embodied_agent.memory.facts import fact_of
from embodied_agent.memory.row_reader import KEYFRAME_WIDTH, RowReader
from embodied_agent.memory.rows import text_sum
from embodied_agent.records import Answer, Delta, Fact, Keyframe, Question


@dataclass(frozen=True, eq=False)
class OutgoingKeyframe:
    """A keyframe with its picture and its delta. ``checksum`` is the delta's, ``stored_at_s`` when
    it was stored, in seconds since 1970."""

    keyframe: Keyframe
    delta: Delta
    checksum: int
    stored_at_s: float


@dataclass(frozen=True, eq=False)
class OutgoingAnswer:
    """A question with its answer; ``id`` is the number of the entry, ``checksum`` that of its row,
    ``stored_at_s`` when it was stored, in seconds since 1970."""

    id: int
    question: Question
    answer: Answer
    checksum: int
    stored_at_s: float


@dataclass(frozen=True, eq=False)
class OutgoingFact:
    """A noted fact with its ``id``; ``checksum`` is that of its row, ``stored_at_s`` when it was
    stored, in seconds since 1970."""

    id: int
    fact: Fact
    checksum: int
    stored_at_s: float


class Outgoing:
    """Every method may be called from any thread, and raises `StoreError` if the file can't be
    read. Damaged rows are left out."""

    def __init__(self, rows: RowReader) -> None:
        self._rows = rows

    def identity(self) -> str:
        """What tells this memory from every other: 32 hexadecimal digits."""
        with self._rows.query("look up the memory's identity") as db:
            return str(db.execute("SELECT uuid FROM identity").get)

    def keyframes(self, after: int, limit: int) -> list[OutgoingKeyframe]:
        """The next perceived keyframes after the id ``after``; none beyond one that is pending."""
        return self._keyframes(
            "k.id > ?1 AND k.id < coalesce((SELECT min(id) FROM keyframes WHERE state = 'pending'),"
            " 9223372036854775807)",
            (after,),
            limit,
        )

    def keyframe(self, keyframe_id: int) -> OutgoingKeyframe | None:
        """That keyframe; ``None`` if it is unknown or not perceived yet."""
        return next(iter(self._keyframes("k.id = ?1", (keyframe_id,), 1)), None)

    def _keyframes(
        self, where: str, bindings: tuple[int, ...], limit: int
    ) -> list[OutgoingKeyframe]:
        sum_of = self._rows.checksum_of
        sql = (
            f"SELECT {self._rows.keyframe_columns}, {sum_of('k')}, p.jpeg, {sum_of('p')}, "
            f"d.json, {sum_of('d')}, k.stored_at_s FROM keyframes k "
            "JOIN deltas d ON d.keyframe_id = k.id LEFT JOIN pictures p ON p.keyframe_id = k.id "
            f"WHERE {where}{{one}} ORDER BY k.id"
        )
        return self._rows.collect("read keyframes", sql, bindings, self._keyframe, limit=limit)

    def _keyframe(self, row: Sequence[object]) -> OutgoingKeyframe | None:
        keyframe = self._rows.keyframe(row[: KEYFRAME_WIDTH + 3])
        text, checksum, stored_at_s = row[KEYFRAME_WIDTH + 3 :]
        if keyframe is None:
            return None
        delta = self._rows.delta((keyframe.id, text, checksum))
        if delta is None:
            return None
        return OutgoingKeyframe(keyframe, delta, _sum(checksum, text), _real(stored_at_s))

    def answers(self, after: int, limit: int) -> list[OutgoingAnswer]:
        """The next answers after the entry ``after``."""
        return self._answers("k.id > ?1", (after,), limit)

    def answer(self, number: int) -> OutgoingAnswer | None:
        """That entry; ``None`` if there is none."""
        return next(iter(self._answers("k.id = ?1", (number,), 1)), None)

    def _answers(self, where: str, bindings: tuple[int, ...], limit: int) -> list[OutgoingAnswer]:
        sql = (
            f"SELECT k.id, question, answer, {self._rows.checksum_of('k')}, k.stored_at_s "
            f"FROM answers k WHERE {where}{{one}} ORDER BY k.id"
        )

        def read(row: Sequence[object]) -> OutgoingAnswer | None:
            number, question, answer, checksum, stored_at_s = row
            records = self._rows.answer(row[:4])
            if records is None or not isinstance(number, int):
                return None
            total = _sum(checksum, question, answer)
            return OutgoingAnswer(number, *records, total, _real(stored_at_s))

        return self._rows.collect("read answers", sql, bindings, read, limit=limit)

    def facts(self, after: int, limit: int) -> list[OutgoingFact]:
        """The next facts after the id ``after``; what was forgotten is left out."""
        return self._facts("id > ?1", (after,), limit)

    def fact(self, number: int) -> OutgoingFact | None:
        """The fact with that id; ``None`` if there is none."""
        return next(iter(self._facts("id = ?1", (number,), 1)), None)

    def _facts(self, where: str, bindings: tuple[int, ...], limit: int) -> list[OutgoingFact]:
        found: list[OutgoingFact] = []
        with self._rows.query("read facts") as db:
            if schema.version_of(db) < schema.WITH_FACTS:
                return []
            sql = (
                "SELECT id, key, source, stamp_ns, json, checksum, stored_at_s FROM facts "
                f"WHERE {where} AND json <> '' ORDER BY id"
            )
            for *row, stored_at_s in db.execute(sql, bindings):
                try:
                    fact = fact_of(row)
                except ValueError as error:
                    self._rows.damage.note(f"fact {row[0]}", error)
                    continue
                found.append(OutgoingFact(row[0], fact, row[5], _real(stored_at_s)))
                if len(found) == limit:
                    break
        return found

    def fact_sums(self, first: int, last: int) -> list[tuple[int, int]]:
        """The checksums of the facts ``first`` to ``last`` inclusive, by id."""
        with self._rows.query("read facts") as db:
            if schema.version_of(db) < schema.WITH_FACTS:
                return []
            sql = (
                "SELECT id, checksum FROM facts WHERE id BETWEEN ? AND ? AND json <> '' ORDER BY id"
            )
            return [(number, total) for number, total in db.execute(sql, (first, last))]

    def last_fact(self) -> int:
        """The id of the last fact, 0 for none."""
        with self._rows.query("read facts") as db:
            if schema.version_of(db) < schema.WITH_FACTS:
                return 0
            return int(db.execute("SELECT coalesce(max(id), 0) FROM facts").get)

    def delta_sums(self, first: int, last: int) -> list[tuple[int, int]]:
        """The checksums of the deltas of keyframes ``first`` to ``last`` inclusive, by id."""
        sql = (
            f"SELECT keyframe_id, {self._rows.checksum_of('d')}, json FROM deltas d "
            "WHERE keyframe_id BETWEEN ? AND ? ORDER BY keyframe_id"
        )
        with self._rows.query("read deltas") as db:
            return [(n, _sum(total, text)) for n, total, text in db.execute(sql, (first, last))]

    def answer_sums(self, first: int, last: int) -> list[tuple[int, int]]:
        """The checksums of the entries ``first`` to ``last`` inclusive, by id."""
        sql = (
            f"SELECT id, {self._rows.checksum_of('a')}, question, answer FROM answers a "
            "WHERE id BETWEEN ? AND ? ORDER BY id"
        )
        with self._rows.query("read answers") as db:
            rows = db.execute(sql, (first, last))
            return [(number, _sum(total, *texts)) for number, total, *texts in rows]

    def object_sums(self) -> dict[int, int]:
        """The checksums of all objects, by id."""
        with self._rows.query("read objects") as db:
            return dict(db.execute("SELECT id, checksum FROM objects"))

    def last_answer(self) -> int:
        """The number of the last entry, 0 for none."""
        with self._rows.query("read answers") as db:
            return int(db.execute("SELECT coalesce(max(id), 0) FROM answers").get)

    def last_keyframe(self) -> int:
        """The id of the last keyframe, -1 for none."""
        with self._rows.query("read keyframes") as db:
            return int(db.execute("SELECT coalesce(max(id), -1) FROM keyframes").get)


def _sum(checksum: object, *texts: object) -> int:
    """A row's checksum; it is made from the texts where the row is older than checksums."""
    if isinstance(checksum, int):
        return checksum
    return text_sum(*(text for text in texts if isinstance(text, str)))


def _real(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
