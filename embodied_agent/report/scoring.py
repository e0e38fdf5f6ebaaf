"""Question files with known answers, and how many an agent got right.

Not how questions are made (`sim_clips`) nor how they are answered (`embodied_agent.agent`).
"""

from __future__ import annotations

import json
import string
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from embodied_agent.errors import QuestionError
from embodied_agent.records import Answer, Question

#: The type of a question that names none.
UNTYPED = "other"


@dataclass(frozen=True, slots=True)
class Case:
    """A question, its type and, where it is known, the letter of its true choice."""

    question: Question
    type: str = UNTYPED
    truth: str | None = None


@dataclass(frozen=True, slots=True)
class Scored:
    """A case and what the agent answered."""

    case: Case
    answer: Answer

    @property
    def right(self) -> bool | None:
        """Whether the choice is the true one; ``None`` where no truth is known."""
        if self.case.truth is None:
            return None
        return self.answer.choice == self.case.truth

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready: the question, the answer, the truth, and how the answer came to be."""
        question, answer = self.case.question, self.answer
        fields = answer.as_dict()
        return {
            "id": question.id,
            "question": question.text,
            "type": self.case.type,
            "choices": list(question.choices),
            "at_ns": question.at_ns,
            "status": answer.status,
            "choice": answer.choice,
            "text": answer.text,
            "reasoning": answer.reasoning,
            "truth": self.case.truth,
            "right": self.right,
            "consistency": answer.consistency,
            "verified_by": answer.verified_by,
            "notice": answer.notice,
            "problem": answer.problem,
            "evidence": list(fields["evidence"]),
            "latency_s": fields["latency_s"],
            "models": fields["models"],
        }


def read_cases(path: Path | str) -> tuple[Case, ...]:
    """The questions of a JSON file: a list of objects with ``text`` and, optionally, ``id``,
    ``type``, ``choices`` (texts without letters), ``answer`` (a letter) and ``stamp_ns`` (the
    question is asked as of this stamp).

    Raises:
        QuestionError: the file can't be read, or an entry can't be used; the message names it.
    """
    try:
        entries = json.loads(Path(path).read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise QuestionError(f"can't read questions from {path}: {error}") from error
    if not isinstance(entries, list):
        raise QuestionError(f"{path} must hold a JSON list of questions")
    return tuple(_case(entry, f"{path}, question {i}") for i, entry in enumerate(entries, 1))


def _case(entry: Any, where: str) -> Case:
    if not isinstance(entry, dict):
        raise QuestionError(f"{where}: an object with at least 'text' is needed")
    text, choices = entry.get("text"), entry.get("choices", [])
    if not isinstance(text, str) or not text.strip():
        raise QuestionError(f"{where}: 'text' must be a question")
    if not isinstance(choices, list) or not all(isinstance(c, str) for c in choices):
        raise QuestionError(f"{where}: 'choices' must be a list of texts")
    truth, stamp = entry.get("answer"), entry.get("stamp_ns")
    if truth is not None and truth not in list(string.ascii_uppercase[: len(choices)]):
        raise QuestionError(f"{where}: 'answer' is {truth!r}, not the letter of a choice")
    if stamp is not None and (not isinstance(stamp, int) or isinstance(stamp, bool)):
        raise QuestionError(f"{where}: 'stamp_ns' must be whole nanoseconds, not {stamp!r}")
    return Case(
        Question(text.strip(), tuple(choices), at_ns=stamp, id=str(entry.get("id", ""))),
        type=str(entry.get("type", UNTYPED)),
        truth=truth,
    )


def score(results: Iterable[Scored]) -> dict[str, Any] | None:
    """The share of right answers, from 0 to 1, with counts; ``None`` where no truth is known.

    ``{"overall": 0.5, "right": 1, "count": 2, "types": {"route_planning": {"score": …, "right":
    …, "count": …}}}``; questions without truth count nowhere.
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
    return {
        "overall": right / count,
        "right": right,
        "count": count,
        "types": {
            name: {"score": r / n, "right": r, "count": n} for name, (r, n) in sorted(tally.items())
        },
    }
