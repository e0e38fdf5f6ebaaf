"""Notices: what an answer could not take into account, or rests on from long ago.

Out of scope: backlogs and outages (`ask_flow`).
"""

from __future__ import annotations

from dataclasses import replace

from embodied_agent.agent.segment_view import cited_before
from embodied_agent.records import SUMMARY_ONLY, Answer
from embodied_agent.rules import Notes


def with_notice(answer: Answer, notice: str) -> Answer:
    """``answer`` with one more notice."""
    return replace(answer, notice="; ".join(filter(None, (answer.notice, notice))))


def with_kept(answer: Answer, text_from: int, last_id: int) -> Answer:
    """``answer``, with a notice if it reaches back to what is kept only as a summary: if it rests
    on that, found nothing, or is about that time."""
    if answer.status in ("failed", "out_of_scope") or not text_from:
        return answer
    before = any(evidence.keyframe_id < text_from for evidence in answer.evidence)
    if answer.status == "answered" and not before and last_id >= text_from:
        return answer
    return with_notice(answer, f"what was seen before #{text_from} is {SUMMARY_ONLY}")


def with_break(answer: Answer, notes: Notes) -> Answer:
    """``answer``, with a notice if it rests on what was seen before a restart."""
    if answer.status == "failed":
        return answer
    if notes.ended:
        return with_notice(
            answer,
            "nothing has been perceived since the restart; this rests on what was seen before it",
        )
    if cited_before(notes, (evidence.keyframe_id for evidence in answer.evidence)):
        first = notes.id(notes.start)
        return with_notice(
            answer,
            f"this rests on what was seen before the restart, which lies before #{first}; "
            "directions do not carry over it",
        )
    return answer
