"""The lines for what is not in a transcript: entries that no longer fit, and text that was dropped.

Out of scope: what summaries hold, and how they are written (`embodied_agent.transcript`).
"""

from __future__ import annotations

from embodied_agent.memory.store import Store
from embodied_agent.transcript.summary_text import summary_text
from embodied_agent.transcript.text import Transcript


class SummaryLines:
    """The lines of one memory, or of one recording in it. Not thread-safe.

    Args:
        store: the memory.
        source: the recording whose keyframes count; empty: all do.
        reserve: tokens that the lines may take; 0 disables summaries.
        text_from: what was seen before this keyframe is kept only as a summary.
    """

    def __init__(self, store: Store, source: str, reserve: int, text_from: int) -> None:
        self._store = store
        self._source = source
        self.reserve = reserve
        self.text_from = text_from
        self._last: tuple[int, str] = (0, "")  # the lines, and the keyframe before which they end

    def told(self, transcript: Transcript, end: int) -> str:
        """The transcript, preceded by a summary of what has left it.

        Args:
            transcript: of entries before keyframe ``end``.
            end: if the transcript is empty, everything before this keyframe is summarised.

        Raises:
            StoreError: the memory can't be read.
        """
        if not self.reserve or not transcript.dropped_entries:
            return transcript.text()
        before = end if transcript.first_id is None else transcript.first_id
        if self._last[0] != before:
            summaries = self._store.summaries.before(before, source=self._source or None)
            lines = summary_text(summaries, before, self.reserve, transcript.count)
            self._last = before, lines
        return self._last[1] + transcript.text()
