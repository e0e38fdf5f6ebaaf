"""Majority vote over several reasonings about one question.

One reasoning can go wrong anywhere, but several rarely arrive at the same wrong answer. So the
majority's answer is right more often than that of a single reasoning, and its share of the votes
measures how certain it is (self-consistency, arXiv 2203.11171). Only questions with choices are put
to a vote, since only their answers can be compared.

Out of scope: sampling the reasonings (`builtin`), asking (`embodied_agent.agent.answerer`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from embodied_agent.errors import ReplyError
from embodied_agent.reasoning.answer import ParsedAnswer, parse_answer
from embodied_agent.reasoning.base import Prompt, Reasoner

#: Sampling temperature of every reasoning except the first, which is greedy.
TEMPERATURE = 0.7


@runtime_checkable
class Resampling(Reasoner, Protocol):
    """A `Reasoner` that can sample several replies at once."""

    def sampling(
        self, prompt: Prompt, count: int, *, timeout_s: float, max_tokens: int | None = None
    ) -> Generator[str, None, list[str]]:
        """Return ``count`` sampled replies; the same prompt gives the same replies.

        Yields empty pieces; closing the generator there stops sampling at once.

        Raises:
            ModelUnavailable: the model can't be reached, or ``timeout_s`` seconds ran out.
            ModelError: the model can't be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class Elected:
    """The elected ``reply``, ``parsed``, and how many of the ``votes`` agree with its answer."""

    reply: str
    parsed: ParsedAnswer
    agreeing: int
    votes: int

    @property
    def share(self) -> float:
        """The share of the votes that agree, in (0, 1]."""
        return self.agreeing / self.votes


def elected(
    first: str,
    others: Sequence[str],
    choices: Sequence[str],
    usable: Callable[[ParsedAnswer], bool] = lambda parsed: True,
) -> Elected:
    """The first reply with the most frequent answer; the earliest answer wins a tie.

    Replies that can't be parsed or are not ``usable`` count as votes for no answer. If none is
    usable, the vote is over all that can be parsed.

    Raises:
        ReplyError: no reply can be parsed; it is the first reply's error.
    """
    replies = [first, *others]
    candidates: list[tuple[str, ParsedAnswer]] = []
    problem: ReplyError | None = None
    for reply in replies:
        try:
            candidates.append((reply, parse_answer(reply, choices)))
        except ReplyError as error:
            problem = problem or error
    if not candidates:
        assert problem is not None
        raise problem
    candidates = [pair for pair in candidates if usable(pair[1])] or candidates
    counts = Counter(parsed.text for _, parsed in candidates)
    # Among equal counts, Counter keeps the order of first appearance.
    text, agreeing = counts.most_common(1)[0]
    reply, parsed = next(pair for pair in candidates if pair[1].text == text)
    return Elected(reply, parsed, agreeing, len(replies))
