"""Whether an answer means yes, explicitly or by its content.

Out of scope: which clauses count (`roles`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from embodied_agent.records import Action
from sim_clips.questions.free.families.motion import TURNS
from sim_clips.questions.free.truth import FreeQuestion
from training.free_questions.clauses import Clause
from training.free_questions.directions import directions_in
from training.free_questions.numbers import keyframes_in, numbers_in
from training.free_questions.roles import affirms_subject, names_subject, subjects_of
from training.free_questions.things import Thing, colours_of, loose_colours, things_in

_YES = re.compile(
    r"^(?:well,? |oh,? |hm+,? )?(?:yes|yeah|yep|yup|sure|indeed|correct|certainly|definitely|"
    r"affirmative|of course|absolutely|true|exactly|quite (?:right|so)|"
    r"that(?:'s| is) (?:right|correct|true))\b(?! not)"
)
_YES_I_DID = re.compile(
    r"^(?:i (?:believe|think|guess) (?:so|yes|it (?:is|was|did))|i did|i have|they (?:were|did)|"
    r"it (?:is|was|did)$)"
)
#: Affirms that something was seen, not what it looked like.
_IT_WAS = re.compile(r"^(?:it|there|they|one) (?:is|was|were|did)\b(?! not)")
#: Words without which a direction ("back") does not affirm that something was there.
_SAID_OF_IT = re.compile(r"\b(?:it|its|it's|one|saw|seen|see|is|was|noticed|passed)\b")
#: Distinguishes the answer "I turned right in keyframe 3" from the command "rotate right 45".
_TOLD = re.compile(r"\b(?:i|you|we|turned|rotated|turns?|once|twice|times?|keyframe)\b|#")
_AT_ONCE = re.compile(r"\b(?:both|together|at once|same|side by side|simultaneous\w*)\b")
_NO = re.compile(
    r"^(?:well,? |oh,? |hm+,? )?(?:no|nope|nah|negative|never|incorrect|false|wrong|not (?:really|"
    r"that|once|at all|quite|together)|i (?:would|'d) say no|i think not|i (?:do not|"
    r"don't) think so|"
    r"(?:it (?:is|was) )?(?:just )?the (?:other way a?round|reverse)|vice versa|i (?:didn't|"
    r"did not|haven't|have not)|(?:it|they|that) "
    r"(?:is|was|were|did)(?:n't| not))\b"
)
_TURN_NONE = re.compile(r"\b(?:never|not once|no|none|zero|n't|not)\b")


def says_yes(
    question: FreeQuestion,
    parts: Sequence[Clause],
    order: Sequence[frozenset[str]],
    actions: frozenset[Action],
) -> bool | None:
    """Whether claims mean yes; ``None`` if they mean neither yes nor no.

    Args:
        question: the question.
        parts: the claims.
        order: the order that they claim.
        actions: the actions that they claim.
    """
    form = question.form
    first = parts[0] if parts else None
    if first is not None and _NO.search(first.text):
        return False
    if first is not None and (
        _YES.search(first.text) or (not first.denies and _YES_I_DID.search(first.text))
    ):
        return True
    if form == "existence":
        return _affirmed(question, parts)
    if form == "was_colour":
        return _said_colour(question, parts)
    if form == "order_yes" and len(order) == 2:
        kind, colour = subjects_of(question)[0]
        return bool(Thing(kind, colour, 0).among(question.truth.memory) & order[0])
    if form == "ever_together" and parts:
        if any(p.denies or "separate" in p.text for p in parts):
            return False
        affirmed = any(_AT_ONCE.search(p.text) or _shown(p.text) for p in parts)
        return True if affirmed else None
    if form == "ever_turned" and parts:
        if any(_TURN_NONE.search(p.text) for p in parts):
            return False
        if actions & set(TURNS.values()) and any(_TOLD.search(p.text) for p in parts):
            return TURNS[question.about["side"]] in actions
        return True if any(numbers_in(p.text) for p in parts) else None
    return None


def _affirmed(question: FreeQuestion, parts: Sequence[Clause]) -> bool | None:
    """Whether clauses affirm that a thing that the question may mean was there."""
    positive = [part.text for part in parts if not part.denies]
    affirmations = [affirms_subject(question, text) for text in positive]
    kind, colour_asked = subjects_of(question)[0]
    in_memory = Thing(kind, colour_asked, 0).among(question.truth.memory)
    colours = {colour for text in positive for colour in loose_colours(text)}
    if colour_asked and not in_memory and colours and colour_asked not in colours:
        return False
    if colour_asked and any(
        part.denies and colour_asked in loose_colours(part.text) for part in parts
    ):
        return False
    if True in affirmations:
        return True
    if False in affirmations or any(
        part.denies and names_subject(question, things_in(part.text)) for part in parts
    ):
        return False
    if any(things_in(text) for text in positive):
        return None
    if any(
        _IT_WAS.search(text) or re.search(r"\b(?:one|some|several)\b", text) for text in positive
    ):
        return True
    placed = any(_shown(t) or (_SAID_OF_IT.search(t) and directions_in(t)) for t in positive)
    return True if in_memory and placed else None


def _shown(text: str) -> bool:
    """Whether a clause names a keyframe."""
    return bool(keyframes_in(text, 0, 0, bare=False))


def _said_colour(question: FreeQuestion, parts: Sequence[Clause]) -> bool | None:
    asked_colour = question.about["asked_colour"]
    denied = any(p.denies and asked_colour in colours_of([p.text], _kinds(question)) for p in parts)
    colours = colours_of([p.text for p in parts if not p.denies], _kinds(question))
    if denied:
        return False
    return asked_colour in colours if colours else None


def _kinds(question: FreeQuestion) -> set[str]:
    return {kind for kind, _ in subjects_of(question)}
