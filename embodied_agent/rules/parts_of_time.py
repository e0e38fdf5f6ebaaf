"""Answers for a part of the time, a moment or a keyframe: what the rules say of that part of the notes
alone, or that they can't tell it for a part.

Out of scope: finding the part (`spans`), what is asked of a moment (`moments_asked`), restarts
(`rulebook`).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

from embodied_agent.rules import about_views
from embodied_agent.rules.about_new import asks_for_new, new_things
from embodied_agent.rules.asked import Asked, Family
from embodied_agent.rules.cues import side_in
from embodied_agent.rules.families import understand
from embodied_agent.rules.moments_asked import (
    asked_of_the_view,
    is_added_up,
    is_as_ever,
    is_of_one_keyframe,
    is_of_the_view,
)
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.spans import Span, cut
from embodied_agent.rules.speech import Saying, capital, tell_action
from embodied_agent.rules.times import length
from embodied_agent.rules.tokens import tokens_of

Answer = Callable[[Asked, Notes], Saying]
#: The question as understood, and the answer.
Told = tuple[Asked, Saying]

#: What can be answered from a part of the time as from all of it.
_OF_A_PART: frozenset[Family] = frozenset(
    {
        "existence", "colour", "is_colour", "of_colour", "colours", "count", "count_all",
        "keyframes", "inventory", "describe", "first_when", "first_where", "last_when",
        "last_where", "when", "order", "is_order", "together", "ever_together", "turns",
        "ever_turned", "moves", "ever_moved", "total_turn", "more", "both", "nth", "most_seen",
        "times_seen", "commonest_colour", "actions", "are_all", "related", "clock_time", "in_view_for",
        "ever_near", "ever_side", "others", "count_other", "seen_while", "keyframes_of", "travelled",
        "people", "turn_degrees", "seen_once", "seen_more", "is_seen_more", "fullest",
    }
)  # fmt: skip
#: Of a part of the time, these ask for all that was seen in it.
_ALL_SEEN: frozenset[Family] = frozenset({"in_view", "at_start", "inventory", "around"})
#: These are about the camera's own motion.
_OF_MOTION: frozenset[Family] = frozenset(
    {
        "turns", "ever_turned", "turn_degrees", "moves", "ever_moved", "total_turn", "actions",
    }
)  # fmt: skip
#: What is said of now, and what of a keyframe that was the latest then.
_THEN = ("is in view now", "was in view")


def of_span(span: Span, notes: Notes, answers: Mapping[Family, Answer]) -> Told:
    """What the rules say of a part of the time.

    Args:
        span: the part, and the question without it.
        notes: all of them.
        answers: the answer to each family of questions.
    """
    view = span.is_moment and is_of_the_view(span.rest)
    asked = asked_of_the_view(span.rest) if view else understand(span.rest, notes.nouns)
    if asked.family == "out_of_scope":
        return asked, answers["out_of_scope"](asked, notes)
    bounds = cut(span, notes)
    if bounds is None:
        text = f"I can't tell: my notes have no keyframe {span.words}"
        return asked, Saying(f"{text}; they reach {_reach(notes)}.", (), "cannot_tell")
    first, last = bounds
    if span.is_moment and is_added_up(asked.family):
        first = notes.start
    if span.is_moment and is_as_ever(asked.family):
        return asked, answers[asked.family](asked, notes)
    if span.is_moment and not asked.things and is_of_one_keyframe(asked.family):
        return asked, _moment(first, asked, notes)
    if asks_for_new(span.rest):
        return of_new(asked, notes, first, last, span.words)
    if span.kind == "before_frame" and asked.family in _OF_MOTION:
        last += 1  # the motion to a keyframe lies before it
    side = asked.side or side_in(" ".join(tokens_of(span.rest)))
    if asked.family in _ALL_SEEN and side is not None:
        saying = about_views.seen_on(side, notes, first, last)
        text = f"{_named(span.words, first, last, notes)}: {saying.text}"
        return asked, Saying(text, saying.evidence, saying.status)
    if asked.family in _ALL_SEEN:
        asked = Asked("inventory", colours=asked.colours, number=asked.number)
    elif asked.family == "where":
        asked = replace(asked, family="last_where")
    elif asked.family == "is_side":
        asked = replace(asked, family="ever_side")
    rule = answers.get(asked.family)
    if rule is None or asked.family not in _OF_A_PART:
        text = f"I can't tell that for a part of the time ({span.words}), only for all of it."
        return asked, Saying(text, (), "cannot_tell")
    # Motion leads to a keyframe: that to the first one of the part lies before it.
    saying = rule(asked, notes.part(first, last))
    evidence = tuple(index + first for index in saying.evidence)
    text = saying.text if last == notes.last else saying.text.replace(*_THEN)
    text = f"{_named(span.words, first, last, notes)}: {text}"
    return asked, Saying(text, evidence, saying.status)


def of_new(asked: Asked, notes: Notes, first: int, last: int, words: str) -> Told:
    """What was new in the part from index ``first`` to ``last``, which the question calls ``words``."""
    asked = replace(asked, family="new_things")
    saying = new_things(asked, notes, first, last)
    text = f"{_named(words, first, last, notes)}: {saying.text}"
    return asked, Saying(text, saying.evidence, saying.status)


def _named(words: str, first: int, last: int, notes: Notes) -> str:
    """A part of the time as answers name it: ``In the last ten seconds (#20 to #31)``."""
    cited = f"{notes.cite(first)} to {notes.cite(last)}" if last > first else notes.cite(first)
    return f"{capital(words)} ({cited})"


def of_keyframe(asked: Asked, notes: Notes, answer: Answer) -> Told:
    """What the rules say of one keyframe; ``answer``: that to the question's family."""
    index = asked.nth if asked.keyframe is None else notes.index(asked.keyframe)
    if index is None or not 0 <= index <= notes.last:
        return asked, about_views.no_keyframe(asked, notes)
    part = notes.part(index, index)
    saying = answer(replace(asked, keyframe=None, nth=None), part)
    if saying.status == "not_seen" and not notes.deltas[index].usable:
        return asked, about_views.at_keyframe(asked, notes)
    if saying.status == "not_seen":
        ever = answer(replace(asked, keyframe=None, nth=None), notes)
        if ever.status == "answered":
            seen = ever.text.removeprefix("Yes, ")
            text = f"No, not in {notes.cite(index)}. {seen[:1].upper()}{seen[1:]}"
            return asked, Saying(text, tuple(sorted({index, *ever.evidence})))
    evidence = (index,) if saying.evidence or saying.status == "not_seen" else ()
    words = f"In {notes.cite(index)}: {saying.text.replace(*_THEN)}"
    return asked, Saying(words, evidence, saying.status)


def _moment(index: int, asked: Asked, notes: Notes) -> Saying:
    """What was in view at a moment, and how the camera had moved there."""
    seen = about_views.at_keyframe(Asked("at_keyframe", nth=index, side=asked.side), notes)
    moved = tell_action(notes.deltas[index])
    if not moved or asked.side is not None:
        return seen
    return Saying(f"I {moved} ({notes.cite(index)}). {seen.text}", seen.evidence, seen.status)


def _reach(notes: Notes) -> str:
    """How far back the notes reach."""
    begin, end = notes.stamp_ns(notes.start), notes.stamp_ns(notes.last)
    if begin is None or end is None:
        return "over no known time"
    return f"{length(end - begin)} back, to {notes.cite(notes.start)}"
