"""Free questions answered by rule: from what was asked and the notes to a sentence with evidence.

    saying = answer_by_rule("Did you see a couch?", notes).saying

Takes milliseconds, also for thousands of deltas, and needs no model.

Out of scope: questions with choices, and what becomes of a saying (`embodied_agent.agent`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from embodied_agent.rules import (
    about_moments,
    about_motion,
    about_places,
    about_things,
    about_views,
)
from embodied_agent.rules.asked import Asked, Family
from embodied_agent.rules.families import understand
from embodied_agent.rules.notes import Notes
from embodied_agent.rules.speech import Saying, the

#: What answers by rule give as their reasoner.
NAME = "rules"

_Answer = Callable[[Asked, Notes], Saying]


@dataclass(frozen=True, slots=True)
class Ruling:
    """What a question was taken for, and what is said; nothing where it was not understood."""

    asked: Asked
    saying: Saying | None


def _where(asked: Asked, notes: Notes) -> Saying:
    """Where it is, or, asked about then, where it was."""
    return about_moments.last(asked, notes) if asked.past else about_places.place(asked, notes)


def _out_of_scope(asked: Asked, notes: Notes) -> Saying:
    text = (
        "That is not about what I have seen. I can only tell what was in view, where it is "
        "from here, and how I "
        "moved"
    )
    return Saying(f"{text}; ask me, for example: {example(notes)}", (), "out_of_scope")


def example(notes: Notes) -> str:
    """A question that these notes answer."""
    latest = max(notes.things.values(), key=lambda t: t.last.index, default=None)
    return f"“Where is {the(latest)}?”" if latest is not None else "“What did you do last?”"


_ANSWERS: dict[Family, _Answer] = {
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
    "unnoted": about_things.unnoted,
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
    "together": about_views.together,
    "relation": about_views.relation,
    "ever_together": about_views.ever_together,
    "turns": about_motion.turns,
    "ever_turned": about_motion.ever_turned,
    "moves": about_motion.moves,
    "last_action": about_motion.last_action,
    "first_action": about_motion.first_action,
    "action_at": about_motion.action_at,
    "actions": about_motion.actions,
    "out_of_scope": _out_of_scope,
}


def not_understood(notes: Notes) -> Saying:
    """What is said where neither rules nor anybody else understand a question."""
    text = (
        "I can't tell: I did not understand the question. I can say what was seen, when, "
        "where it is from here, and "
        f"how I moved; ask me, for example: {example(notes)}"
    )
    return Saying(text, (), "cannot_tell")


def answer_by_rule(text: str, notes: Notes) -> Ruling:
    """What the rules say to a question.

    Args:
        text: the question.
        notes: at least one delta.
    """
    asked = understand(text, notes.nouns)
    rule = _ANSWERS.get(asked.family)
    return Ruling(asked, None if rule is None else rule(asked, notes))
