"""Questions from remote clients and their answers, until the answers are delivered.

A question is stored here before its arrival is acknowledged, so that a crash loses none; it is open
until it has an answer. Its id is remembered for a while: a repeated id gets the same answer again
and is not asked twice. An answer waits in the outbox, once for each topic that it is sent to, until
it is reported as sent.

Rows are verified when they are read (`rows`). A damaged question or delivery is left out and
reported; the question is replaced when its client repeats it.

Out of scope: how messages travel (`embodied_agent.interfaces.mqtt`), answering, the file (`store`).
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import apsw

from embodied_agent.memory.access import Access
from embodied_agent.memory.counts import OutboxCounts
from embodied_agent.memory.rows import DamagedRow, check_values, values_sum

#: What became of an arrival: ``new``: stored and to be asked; ``repeated``: the same question as
#: before, which gets the same answer; ``conflict``: its id was used for another question.
Verdict = Literal["new", "repeated", "conflict"]


#: The columns that a checksum covers, in its order, with their types.
REQUEST_COLUMNS = "id, digest, body, client, received_at_s, expires_at_s, answer"
_NOTHING = type(None)
_REQUEST_TYPES: tuple[tuple[type, ...], ...] = (
    (str,), (bytes,), (str,), (str,), (float, int), (float, int, _NOTHING), (str, _NOTHING),
)  # fmt: skip
DELIVERY_COLUMNS = "request_id, topic, correlation, since_s"
_DELIVERY_TYPES: tuple[tuple[type, ...], ...] = ((str,), (str,), (bytes,), (float, int))


def check_request(values: Sequence[Any], checksum: int | None) -> None:
    """Refuse a question's `REQUEST_COLUMNS` that are not what was written.

    Raises:
        DamagedRow: a type or the checksum is wrong.
    """
    check_values(values, _REQUEST_TYPES, checksum)


def check_delivery(values: Sequence[Any], checksum: int | None) -> None:
    """Refuse a delivery's `DELIVERY_COLUMNS` that are not what was written.

    Raises:
        DamagedRow: a type or the checksum is wrong.
    """
    check_values(values, _DELIVERY_TYPES, checksum)


@dataclass(frozen=True, slots=True)
class Request:
    """A question from a remote client. Times are wall-clock seconds since 1970.

    ``digest`` is equal for the same question, ``body`` is its JSON. ``expires_at_s`` is ``None``
    if the question does not expire.
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
    """An answer to be delivered. ``since_s`` is when it became due (wall clock, seconds);
    ``request_id`` and ``client`` are those of the question."""

    number: int
    address: Address
    answer: str
    since_s: float
    request_id: str
    client: str


class Outbox:
    """The tables ``requests`` and ``outbox`` of one store. Safe to call from several threads.

    Every method raises `StoreError` if the file can't be read or written.

    Args:
        access: the file that holds them.
        checked: whether the file has checksums of these rows.
    """

    def __init__(self, access: Access, *, checked: bool) -> None:
        self._access = access
        self._sum = "{}checksum" if checked else "NULL"

    def take(self, arrivals: Sequence[tuple[Request, Address]]) -> list[Verdict]:
        """Store the arrivals in one transaction. They are on the disk when this returns."""
        with self._access.transaction("store questions") as db:
            return [self._take(db, request, address) for request, address in arrivals]

    def _take(self, db: apsw.Connection, request: Request, address: Address) -> Verdict:
        try:
            known = self._request(db, request.id)
        except DamagedRow:
            # A repeated request replaces it.
            db.execute("DELETE FROM requests WHERE id = ?", (request.id,))
            known = None
        if known is not None and known[1] != request.digest:
            return "conflict"
        if known is None:
            self._put(
                db,
                request.id,
                request.digest,
                request.body,
                request.client,
                float(request.received_at_s),
                _real(request.expires_at_s),
                None,
            )
        else:
            # A client that repeats its question still waits for the answer.
            expires_at_s = (
                None
                if known[5] is None or request.expires_at_s is None
                else max(float(known[5]), float(request.expires_at_s))
            )
            self._put(db, *known[:5], expires_at_s, known[6])
        self._address(db, request.id, address, time.time())
        return "new" if known is None else "repeated"

    def _request(self, db: apsw.Connection, request_id: str) -> tuple[Any, ...] | None:
        """The `REQUEST_COLUMNS` of a question; ``None`` if it is unknown.

        Raises:
            DamagedRow: they are damaged; it is noted.
        """
        rows = db.execute(
            f"SELECT {REQUEST_COLUMNS}, {self._sum.format('')} FROM requests WHERE id = ?",
            (request_id,),
        )
        for *values, checksum in rows:
            try:
                check_request(values, checksum)
            except DamagedRow as error:
                self._access.damage.note(f"question {request_id!r}", error)
                raise
            return tuple(values)
        return None

    @staticmethod
    def _put(db: apsw.Connection, *values: Any) -> None:
        """Insert or replace a question's `REQUEST_COLUMNS`."""
        changes = ", ".join(f"{name} = excluded.{name}" for name in REQUEST_COLUMNS.split(", "))
        db.execute(
            f"INSERT INTO requests ({REQUEST_COLUMNS}, checksum) VALUES (?, ?, ?, ?, ?, ?, ?, ?) "
            f"ON CONFLICT (id) DO UPDATE SET {changes}, checksum = excluded.checksum",
            (*values, values_sum(*values)),
        )

    @staticmethod
    def _address(db: apsw.Connection, request_id: str, address: Address, since_s: float) -> None:
        """Write where an answer goes and when it became due; each address has one row."""
        values = (request_id, address.topic, address.correlation, since_s)
        db.execute(
            f"INSERT INTO outbox ({DELIVERY_COLUMNS}, checksum) VALUES (?, ?, ?, ?, ?) "
            "ON CONFLICT DO UPDATE SET since_s = excluded.since_s, checksum = excluded.checksum",
            (*values, values_sum(*values)),
        )

    def open(self) -> list[Request]:
        """The open questions, oldest first."""
        requests = []
        with self._access.query("read open questions") as db:
            for *values, checksum in db.execute(
                f"SELECT {REQUEST_COLUMNS}, {self._sum.format('')} FROM requests "
                "WHERE answer IS NULL ORDER BY received_at_s"
            ):
                try:
                    check_request(values, checksum)
                except DamagedRow as error:
                    self._access.damage.note(f"question {values[0]!r}", error)
                    continue
                requests.append(Request(*values[:6]))
        return requests

    def answer(self, request_id: str, answer: str) -> bool:
        """Store the answer, which is due from now on at every address of the question.

        Returns:
            False where the question has expired: it is dropped, and nothing is due.

        Raises:
            StoreError: also where the question is damaged.
        """
        now = time.time()
        with self._access.transaction("store an answer to be sent") as db:
            known = self._request(db, request_id)
            if known is None or known[6] is not None or (known[5] is not None and known[5] <= now):
                self._forget(db, request_id)
                return False
            self._put(db, *known[:6], answer)
            addresses = db.execute(
                f"SELECT {DELIVERY_COLUMNS}, {self._sum.format('')}, number FROM outbox "
                "WHERE request_id = ?",
                (request_id,),
            ).fetchall()
            for row in addresses:
                values: tuple[Any, ...] = row[:4]
                checksum: Any = row[4]
                try:
                    check_delivery(values, checksum)
                except DamagedRow as error:
                    self._access.damage.note(f"delivery {row[5]}", error)
                    continue
                self._address(db, request_id, Address(values[1], values[2]), now)
            return True

    def forget(self, request_id: str) -> None:
        """Drop an open question that was refused; its id may be used again."""
        with self._access.transaction("drop a question") as db:
            self._forget(db, request_id)

    @staticmethod
    def _forget(db: apsw.Connection, request_id: str) -> None:
        unanswered = "(SELECT id FROM requests WHERE id = ? AND answer IS NULL)"
        db.execute(f"DELETE FROM outbox WHERE request_id IN {unanswered}", (request_id,))
        db.execute(f"DELETE FROM requests WHERE id IN {unanswered}", (request_id,))

    def due(self, limit: int, *, since_s: float = 0.0) -> list[Delivery]:
        """The oldest answers to be sent. Those due before ``since_s`` are left out."""
        request = ", ".join(f"r.{name}" for name in REQUEST_COLUMNS.split(", "))
        delivery = ", ".join(f"o.{name}" for name in DELIVERY_COLUMNS.split(", "))
        deliveries: list[Delivery] = []
        with self._access.query("read the outbox") as db:
            # Damaged rows don't count, so that they don't hold up others.
            for number, *values in db.execute(
                f"SELECT o.number, {delivery}, {self._sum.format('o.')}, "
                f"{request}, {self._sum.format('r.')} "
                "FROM outbox o JOIN requests r ON r.id = o.request_id "
                "WHERE r.answer IS NOT NULL AND o.since_s >= ? ORDER BY o.number",
                (since_s,),
            ):
                if len(deliveries) >= limit:
                    break
                name = f"delivery {number}"
                try:
                    check_delivery(values[:4], values[4])
                    name = f"question {values[0]!r}"
                    check_request(values[5:-1], values[-1])
                except DamagedRow as error:
                    self._access.damage.note(name, error)
                    continue
                request_id, topic, correlation, due_s = values[:4]
                client, answer = values[8], values[11]
                address = Address(topic, correlation)
                deliveries.append(Delivery(number, address, answer, due_s, request_id, client))
        return deliveries

    def sent(self, numbers: Iterable[int]) -> None:
        """Remove deliveries that the broker has accepted, or never will."""
        with self._access.transaction("note sent answers") as db:
            db.executemany("DELETE FROM outbox WHERE number = ?", [(n,) for n in numbers])

    def prune(self, *, keep_s: float, keep: int, answer_expiry_s: float) -> int:
        """Drop what is too old or beyond the limits; open questions stay.

        Args:
            keep_s: how long answered ids are remembered, in seconds.
            keep: most answered ids that are remembered.
            answer_expiry_s: how long an answer may wait in the outbox, in seconds.

        Returns:
            How many answers were dropped undelivered.
        """
        now = time.time()
        with self._access.transaction("drop old questions") as db:
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
        with self._access.query("count questions") as db:
            remembered = db.execute("SELECT count(*) FROM requests").get
            unanswered = db.execute("SELECT count(*) FROM requests WHERE answer IS NULL").get
            due = db.execute(
                "SELECT count(*) FROM outbox JOIN requests ON id = request_id "
                "WHERE answer IS NOT NULL"
            ).get
        return OutboxCounts(remembered=remembered, open=unanswered, due=due)


def _real(value: float | None) -> float | None:
    """A number as SQLite returns it."""
    return None if value is None else float(value)
