"""The deltas and the transcript of one segment, kept up as the memory grows.

For each question only what is new is read from the memory.

Out of scope: the store itself (`embodied_agent.memory.store`), how entries are written
(`embodied_agent.transcript.text`).
"""

from __future__ import annotations

import bisect

from embodied_agent.memory.query import Reader
from embodied_agent.records import Delta
from embodied_agent.transcript.text import Transcript


class SegmentView:
    """The deltas of one segment as they grow, and the transcript of all of them."""

    def __init__(self, segment: int, token_budget: int) -> None:
        self.segment = segment
        self.deltas: list[Delta] = []
        self._budget = token_budget
        self._transcript = Transcript(token_budget)

    def read(self, store: Reader, last_id: int) -> tuple[list[Delta], str]:
        """The deltas up to keyframe ``last_id``, and their transcript."""
        since = self.deltas[-1].keyframe_id + 1 if self.deltas else 0
        for delta in store.deltas(since=since, segment=self.segment):
            self.deltas.append(delta)
            self._transcript.add(delta)
        count = bisect.bisect_right(self.deltas, last_id, key=lambda delta: delta.keyframe_id)
        if count == len(self.deltas):
            return list(self.deltas), self._transcript.text()
        # At that time, later entries had not pushed anything out of the transcript yet.
        earlier = self.deltas[:count]
        return earlier, Transcript.of(earlier, self._budget).text()
