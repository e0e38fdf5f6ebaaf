"""Requests to the server about one memory: how much goes into one, and what follows a refusal.

If the server does not accept a request, the next one is smaller. A single row that it does not
accept is sent without its content.

Out of scope: which rows are sent (`shipping`, `comparing`), the messages (`outgoing`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeVar

from embodied_agent.fleet.link import Refused, Unreachable
from embodied_agent.fleet.sending.outgoing import (
    answer_message,
    fact_message,
    keyframe_message,
    object_message,
)
from embodied_agent.fleet.sending.uplink import Uplink
from embodied_agent.fleet.wire import (
    Audit,
    Batch,
    Cursor,
    FleetAnswer,
    FleetFact,
    FleetKeyframe,
    FleetObject,
)
from embodied_agent.memory.outgoing import OutgoingAnswer, OutgoingFact, OutgoingKeyframe
from embodied_agent.object_records import SeenObject
from embodied_agent.settings import FleetSettings

#: Bytes of a request besides its rows.
_OVERHEAD = 2048

Table = Literal["keyframes", "answers", "objects", "facts"]
Row = FleetKeyframe | FleetAnswer | FleetObject | FleetFact
Message = TypeVar("Message", bound=Row)


@dataclass
class Counts:
    """Rows that were sent since the start; ``waiting`` are keyframes that are still to be sent."""

    waiting: int = 0
    keyframes: int = 0
    answers: int = 0
    facts: int = 0
    reduced: int = 0


class Posting:
    """Requests about one memory. Not thread-safe.

    Args:
        memory: its identity.
        settings: of the fleet.
        uplink: to the server.

    Attributes:
        cursor: how far the server is; ``None`` until it has said so.
        most: maximum number of rows in the next request.
        counts: of rows that were sent.
        now_s: the present, in monotonic seconds.
        sent_s: when the server was last reached, in monotonic seconds.
    """

    def __init__(self, memory: str, settings: FleetSettings, uplink: Uplink) -> None:
        self._memory = memory
        self._settings = settings
        self._uplink = uplink
        self._bare: set[tuple[Table, int]] = set()
        self.cursor: Cursor | None = None
        self.most = settings.batch_keyframes
        self.counts = Counts()
        self.now_s = self.sent_s = 0.0

    def asked_cursor(self) -> Cursor:
        """Ask the server how far it is."""
        cursor = self._uplink.cursor(self._memory)
        self.sent_s = self.now_s
        return cursor

    def restarted(self) -> Cursor:
        """Make the server delete all it has of this memory; returns how far it is then."""
        return self._uplink.restart(self._memory)

    def differing(
        self, table: Table, first: int, last: int, sums: list[tuple[int, int]]
    ) -> list[int]:
        """The ids of the rows between ``first`` and ``last`` that the server wants again."""
        audit = Audit(memory=self._memory, table=table, first=first, last=last, sums=sums)
        return self._uplink.audit(audit).wanted

    def keyframe(self, row: OutgoingKeyframe) -> FleetKeyframe:
        """A keyframe as it is sent."""
        bare = ("keyframes", row.keyframe.id) in self._bare
        return keyframe_message(row, self._settings.thumbnail_width, bare=bare)

    def answer(self, row: OutgoingAnswer) -> FleetAnswer:
        """An answer as it is sent."""
        return answer_message(row, bare=("answers", row.id) in self._bare)

    def fact(self, row: OutgoingFact) -> FleetFact:
        """A fact as it is sent."""
        return fact_message(row, bare=("facts", row.id) in self._bare)

    def object(self, record: SeenObject, checksum: int) -> FleetObject:
        """An object as it is sent."""
        return object_message(record, checksum, bare=("objects", record.id) in self._bare)

    def fit(self, messages: Iterable[Message], used: int = 0) -> list[Message]:
        """The first messages that fit into a request of which ``used`` bytes are taken; at least
        one if none are."""
        taken: list[Message] = []
        for message in messages:
            used += _size(message)
            if used > self._settings.batch_bytes - _OVERHEAD and (taken or used > _size(message)):
                break
            taken.append(message)
            if len(taken) >= self.most:
                break
        return taken

    def post(self, batch: Batch) -> bool:
        """Send a batch; returns whether the server stored it. If not, the next one has to be made
        again: it will be smaller, or start elsewhere.

        Raises:
            LinkError: the server can't be reached, or refuses for a reason other than size or
                content.
        """
        try:
            self.cursor = self._uplink.batch(batch)
        except Refused as error:
            if error.status == 409:
                self.cursor = None  # it is not where it was: its database was restored
                return False
            if (error.is_too_large or error.is_of_content) and self._reduce(batch):
                return False
            raise
        except Unreachable:
            self.most = max(1, self.most // 2)  # the link may be too slow for more
            raise
        self.sent_s = self.now_s
        self.most = min(self._settings.batch_keyframes, self.most * 2)
        return True

    def _reduce(self, batch: Batch) -> bool:
        """Make the next batch smaller than the refused one; returns whether that is possible."""
        if self.most > 1:
            self.most //= 2
            return True
        rows: dict[Table, list[Row]] = {
            "keyframes": [*batch.keyframes, *batch.amended_keyframes],
            "answers": [*batch.answers, *batch.amended_answers],
            "facts": [*batch.facts, *batch.amended_facts],
            "objects": [*batch.objects],
        }
        keys = {(table, one.id) for table, some in rows.items() for one in some} - self._bare
        self._bare |= keys
        self.counts.reduced += len(keys)
        return bool(keys)


def total_size(messages: Iterable[Row]) -> int:
    """The size of messages in a request, in bytes."""
    return sum(map(_size, messages))


def _size(message: Row) -> int:
    return len(message.model_dump_json(exclude_defaults=True)) + 1
