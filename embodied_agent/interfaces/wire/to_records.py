"""Records from replies, for clients of an agent.

Out of scope: the other direction (`from_records`).
"""

from __future__ import annotations

from embodied_agent.codec import from_values
from embodied_agent.interfaces.wire.models import AnswerReply
from embodied_agent.records import Answer


def answer_from(reply: AnswerReply) -> Answer:
    """The record that a reply was made from."""
    return from_values(Answer, {**reply.model_dump(), "question_id": reply.id})
