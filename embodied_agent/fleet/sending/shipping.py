"""What a memory's next request to the fleet server is: its news, or what people corrected.

A step changes nothing but what the server has accepted, so it can be interrupted and repeated at
any point. Where the server can't take a request, the next one is smaller; a single row that it
can't take is sent without its content.

Out of scope: waiting and retrying (`sender`), the messages (`outgoing`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Literal, TypeVar

from embodied_agent.fleet.link import Link, Refused, Unreachable
from embodied_agent.fleet.sending.outgoing import (
    answer_message,
    keyframe_message,
    object_message,
    place_messages,
)
from embodied_agent.fleet.wire import (
    MOST_ITEMS,
    Audit,
    Audited,
    Batch,
    Corrected,
    Cursor,
    FleetAnswer,
    FleetKeyframe,
    FleetObject,
    FleetPlace,
    Restart,
)
from embodied_agent.memory.outgoing import OutgoingAnswer, OutgoingKeyframe
from embodied_agent.memory.store import Store
from embodied_agent.settings import FleetSettings

#: Rows whose checksums are compared in one request.
_AUDITED = 5000
#: A server that was sent nothing for this long is asked where it is, in seconds: it learns that the
#: robot is alive, and the robot that the server still has everything.
_ALIVE_S = 20.0
#: Bytes of a request that are not its rows.
_OVERHEAD = 2048
#: No id is greater.
_LAST_ID = 2**62

Table = Literal["keyframes", "answers", "objects"]
Message = TypeVar("Message", FleetKeyframe, FleetAnswer, FleetObject)


@dataclass
class Counts:
    """Since the start; ``waiting`` are keyframes that the server has not yet."""

    waiting: int = 0
    keyframes: int = 0
    answers: int = 0
    reduced: int = 0


@dataclass
class _Comparison:
    """An audit in progress: the ranges of ids that are still to be compared, and the rows that are
    to be sent again. ``corrected`` is what the server is told at its end."""

    ranges: deque[tuple[Table, int, int]]
    corrected: Corrected
    keyframes: deque[int] = field(default_factory=deque)
    answers: deque[int] = field(default_factory=deque)


class Shipping:
    """The requests of one memory. Not thread-safe.

    Args:
        store: the memory.
        settings: of the fleet.
        link: to the server.
    """

    def __init__(self, store: Store, settings: FleetSettings, link: Link) -> None:
        self._store = store
        self._rows = store.outgoing
        self._settings = settings
        self._link = link
        self._memory = self._rows.identity()
        self._path = f"/api/robots/{settings.robot}"
        self._cursor: Cursor | None = None
        self._comparison: _Comparison | None = None
        self._most = settings.batch_keyframes  # rows in the next request
        self._bare: set[tuple[Table, int]] = set()
        self._told: dict[int, int] | None = None  # objects that the server has, once known
        self._told_places: list[FleetPlace] | None = None
        self._looked_at_s: float | None = None  # when changed objects were last looked for
        self._now_s = self._alive_s = 0.0  # of this step, and of the last request; monotonic
        self.counts = Counts()

    def step(self, now_s: float) -> bool:
        """Make the next request; whether there may be more to send at once.

        Args:
            now_s: monotonic seconds.

        Raises:
            LinkError: the server can't be reached, or refuses.
            StoreError: the memory can't be read.
        """
        self._now_s = now_s
        cursor = self._cursor
        if cursor is None:
            self._begin()
            return True
        self.counts.waiting = max(0, self._rows.last_keyframe() - cursor.keyframe_id)
        if self._comparison is None:
            self._comparison = self._due_comparison(cursor)
        if self._comparison is not None:
            self._compare(self._comparison)
            return True
        return self._send_news(cursor) or self._send_objects(now_s) or self._show_life(cursor)

    # -- where the server is ---------------------------------------------------------------------

    def _asked_cursor(self) -> Cursor:
        cursor = self._link.get(f"{self._path}/memories/{self._memory}/cursor", Cursor)
        self._alive_s = self._now_s
        return cursor

    def _show_life(self, cursor: Cursor) -> bool:
        """Ask the server where it is, if it was sent nothing for long; whether it is elsewhere."""
        if self._now_s - self._alive_s < _ALIVE_S or self._asked_cursor() == cursor:
            return False
        self._cursor = None  # its database was restored
        return True

    def _begin(self) -> None:
        cursor = self._asked_cursor()
        if self._is_of_another(cursor):
            restart = Restart(memory=self._memory)
            cursor = self._link.post(f"{self._path}/restart", restart, Cursor)
        self._comparison, self._told, self._told_places = None, None, None
        self._looked_at_s = None
        self._cursor = cursor

    def _is_of_another(self, cursor: Cursor) -> bool:
        """Whether the server has keyframes that are not this memory's: an older copy of the file is
        in use again."""
        if cursor.keyframe_id > self._rows.last_keyframe():
            return True
        rows = self._store.keyframes(since=cursor.keyframe_id, limit=1)
        if cursor.stamp_ns is None or not rows or rows[0].id != cursor.keyframe_id:
            return False  # nothing to compare with
        return rows[0].stamp_ns != cursor.stamp_ns

    # -- what people corrected -------------------------------------------------------------------

    def _due_comparison(self, cursor: Cursor) -> _Comparison | None:
        last = max((one.id or 0 for one in self._store.corrections.all()), default=0)
        if last <= cursor.correction_id:
            return None
        self._told, self._looked_at_s = None, None
        ranges = deque[tuple[Table, int, int]]()
        ranges.extend(("keyframes", *ends) for ends in _ranges(0, cursor.keyframe_id))
        ranges.extend(("answers", *ends) for ends in _ranges(1, cursor.answer_id))
        # How far both are before the comparison: what is corrected meanwhile is compared again.
        return _Comparison(
            ranges, Corrected(correction_id=last, answer_id=self._rows.last_answer())
        )

    def _compare(self, comparison: _Comparison) -> None:
        if comparison.ranges:
            table, first, last = comparison.ranges[0]
            if table == "keyframes":
                wanted = self._audit(table, first, last, self._rows.delta_sums(first, last))
                comparison.keyframes.extend(wanted)
            else:
                wanted = self._audit(table, first, last, self._rows.answer_sums(first, last))
                comparison.answers.extend(wanted)
            comparison.ranges.popleft()
        elif comparison.keyframes:
            ids = list(islice(comparison.keyframes, self._most))
            rows = filter(None, map(self._rows.keyframe, ids))
            keyframes = self._fit(map(self._keyframe, rows))
            batch = Batch(memory=self._memory, amended_keyframes=keyframes)
            if not keyframes or self._post(batch):
                _drop(comparison.keyframes, keyframes[-1].id if keyframes else ids[-1])
        elif comparison.answers:
            ids = list(islice(comparison.answers, self._most))
            found = filter(None, map(self._rows.answer, ids))
            answers = self._fit(map(self._answer, found))
            batch = Batch(memory=self._memory, amended_answers=answers)
            if not answers or self._post(batch):
                _drop(comparison.answers, answers[-1].id if answers else ids[-1])
        elif self._post(Batch(memory=self._memory, corrected=comparison.corrected)):
            self._comparison = None

    def _audit(self, table: Table, first: int, last: int, sums: list[tuple[int, int]]) -> list[int]:
        audit = Audit(memory=self._memory, table=table, first=first, last=last, sums=sums)
        return self._link.post(f"{self._path}/audit", audit, Audited).wanted

    # -- news ------------------------------------------------------------------------------------

    def _send_news(self, cursor: Cursor) -> bool:
        """Send the next keyframes and answers; whether there were any."""
        rows = self._rows.keyframes(cursor.keyframe_id, self._most)
        keyframes = self._fit(map(self._keyframe, rows))
        answers: list[FleetAnswer] = []
        if len(keyframes) == len(rows):
            found = self._rows.answers(cursor.answer_id, self._most)
            answers = self._fit(map(self._answer, found), used=sum(map(_size, keyframes)))
        if not keyframes and not answers:
            return False
        batch = Batch(
            memory=self._memory,
            after_keyframe=cursor.keyframe_id,
            after_answer=cursor.answer_id,
            keyframes=keyframes,
            answers=answers,
        )
        if self._post(batch):
            self.counts.keyframes += len(keyframes)
            self.counts.answers += len(answers)
            self.counts.waiting = max(0, self.counts.waiting - len(keyframes))
        return True

    def _send_objects(self, now_s: float) -> bool:
        """Send what has changed of objects and places; whether there is more of it."""
        last_s = self._looked_at_s
        if last_s is not None and now_s - last_s < self._settings.objects_s:
            return False
        held = self._rows.object_sums()
        if self._told is None:
            self._told = self._compared_objects(held)
        told = self._told
        changed = [number for number in sorted(held) if told.get(number) != held[number]]
        gone = [number for number in sorted(told) if number not in held][:MOST_ITEMS]
        ids = changed[: self._most]
        records = filter(None, map(self._store.objects.find, ids))
        objects = self._fit(
            object_message(one, held[one.id], bare=("objects", one.id) in self._bare)
            for one in records
        )
        if objects or gone:
            if self._post(Batch(memory=self._memory, objects=objects, objects_gone=gone)):
                for number in gone:
                    del told[number]
                told.update((one.id, one.checksum) for one in objects)
            return True
        told.update((number, held[number]) for number in ids)  # damaged: there is nothing to send
        if len(changed) > len(ids):
            return True
        places = place_messages(self._store.places.all(), self._store.objects.sessions())
        places = places[:MOST_ITEMS]
        if places != self._told_places:
            self._post(Batch(memory=self._memory, places=places))
            self._told_places = places
        self._looked_at_s = now_s
        return False

    def _compared_objects(self, held: dict[int, int]) -> dict[int, int]:
        """The objects that the server has as they are here; it deletes those that are not here."""
        told = dict(held)
        numbers = sorted(held)
        first = 0
        for start in range(0, max(len(numbers), 1), _AUDITED):
            part = numbers[start : start + _AUDITED]
            last = part[-1] if start + _AUDITED < len(numbers) else _LAST_ID
            sums = [(number, held[number]) for number in part]
            for number in self._audit("objects", first, last, sums):
                told.pop(number, None)
            first = last + 1
        return told

    # -- requests --------------------------------------------------------------------------------

    def _keyframe(self, row: OutgoingKeyframe) -> FleetKeyframe:
        bare = ("keyframes", row.keyframe.id) in self._bare
        return keyframe_message(row, self._settings.thumbnail_width, bare=bare)

    def _answer(self, row: OutgoingAnswer) -> FleetAnswer:
        return answer_message(row, bare=("answers", row.id) in self._bare)

    def _fit(self, messages: Iterable[Message], used: int = 0) -> list[Message]:
        """The first messages that fit into a request beside ``used`` bytes; one always does where
        nothing is used."""
        taken: list[Message] = []
        for message in messages:
            used += _size(message)
            if used > self._settings.batch_bytes - _OVERHEAD and (taken or used > _size(message)):
                break
            taken.append(message)
            if len(taken) >= self._most:
                break
        return taken

    def _post(self, batch: Batch) -> bool:
        """Send a batch; whether the server has it. If not, the next one is different."""
        try:
            self._cursor = self._link.post(f"{self._path}/batch", batch, Cursor)
        except Refused as error:
            if error.status == 409:
                self._cursor = None  # it is not where it was: its database was restored
                return False
            if (error.is_too_large or error.is_of_content) and self._reduce(batch):
                return False
            raise
        except Unreachable:
            self._most = max(1, self._most // 2)  # the link may be too slow for more
            raise
        self._alive_s = self._now_s
        self._most = min(self._settings.batch_keyframes, self._most * 2)
        return True

    def _reduce(self, batch: Batch) -> bool:
        """Make the next batch smaller than one that was refused; whether that is possible."""
        if self._most > 1:
            self._most //= 2
            return True
        keys = {
            *(("keyframes", one.id) for one in (*batch.keyframes, *batch.amended_keyframes)),
            *(("answers", one.id) for one in (*batch.answers, *batch.amended_answers)),
            *(("objects", one.id) for one in batch.objects),
        } - self._bare
        self._bare.update(keys)  # type: ignore[arg-type]
        self.counts.reduced += len(keys)
        return bool(keys)


def _size(message: FleetKeyframe | FleetAnswer | FleetObject) -> int:
    return len(message.model_dump_json(exclude_defaults=True)) + 1


def _drop(queue: deque[int], until: int) -> None:
    while queue and queue[0] <= until:
        queue.popleft()


def _ranges(first: int, last: int) -> Iterator[tuple[int, int]]:
    for start in range(first, last + 1, _AUDITED):
        yield start, min(start + _AUDITED - 1, last)
