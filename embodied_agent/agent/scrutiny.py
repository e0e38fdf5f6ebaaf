"""Which answers are given: those that the memory supports; otherwise the answer says why not.

If too few votes or too little of the verification support an answer, it becomes "can't tell". A
reply that cites or names what the memory does not hold is never given. If a question offers "the
memory does not tell" as a choice, that is chosen in these cases.

Out of scope: getting replies (`reasoned`), rules (`embodied_agent.rules`).
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable
from dataclasses import replace

from embodied_agent.reasoning.answer import ParsedAnswer
from embodied_agent.records import Answer, AnswerStatus, Question
from embodied_agent.rules.inventions import invented_things, is_held, unknown_keyframes
from embodied_agent.rules.names import names_in
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.tokens import tokens_of

_NOT_TOLD = re.compile(
    r"\b(?:memory|memories|notes?|transcript|entries|records?|information)\b.*\b(?:does|"
    r"do) ?(?:not|n't) "
    r"(?:tell|say|show|settle|reveal)|\b(?:can ?not|can't|could ?n[o']t|impossible to|"
    r"not possible to) "
    r"(?:be )?(?:tell|told|say|know|known|determined?|decided?)|\bnot (?:enough|"
    r"sufficient) (?:information|notes)|"
    r"\binsufficient information|^(?:unknown|undetermined|undecided|i (?:do not|don't) know)$",
    re.IGNORECASE,
)
_NOT_SEEN = re.compile(
    r"\b(?:i|we|you) (?:have|had)? ?(?:not|never|n't) (?:yet )?(?:seen|noticed|come across)\b|"
    r"\b(?:has|have) not been "
    r"seen\b|\b(?:haven't|hasn't) (?:yet )?(?:seen|been seen|noticed)\b|\bnever seen\b|"
    r"\bdid(?: not|n't) see (?:a|an|any)\b",
    re.IGNORECASE,
)
_ABOUT_UNSEEN = re.compile(r"\b(?:not|never|n't|none)\b", re.IGNORECASE)


def not_told(choices: Iterable[str]) -> str | None:
    """The letter of the choice that says that the memory does not tell; ``None`` without one."""
    for letter, choice in zip(string.ascii_uppercase, choices, strict=False):
        if _NOT_TOLD.search(" ".join(choice.split())):
            return letter
    return None


def fault_of(
    parsed: ParsedAnswer, question: Question, notes: Notes, looked: Iterable[str] = ()
) -> str:
    """Why a reply can't be given; empty if it can.

    Args:
        parsed: the reply, read.
        question: the reply may repeat it and its choices.
        notes: the memory.
        looked: the findings of a second look, which the reply may mention.
    """
    words = f"{parsed.reasoning}\n{parsed.text}"
    unknown = unknown_keyframes(words, notes)
    if unknown:
        return f"it cites keyframe {unknown[0]}, which the memory does not hold"
    findings = tuple(looked)
    things = invented_things(words, notes, (question.text, *question.choices, *findings))
    if things:
        return f"it names “{things[0]}”, which the memory does not hold"
    if parsed.choice is not None and not findings and not _ABOUT_UNSEEN.search(question.text):
        named = names_in(tokens_of(parsed.text, mend=False), notes.nouns)
        for phrase, known in zip(named.things, named.known, strict=True):
            if known and not is_held(phrase.text, notes):
                return f"it chooses “{phrase.text}”, which the memory does not hold"
    return ""


def status_of(answer: Answer, question: Question) -> AnswerStatus:
    """The status of a model's answer by its words, which may say that it can't tell."""
    if question.choices:
        is_untold = answer.choice is not None and answer.choice == not_told(question.choices)
        return "cannot_tell" if is_untold else "answered"
    if _NOT_TOLD.search(answer.text):
        return "cannot_tell"
    return "not_seen" if _NOT_SEEN.search(answer.text) else "answered"


def without_answer(answer: Answer, question: Question, status: AnswerStatus, text: str) -> Answer:
    """``answer`` as one that says in ``text`` why there is no answer. If a choice says that the
    memory does not tell, it is that choice, with ``text`` as its notice."""
    letter = not_told(question.choices)
    if letter is None:
        return replace(answer, status=status, text=text, choice=None, problem="")
    notice = "; ".join(filter(None, (answer.notice, text)))
    choice = question.choices[string.ascii_uppercase.index(letter)]
    return replace(answer, status=status, text=choice, choice=letter, notice=notice, problem="")


def lower_unsure(answer: Answer, question: Question, least: float) -> Answer:
    """``answer``, or one that can't tell if its consistency is below ``least``."""
    consistency = answer.consistency
    if answer.status != "answered" or consistency is None or consistency >= least:
        return answer
    how = answer.verified_by or "verification"
    text = f"I can't tell: the answers disagree too much (consistency {consistency:.2f}, {how})."
    return without_answer(answer, question, "cannot_tell", text)
