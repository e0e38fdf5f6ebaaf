"""Applies to the fleet what people corrected on the robot.

Facts of forgotten intervals are deleted first. Then the checksums of all rows that the server has
are compared, and those that differ are sent again. At the end the server is told which corrections
it now reflects; a comparison that is interrupted before that starts again.

Out of scope: news (`shipping`), requests and their sizes (`posting`).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from embodied_agent.fleet.sending.posting import Message, Posting, Table
from embodied_agent.fleet.wire import Batch, Corrected, Cursor
from embodied_agent.memory.store import Store

#: Rows whose checksums are compared in one request. It has to stay below 64 KiB, because it is not
#: split if the server or a broker refuses it.
AUDITED = 2000
#: Intervals whose facts are deleted in one request, for the same reason.
_FORGOTTEN = 1000

Row = TypeVar("Row")


class Comparing:
    """One comparison in progress. Not thread-safe.

    Args:
        store: the memory.
        memory: its identity.
        posting: sends the requests.
        cursor: how far the server is.
        last_correction: the id of the last correction.
    """

    def __init__(
        self, store: Store, memory: str, posting: Posting, cursor: Cursor, last_correction: int
    ) -> None:
        self._rows = store.outgoing
        self._memory = memory
        self._posting = posting
        takes_facts = cursor.fact_id is not None
        self._forgotten = deque[tuple[int, int]]()
        self._ranges = deque[tuple[Table, int, int]]()
        self._ranges.extend(("keyframes", *ends) for ends in _ranges(0, cursor.keyframe_id))
        self._ranges.extend(("answers", *ends) for ends in _ranges(1, cursor.answer_id))
        if takes_facts:
            self._ranges.extend(("facts", *ends) for ends in _ranges(1, cursor.fact_id or 0))
            self._forgotten.extend(
                (one.from_ns, one.to_ns)
                for one in store.corrections.all()
                if (one.id or 0) > cursor.correction_id
                and one.kind == "forget"
                and one.from_ns is not None
                and one.to_ns is not None
            )
        self._wanted: dict[Table, deque[int]] = {
            "keyframes": deque(), "answers": deque(), "facts": deque(),
        }  # fmt: skip
        # As of the start: anything that is corrected meanwhile causes another comparison.
        self._corrected = Corrected(
            correction_id=last_correction,
            answer_id=self._rows.last_answer(),
            fact_id=self._rows.last_fact() if takes_facts else None,
        )

    def step(self) -> bool:
        """Make the next request; returns whether the comparison is finished.

        Raises:
            LinkError: the server can't be reached, or refuses.
            StoreError: the memory can't be read.
        """
        if self._forgotten:
            some = list(islice(self._forgotten, _FORGOTTEN))
            if self._posting.post(Batch(memory=self._memory, forgotten_ns=some)):
                for _ in some:
                    self._forgotten.popleft()
        elif self._ranges:
            table, first, last = self._ranges[0]
            sums = {
                "keyframes": self._rows.delta_sums,
                "answers": self._rows.answer_sums,
                "facts": self._rows.fact_sums,
            }[table](first, last)
            self._wanted[table].extend(self._posting.differing(table, first, last, sums))
            self._ranges.popleft()
        elif wanted := self._wanted["keyframes"]:
            keyframes = self._again(wanted, self._rows.keyframe, self._posting.keyframe)
            self._post(wanted, keyframes, Batch(memory=self._memory, amended_keyframes=keyframes))
        elif wanted := self._wanted["answers"]:
            answers = self._again(wanted, self._rows.answer, self._posting.answer)
            self._post(wanted, answers, Batch(memory=self._memory, amended_answers=answers))
        elif wanted := self._wanted["facts"]:
            facts = self._again(wanted, self._rows.fact, self._posting.fact)
            self._post(wanted, facts, Batch(memory=self._memory, amended_facts=facts))
        else:
            return self._posting.post(Batch(memory=self._memory, corrected=self._corrected))
        return False

    def _again(
        self,
        wanted: Iterable[int],
        find: Callable[[int], Row | None],
        message: Callable[[Row], Message],
    ) -> list[Message]:
        """The next rows to send again, as many as fit into a request."""
        found = map(find, islice(wanted, self._posting.most))
        return self._posting.fit(message(row) for row in found if row is not None)

    def _post(self, wanted: deque[int], messages: list[Message], batch: Batch) -> None:
        # If there are no messages, the rows were removed meanwhile.
        until = messages[-1].id if messages else [*islice(wanted, self._posting.most)][-1]
        if not messages or self._posting.post(batch):
            while wanted and wanted[0] <= until:
                wanted.popleft()


def _ranges(first: int, last: int) -> Iterator[tuple[int, int]]:
    for start in range(first, last + 1, AUDITED):
        yield start, min(start + AUDITED - 1, last)
