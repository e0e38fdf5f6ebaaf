"""The deltas of one segment kept up as the memory grows: as notes for the rules, and as transcript.

Only what is new is read from the memory for each question.

Out of scope: the store itself (`embodied_agent.memory`), how entries are written
(`embodied_agent.transcript`), what rules make of notes (`embodied_agent.rules`).
"""

from __future__ import annotations

import bisect
from dataclasses import dataclass

from embodied_agent.memory.query import Reader
from embodied_agent.records import Delta
from embodied_agent.rules.notes import Notes
from embodied_agent.transcript.text import Transcript, entry_text


@dataclass(frozen=True, slots=True)
class Held:
    """What is known up to a keyframe: the deltas, as notes and as transcript."""

    deltas: list[Delta]
    notes: Notes
    transcript: str


class SegmentView:
    """The deltas of one segment as they grow; for one thread at a time, like the notes it gives."""

    def __init__(self, segment: int, token_budget: int) -> None:
        self.segment = segment
        self._budget = token_budget
        self._notes = Notes()
        self._transcript = Transcript(token_budget)

    def read(self, store: Reader, last_id: int, provisional: Delta | None = None) -> Held:
        """What is known up to keyframe ``last_id``.

        Args:
            store: the memory.
            last_id: nothing later is used.
            provisional: counts as the last entry for this once: when it is committed, it may read
                differently.

        Raises:
            StoreError: the memory can't be read.
        """
        deltas = self._notes.deltas
        since = deltas[-1].keyframe_id + 1 if deltas else 0
        for delta in store.deltas(since=since, segment=self.segment):
            self._notes.add(delta)
            self._transcript.add(delta)
        count = bisect.bisect_right(deltas, last_id, key=lambda delta: delta.keyframe_id)
        # As of then, nothing had been compacted yet that later entries pushed out.
        past = count < len(deltas)
        known = deltas[:count]
        text = Transcript.of(known, self._budget).text() if past else self._transcript.text()
        if provisional is None:
            return Held(known, Notes(known) if past else self._notes, text)
        known.append(provisional)
        return Held(known, Notes(known), text + entry_text(provisional))
