"""Question files with known answers, and the share that an agent answered correctly.

Out of scope: generating questions (`sim_clips`), answering them (`embodied_agent.agent`).
"""

from __future__ import annotations

import string
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import pydantic_core
from pydantic import JsonValue

from embodied_agent.errors import QuestionError
from embodied_agent.records import (
    ANSWER_STATUSES,
    Answer,
    AnswerStatus,
    Evidence,
    Question,
)

#: The type of a question whose entry has no ``type``.
UNTYPED = "other"


@dataclass(frozen=True, slots=True)
class Case:
    """A question, its type and, if known, the correct answer: the letter of the true choice
    (``truth``), or the ``status`` of a correct free answer and the text that it must
    ``contain``."""

    question: Question
    type: str = UNTYPED
    truth: str | None = None
    status: AnswerStatus | None = None
    contain: str = ""


@dataclass(frozen=True, slots=True)
class ScoredAnswer:
    """A question as ``--json`` shows it, with its answer, the truth, and details of how it was
    answered. ``right`` is ``None`` if no truth is known."""

    id: str
    question: str
    type: str
    choices: tuple[str, ...]
    at_ns: int | None
    choice: str | None
    text: str
    reasoning: str
    truth: str | None
    right: bool | None
    consistency: float | None
    verified_by: str
    notice: str
    problem: str
    status: AnswerStatus
    evidence: tuple[Evidence, ...]
    latency_s: dict[str, float]
    models: dict[str, str]


@dataclass(frozen=True, slots=True)
class Scored:
    """A case and the agent's answer."""

    case: Case
    answer: Answer

    @property
    def right(self) -> bool | None:
        """Whether the answer is correct; ``None`` if no truth is known."""
        case, answer = self.case, self.answer
        if case.truth is not None:
            return answer.choice == case.truth
        if case.status is None:
            return None
        return answer.status == case.status and case.contain.casefold() in answer.text.casefold()

    def record(self) -> ScoredAnswer:
        """Question, answer and truth in one record."""
        question, answer = self.case.question, self.answer
        return ScoredAnswer(
            id=question.id,
            question=question.text,
            type=self.case.type,
            choices=question.choices,
            at_ns=question.at_ns,
            choice=answer.choice,
            text=answer.text,
            reasoning=answer.reasoning,
            truth=self.case.truth,
            right=self.right,
            consistency=answer.consistency,
            verified_by=answer.verified_by,
            notice=answer.notice,
            problem=answer.problem,
            status=answer.status,
            evidence=answer.evidence,
            latency_s=answer.latency_s,
            models=answer.models,
        )


@dataclass(frozen=True, slots=True)
class TypeScore:
    """The share of correct answers to the questions of one type, from 0 to 1."""

    score: float
    right: int
    count: int


@dataclass(frozen=True, slots=True)
class Score:
    """The share of correct answers, from 0 to 1, overall and by type of question."""

    overall: float
    right: int
    count: int
    types: dict[str, TypeScore] = field(default_factory=dict)


def read_cases(path: Path | str) -> tuple[Case, ...]:
    """Read the questions in a JSON file.

    The file contains a list of objects with ``text`` and, optionally, ``id``, ``type``, ``choices``
    (texts without letters), ``answer`` (a letter) and ``stamp_ns`` (the question is asked as of
    this stamp). Instead of a letter, a question without choices may have the ``status`` of a
    correct answer and the text that it must ``contain``.

    Raises:
        QuestionError: the file can't be read, or an entry can't be used; the message names it.
    """
    try:
        entries: JsonValue = pydantic_core.from_json(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        raise QuestionError(f"can't read questions from {path}: {error}") from error
    if not isinstance(entries, list):
        raise QuestionError(f"{path} must contain a JSON list of questions")
    return tuple(_case(entry, f"{path}, question {i}") for i, entry in enumerate(entries, 1))


def _case(entry: JsonValue, where: str) -> Case:
    if not isinstance(entry, dict):
        raise QuestionError(f"{where}: must be an object with at least 'text'")
    text, truth, stamp = entry.get("text"), entry.get("answer"), entry.get("stamp_ns")
    if not isinstance(text, str) or not text.strip():
        raise QuestionError(f"{where}: 'text' must be a question")
    choices = _texts(entry.get("choices", []))
    if choices is None:
        raise QuestionError(f"{where}: 'choices' must be a list of texts")
    letters = list(string.ascii_uppercase[: len(choices)])
    if truth is not None and not (isinstance(truth, str) and truth in letters):
        raise QuestionError(f"{where}: 'answer' is {truth!r}, not the letter of a choice")
    if stamp is not None and (not isinstance(stamp, int) or isinstance(stamp, bool)):
        raise QuestionError(f"{where}: 'stamp_ns' must be whole nanoseconds, not {stamp!r}")
    status = entry.get("status")
    if status is not None and status not in ANSWER_STATUSES:
        raise QuestionError(f"{where}: 'status' is {status!r}, not one of {ANSWER_STATUSES}")
    return Case(
        Question(text.strip(), choices, at_ns=stamp, id=str(entry.get("id", ""))),
        type=str(entry.get("type", UNTYPED)),
        truth=truth,
        status=status,
        contain=str(entry.get("contain", "")),
    )


def _texts(value: JsonValue) -> tuple[str, ...] | None:
    """``value`` as a tuple of texts; ``None`` if it is anything but a list of texts."""
    if not isinstance(value, list):
        return None
    texts = tuple(item for item in value if isinstance(item, str))
    return texts if len(texts) == len(value) else None


def score(results: Iterable[Scored]) -> Score | None:
    """The share of correct answers; questions without a known truth are left out.

    Returns:
        ``None`` if no truth is known.
    """
    tally: dict[str, list[int]] = {}
    for result in results:
        if result.right is not None:
            counts = tally.setdefault(result.case.type, [0, 0])
            counts[0] += result.right
            counts[1] += 1
    if not tally:
        return None
    right, count = (sum(counts[i] for counts in tally.values()) for i in (0, 1))
    return Score(
        overall=right / count,
        right=right,
        count=count,
        types={name: TypeScore(r / n, r, n) for name, (r, n) in sorted(tally.items())},
    )
