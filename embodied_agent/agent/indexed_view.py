"""What is known up to a keyframe, from a memory of any size: notes that read only what a question
needs, and the end of the transcript.

The transcript begins at an anchor, a delta at a fixed position, so that its content depends neither
on when it was started nor on restarts of the agent. It is written only for a reasoner, and begins
with a summary of everything before the anchor.

Out of scope: a memory whose indexes are missing or damaged (`segment_view`).
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass

from embodied_agent.agent.note_index import NoteIndex
from embodied_agent.agent.segment_view import BREAK, NOTHING_SINCE, Held
from embodied_agent.agent.stored_notes import StoredNotes
from embodied_agent.agent.summary_lines import SummaryLines
from embodied_agent.records import Delta
from embodied_agent.transcript.text import Transcript, entry_text

#: Least number of deltas between two anchors.
_LEAST_STEP = 512
#: Fewest tokens of an entry. The entries between two anchors must exceed the token budget.
_LEAST_TOKENS = 4
#: Most transcripts, each as of another moment, that are kept.
_KEPT = 4


@dataclass(slots=True)
class _Told:
    """A transcript of the deltas from ``start`` up to ``stop``, exclusive."""

    start: int
    stop: int
    transcript: Transcript


class IndexedView:
    """A memory as it grows. Not thread-safe; the notes that it gives are.

    Args:
        index: of the memory, or of one recording in it.
        token_budget: of the transcript.
        whole: whether the transcript includes what was seen before the last break. A small model
            was trained on one segment at a time and must not read about two.
        summaries: summarise what is not in the transcript.
    """

    def __init__(
        self, index: NoteIndex, token_budget: int, *, whole: bool, summaries: SummaryLines
    ) -> None:
        self._index = index
        self._summaries = summaries
        self._budget = token_budget
        self._whole = whole
        self._step = max(_LEAST_STEP, token_budget // _LEAST_TOKENS)
        self._kept: list[_Told] = []  # the one used last is at the end

    def read(self, segment: int, last_id: int, provisional: Delta | None = None) -> Held:
        """What is known up to keyframe ``last_id``.

        Args:
            segment: the present one; other segments lie before a break.
            last_id: the last keyframe that may be used.
            provisional: counts as the last entry, for this call only: once it is committed, its
                entry may read differently.

        Raises:
            StoreError: the memory can't be read.
        """
        index = self._index
        index.refresh()
        count = bisect_right(index.ids, last_id)
        broken = count > 0 and index.segments[count - 1] != segment
        notes = StoredNotes(index, 0, count)
        if provisional is None:
            notes.ended = broken
            return Held(notes, lambda: self._text(count, NOTHING_SINCE if broken else ""))
        entry = entry_text(provisional)
        extended = notes.extended(provisional, after_break=broken)
        if broken and not self._whole:
            return Held(extended, lambda: entry)
        return Held(extended, lambda: self._text(count, BREAK if broken else "") + entry)

    def _text(self, count: int, ending: str) -> str:
        """The transcript of the first ``count`` deltas."""
        before = self._index.ids[count - 1] + 1 if count else 0
        text = self._summaries.told(self._told(count).transcript, before)
        return text + ending if self._whole else text

    def _told(self, count: int) -> _Told:
        index = self._index
        start = max(0, count // self._step - 1) * self._step
        start = max(start, min(count, bisect_left(index.ids, self._summaries.text_from)))
        if not self._whole:
            passed = bisect_left(index.breaks, count)
            start = max(start, index.breaks[passed - 1] if passed else 0)
        earlier = [one for one in self._kept if one.start == start and one.stop <= count]
        nearest = max(earlier, key=lambda one: one.stop, default=None)
        if nearest is None:
            transcript = Transcript(self._budget, reserve=self._summaries.reserve)
            nearest = _Told(start, start, transcript)
            nearest.transcript.dropped_entries = start
        else:
            self._kept.remove(nearest)
        breaks = set(index.breaks[bisect_left(index.breaks, nearest.stop) :])
        for at, delta in enumerate(index.read(nearest.stop, count), nearest.stop):
            nearest.transcript.add(delta, heading=BREAK if at in breaks and self._whole else "")
        nearest.stop = count
        self._kept = [*self._kept[1 - _KEPT :], nearest]
        return nearest
