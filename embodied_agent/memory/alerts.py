"""Standing questions and alerts in a memory file.

An alert is stored before it is delivered, and each event of a question only once, so that a
restart neither loses one nor reports one twice. Each row has a checksum; a damaged row is left
out and reported.

Out of scope: when there is an alert (`embodied_agent.agent.alerts`), how it is delivered
(`embodied_agent.interfaces`, `embodied_agent.host.webhooks`).
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, TypeVar

from embodied_agent.codec import from_json, to_json
from embodied_agent.memory import schema
from embodied_agent.memory.access import Access
from embodied_agent.memory.rows import check_texts, text_sum
from embodied_agent.object_records import Alert, StandingQuestion

#: How alerts are delivered: published over MQTT, or posted to a webhook.
Channel = Literal["published", "posted"]
R = TypeVar("R", StandingQuestion, Alert)

#: Most alerts that are kept; the oldest are dropped.
MOST_KEPT = 10_000


class AlertTable:
    """The standing questions and alerts in one file. Every method may be called from any thread,
    and raises `StoreError` if the file can't be read or written.

    Args:
        access: the file that holds them.
    """

    def __init__(self, access: Access) -> None:
        self._access = access

    def questions(self) -> list[StandingQuestion]:
        """All standing questions, in the order in which they were asked."""
        return self._records(
            StandingQuestion,
            "standing question",
            "SELECT id, json, checksum FROM standing_questions ORDER BY id",
            (),
        )

    def ask(self, question: StandingQuestion) -> StandingQuestion:
        """Store a standing question; returns it with its id."""
        with self._access.transaction("store a standing question") as db:
            # Not reused: alerts of a question that was withdrawn keep its number.
            sql = (
                "SELECT max(coalesce((SELECT max(id) FROM standing_questions), 0), "
                "coalesce((SELECT max(question_id) FROM alerts), 0)) + 1"
            )
            stored = replace(question, id=int(db.execute(sql).get))
            text = to_json(stored)
            db.execute(
                "INSERT INTO standing_questions VALUES (?, ?, ?)",
                (stored.id, text, text_sum(text)),
            )
        return stored

    def withdraw(self, question_id: int) -> bool:
        """Remove a standing question, but not its alerts; returns whether there was one."""
        with self._access.transaction("remove a standing question") as db:
            db.execute("DELETE FROM standing_questions WHERE id = ?", (question_id,))
            return bool(db.changes())

    def add(self, alert: Alert, key: str, *, webhook: bool) -> Alert | None:
        """Store an alert; returns it with its id, or ``None`` if its event was reported before.

        Args:
            alert: its ``id`` is ignored.
            key: identifies the event among those of the question.
            webhook: whether it is to be posted.
        """
        with self._access.transaction("store an alert") as db:
            known = "SELECT 1 FROM alerts WHERE question_id = ? AND key = ?"
            if db.execute(known, (alert.question_id, key)).get is not None:
                return None
            number = int(db.execute("SELECT coalesce(max(id), 0) + 1 FROM alerts").get)
            stored = replace(alert, id=number)
            text = to_json(stored)
            db.execute(
                "INSERT INTO alerts VALUES (?, ?, ?, ?, ?, 0, ?)",
                (number, alert.question_id, key, text, text_sum(text), int(not webhook)),
            )
            db.execute("DELETE FROM alerts WHERE id <= ?", (number - MOST_KEPT,))
        return stored

    def alerts(self, *, since: int = 0, limit: int = 100, newest: bool = False) -> list[Alert]:
        """Alerts with ids from ``since`` on, in order; the newest of them where ``newest``."""
        order = "DESC" if newest else "ASC"
        sql = f"SELECT id, json, checksum FROM alerts WHERE id >= ? ORDER BY id {order} LIMIT ?"
        alerts = self._records(Alert, "alert", sql, (since, limit))
        return alerts[::-1] if newest else alerts

    def undelivered(self, channel: Channel, limit: int = 100) -> list[Alert]:
        """Alerts that are still to be delivered on a channel, in order."""
        sql = f"SELECT id, json, checksum FROM alerts WHERE {channel} = 0 ORDER BY id LIMIT ?"
        return self._records(Alert, "alert", sql, (limit,))

    def delivered(self, alert_id: int, channel: Channel) -> None:
        """Note that an alert was delivered on a channel, or never will be."""
        with self._access.transaction("note that an alert was delivered") as db:
            db.execute(f"UPDATE alerts SET {channel} = 1 WHERE id = ?", (alert_id,))

    def _records(self, kind: type[R], name: str, sql: str, bindings: tuple[Any, ...]) -> list[R]:
        records: list[R] = []
        with self._access.query(f"read {name}s") as db:
            if schema.version_of(db) < schema.WITH_ALERTS:
                return []
            for number, text, checksum in db.execute(sql, bindings):
                try:
                    check_texts(checksum, text)
                    records.append(from_json(kind, text))
                except ValueError as error:
                    self._access.damage.note(f"{name} {number}", error)
        return records
