"""Express a claim in a short sentence, for the plain program and for a reasoner's training.

Out of scope: deriving the claim from the notes (`sim_clips.questions.free`), the reasoning
(`teacher`).
"""

from __future__ import annotations

from collections.abc import Iterable

from embodied_agent.records import Action
from sim_clips.questions import route_to
from sim_clips.questions.free.claims import Claim
from sim_clips.questions.free.families import Reading
from sim_clips.questions.free.families.drafts import matching
from sim_clips.questions.free.standpoint import Standpoint
from sim_clips.questions.free.truth import FreeQuestion
from sim_clips.questions.free.words import with_article
from training.free_questions import forms

CANNOT_TELL = "The notes do not tell."
OUT_OF_SCOPE = "That is not about what I have seen."
_PAST = {
    Action.MOVE_FORWARD: "moved forward",
    Action.MOVE_BACKWARD: "moved backward",
    Action.MOVE_LEFT: "moved left",
    Action.MOVE_RIGHT: "moved right",
    Action.MOVE_UPWARD: "moved upward",
    Action.MOVE_DOWNWARD: "moved downward",
    Action.ROTATE_LEFT: "turned left",
    Action.ROTATE_RIGHT: "turned right",
    Action.TILT_UPWARD: "tilted upward",
    Action.TILT_DOWNWARD: "tilted downward",
}


def answer_of(question: FreeQuestion, reading: Reading, standpoint: Standpoint) -> str:
    """The answer in words."""
    claim = reading.claim
    match claim.status:
        case "not_seen":
            return f"I have not seen {missing(question, standpoint)}."
        case "cannot_tell":
            return CANNOT_TELL
        case "out_of_scope":
            return OUT_OF_SCOPE
    text = _answer(question, claim, standpoint)
    return f"{text[0].upper()}{text[1:]}."


def missing(question: FreeQuestion, standpoint: Standpoint) -> str:
    """The thing that the question names and that is not in the notes: "a red sofa"."""
    about = question.about
    for prefix in ("", "0_", "1_", "2_"):
        kind = about.get(f"{prefix}kind")
        if kind and not matching(standpoint, about, prefix):
            return with_article(f"{about[f'{prefix}colour']} {kind}".strip())
    colour = about.get("colour")
    return f"anything {colour}" if colour else "anything"


def _answer(question: FreeQuestion, claim: Claim, standpoint: Standpoint) -> str:
    form = question.form
    names = [next(iter(thing)) for thing in claim.names]
    keyframe = f"in keyframe {next(iter(claim.keyframes))}" if claim.keyframes else ""
    match forms.REQUIRED[form]:
        case "yes":
            return _yes(question, claim, standpoint, keyframe)
        case "colours":
            return listed(sorted(claim.colours))
        case "number":
            number = next(iter(claim.numbers))
            if form not in forms.TURNS:
                return str(number)
            return {0: "never", 1: "once", 2: "twice"}.get(number, f"{number} times")
        case "keyframes":
            return keyframe
        case "directions":
            direction = next(iter(claim.directions[0]))
            if form.startswith("way_"):
                return route_to(direction)
            return f"{direction}, {keyframe}" if keyframe else direction
        case "distances":
            return next(iter(claim.distances))
        case "actions":
            return f"I {_PAST[next(iter(claim.actions))]}"
        case "order":
            return ", ".join(next(iter(thing)) for thing in claim.order)
    return listed([f"the {n}" for n in names] if form in forms.COMPARISONS else names) or "nothing"


def _yes(question: FreeQuestion, claim: Claim, standpoint: Standpoint, keyframe: str) -> str:
    yes_or_no = "yes" if claim.yes else "no"
    match question.form:
        case "existence":
            return (
                f"{yes_or_no}, {with_article(matching(standpoint, question.about)[-1])}, {keyframe}"
            )
        case "was_colour":
            return yes_or_no if claim.yes else f"no, {listed(sorted(claim.colours))}"
        case "order_yes":
            return yes_or_no if claim.yes else f"no, the {next(iter(claim.order[0]))} came first"
    return f"{yes_or_no}, {keyframe}" if keyframe and claim.yes else yes_or_no


def listed(words: Iterable[str]) -> str:
    """Join words as ``a``, ``a and b``, or ``a, b and c``."""
    words = list(words)
    if len(words) < 2:
        return "".join(words)
    return f"{', '.join(words[:-1])} and {words[-1]}"


def known_subjects(question: FreeQuestion, standpoint: Standpoint) -> list[str]:
    """The names in the notes that the question may mean, in the question's order."""
    about = question.about
    names: list[str] = []
    for prefix in ("", "0_", "1_", "2_"):
        if about.get(f"{prefix}kind"):
            names += matching(standpoint, about, prefix)
    return list(dict.fromkeys(names))
