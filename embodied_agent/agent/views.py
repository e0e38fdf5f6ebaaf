"""The views of a memory that questions are answered from: one per recording, kept for the next.

A view reads only what is new for each question, so the latest few are kept. They are dropped when
retention or a person has removed something that they may hold.

Out of scope: the views themselves (`indexed_view`, `segment_view`).
"""

from __future__ import annotations

from embodied_agent.agent.indexed_view import IndexedView
from embodied_agent.agent.note_index import indexed
from embodied_agent.agent.segment_view import Held, SegmentView
from embodied_agent.agent.summary_lines import SummaryLines
from embodied_agent.memory.store import Store
from embodied_agent.reasoning.base import prompt_style, transcript_budget
from embodied_agent.records import Delta
from embodied_agent.settings import ReasoningSettings

#: Most recordings whose views are kept.
_MOST_VIEWS = 4


class Views:
    """The views of one store. Not thread-safe.

    ``text_from`` is the first keyframe from which all text was kept at the last reading.
    """

    def __init__(self, store: Store, settings: ReasoningSettings) -> None:
        self._store = store
        self._settings = settings
        self._views: dict[str, IndexedView | SegmentView] = {}  # by source
        self.text_from = 0

    def read(self, source: str, segment: int, last_id: int, provisional: Delta | None) -> Held:
        """What is known up to the keyframe ``last_id``.

        Args:
            source: of this recording; empty: of the whole memory.
            segment: the present one.
            last_id: the last keyframe that may be used.
            provisional: the delta of a keyframe after all committed ones; counts as the last entry.

        Raises:
            LostDelta: a damaged file lacks a delta that its indexes name; see `read_plainly`.
            StoreError: the memory can't be read.
        """
        text_from = self._store.text_from()
        if text_from != self.text_from:
            self._views.clear()  # retention has dropped text
            self.text_from = text_from
        view = self._views.pop(source, None) or self._view_of(source)
        self._views = dict([*self._views.items()][1 - _MOST_VIEWS :])
        self._views[source] = view
        return view.read(segment, last_id, provisional)

    def read_plainly(self, source: str) -> None:
        """Read this recording delta by delta from now on: its file is damaged."""
        self._views[source] = self._plain_view(source)

    def clear(self) -> None:
        """Read everything anew for the next question."""
        self._views.clear()

    def _view_of(self, source: str) -> IndexedView | SegmentView:
        index = indexed(self._store, source or None)
        if index is None:
            return self._plain_view(source)
        budget = transcript_budget(self._settings)
        return IndexedView(index, budget, whole=self._whole, summaries=self._summaries(source))

    def _plain_view(self, source: str) -> SegmentView:
        budget = transcript_budget(self._settings)
        summaries = self._summaries(source)
        return SegmentView(self._store, source, budget, whole=self._whole, summaries=summaries)

    def _summaries(self, source: str) -> SummaryLines:
        """The lines for what is not in a transcript; none for a small model, which was trained on
        short memories."""
        share = self._settings.summary_share if self._whole else 0.0
        reserve = int(share * transcript_budget(self._settings))
        return SummaryLines(self._store, source, reserve, self.text_from)

    @property
    def _whole(self) -> bool:
        """Whether the transcript holds all segments, for a model that reads the full prompt."""
        return prompt_style(self._settings) == "full"
