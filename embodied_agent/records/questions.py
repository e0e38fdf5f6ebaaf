"""A question to the agent and its answer, with the evidence that the answer rests on.

Out of scope: checking a question (`embodied_agent.agent`), its JSON (`embodied_agent.codec`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, get_args

from embodied_agent.records.frames import Pose


@dataclass(frozen=True, slots=True)
class Question:
    """A question to the agent. ``choices`` are option texts without letters.

    ``at_ns`` asks as of an earlier stamp: the answer uses nothing seen later. ``timeout_s`` is the
    limit for the whole question, waiting included, in seconds. ``id`` is chosen by the client and
    returned as the answer's ``question_id``.
    """

    text: str
    choices: tuple[str, ...] = ()
    at_ns: int | None = None
    timeout_s: float = 30.0
    id: str = ""


#: What kind of answer it is. A guess is never presented as knowledge.
#: ``answered``: the memory contains the answer.
#: ``not_seen``: nothing in the memory matches what the question names.
#: ``cannot_tell``: the memory does not settle the question.
#: ``out_of_scope``: the question is not about what was seen.
#: ``failed``: no answer could be produced; ``problem`` says why.
AnswerStatus = Literal["answered", "not_seen", "cannot_tell", "out_of_scope", "failed"]
ANSWER_STATUSES: tuple[AnswerStatus, ...] = get_args(AnswerStatus)


@dataclass(frozen=True, slots=True)
class Evidence:
    """A keyframe that an answer rests on. ``note`` says why: "cited" by the reasoning, "recalled"
    by an object's name, or seen in a "second look"."""

    keyframe_id: int
    stamp_ns: int
    note: str = ""
    pose: Pose | None = None


@dataclass(frozen=True, slots=True)
class Goal:
    """Where to stand and look from: a ``pose`` on or near the way that was driven, level, facing
    the object ``object_id``. It holds within the map session ``session``; ``stamp_ns`` is when the
    robot was there (keyframe ``keyframe_id``)."""

    pose: Pose
    stamp_ns: int
    session: int
    object_id: int
    keyframe_id: int


@dataclass(frozen=True, slots=True)
class Fact:
    """A value with a stamp that is noted beside the deltas: the level of a battery, a robot's mode.

    ``by`` is who or what noted it: a topic, a person. ``source`` identifies the recording that it
    came with; empty: it came live, or from a person. ``id`` rises with each one that is stored.
    """

    name: str
    value: str
    stamp_ns: int
    by: str = ""
    source: str = ""
    id: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """The agent's answer. ``choice`` is a letter if choices were given and one was chosen.

    ``status`` says what kind of answer it is (`AnswerStatus`). ``text`` is the answer in words,
    empty only if the status is "failed"; then ``problem`` says why, which is empty otherwise.
    ``consistency`` in [0, 1] is the verifier's result or, without a verifier, the share of votes
    for the answer; ``None`` if there was neither. ``verified_by`` describes how it was obtained.
    ``latency_s`` maps stage names to seconds, and ``models`` the roles "perceiver", "reasoner" and,
    if it restated the question, "restater" to names. ``notice`` says what the answer could not take
    into account, as during an outage, and how a restated question was taken; it is empty otherwise.
    ``goal`` is where to stand to see the one
    object that the question is about, where its position is known. ``facts`` are the noted values
    that it tells.
    """

    text: str
    choice: str | None = None
    reasoning: str = ""
    consistency: float | None = None
    evidence: tuple[Evidence, ...] = ()
    latency_s: dict[str, float] = field(default_factory=dict)
    models: dict[str, str] = field(default_factory=dict)
    problem: str = ""
    question_id: str = ""
    notice: str = ""
    verified_by: str = ""
    status: AnswerStatus = "answered"
    goal: Goal | None = None
    facts: tuple[Fact, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a failure without a reason and a reason without a failure.

        Raises:
            ValueError: ``status`` and ``problem`` contradict each other.
        """
        if (self.status == "failed") != bool(self.problem):
            raise ValueError(f"status {self.status!r} with problem {self.problem!r}")

    @classmethod
    def failure(cls, problem: str, question_id: str = "") -> Answer:
        """A failed answer, whose reason is ``problem``."""
        return cls(text="", status="failed", problem=problem, question_id=question_id)
