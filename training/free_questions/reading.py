"""Extract what an answer claims, given the question: clause by clause, by rules.

Clauses claim nothing if they deny something, repeat the question, or say that it can't be answered.
A hedge ("I can't be sure, but …") does not help: what follows it counts. An answer that a thing was
not seen, followed by its place, contradicts itself.

Out of scope: whether the claim is right (`marking`).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sim_clips.questions.free.claims import Claim
from sim_clips.questions.free.truth import FreeQuestion, Status
from training.free_questions import forms
from training.free_questions.clauses import Clause, plain
from training.free_questions.comparing import nearer_in, order_in
from training.free_questions.directions import Directions, directions_in, distances_in
from training.free_questions.numbers import (
    actions_in,
    degrees_in,
    keyframes_in,
    number_of,
    numbers_in,
    sided_number,
    total_in,
)
from training.free_questions.roles import (
    NOTHING,
    affirms_subject,
    names_subject,
    roles_of,
    subjects_of,
)
from training.free_questions.things import Thing, colours_of, things_in
from training.free_questions.yes_no import says_yes

#: Clauses about the wrong end of a sighting: the last, if the question is about the first, and vice
#: versa.
_OTHER_END = (re.compile(r"\blast (?:time|seen|saw)\b"), re.compile(r"\bfirst (?:time|seen|saw)\b"))
_CAME_FIRST = re.compile(r"\b(?:first|earlier|sooner|before)\b")
_CAME_LATER = re.compile(r"\b(?:later|second|after|afterwards|last)\b")
_TURN_NONE = re.compile(r"\b(?:never|not once|no|none|zero|n't|not)\b")
_RANGE_OF_NUMBERS = re.compile(r"\b(\w+) ?(?:or|to|-) ?(\w+)\b|\bbetween (\w+) and (\w+)\b")


@dataclass(frozen=True, slots=True)
class AnswerReading:
    """``claim`` includes the status that the text expresses; ``invented`` are the named things that
    are not in the memory; ``contradicts``: the text both denies and claims the same."""

    claim: Claim
    invented: tuple[str, ...] = ()
    contradicts: bool = False


def read_answer(question: FreeQuestion, text: str) -> AnswerReading:
    """Extract the claim of a text that answers ``question``."""
    roles = roles_of(question, text)
    claims = roles.claims
    claim = _claim(question, _about_subject(question, claims), plain(text))
    required = forms.REQUIRED[question.form]
    answers = required is not None and claim.gives(required)
    status = _status(question, roles.stances)
    invented = _invented(question, [*roles.presumptions, *claims])
    if status is None or (answers and status == "cannot_tell"):
        return AnswerReading(claim, invented)
    contradicts = answers and status == "not_seen" and _speaks_of_subject(question, claims)
    return AnswerReading(Claim(status), invented, contradicts)


def _about_subject(question: FreeQuestion, claims: Sequence[Clause]) -> list[Clause]:
    """Drop clauses about the places of other things, if the question is about one thing."""
    if question.form not in forms.NOW | forms.THEN | {"how_far"} or not subjects_of(question):
        return list(claims)
    return [
        part
        for part in claims
        if not (things := things_in(part.text))
        or names_subject(question, things)
        or re.search(r"\bit(?:'s)?\b", part.text)
    ]


def _status(question: FreeQuestion, stances: Sequence[Status]) -> Status | None:
    if not stances:
        return None
    order: tuple[Status, ...] = ("not_seen", "cannot_tell", "out_of_scope")
    if question.form in ("out_of_scope", "unknowable", "unknowable_way"):
        order = ("out_of_scope", "cannot_tell", "not_seen")
        if question.form != "out_of_scope":
            order = ("cannot_tell", "out_of_scope", "not_seen")
    return next(status for status in order if status in stances)


def _speaks_of_subject(question: FreeQuestion, claims: Sequence[Clause]) -> bool:
    """Whether claims next to a "not seen" are about the same thing, not about another."""
    for part in claims:
        things = things_in(part.text)
        if affirms_subject(question, part.text):
            return True
        if not things and (directions_in(part.text) or re.search(r"\bit\b", part.text)):
            return True
    return False


def _claim(question: FreeQuestion, parts: Sequence[Clause], whole: str) -> Claim:
    form, truth = question.form, question.truth
    texts = [part.text for part in parts]
    positive = [part.text for part in parts if not part.denies]
    directions, directions_now = _directions(question, parts)
    things = [thing for text in positive for thing in things_in(text)]
    required = forms.REQUIRED[form]
    ordered = order_in(positive) if form in forms.COMPARISONS and form != "nearer" else []
    if form == "nearer":
        things, losers = nearer_in(positive)
        if losers and not things:
            things = [
                Thing(k, c, 0)
                for k, c in subjects_of(question)
                if not any(t.kind == k and t.colour in ("", c) for t in losers)
            ]
    elif form == "order_first":
        things = ordered[:1]
    names = tuple(c for c in (thing.among(truth.memory) for thing in things) if c)
    colours = (
        colours_of(positive, {kind for kind, _ in subjects_of(question)})
        if required == "colours" or form == "was_colour"
        else set()
    )
    order = tuple(c for c in (thing.among(truth.memory) for thing in ordered) if c)
    if form == "order_yes":
        order = _completed(question, order, positive)
    order = order if len(order) > 1 else ()
    actions = (
        frozenset().union(*map(actions_in, positive))
        if required == "actions" or form == "ever_turned"
        else frozenset()
    )
    return Claim(
        yes=says_yes(question, parts, order, actions) if required == "yes" else None,
        names=names if required == "names" else (),
        nothing=required == "names" and not names and any(NOTHING.search(t) for t in texts),
        directions=tuple(directions),
        directions_now=tuple(directions_now),
        distances=frozenset().union(*map(distances_in, positive))
        if required == "distances"
        else frozenset(),
        numbers=_numbers(question, texts, things, whole) if required == "number" else frozenset(),
        colours=frozenset(colours),
        actions=actions,
        degrees=frozenset().union(*map(degrees_in, positive))
        if required == "actions"
        else frozenset(),
        keyframes=_keyframes(question, positive),
        order=order if form in forms.COMPARISONS and form != "nearer" else (),
    )


def _completed(
    question: FreeQuestion, order: tuple[frozenset[str], ...], positive: Sequence[str]
) -> tuple[frozenset[str], ...]:
    """Complete an order of two things if only one is named: "the sofa came first"."""
    if len(order) != 1:
        return order
    both = [Thing(k, c, 0).among(question.truth.memory) for k, c in subjects_of(question)]
    others = tuple(names for names in both if not names & order[0])
    if any(_CAME_FIRST.search(text) for text in positive):
        return order + others
    return others + order if any(_CAME_LATER.search(text) for text in positive) else order


def _directions(
    question: FreeQuestion, parts: Sequence[Clause]
) -> tuple[list[Directions], list[Directions]]:
    """Directions in the past (for a question about now: in the present), and in the present."""
    if question.form not in forms.NOW | forms.THEN:
        return [], []
    by_clause = [
        (part, directions)
        for part in parts
        if not part.denies
        for directions in directions_in(part.text)
    ]
    if question.form in forms.NOW:
        current = [d for part, d in by_clause if part.now or not part.then]
        return current or [d for _, d in by_clause], []
    then = [d for part, d in by_clause if not part.now]
    # "I see it right now, in front of the camera" states a time.
    now = [d for part, d in by_clause if part.now] if question.form.endswith("where") else []
    return then, now


def _keyframes(question: FreeQuestion, positive: Sequence[str]) -> frozenset[int]:
    truth = question.truth
    bare = forms.REQUIRED[question.form] == "keyframes"
    numbers: set[int] = set()
    for text in positive:
        if _OTHER_END[question.form[:4] == "last"].search(text) and len(positive) > 1:
            continue
        for first, last in keyframes_in(text, truth.first_id, truth.last_id, bare=bare):
            if question.form.startswith("first"):
                numbers.add(first)
            elif question.form.startswith("last"):
                numbers.add(last)
            else:
                numbers.update(range(first, min(last, first + 500) + 1))
    return frozenset(numbers)


def _numbers(
    question: FreeQuestion, texts: Sequence[str], things: Sequence[Thing], whole: str
) -> frozenset[int]:
    if question.form in forms.TURNS:
        return _turns(question, texts, whole)
    for text in texts:
        for match in _RANGE_OF_NUMBERS.finditer(text):
            ends = [number_of(word) for word in match.groups() if word]
            if len(ends) == 2 and None not in ends:
                return frozenset(number for number in ends if number is not None)
    totals = [total_in(text) for text in texts]
    numbers = [n for n in totals if n is not None] or [
        n for text in texts for n in numbers_in(text)
    ]
    if numbers:
        return frozenset(numbers[:1])
    named = {t for t in things if names_subject(question, [t])}
    return frozenset([len(named)]) if named else frozenset()


def _turns(question: FreeQuestion, texts: Sequence[str], whole: str) -> frozenset[int]:
    side = question.about.get("side") or ""
    sides = {s: sided_number(whole, s) for s in ("left", "right")}
    if side and sides[side] is not None:
        return frozenset([sides[side] or 0])
    numbers = [number for text in texts for number in numbers_in(text)]
    total = total_in(whole)
    if total is not None:
        return frozenset([total])
    left, right = sides["left"], sides["right"]
    if not side and left is not None and right is not None:
        return frozenset([left + right]) if len(numbers) < 3 else frozenset(numbers[:1])
    if numbers:
        return frozenset(numbers[:1])
    none = any(_TURN_NONE.search(text) for text in texts)
    return frozenset([0]) if none else frozenset()


def _invented(question: FreeQuestion, claims: Sequence[Clause]) -> tuple[str, ...]:
    """The things that claims name and that are not in the memory."""
    if question.form == "out_of_scope":
        return ()
    colour_asked = forms.REQUIRED[question.form] == "colours" or question.form == "was_colour"
    invented: list[str] = []
    for part in claims:
        if part.denies:
            continue
        for thing in things_in(part.text):
            if thing.among(question.truth.memory):
                continue
            if colour_asked and Thing(thing.kind, "", 0).among(question.truth.memory):
                continue
            invented.append(f"{thing.colour} {thing.kind}".strip())
    return tuple(dict.fromkeys(invented))
