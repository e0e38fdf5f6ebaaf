"""All deltas of a memory in RAM: as notes for the rules, and as transcript.

This is the simple implementation, for files without indexes or with damaged ones; `indexed_view` is
for all others.

Deltas from before a restart, a loop or a jump of the clock are included, with the break marked:
what they show was seen, but directions do not carry over. Recordings are kept apart from one
another; a live robot remembers its whole memory.

Each question reads only new deltas from the memory. What no longer fits into the transcript is
summarised before its first line.

Out of scope: the store itself (`embodied_agent.memory`), how entries are written
(`embodied_agent.transcript`), what rules make of notes (`embodied_agent.rules`).
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from embodied_agent.agent.summary_lines import SummaryLines
from embodied_agent.memory.query import Reader
from embodied_agent.records import Delta
from embodied_agent.rules.notes import Notes
from embodied_agent.transcript.text import Transcript, entry_text

#: The line of the transcript where a segment ends and another begins.
BREAK = "-- restart: directions and movements before this line do not carry over it --\n"
NOTHING_SINCE = "-- restart: nothing has been perceived since, all above was seen before it --\n"


@dataclass(frozen=True, slots=True)
class Held:
    """What is known up to a keyframe: the deltas as notes, and what writes their transcript."""

    notes: Notes
    transcript: Callable[[], str]


class SegmentView:
    """The deltas of a memory as it grows. Not thread-safe, and neither are the notes that it gives.

    Args:
        store: the memory.
        source: the recording whose keyframes count; empty: all do.
        token_budget: of the transcript.
        whole: whether the transcript includes what was seen before the last break. A small model
            was trained on one segment at a time and must not read about two.
        summaries: summarise what is not in the transcript.
    """

    def __init__(
        self,
        store: Reader,
        source: str,
        token_budget: int,
        *,
        whole: bool,
        summaries: SummaryLines,
    ) -> None:
        self._store = store
        self._source = source
        self._budget = token_budget
        self._whole = whole
        self._segments: list[int] = []
        self._notes = Notes()
        self._summaries = summaries
        self._transcript = self._empty()

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
        notes = self._notes
        since = notes.deltas[-1].keyframe_id + 1 if notes.deltas else 0
        for number, delta in self._store.deltas_of_segments(
            since=since, source=self._source or None
        ):
            after_break = bool(self._segments) and number != self._segments[-1]
            notes.add(delta, after_break=after_break)
            self._transcript = self._told(self._transcript, delta, after_break)
            self._segments.append(number)
        count = bisect.bisect_right(notes.deltas, last_id, key=lambda delta: delta.keyframe_id)
        transcript = self._transcript
        if count < len(notes.deltas):
            # At that time, the transcript still had entries that later ones have pushed out.
            notes, transcript = self._as_of(count)
        last = self._segments[count - 1] if count else segment
        if provisional is None:
            text = self._summaries.told(transcript, last_id + 1)
            notes.ended = last != segment
            if notes.ended and self._whole:
                text += NOTHING_SINCE
            return Held(notes, lambda: text)
        after_break = last != segment
        notes = notes.extended(provisional, after_break=after_break)
        text = self._summaries.told(transcript, last_id + 1)
        if after_break:
            text = f"{text}{BREAK}" if self._whole else ""
        return Held(notes, lambda: text + entry_text(provisional))

    def _empty(self) -> Transcript:
        return Transcript(self._budget, reserve=self._summaries.reserve)

    def _as_of(self, count: int) -> tuple[Notes, Transcript]:
        """Notes and transcript of the first ``count`` deltas."""
        notes, transcript = Notes(), self._empty()
        known = zip(self._notes.deltas[:count], self._segments, strict=False)
        before: int | None = None
        for delta, number in known:
            after_break = before is not None and number != before
            notes.add(delta, after_break=after_break)
            transcript = self._told(transcript, delta, after_break)
            before = number
        return notes, transcript

    def _told(self, transcript: Transcript, delta: Delta, after_break: bool) -> Transcript:
        """``transcript`` with one more entry; a new one at a break that it must not cross."""
        if after_break and not self._whole:
            transcript = self._empty()
        if delta.keyframe_id < self._summaries.text_from:
            transcript.dropped_entries += 1  # it is in the summary
            return transcript
        transcript.add(delta, heading=BREAK if after_break and self._whole else "")
        return transcript


def cited_before(notes: Notes, keyframe_ids: Iterable[int]) -> bool:
    """Whether one of these keyframes was seen before the last break."""
    indexes = (notes.index(number) for number in keyframe_ids)
    return any(index is not None and index < notes.start for index in indexes)
