"""The three rewards of the method, as functions for trl: format, accuracy, consistency.

Each takes ``completions`` and the dataset's columns, and returns one number in [0, 1] per
completion, or ``None`` if it does not apply. The runtime's own parser reads the replies, so that
training rewards what counts live: only the text inside <answer>.

Numbers are scored by mean relative accuracy (Yang et al., "Thinking in Space", arXiv 2412.14171):
the share of the thresholds 0.50, 0.55 … 0.95 that one minus the relative error exceeds.

Out of scope: the weights of the rewards (`training.curriculum`), the reference model
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

#: A completion as trl passes it: text, or the messages of a conversation.
Completion = str | Sequence[Mapping[str, Any]]
Rewards = list[float | None]

THRESHOLDS = tuple(0.5 + 0.05 * step for step in range(10))
#: An answer with at least this accuracy counts as right for the consistency reward. Numeric
#: answers are rarely exact; half of the thresholds corresponds to an error of a quarter.
RIGHT = 0.5
_TAG = re.compile(r"</?(?:think|answer)>")
_WHOLE = re.compile(r"\s*<think>(.*)</think>\s*<answer>(.*)</answer>\s*", re.DOTALL)
_TAGS = ["<think>", "</think>", "<answer>", "</answer>"]
_NUMBER = re.compile(r"([-+−]?(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?|[-+−]?\.\d+)\s*([^\d\s].*)?")
_UNIT = re.compile(r"[A-Za-z°%²³/^ ]{1,24}[23]?\.?|\.")


#: Where templates that split a reply into thought and content put the thought.
_THOUGHTS = ("reasoning_content", "thinking", "reasoning")


def text_of(completion: Completion, begun: str = "") -> str:
    """The text of a completion, preceded by ``begun``, the beginning that the chat template wrote.

    If the reply was split into thought and content, the thought is put back between its tags.
    """
    if isinstance(completion, str):
        return begun + completion
    text = ""
    for message in completion:
        thought = next((message[name] for name in _THOUGHTS if message.get(name)), None)
        if thought is not None:
            text, begun = f"{text}<think>{thought}</think>", ""
        text += str(message.get("content") or "")
    return begun + text


def has_format(reply: str) -> bool:
    """Whether a reply consists of one <think> and one <answer> block, in this order, neither of
    them empty."""
    whole = _WHOLE.fullmatch(reply)
    if whole is None or _TAG.findall(reply) != _TAGS:
        return False
    return all(part.strip() for part in whole.groups())


def number_in(answer: str) -> float | None:
    """The number that an answer consists of, optionally followed by a unit; ``None`` for anything
    else ("3 or 4", "about 3", "two")."""
    match = _NUMBER.fullmatch(answer.strip())
    if match is None or (match.group(2) and not _UNIT.fullmatch(match.group(2).strip())):
        return None
    return float(match.group(1).replace(",", "").replace("−", "-"))


def mean_relative_accuracy(number: float, truth: float) -> float:
    """1.0 for the exact number, falling in ten steps to 0.0 at a relative error of one half."""
    if truth == 0:
        return float(number == 0)
    error = abs(number - truth) / abs(truth)
    if not math.isfinite(error):
        return 0.0
    return sum(error < 1 - threshold for threshold in THRESHOLDS) / len(THRESHOLDS)


def same_answer(one: str, other: str) -> bool:
    """Whether two answers are equal apart from case, articles, spaces and punctuation."""
    return _plain(one) == _plain(other)


def _plain(text: str) -> str:
    words = re.sub(r"[^\w\s-]", " ", text.casefold()).split()
    return " ".join(word for word in words if word not in ("a", "an", "the"))


def score(reply: str, answer: str, choices: Sequence[str]) -> float:
    """The accuracy of a reply in [0, 1]; 0.0 if it can't be parsed.

    Raises:
        ValueError: the true answer is not one of the choices, so the data are wrong.
    """
    if choices and answer not in choices:
        raise ValueError(f"the true answer {answer!r} is not one of the choices {list(choices)}")
    try:
        reply_answer = parse_answer(reply, choices).text
    except ReplyError:
        return 0.0
    if choices:
        return float(reply_answer == answer)
    truth = number_in(answer)
    if truth is None:
        return float(same_answer(reply_answer, answer))
    number = number_in(reply_answer)
    return 0.0 if number is None else mean_relative_accuracy(number, truth)


class FormatReward:
    """1.0 for a reply in the required format, else 0.0.

    Args:
        begun: the beginning of a reply that the chat template writes, such as ``<think>``
            (`training.gold_replies.begun_thought`); it counts as part of the reply.
    """

    __name__ = "format"

    def __init__(self, begun: str = "") -> None:
        self._begun = begun

    def __call__(self, completions: Sequence[Completion], **_: Any) -> Rewards:
        """The rewards of ``completions``; other arguments that trl passes are ignored."""
        return [float(has_format(text_of(completion, self._begun))) for completion in completions]


format_reward = FormatReward()


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
        completions: the replies.
        answer: the true answer of each: the text of a choice, a number or free words.
        choices: the choices of each; empty or ``None`` for open questions.
    """
    return [
        None if truth is None else score(text_of(completion), truth, options or ())
        for completion, truth, options in zip(completions, answer, choices, strict=True)
    ]


class ConsistencyReward:
    """1.0 if a frozen reference, given only the question and the reasoning, gives the same answer,
    else 0.0; also 0.0 without reasoning. ``None`` for wrong answers, so that consistent nonsense
    earns nothing.

    The mean that trl logs is therefore the consistency ratio of the right answers.
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
        """The rewards; arguments as in `accuracy_reward`, and the text of each ``question``.

        Raises:
            ModelUnavailable: the reference's server stayed unreachable.
        """
        rewards: Rewards = [None] * len(completions)
        items: list[tuple[int, Reasoned, str]] = []
        for index, completion in enumerate(completions):
            reply, truth, options = text_of(completion), answer[index], choices[index] or ()
            if truth is None or score(reply, truth, options) < RIGHT:
                continue
            parsed = parse_answer(reply, options)
            if not parsed.reasoning:
                rewards[index] = 0.0
                continue
            item = Reasoned(question[index], tuple(options), parsed.reasoning)
            items.append((index, item, parsed.text))
        reference_answers = self.reference.answers([item for _, item, _ in items])
        logged: list[str] = [""] * len(completions)
        for (index, item, model_answer), reference_answer in zip(
            items, reference_answers, strict=True
        ):
            rewards[index] = float(
                reference_answer is not None
                and agrees(model_answer, reference_answer, bool(item.choices))
            )
            logged[index] = reference_answer or "unreadable"
        if log_extra is not None:
            log_extra("reference_answer", logged)
        return rewards


def agrees(own: str, other: str, chosen: bool) -> bool:
    """Whether the reference's answer agrees with the model's: the same choice, the same words, or
    numbers with a mean relative accuracy of at least `RIGHT`."""
    if chosen:
        return own == other
    a, b = number_in(own), number_in(other)
    if a is not None and b is not None:
        return mean_relative_accuracy(b, a) >= RIGHT
    return same_answer(own, other)


accuracy_reward.__name__ = "accuracy"
