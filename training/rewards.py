"""The three rewards of the method, as plain functions for trl: format, accuracy, consistency.

Each takes ``completions`` and the dataset's columns and gives one number per completion, in [0, 1],
or ``None`` where it does not apply. Replies are read by the runtime's own parser, so that what is
paid for in training is what counts live: only what stands inside <answer>.

Numbers are judged by mean relative accuracy (Yang et al., "Thinking in Space", arXiv 2412.14171):
the share of the thresholds 0.50, 0.55 … 0.95 that one minus the relative error exceeds.

Not here: how the rewards are weighted (`training.curriculum`), the reference model
(`training.reference`).
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from embodied_agent.errors import ReplyError
from embodied_agent.reasoning.answer import parse_answer
from training.reference import Reasoned, Reference

#: A completion as trl hands it over: text, or the messages of a conversation.
Completion = str | Sequence[Mapping[str, Any]]
Rewards = list[float | None]

THRESHOLDS = tuple(0.5 + 0.05 * step for step in range(10))
#: An answer with at least this accuracy counts as right for the consistency reward. Numeric
#: answers are rarely exact: half of the thresholds is within a quarter of the truth.
RIGHT = 0.5
_TAG = re.compile(r"</?(?:think|answer)>")
_WHOLE = re.compile(r"\s*<think>(.*)</think>\s*<answer>(.*)</answer>\s*", re.DOTALL)
_TAGS = ["<think>", "</think>", "<answer>", "</answer>"]
_NUMBER = re.compile(r"([-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[-+−]?\.\d+)\s*([^\d\s].*)?")
_UNIT = re.compile(r"[A-Za-z°%²³/^ ]{1,24}[23]?\.?|\.")


def text_of(completion: Completion) -> str:
    """The reply's text."""
    if isinstance(completion, str):
        return completion
    return "".join(str(message["content"]) for message in completion)


def has_format(reply: str) -> bool:
    """Whether a reply is one <think> and one <answer> block, in order, neither empty, and nothing
    else."""
    whole = _WHOLE.fullmatch(reply)
    if whole is None or _TAG.findall(reply) != _TAGS:
        return False
    return all(part.strip() for part in whole.groups())


def number_in(said: str) -> float | None:
    """The number that an answer consists of, a unit after it allowed; ``None`` where it is more or
    less than that ("3 or 4", "about 3", "two")."""
    match = _NUMBER.fullmatch(said.strip())
    if match is None or (match.group(2) and not _UNIT.fullmatch(match.group(2).strip())):
        return None
    return float(match.group(1).replace(",", "").replace("−", "-"))


def mean_relative_accuracy(said: float, truth: float) -> float:
    """1.0 for the exact number, falling in ten steps to 0.0 at half the truth off."""
    if truth == 0:
        return float(said == 0)
    error = abs(said - truth) / abs(truth)
    if not math.isfinite(error):
        return 0.0
    return sum(error < 1 - threshold for threshold in THRESHOLDS) / len(THRESHOLDS)


def same_answer(said: str, other: str) -> bool:
    """Whether two answers in words say the same, but for case, articles, spaces, final stops."""
    return _plain(said) == _plain(other)


def _plain(text: str) -> str:
    words = re.sub(r"[^\w\s-]", " ", text.casefold()).split()
    return " ".join(word for word in words if word not in ("a", "an", "the"))


def score(reply: str, answer: str, choices: Sequence[str]) -> float:
    """Accuracy of one reply in [0, 1]; 0.0 where it can't be read.

    Raises:
        ValueError: the true answer is none of the choices: the data are wrong.
    """
    if choices and answer not in choices:
        raise ValueError(f"the true answer {answer!r} is none of the choices {list(choices)}")
    try:
        said = parse_answer(reply, choices).text
    except ReplyError:
        return 0.0
    if choices:
        return float(said == answer)
    truth = number_in(answer)
    if truth is None:
        return float(same_answer(said, answer))
    number = number_in(said)
    return 0.0 if number is None else mean_relative_accuracy(number, truth)


def format_reward(completions: Sequence[Completion], **_: Any) -> Rewards:
    """1.0 for a reply in the asked form."""
    return [float(has_format(text_of(completion))) for completion in completions]


def accuracy_reward(
    completions: Sequence[Completion],
    *,
    answer: Sequence[str | None],
    choices: Sequence[Sequence[str] | None],
    **_: Any,
) -> Rewards:
    """1.0 for the right choice or words, mean relative accuracy for numbers, ``None`` for rows
    without a known answer.

    Args:
        completions: replies.
        answer: per completion the true answer's text: of a choice, a number or free words.
        choices: per completion the choices' texts, empty or ``None`` for open questions.
    """
    return [
        None if truth is None else score(text_of(completion), truth, options or ())
        for completion, truth, options in zip(completions, answer, choices, strict=True)
    ]


class ConsistencyReward:
    """Pays where a frozen reference, shown the question and the reasoning only, gives the same
    answer; ``None`` where the answer is wrong: consistency is not paid for there, so that reward
    can't be had by consistent nonsense. Without any reasoning it is 0.0.

    The mean that trl logs for it is therefore the consistency ratio of the right answers.
    """

    __name__ = "consistency"

    def __init__(self, reference: Reference) -> None:
        self.reference = reference

    def __call__(
        self,
        completions: Sequence[Completion],
        *,
        question: Sequence[str],
        answer: Sequence[str | None],
        choices: Sequence[Sequence[str] | None],
        log_extra: Callable[[str, list[Any]], None] | None = None,
        **_: Any,
    ) -> Rewards:
        """As `accuracy_reward`; ``question`` is the question's text per completion.

        Raises:
            ModelUnavailable: the reference's server stayed away; nothing is made up instead.
        """
        rewards: Rewards = [None] * len(completions)
        asked: list[tuple[int, Reasoned, str]] = []
        for index, completion in enumerate(completions):
            reply, truth, options = text_of(completion), answer[index], choices[index] or ()
            if truth is None or score(reply, truth, options) < RIGHT:
                continue
            parsed = parse_answer(reply, options)
            if not parsed.reasoning:
                rewards[index] = 0.0
                continue
            item = Reasoned(question[index], tuple(options), parsed.reasoning)
            asked.append((index, item, parsed.text))
        said = self.reference.answers([item for _, item, _ in asked])
        seen: list[str] = [""] * len(completions)
        for (index, item, own), other in zip(asked, said, strict=True):
            rewards[index] = float(other is not None and agrees(own, other, bool(item.choices)))
            seen[index] = other or "unreadable"
        if log_extra is not None:
            log_extra("reference_answer", seen)
        return rewards


def agrees(own: str, other: str, chosen: bool) -> bool:
    """Whether the reference's answer is the model's: the same choice, the same words, or for
    numbers a mean relative accuracy of at least `RIGHT` to each other."""
    if chosen:
        return own == other
    a, b = number_in(own), number_in(other)
    if a is not None and b is not None:
        return mean_relative_accuracy(b, a) >= RIGHT
    return same_answer(own, other)


format_reward.__name__ = "format"
accuracy_reward.__name__ = "accuracy"
