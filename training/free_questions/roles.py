"""The role of each clause of an answer: a claim, or a statement that the answer is unknown.

The role depends on the question: "nothing" answers "what do you see?" but not "where is the sofa?".

Out of scope: the content of claims (`reading`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sim_clips.questions.free.truth import FreeQuestion, Status
from training.free_questions import forms
from training.free_questions.clauses import Clause, clauses
from training.free_questions.directions import directions_in
from training.free_questions.numbers import numbers_in
from training.free_questions.stances import stance
from training.free_questions.things import Thing, loose_colours, things_in

#: Statements that there is nothing to name.
NOTHING = re.compile(
    r"\bnothing\b(?! (?:but|to do))|\b(?:no|not any|any) (?:objects?|things?|items?)\b|"
    r"\bempty\b|(?:\bnot|n't|\bcannot) (?:see|seen|have|hold|show|noticed?|noted|spotted|"
    r"think there is) (?:anything|any)\b|^none\b|"
    r"\bnot a (?:single )?thing\b|\bno named\b"
)
_SEEN_DENIED = re.compile(
    r"(?:\b(?:have|has|had) not|\b(?:have|has|had)n't|\bnever) (?:yet |ever |been )*(?:seen|"
    r"noticed|"
    r"noted|spotted|found|come across)\b|\bnever (?:saw|noticed|spotted)\b|\b(?:did not|"
    r"didn't) (?:see|"
    r"notice|spot)\b|\bno (?:record|trace|sign|memory) of\b|\bnot (?:seen|in (?:my |"
    r"the )?(?:memory|notes))\b"
)
_AT_ONCE = re.compile(
    r"\b(?:together|both|same|at once|simultaneous\w*|one (?:view|picture)|side by)\b"
)
#: Statements that something is not in view now, which does not mean that it was never seen.
_ONLY_NOW = re.compile(
    r"\b(?:can't|cannot|don't|do not|isn't|is not|not) (?:see|in (?:view|sight)|"
    r"visible)\b.*\b(?:now|any ?more|"
    r"any longer|from here|at the moment|currently|at present)\b|\bnot (?:visible|in (?:view|"
    r"sight))"
    r"(?: (?:now|any ?more|any longer|from here|at the moment|currently))?$|"
    r"\b(?:no|not|isn't)\b.*\b(?:here now|now|any ?more|any longer)$|\bout of (?:view|sight)\b|"
    r"\b(?:isn't|is not) (?:visible|in (?:view|sight))\b"
)
_GONE = re.compile(r"\b(?:no longer|any ?more|out of (?:view|sight))\b")
#: Phrases that introduce an alternative to the requested thing.
_ALTERNATIVE = re.compile(
    r"\b(?:nearest|closest) (?:match|thing|to (?:it|that)|that i|i have|noted|known)\b|"
    r"^(?:the )?(?:nearest|closest)(?: is| one)?$|\bcomes (?:nearest|closest)\b|"
    r"^(?:what )?(?:is )?most like it\b"
)
_LISTS_AND_YES_NO = forms.PLAIN_YES_NO | forms.LISTS


@dataclass(frozen=True, slots=True)
class Roles:
    """The ``stances`` of clauses that claim nothing; the ``claims``; and ``presumptions``, clauses
    that only presume that a thing exists ("it isn't in view")."""

    stances: tuple[Status, ...]
    claims: tuple[Clause, ...]
    presumptions: tuple[Clause, ...]


def roles_of(question: FreeQuestion, text: str) -> Roles:
    """Assign a role to each clause of an answer."""
    stances: list[Status] = []
    claims: list[Clause] = []
    presumptions: list[Clause] = []
    for part in clauses(text):
        if _since(question, part):
            part = replace(part, denies=False)
        contrast = bool(claims) and part.text.startswith("not ")
        its_stance = None if contrast else _stance_of(question, part)
        if its_stance is not None:
            stances.append(its_stance)
        elif question.form in forms.NOW_LISTS and _elsewhere(question, part):
            continue
        elif _ONLY_NOW.search(part.text) and question.form not in _LISTS_AND_YES_NO:
            presumptions.append(replace(part, denies=False))
        elif question.form != "nearer" and _ALTERNATIVE.search(part.text):
            presumptions.append(part)
        elif not part.supposes and (not part.denies or _denial_answers(question, part)):
            claims.append(part)
    if "cannot_tell" in stances and question.form in forms.NOW:
        # Where it was in the past does not answer where it is now.
        claims = [part for part in claims if part.now or not part.then]
    return Roles(tuple(stances), tuple(claims), tuple(presumptions))


def subjects_of(question: FreeQuestion) -> list[tuple[str, str]]:
    """Kind and colour of the things that a question names; a colour can be empty."""
    about = question.about
    return [
        (about[f"{prefix}kind"], about[f"{prefix}colour"])
        for prefix in ("", "0_", "1_", "2_")
        if about.get(f"{prefix}kind")
    ]


def affirms_subject(question: FreeQuestion, text: str) -> bool | None:
    """Whether a clause is about a thing that the question names: False if it gives the thing
    another colour, ``None`` if it names other things or none."""
    for thing in things_in(text):
        for kind, colour in subjects_of(question):
            if thing.kind != kind:
                continue
            colours = {thing.colour} if thing.colour else set(loose_colours(text))
            return not colour or not colours or colour in colours
    return None


def names_subject(question: FreeQuestion, things: Sequence[Thing]) -> bool:
    """Whether one of the things can be one that the question names."""
    return any(
        thing.kind == kind and ("" in (thing.colour, colour) or thing.colour == colour)
        for thing in things
        for kind, colour in subjects_of(question)
    )


def _stance_of(question: FreeQuestion, part: Clause) -> Status | None:
    about_thing = names_subject(question, things_in(part.text))
    its_stance: Status | None
    its_stance = stance(part.text, about_thing=about_thing)
    if its_stance is None and part.denies and question.form.startswith("unknowable"):
        return "cannot_tell"
    if its_stance != "not_seen":
        return its_stance
    if _since(question, part):
        return None
    if question.form in forms.LISTS:
        return "not_seen" if about_thing else None
    if _ONLY_NOW.search(part.text):
        return None
    if forms.REQUIRED[question.form] in (None, "actions") and not _SEEN_DENIED.search(part.text):
        return None
    if question.form in forms.PLAIN_YES_NO | forms.TURNS:
        denied = question.form not in forms.TURNS and _SEEN_DENIED.search(part.text)
        at_once = question.form == "ever_together" and _AT_ONCE.search(part.text)
        return "not_seen" if denied and not at_once else None
    counted = any(numbers_in(part.text)) and not re.search(r"\bnot (?:a|one|even)\b", part.text)
    if question.form in forms.COUNTS and not about_thing and counted:
        return None
    return "not_seen"


def _denial_answers(question: FreeQuestion, part: Clause) -> bool:
    """Whether a negated clause answers this form of question."""
    if question.form == "existence":
        return bool(loose_colours(part.text))
    return question.form in forms.PLAIN_YES_NO | forms.TURNS or (
        question.form in forms.LISTS and bool(NOTHING.search(part.text))
    )


def _elsewhere(question: FreeQuestion, part: Clause) -> bool:
    """Whether a clause is about things that are out of view or behind the camera."""
    behind = directions_in(part.text) if question.form == "in_view" else []
    return bool(_GONE.search(part.text) or (behind and all("back" in min(d) for d in behind)))


def _since(question: FreeQuestion, part: Clause) -> bool:
    """Whether a clause gives the last sighting in the form "not since then"."""
    return question.form.startswith("last") and bool(
        re.search(r"\bsince (?:then|keyframe|frame|#)", part.text)
    )
