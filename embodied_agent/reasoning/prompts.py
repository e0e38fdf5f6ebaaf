"""The prompt for a question to the reasoner, in two styles.

``full`` explains the task to a general language model; ``compact`` is the terse form that the small
built-in model was trained on. Both put the transcript first and everything that depends on the
question after it, so that the prefix stays the same from question to question.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from embodied_agent.reasoning.base import Prompt
from embodied_agent.records import Question

Style = Literal["full", "compact"]

_SYSTEM = (
    "You are a robot with a camera. Below is what you did and saw, in your own order of time, one "
    "numbered keyframe per line: the action that led to it, then the objects in view with their "
    "direction relative to your heading at that keyframe, and how far away they were (near, mid, "
    "far). Angles are in degrees. The last line is where you are now. Turning left moves "
    "everything to your right, and so on: keep track of how directions change. Think step by step "
    "inside <think></think>, citing keyframes by number such as #4, then give the final answer "
    "inside <answer></answer>. If the memory does not tell, say so."
)
_SECOND_LOOK = (
    "Second look: with the question in mind, these keyframes' pictures were looked at again. The "
    "entries above were written before the question was known."
)
_MEASURED = "Measured from where you are now and where you look now, by position:"
_NOTED = "Values that were noted beside what was seen, as of the question's time:"
#: Tags such as <answer>, and tokens such as <|im_end|>, spaced or not.
_TAG = re.compile(r"<(\s*[/|]?\s*[a-z_|][^<>\n]{0,60})>", re.IGNORECASE)


def build_prompt(
    style: Style,
    transcript: str,
    recalled: str,
    question: Question,
    looked: Sequence[tuple[int, str]] = (),
    measured: str = "",
    noted: str = "",
) -> Prompt:
    """The prompt for ``question``.

    Args:
        style: ``full`` or ``compact``.
        transcript: lines of `embodied_agent.transcript.text`.
        recalled: the line from `embodied_agent.transcript.recall`; may be empty.
        question: its choices get letters from A, in their order.
        looked: keyframe ids, each with the findings of a second look at its picture.
        measured: where objects are from here, for the ``full`` style; may be empty.
        noted: the facts that the question names, for the ``full`` style; may be empty.
    """
    # What was read in pictures or typed by people is data: it can't end a thought or an answer.
    transcript, recalled = neutral(transcript), neutral(recalled)
    looked = [(number, neutral(said)) for number, said in looked]
    texts = replace(
        question, text=neutral(question.text), choices=tuple(map(neutral, question.choices))
    )
    if style == "compact":
        options = "; ".join(f"{choice} = {letter}" for letter, choice in lettered(texts))
        task = f"Recall: {recalled or 'nothing'}.\n"
        if looked:
            findings = "; ".join(f"#{number} {finding}" for number, finding in looked)
            task += f"Second look: {findings}.\n"
        task += f"Question: {texts.text}\n"
        if options:
            task += f"Options: {options}.\n"
        return Prompt("", transcript, task, question.choices)
    task = f"\nRelevant entries: {recalled}.\n" if recalled else "\n"
    if measured:
        task += f"{_MEASURED} {neutral(measured)}.\n"
    if noted:
        task += f"{_NOTED} {neutral(noted)}.\n"
    if looked:
        lines = "".join(f"#{number}: {finding}\n" for number, finding in looked)
        task += f"{_SECOND_LOOK}\n{lines}"
    task += f"Question: {texts.text}\n"
    if question.choices:
        lines = "\n".join(f"{letter}. {choice}" for letter, choice in lettered(texts))
        task += f"Choices:\n{lines}\nThe final answer is the letter of one choice."
    else:
        task += "The final answer is one short sentence."
    return Prompt(_SYSTEM, transcript, task, question.choices)


def neutral(text: str) -> str:
    """``text`` with whatever a model could take for a tag or a token of its own in other brackets:
    ``</think>`` becomes ``‹/think›``."""
    return _TAG.sub(lambda tag: f"‹{tag[1]}›", text) if "<" in text else text


def lettered(question: Question) -> list[tuple[str, str]]:
    """The choices with their letters, from A."""
    return list(zip(string.ascii_uppercase, question.choices, strict=False))
