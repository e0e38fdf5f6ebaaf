"""Checks whether the notes settle a question with choices, before the reasoner is asked.

If they leave it open, no reasoner is asked: the answer is that the memory does not tell, and why.
Where they favour a choice without settling on it, that counts as open only if one of the choices
says that the memory does not tell; otherwise the reasoner chooses.
If they settle it and the reasoner chooses otherwise, the choice that they settle on is given, and a
notice names the reasoner's (`reasoning.notes_decide`). If that is off, the reasoner's choice stands
with a notice; where it says that the memory does not tell, it is asked again without that choice.

Out of scope: what the notes leave possible (`embodied_agent.rules.settling`).
"""

from __future__ import annotations

import string
from collections.abc import Callable
from dataclasses import dataclass, replace

from embodied_agent.agent.notices import with_notice
from embodied_agent.agent.scrutiny import not_told
from embodied_agent.records import Answer, Question
from embodied_agent.rules.located import Places, settle_by_position
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.settling import Settlement, settle
from embodied_agent.transcript.text import entry_text


@dataclass(frozen=True, slots=True)
class NotesCheck:
    """What the notes say to a question with choices.

    Attributes:
        settlement: of the choices without the one that says that the memory does not tell.
        choice: the letter that the notes settle on; ``None`` if they leave it open.
        untold: the letter of that one choice, if there is one.
    """

    settlement: Settlement
    choice: str | None
    untold: str | None

    @property
    def is_open(self) -> bool:
        """Whether the notes leave the question open."""
        return self.choice is None

    def refuses(self, choice: str | None) -> bool:
        """Whether a reasoner's choice says that the memory does not tell what it does tell."""
        return not self.is_open and choice is not None and choice == self.untold


def checked(question: Question, notes: Notes) -> NotesCheck | None:
    """What the notes say to a question; ``None`` if nobody can tell.

    Args:
        question: with or without choices.
        notes: the memory, with at least one delta.
    """
    return _check(
        question,
        lambda options, untold: settle(question.text, options, notes, untold=untold),
    )


def located(question: Question, notes: Notes, places: Places) -> NotesCheck | None:
    """What measured positions settle; ``None`` where they settle nothing.

    Args:
        question: with or without choices.
        notes: the memory, with at least one delta.
        places: of things, seen from where the camera is.
    """
    return _check(
        question, lambda options, _: settle_by_position(question.text, options, notes, places)
    )


def _check(
    question: Question, settle_options: Callable[[list[str], bool], Settlement | None]
) -> NotesCheck | None:
    if not question.choices:
        return None
    untold = not_told(question.choices)
    letters = [x for x in string.ascii_uppercase[: len(question.choices)] if x != untold]
    options = [question.choices[string.ascii_uppercase.index(letter)] for letter in letters]
    settlement = settle_options(options, untold is not None)
    if settlement is None:
        return None
    choice = None if settlement.index is None else letters[settlement.index]
    return NotesCheck(settlement, choice, untold)


def without_untold(question: Question, check: NotesCheck) -> Question:
    """The question without the choice that says that the memory does not tell."""
    if check.untold is None:
        return question
    place = string.ascii_uppercase.index(check.untold)
    return replace(question, choices=question.choices[:place] + question.choices[place + 1 :])


def with_original_letter(answer: Answer, question: Question) -> Answer:
    """The answer to a question `without_untold`, by the letters of the question itself."""
    if answer.choice is None:
        return answer
    return replace(answer, choice=string.ascii_uppercase[question.choices.index(answer.text)])


def by_notes(
    answer: Answer,
    question: Question,
    check: NotesCheck,
    notes: Notes,
    *,
    least: float,
    fault: str = "",
) -> tuple[Answer, dict[int, str]] | None:
    """The answer that the notes settle on, and the keyframes that it rests on, with a note each;
    ``None`` where ``answer`` is the same and sure enough, and where the notes settle nothing.

    Args:
        answer: the reasoner's.
        question: with choices.
        check: of the question.
        notes: what was checked.
        least: consistency below which an answer is not given out.
        fault: why the reasoner's reply can't be given out; empty if it can.
    """
    unsure = answer.consistency is not None and answer.consistency < least
    if check.choice is None or (answer.choice == check.choice and not unsure and not fault):
        return None
    said = f"the reasoner chose “{answer.text}”"
    if fault:
        said = f"the reasoner's reply is not given out, because {fault}"
    elif answer.choice == check.choice:
        said = "the reasonings disagreed"
    read = [notes.deltas[index] for index in check.settlement.evidence]
    settled = replace(
        answer,
        status="answered",
        text=question.choices[string.ascii_uppercase.index(check.choice)],
        choice=check.choice,
        reasoning="".join(map(entry_text, read)).strip(),
        consistency=None,
        verified_by="what the notes settle",
        problem="",
    )
    return with_notice(settled, f"the notes settle this; {said}"), {
        delta.keyframe_id: "cited" for delta in read
    }


def contradiction(answer: Answer, question: Question, check: NotesCheck) -> str:
    """The notice on a choice that the notes speak against; empty if they don't."""
    if answer.status != "answered" or check.choice is None or answer.choice == check.choice:
        return ""
    choice = question.choices[string.ascii_uppercase.index(check.choice)]
    return f"by the notes alone it would be “{choice}”"
