"""Questions from remote clients and their answers, until the answers are delivered.

A question is stored here before its arrival is acknowledged, so that a crash loses none; it is open
until it has an answer. Its id is remembered for a while: the same id gets the same answer again,
whoever repeats it, and is not asked twice. An answer waits in the outbox, once for every topic that
it is to be sent to, until it is reported as sent.

Out of scope: how messages travel (`embodied_agent.interfaces.mqtt`), answering, the file (`store`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Literal

import apsw

from embodied_agent.memory.counts import OutboxCounts

Transaction = Callable[[str], AbstractContextManager[apsw.Connection]]

#: What became of an arrival: ``new``: stored and to be asked; ``repeated``: the same question as
#: before, which gets the same answer; ``conflict``: its id was used for another question.
Verdict = Literal["new", "repeated", "conflict"]


@dataclass(frozen=True, slots=True)
class Request:
    """A question from a remote client. Times are wall-clock seconds since 1970.

    ``digest`` is equal for the same question, ``body`` is its JSON. ``expires_at_s`` is ``None``
    where the question does not expire.
    """

    id: str
    digest: bytes
    body: str
    client: str
    received_at_s: float
    expires_at_s: float | None = None


@dataclass(frozen=True, slots=True)
class Address:
    """Where an answer goes: a topic, and the client's own mark for its question."""

    topic: str
    correlation: bytes = b""


@dataclass(frozen=True, slots=True)
class Delivery:
    """An answer to be delivered. ``since_s`` is when it became due (wall clock, seconds)."""

    number: int
    address: Address
    answer: str
    since_s: float


class Outbox:
    """The tables ``requests`` and ``outbox`` of one store. Safe to call from several threads.

    Every method raises `StoreError` where the file can't be read or written.

    Args:
        transaction: begins a write; all or nothing of it is kept.
        query: begins a read.
    """

    def __init__(self, transaction: Transaction, query: Transaction) -> None:
        self._transaction = transaction
        self._query = query

    def take(self, arrivals: Sequence[tuple[Request, Address]]) -> list[Verdict]:
        """Store what arrived in one transaction; it is on the disk when this returns."""
        with self._transaction("store questions") as db:
            return [self._take(db, request, address) for request, address in arrivals]

    def _take(self, db: apsw.Connection, request: Request, address: Address) -> Verdict:
        digest = db.execute("SELECT digest FROM requests WHERE id = ?", (request.id,)).get
        if digest is not None and digest != request.digest:
            return "conflict"
        if digest is None:
            db.execute(
                "INSERT INTO requests VALUES (?, ?, ?, ?, ?, ?, NULL)",
                (
                    request.id,
                    request.digest,
                    request.body,
                    request.client,
                    request.received_at_s,
                    request.expires_at_s,
                ),
            )
        else:
            # Whoever repeats a question still wants the answer.
            db.execute(
                "UPDATE requests SET expires_at_s = max(expires_at_s, ?) WHERE id = ?",
                (request.expires_at_s, request.id),
            )
        db.execute(
            "INSERT INTO outbox (request_id, topic, correlation, since_s) VALUES (?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET since_s = excluded.since_s",
            (request.id, address.topic, address.correlation, time.time()),
        )
        return "new" if digest is None else "repeated"

    def open(self) -> list[Request]:
        """The questions without an answer, oldest first."""
        with self._query("read open questions") as db:
            return [
                Request(*row)
                for row in db.execute(
                    "SELECT id, digest, body, client, received_at_s, expires_at_s FROM requests "
                    "WHERE answer IS NULL ORDER BY received_at_s"
                )
            ]

    def answer(self, request_id: str, answer: str) -> bool:
        """Store the answer, which is due from now on at every address of the question.

        Returns:
            False where the question has expired: it is dropped, and nothing is due.
        """
        now = time.time()
        with self._transaction("store an answer to be sent") as db:
            db.execute(
                "UPDATE requests SET answer = ?1 WHERE id = ?2 AND answer IS NULL "
                "AND (expires_at_s IS NULL OR expires_at_s > ?3)",
                (answer, request_id, now),
            )
            if not db.changes():
                self._forget(db, request_id)
                return False
            db.execute("UPDATE outbox SET since_s = ? WHERE request_id = ?", (now, request_id))
            return True

    def forget(self, request_id: str) -> None:
        """Drop an open question that was refused; it may be asked again under the same id."""
        with self._transaction("drop a question") as db:
            self._forget(db, request_id)

    @staticmethod
    def _forget(db: apsw.Connection, request_id: str) -> None:
        unanswered = "(SELECT id FROM requests WHERE id = ? AND answer IS NULL)"
        db.execute(f"DELETE FROM outbox WHERE request_id IN {unanswered}", (request_id,))
        db.execute(f"DELETE FROM requests WHERE id IN {unanswered}", (request_id,))

    def due(self, limit: int, *, since_s: float = 0.0) -> list[Delivery]:
        """The oldest answers to be sent. Those due before ``since_s`` are left out."""
        with self._query("read the outbox") as db:
            return [
                Delivery(number, Address(topic, correlation), answer, due_s)
                for number, topic, correlation, answer, due_s in db.execute(
                    "SELECT number, topic, correlation, answer, since_s FROM outbox "
                    "JOIN requests ON id = request_id "
                    "WHERE answer IS NOT NULL AND since_s >= ? ORDER BY number LIMIT ?",
                    (since_s, limit),
                )
            ]

    def sent(self, numbers: Iterable[int]) -> None:
        """Remove deliveries that the broker has, or never will have."""
        with self._transaction("note sent answers") as db:
            db.executemany("DELETE FROM outbox WHERE number = ?", [(n,) for n in numbers])

    def prune(self, *, keep_s: float, keep: int, answer_expiry_s: float) -> int:
        """Drop what is too old or too much; open questions stay.

        Args:
            keep_s: how long answered ids are remembered, in seconds.
            keep: most answered ids that are remembered.
            answer_expiry_s: how long an answer may wait in the outbox, in seconds.

        Returns:
            How many answers were dropped undelivered.
        """
        now = time.time()
        with self._transaction("drop old questions") as db:
            db.execute(
                "DELETE FROM outbox WHERE since_s < ? AND request_id IN "
                "(SELECT id FROM requests WHERE answer IS NOT NULL)",
                (now - answer_expiry_s,),
            )
            lost = db.changes()
            old = (
                "SELECT id FROM requests WHERE answer IS NOT NULL AND (received_at_s < ?1 OR id IN "
                "(SELECT id FROM requests ORDER BY received_at_s DESC LIMIT -1 OFFSET ?2))"
            )
            db.execute(f"DELETE FROM outbox WHERE request_id IN ({old})", (now - keep_s, keep))
            lost += db.changes()
            db.execute(f"DELETE FROM requests WHERE id IN ({old})", (now - keep_s, keep))
        return lost

    def counts(self) -> OutboxCounts:
        """How many ids are remembered, questions open and answers due."""
        with self._query("count questions") as db:
            remembered = db.execute("SELECT count(*) FROM requests").get
            unanswered = db.execute("SELECT count(*) FROM requests WHERE answer IS NULL").get
            due = db.execute(
                "SELECT count(*) FROM outbox JOIN requests ON id = request_id "
                "WHERE answer IS NOT NULL"
            ).get
        return OutboxCounts(remembered=remembered, open=unanswered, due=due)
