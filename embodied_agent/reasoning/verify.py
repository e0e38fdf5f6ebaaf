"""Checking whether an answer follows from its own reasoning, with a frozen judge, at answer time.

The judge reads the question and the reasoning, never the memory, and concludes several times, in
one batch, which answer the reasoning leads to. Embodied-R (§3.3) uses the same consistency check in
training. The share of the judge's conclusions that agree with the answer is the answer's
consistency. It measures whether the answer follows from the reasoning, not whether the reasoning is
true.

Free answers agree if the words of one contain those of the other, ignoring case, punctuation and
articles; the verdict's method then says so.

Out of scope: the judges (`verify_builtin`, `verify_served`), the response to low consistency
(`embodied_agent.agent.answerer`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from embodied_agent.errors import ReplyError
from embodied_agent.reasoning.answer import parse_answer
from embodied_agent.records import Question

_ARTICLES = {"a", "an", "the"}


@dataclass(frozen=True, slots=True)
class Verdict:
    """``consistency`` in [0, 1], and the ``method`` that measured it, with the judge's name."""

    consistency: float
    method: str


class Verifier(Protocol):
    """Checks answers against their reasoning. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """The judge's name."""
        ...

    def verify(
        self, question: Question, reasoning: str, answer: str, *, timeout_s: float
    ) -> Verdict:
        """How consistent ``answer`` (its text, without letter) is with ``reasoning``.

        Raises:
            ModelUnavailable: the judge can't be reached, or ``timeout_s`` seconds ran out.
            ModelError: the judge can't be used, or the reasoning is longer than it can read.
        """
        ...

    def close(self) -> None:
        """Release the model or the connection. Safe to call twice."""
        ...


def agree(conclusion: str, answer: str) -> bool:
    """Whether two free answers have the same meaning, judged by their words alone."""
    a, b = _words(conclusion), _words(answer)
    return bool(a) and bool(b) and (f" {a} " in f" {b} " or f" {b} " in f" {a} ")


def _words(text: str) -> str:
    words = re.findall(r"\w+", text.casefold())
    return " ".join(word for word in words if word not in _ARTICLES)


def _share(replies: Sequence[str], question: Question, answer: str) -> float:
    """The share of replies, each from its <answer> on, that agree with ``answer``."""
    count = 0
    for reply in replies:
        try:
            text = parse_answer(reply, question.choices).text
        except ReplyError:
            continue  # a conclusion that can't be parsed agrees with nothing
        count += text == answer if question.choices else agree(text, answer)
    return count / len(replies)


def verdict_of(replies: Sequence[str], question: Question, answer: str, name: str) -> Verdict:
    """The verdict from a judge's replies, each with its <answer>."""
    comparison = "" if question.choices else " by containment of words,"
    method = f"{len(replies)} samples,{comparison} {name}, question and reasoning only"
    return Verdict(_share(replies, question, answer), method)
