"""Answers free questions by rules: a question and the notes in, a sentence with evidence out.

    saying = answer_by_rule("Did you see a couch?", notes).saying

It takes milliseconds even with thousands of deltas, and needs no model.

Out of scope: questions with choices, and turning a saying into an answer (`embodied_agent.agent`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

from embodied_agent.records import Delta
from embodied_agent.rules import (
    about_comparisons,
    about_events,
    about_frequency,
    about_history,
    about_moments,
    about_motion,
    about_motion_order,
    about_path,
    about_people_and_rooms,
    about_places,
    about_qualities,
    about_relations,
    about_sameness,
    about_things,
    about_time,
    about_turns,
    about_uses,
    about_views,
)
from embodied_agent.rules.about_certainty import certainty
from embodied_agent.rules.about_measured import answer_by_measure
from embodied_agent.rules.about_new import asks_for_new
from embodied_agent.rules.about_things import join_sayings
from embodied_agent.rules.asked import Asked, Family
from embodied_agent.rules.beside import Resolved, resolved, told_with_reason
from embodied_agent.rules.families import understand
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.parts_of_time import Answer, of_keyframe, of_new, of_span
from embodied_agent.rules.phrases import read_phrase
from embodied_agent.rules.plain import Restated
from embodied_agent.rules.references import answer_in_turn
from embodied_agent.rules.several import questions_in, without_repeats
from embodied_agent.rules.spans import END_PICTURE, SIDE_OF_BREAK, span_in
from embodied_agent.rules.speech import Saying, the
from embodied_agent.rules.surveyed import Survey

#: The name of the reasoner in answers by rules.
NAME = "rules"


@dataclass(frozen=True, slots=True)
class Ruling:
    """A question as understood, and the answer; ``None`` if it was not understood."""

    asked: Asked
    saying: Saying | None


def _where(asked: Asked, notes: Notes) -> Saying:
    """Where a thing is or, if the question is in the past tense, where it was."""
    return about_moments.last(asked, notes) if asked.past else about_places.place(asked, notes)


def _out_of_scope(asked: Asked, notes: Notes) -> Saying:
    text = (
        "That is not about what I have seen. I can only tell what was in view, where it is "
        "from here, and how I moved"
    )
    return Saying(f"{text}; ask me, for example: {example(notes)}", (), "out_of_scope")


def _unresolved(asked: Asked, notes: Notes) -> Saying:
    text = (
        "I can't tell which thing is meant: each question stands alone, so name it; ask me, for "
        f"example: {example(notes)}"
    )
    return Saying(text, (), "cannot_tell")


def example(notes: Notes) -> str:
    """A question that these notes can answer."""
    latest = notes.latest(1)
    return f"“Where is {the(latest[0])}?”" if latest else "“What did you do last?”"


_ANSWERS: dict[Family, Answer] = {
    "existence": about_things.existence,
    "colour": about_things.colour,
    "is_colour": about_things.is_colour,
    "of_colour": about_things.of_colour,
    "colours": about_things.colours,
    "count": about_things.count,
    "count_all": about_things.count_all,
    "keyframes": about_things.keyframes,
    "inventory": about_things.inventory,
    "describe": about_things.describe,
    "unnoted": about_qualities.unnoted,
    "unnoted_way": about_things.unnoted_way,
    "first_when": about_moments.first,
    "first_where": about_moments.first,
    "last_when": about_moments.last,
    "last_where": about_moments.last,
    "when": about_moments.when,
    "order": about_moments.order,
    "is_order": about_moments.is_order,
    "seen_after": about_moments.seen_after,
    "seen_before": about_moments.seen_before,
    "did_before": about_moments.did_before,
    "did_after": about_moments.did_after,
    "where": _where,
    "is_side": about_places.is_side,
    "way_back": about_places.back_to,
    "way_start": about_places.back_to_start,
    "how_far": about_places.how_far,
    "nearer": about_places.nearer,
    "nearest": about_places.nearest,
    "around": about_places.around,
    "in_view": about_views.now,
    "at_start": about_views.at_start,
    "at_keyframe": about_views.at_keyframe,
    "view_before": about_views.view_before,
    "view_after": about_views.view_after,
    "together": about_views.together,
    "relation": about_relations.relation,
    "ever_together": about_views.ever_together,
    "turns": about_motion.turns,
    "ever_turned": about_motion.ever_turned,
    "moves": about_motion.moves,
    "last_action": about_motion.last_action,
    "first_action": about_motion.first_action,
    "action_at": about_motion.action_at,
    "actions": about_motion.actions,
    "visible_now": about_places.visible_now,
    "nearest_of": about_places.nearest_of,
    "related": about_relations.related,
    "ever_moved": about_motion.ever_moved,
    "total_turn": about_motion.total_turn,
    "heading": about_motion.heading,
    "turn_degrees": about_motion.turn_degrees,
    "done_beside": about_motion_order.done_beside,
    "more": about_comparisons.more,
    "both": about_comparisons.both,
    "nth": about_comparisons.nth,
    "most_seen": about_comparisons.most_seen,
    "times_seen": about_comparisons.times_seen,
    "seen_once": about_frequency.seen_once,
    "seen_more": about_frequency.seen_more,
    "is_seen_more": about_frequency.is_seen_more,
    "fullest": about_frequency.fullest,
    "commonest_colour": about_comparisons.commonest_colour,
    "seen_between": about_moments.seen_between,
    "seen_until": about_moments.seen_until,
    "ago": about_time.ago,
    "clock_time": about_time.clock_time,
    "duration": about_time.duration,
    "in_view_for": about_time.in_view_for,
    "judged": about_things.judged,
    "use": about_uses.use,
    "are_all": about_things.are_all,
    "changed": about_views.changed,
    "ever_side": about_history.ever_side,
    "ever_near": about_history.ever_near,
    "farthest": about_history.farthest,
    "seen_while": about_history.seen_while,
    "others": about_history.others,
    "count_other": about_history.count_other,
    "at_range": about_history.at_range,
    "both_sides": about_places.both_sides,
    "latest": about_history.latest,
    "keyframes_of": about_moments.keyframes_of,
    "after_turn": about_turns.after_turn,
    "where_after_turn": about_turns.where_after_turn,
    "after_move": about_turns.after_move,
    "where_when": about_moments.where_when,
    "happened": about_events.happened,
    "travelled": about_path.travelled,
    "from_start": about_path.from_start,
    "been_here": about_path.been_here,
    "certainty": lambda asked, notes: certainty(asked, notes, None),
    "people": about_people_and_rooms.people,
    "same_one": about_sameness.same_one,
    "moved": about_sameness.moved,
    "unplaced": about_people_and_rooms.unplaced,
    "seen_when": about_people_and_rooms.seen_when,
    "unresolved": _unresolved,
    "out_of_scope": _out_of_scope,
}


#: What is asked about now, or adds up movements: what lies before a restart has no part in it.
_OF_NOW: frozenset[Family] = frozenset(
    {
        "in_view", "nearest", "actions", "last_action", "way_start", "total_turn", "heading",
        "changed",
        "travelled", "from_start", "been_here",
    }
)  # fmt: skip
#: Asked of a keyframe, these are about it alone.
_OF_A_KEYFRAME: frozenset[Family] = frozenset(
    {
        "existence", "of_colour", "count", "count_all", "colours", "is_colour", "colour", "both",
        "others",
    }
)  # fmt: skip
_SINCE: dict[Family, str] = {
    "actions": "That was since the restart.",
    "way_start": "Here, the start is where I was restarted.",
    "travelled": "That was since the restart.",
    "from_start": "Here, the start is where I was restarted.",
    "heading": "Here, the start is where I was restarted.",
}


def not_understood(notes: Notes) -> Saying:
    """The answer to a question that neither the rules nor a reasoner understand."""
    text = (
        "I can't tell: I did not understand the question. I can tell what I saw and when, where it "
        f"is from here, and how I moved; ask me, for example: {example(notes)}"
    )
    return Saying(text, (), "cannot_tell")


def answer_by_rule(text: str, notes: Notes, survey: Survey | None = None) -> Ruling:
    """Answer a question by the rules; several in one text, one after the other.

    Args:
        text: the question.
        notes: the memory, with at least one delta.
        survey: what is measured around the camera; where it settles a question, it goes before the
            words of the notes.
    """
    if SIDE_OF_BREAK.search(text) is None and span_in(text) is None:
        parts = questions_in(text)

        def alone(part: str) -> tuple[Asked, Saying | None]:
            ruling = answer_one(part, notes, survey)
            return ruling.asked, ruling.saying

        told = answer_in_turn(parts, alone, notes) if len(parts) > 1 else None
        if told:
            sayings = without_repeats([saying for _, saying in told])
            return Ruling(told[0][0], join_sayings(sayings))
    return answer_one(text, notes, survey)


def answer_restated(restated: Restated, notes: Notes, survey: Survey | None = None) -> Ruling:
    """`answer_by_rule` for a question that a model has restated, in any way but "as put"."""
    if restated.meaning == "plain":
        return answer_one(restated.text, notes, survey)
    things = tuple(map(read_phrase, restated.names))
    asked = Asked("unnoted" if restated.meaning == "unnoted" else "out_of_scope", things=things)
    return Ruling(asked, _ANSWERS[asked.family](asked, notes))


def answer_one(text: str, notes: Notes, survey: Survey | None = None) -> Ruling:
    """`answer_by_rule` for a text that is one question."""
    side = SIDE_OF_BREAK.search(text)
    if side is not None:
        text = f"{text[: side.start()]}{text[side.end() :]}"
        part, first = notes.before_break(), 0
        if side[1].lower() in ("since", "after"):
            part, first = notes.since_break(), notes.start
        if not notes.start:
            saying = Saying("I can't tell: I remember no restart.", (), "cannot_tell")
            return Ruling(understand(text, notes.nouns), saying)
        if first and part.deltas and asks_for_new(text):
            asked = understand(text, notes.nouns)
            part_asked = (first, notes.last, side.group().strip(" ,"))
            return Ruling(*of_new(asked, notes, *part_asked))
        return _ruling(text, part, first, nothing="I can't tell: nothing was perceived then.")
    span = span_in(text)
    if span is not None and notes.now >= 0:
        return Ruling(*of_span(span, notes, _ANSWERS))
    meant = resolved(text, notes, survey)
    if isinstance(meant, Saying):
        asked = understand(text, notes.nouns)
        return Ruling(replace(asked, things=asked.things[:1]), meant)
    if isinstance(meant, Resolved):
        ruling = answer_one(meant.text, notes, survey)
        if ruling.saying is None:
            return ruling
        return Ruling(ruling.asked, told_with_reason(ruling.saying, meant.reason))
    asked = understand(text, notes.nouns)
    if asked.family in _OF_A_KEYFRAME:
        end = END_PICTURE.search(text)
        if end is not None and (asked.keyframe, asked.nth) == (None, None):
            asked = replace(asked, nth=0 if end[1].lower() == "first" else notes.last)
        if (asked.keyframe, asked.nth) != (None, None):
            return Ruling(*of_keyframe(asked, notes, _ANSWERS[asked.family]))
    if asked.family == "certainty":
        return Ruling(asked, certainty(asked, notes, survey))
    if survey is not None:
        measured = answer_by_measure(text, asked, notes, survey)
        if measured is not None:
            return Ruling(*measured)
    if asked.family in _OF_NOW and notes.start:
        nothing = (
            "I can't tell: nothing has been perceived since the restart. The last keyframe before "
            f"it is #{notes.id(notes.last)}."
        )
        return _ruling(text, notes.since_break(), notes.start, nothing, _SINCE.get(asked.family))
    rule = _ANSWERS.get(asked.family)
    return Ruling(asked, None if rule is None else rule(asked, notes))


def _ruling(text: str, part: Notes, first: int, nothing: str, added: str | None = None) -> Ruling:
    """What the rules say from a part of the notes, which begins at index ``first`` of them."""
    asked = understand(text, part.nouns)
    rule = _ANSWERS.get(asked.family)
    if rule is None:
        return Ruling(asked, None)
    if not part.deltas:
        return Ruling(asked, Saying(nothing, (), "cannot_tell"))
    saying = rule(asked, part)
    evidence = tuple(index + first for index in saying.evidence)
    words = f"{saying.text} {added}" if added and saying.status == "answered" else saying.text
    return Ruling(asked, Saying(words, evidence, saying.status))


@cache
def load_rules() -> None:
    """Read the word lists now, once per process, instead of at the first question: 0.3 s on an idle
    core. Repeated calls do nothing."""
    # Words that no list holds, so that the tables of inflections are read too.
    answer_by_rule("Where have you put the gramophones?", Notes([Delta(0, None)]))
