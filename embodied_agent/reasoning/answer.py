"""Reading a reasoner's reply: strictly inside <answer>, nowhere else.

The published scripts search the whole reply for a letter and so take "plan B. is wrong …
<answer>A</answer>" for B. Here a choice is read only from the last closed <answer> block after the
reasoning. Servers that put the opening <think> into the prompt give replies without it.
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
    """``text`` is the answer in words, ``choice`` its letter where choices were given, ``cited``
    the keyframe ids that the reasoning names, in order, without repeats."""

    reasoning: str
    text: str
    choice: str | None
    cited: tuple[int, ...]


def parse_answer(reply: str, choices: Sequence[str]) -> ParsedAnswer:
    """Reasoning, answer and choice of a reply ``<think>…</think><answer>…</answer>``.

    The opening tag may be missing, and so may both; then the reasoning is all before the answer.

    With choices, the answer must be a letter of one ("B", "B. left", "(b)") or the text of one.

    Raises:
        ReplyError: there is no closed <answer> block, it is empty, or it names no choice.
    """
    thoughts, closed, conclusion = reply.rpartition(_END_OF_THOUGHT)
    if not closed:
        # Nobody said where the reasoning ends: it is what stands before the answer.
        thoughts = conclusion.rpartition("<answer>")[0]
    blocks = _ANSWER.findall(conclusion)
    reasoning = thoughts.replace(_THINK, "").replace(_END_OF_THOUGHT, "").strip()
    if not blocks:
        raise ReplyError("the reply has no <answer></answer>", reply=reply)
    said = " ".join(blocks[-1].split())
    if not said:
        raise ReplyError("the reply's <answer></answer> is empty", reply=reply)
    cited = tuple(dict.fromkeys(int(number) for number in _CITED.findall(reasoning)))
    if not choices:
        return ParsedAnswer(reasoning, said, None, cited)
    letter = _choice_letter(said, choices)
    if letter is None:
        letters = string.ascii_uppercase[: len(choices)]
        raise ReplyError(f"the answer {said!r} is none of the choices {letters}", reply=reply)
    return ParsedAnswer(reasoning, choices[string.ascii_uppercase.index(letter)], letter, cited)


def _choice_letter(said: str, choices: Sequence[str]) -> str | None:
    for letter, choice in zip(string.ascii_uppercase, choices, strict=False):
        if said.casefold() == choice.casefold():
            return letter
    match = _LETTER.match(said)
    if match is None:
        return None
    letter = match.group(1).upper()
    return letter if letter in string.ascii_uppercase[: len(choices)] else None
