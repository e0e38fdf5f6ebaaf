"""Several reasonings about one question: the answer that most of them come to, and their share.

One reasoning can slip anywhere; several rarely slip to the same wrong answer. So the answer that
most of them give is right more often than that of a single one, and how many give it says how sure
it is (self-consistency, arXiv 2203.11171). Only answers that can be compared are counted: those to
questions with choices.

Not here: drawing the reasonings (`builtin`), asking (`embodied_agent.agent.answerer`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from embodied_agent.errors import ReplyError
from embodied_agent.reasoning.answer import ParsedAnswer, parse_answer
from embodied_agent.reasoning.base import Prompt, Reasoner

#: Of all reasonings but the first, which is the likeliest.
TEMPERATURE = 0.7


@runtime_checkable
class Resampling(Reasoner, Protocol):
    """A `Reasoner` that can reply several times at once."""

    def sampled(
        self, prompt: Prompt, count: int, *, timeout_s: float, max_tokens: int | None = None
    ) -> list[str]:
        """``count`` replies at random, the same for the same prompt.

        Raises:
            ModelUnavailable: the model can't be reached, or ``timeout_s`` seconds ran out.
            ModelError: the model can't be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class Elected:
    """The ``reply`` to give, read, and how many of how many ``votes`` came to its answer."""

    reply: str
    parsed: ParsedAnswer
    agreeing: int
    votes: int

    @property
    def share(self) -> float:
        """Of the votes, those that agree, in (0, 1]."""
        return self.agreeing / self.votes


def elected(
    first: str,
    others: Sequence[str],
    choices: Sequence[str],
    usable: Callable[[ParsedAnswer], bool] = lambda parsed: True,
) -> Elected:
    """The first reply with the answer that most replies give; of equally many, the earliest.

    Replies that can't be read, or are not ``usable``, are votes for nothing; only where none is
    usable, the answer is elected from all that can be read.

    Raises:
        ReplyError: none can be read; the first one's error.
    """
    replies = [first, *others]
    read: list[tuple[str, ParsedAnswer]] = []
    problem: ReplyError | None = None
    for reply in replies:
        try:
            read.append((reply, parse_answer(reply, choices)))
        except ReplyError as error:
            problem = problem or error
    if not read:
        assert problem is not None
        raise problem
    read = [pair for pair in read if usable(pair[1])] or read
    counts = Counter(parsed.text for _, parsed in read)
    # Counter keeps the order of first appearance among equals.
    text, agreeing = counts.most_common(1)[0]
    reply, parsed = next(pair for pair in read if pair[1].text == text)
    return Elected(reply, parsed, agreeing, len(replies))
