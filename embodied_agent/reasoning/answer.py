"""Parsing a reasoner's reply: the answer is read only from inside <answer>.

The published scripts search the whole reply for a letter, so that "plan B. is wrong …
<answer>A</answer>" counts as B. Here a choice is read only from the last closed <answer> block
after the reasoning. A server that puts the opening <think> into the prompt returns a reply without
it.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import dataclass

from embodied_agent.errors import ReplyError

_ANSWER = re.compile(r"<answer>(.*?)</answer>", re.DOTALL)
_THINK, _END_OF_THOUGHT = "<think>", "</think>"
_LETTER = re.compile(r"^\(?([A-Za-z])\)?(?:[.:)]|\s*$|\s+[-–—])\s*")
_CITED = re.compile(r"#(\d{1,9})\b")


@dataclass(frozen=True, slots=True)
class ParsedAnswer:
    """A parsed reply. ``text`` is the answer in words, ``choice`` its letter if choices were given,
    ``cited`` the keyframe ids that the reasoning names, in order and without repeats."""

    reasoning: str
    text: str
    choice: str | None
    cited: tuple[int, ...]


def parse_answer(reply: str, choices: Sequence[str]) -> ParsedAnswer:
    """Reasoning, answer and choice of a reply ``<think>…</think><answer>…</answer>``.

    The opening <think> may be missing. So may both tags; the reasoning is then everything before
    the answer. With choices, the answer must be the letter of a choice ("B", "B. left", "(b)") or
    its text.

    Raises:
        ReplyError: there is no closed <answer> block, it is empty, or it names no choice.
    """
    thoughts, end_tag, conclusion = reply.rpartition(_END_OF_THOUGHT)
    if not end_tag:
        # No </think>: everything before <answer> is the reasoning.
        thoughts = conclusion.rpartition("<answer>")[0]
    blocks = _ANSWER.findall(conclusion)
    reasoning = thoughts.replace(_THINK, "").replace(_END_OF_THOUGHT, "").strip()
    if not blocks:
        raise ReplyError("the reply has no <answer></answer>", reply=reply)
    text = " ".join(blocks[-1].split())
    if not text:
        raise ReplyError("the reply's <answer></answer> is empty", reply=reply)
    cited = tuple(dict.fromkeys(int(number) for number in _CITED.findall(reasoning)))
    if not choices:
        return ParsedAnswer(reasoning, text, None, cited)
    letter = _choice_letter(text, choices)
    if letter is None:
        letters = string.ascii_uppercase[: len(choices)]
        raise ReplyError(f"the answer {text!r} is not one of the choices {letters}", reply=reply)
    return ParsedAnswer(reasoning, choices[string.ascii_uppercase.index(letter)], letter, cited)


def _choice_letter(text: str, choices: Sequence[str]) -> str | None:
    for letter, choice in zip(string.ascii_uppercase, choices, strict=False):
        if text.casefold() == choice.casefold():
            return letter
    match = _LETTER.match(text)
    if match is None:
        return None
    letter = match.group(1).upper()
    return letter if letter in string.ascii_uppercase[: len(choices)] else None
