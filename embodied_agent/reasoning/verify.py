"""Does an answer follow from its own reasoning? A frozen reference model is asked, at answer time.

The reference reads the question and the reasoning, never the memory, and says several times, in one
batch, which answer the reasoning leads to (the consistency check of Embodied-R, §3.3, which trains
with it). The share of its conclusions that agree with the answer is the answer's consistency. It
tells whether the answer follows from the reasoning, not whether the reasoning is true.

Free answers agree when one holds the other, word for word, after case, punctuation and articles are
dropped; the verdict's method then says so.

Not here: the references (`verify_builtin`, `verify_served`), what follows from low consistency
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
    """``consistency`` in [0, 1], and how it came about: method and reference model."""

    consistency: float
    method: str


class Verifier(Protocol):
    """Checks answers against their reasoning. Safe to call from several threads."""

    @property
    def name(self) -> str:
        """The reference model's name."""
        ...

    def verify(
        self, question: Question, reasoning: str, answer: str, *, timeout_s: float
    ) -> Verdict:
        """How consistent ``answer`` (its text, without letter) is with ``reasoning``.

        Raises:
            ModelUnavailable: the reference can't be reached, or ``timeout_s`` seconds ran out.
            ModelError: it can't be used, or the reasoning is longer than it can read.
        """
        ...

    def close(self) -> None:
        """Release the model or the connection. Safe to call twice."""
        ...


def agree(said: str, answer: str) -> bool:
    """Whether two free answers say the same, as far as their words tell."""
    a, b = _words(said), _words(answer)
    return bool(a) and bool(b) and (f" {a} " in f" {b} " or f" {b} " in f" {a} ")


def _words(text: str) -> str:
    words = re.findall(r"\w+", text.casefold())
    return " ".join(word for word in words if word not in _ARTICLES)


def _share(said: Sequence[str], question: Question, answer: str) -> float:
    """The share of replies, each from its <answer> on, that agree with ``answer``."""
    count = 0
    for reply in said:
        try:
            text = parse_answer(reply, question.choices).text
        except ReplyError:
            continue  # a conclusion that can't be read agrees with nothing
        count += text == answer if question.choices else agree(text, answer)
    return count / len(said)


def verdict_of(said: Sequence[str], question: Question, answer: str, name: str) -> Verdict:
    """The verdict of a reference's replies, each with its <answer>."""
    how = "" if question.choices else " by containment of words,"
    method = f"{len(said)} samples,{how} {name}, question and reasoning only"
    return Verdict(_share(said, question, answer), method)
