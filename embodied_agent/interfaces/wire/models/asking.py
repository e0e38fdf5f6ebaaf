"""A question and its answer.

Out of scope: checking a question (`embodied_agent.agent.answerer.check_question`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import Field, StringConstraints, model_validator

from embodied_agent.agent.answerer import MAX_CHOICES, MAX_QUESTION
from embodied_agent.interfaces.wire.facts import FactReply
from embodied_agent.interfaces.wire.fields import FrozenReply, StrictRequest
from embodied_agent.interfaces.wire.models.seeing import PoseReply
from embodied_agent.records import AnswerStatus, Question

_INT64 = 2**63 - 1

ChoiceText = Annotated[str, StringConstraints(min_length=1, max_length=1000)]


class AskRequest(StrictRequest):
    """A question."""

    id: str = Field(
        "",
        max_length=128,
        pattern=r"^[A-Za-z0-9._:-]*$",
        description="the client's own id, returned with the answer",
    )
    question: str = Field(min_length=1, max_length=MAX_QUESTION, description="what to ask")
    choices: list[ChoiceText] = Field(
        default_factory=list, max_length=MAX_CHOICES, description="option texts without letters"
    )
    at_ns: int | None = Field(
        None,
        ge=-_INT64,
        le=_INT64,
        description="answer as of this stamp, in nanoseconds: nothing seen later is used",
    )
    timeout_s: float | None = Field(
        None,
        gt=0,
        le=3600,
        allow_inf_nan=False,
        description="in seconds, including the wait in the queue; default: "
        "the setting reasoning.timeout_s",
    )
    stream: bool = Field(False, description="send the reply piece by piece as it is generated")

    def to_question(self, default_timeout_s: float) -> Question:
        """The question as a record, not yet checked (`check_question`)."""
        return Question(
            text=self.question,
            choices=tuple(self.choices),
            at_ns=self.at_ns,
            timeout_s=default_timeout_s if self.timeout_s is None else self.timeout_s,
            id=self.id,
        )


class EvidenceReply(FrozenReply):
    """A keyframe that an answer rests on; ``note`` is "cited" or "recalled"."""

    keyframe_id: int
    stamp_ns: int
    note: str
    pose: PoseReply | None
    picture: str


class GoalReply(FrozenReply):
    """Where to stand and look from: a level pose on the way that was driven, facing the object
    ``object_id``. It holds within one map session; ``stamp_ns`` is when the robot was there."""

    pose: PoseReply
    stamp_ns: int
    session: int
    object_id: int
    keyframe_id: int


class AnswerReply(FrozenReply):
    """An answer. ``status`` says what kind: the memory holds what was asked ("answered"), nothing
    in it fits what the question names ("not_seen"), it does not settle the question
    ("cannot_tell"), the question is not about what was seen ("out_of_scope"), or there is no answer
    ("failed"). ``text`` says it in words; it is empty if the answer failed, and only then
    ``problem`` is not: it says why. ``choice`` is a letter where one was chosen.

    ``notice`` says what the answer could not rest on, ``latency_s`` is in seconds by stage, and
    ``consistency`` in [0, 1] is null without votes or verifier, else ``verified_by`` names where it
    comes from."""

    id: str
    question: str
    status: AnswerStatus
    text: str
    choice: str | None
    reasoning: str
    consistency: float | None
    verified_by: str
    evidence: list[EvidenceReply]
    latency_s: dict[str, float]
    models: dict[str, str]
    notice: str
    problem: str
    goal: GoalReply | None = Field(None, description="where to stand to see what was asked about")
    facts: list[FactReply] = Field(
        default_factory=list, description="the noted values that the answer tells"
    )

    @model_validator(mode="before")
    @classmethod
    def _fill_status(cls, values: object) -> object:
        """Robots of earlier versions send no status: they had only answers and failures."""
        if isinstance(values, dict) and "status" not in values:
            return {**values, "status": "failed" if values.get("problem") else "answered"}
        return values


class AnswersReply(FrozenReply):
    """Questions with their answers, oldest first."""

    answers: list[AnswerReply]


class PieceReply(FrozenReply):
    """A piece of the reasoner's reply as it is generated."""

    text: str
