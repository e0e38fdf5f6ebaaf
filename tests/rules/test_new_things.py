"""What is new in a part of the time: seen then, and never before."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.families import is_plain

SECOND = 1_000_000_000


def view(number: int, *names: str) -> Delta:
    mentions = tuple(Mention(name, "front", "mid") for name in names)
    return Delta(number, Action.MOVE_FORWARD if number else None, None, mentions)


@pytest.fixture
def notes() -> Notes:
    notes = Notes(
        (
            view(0, "yellow bed", "blue lamp"),
            view(1, "yellow bed"),
            view(2, "orange lamp", "yellow bed"),
            view(3, "blue lamp", "green barrel"),
            view(4, "green barrel", "yellow bed"),
        )
    )
    notes.clock = lambda number: 2 * SECOND * number
    return notes


def said(text: str, notes: Notes) -> Saying:
    assert is_plain(text, notes.nouns), text
    saying = answer_by_rule(text, notes).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    "text",
    [
        "Since keyframe 1, what new stuff has shown up that you hadn't seen before?",
        "which things are new since keyframe 1?",
        "after keyframe 1, what did you see for the first time?",
        "anything new since keyframe 1?",
        "anything new since 3 s?",
        "In the last five seconds, which things are new, I mean never seen before that",
        "what have you seen in the last 5 seconds that you had never seen before?",
        "what was new between keyframes 2 and 4?",
    ],
)
def test_first_sights_in_the_part_are_new(text: str, notes: Notes) -> None:
    saying = said(text, notes)
    assert saying.text.endswith(
        "(#2 to #4): For the first time I saw the orange lamp (#2) and the green barrel (#3)."
    )
    assert saying.evidence == (2, 3)


def test_one_kind_of_things_or_none(notes: Notes) -> None:
    assert said("any new lamps since keyframe 1?", notes).text == (
        "Since keyframe 1 (#2 to #4): For the first time I saw the orange lamp (#2)."
    )
    nothing = said("is anything new since keyframe 3?", notes)
    assert nothing.text == (
        "Since keyframe 3 (#4): Nothing was new: I had seen all that I saw then before."
    )
    assert said("any new beds since keyframe 1?", notes).text.endswith(
        "Nothing of the kind was new: I had seen all that I saw then before."
    )


def test_after_a_restart_what_was_seen_before_it_is_not_new(notes: Notes) -> None:
    notes.add(view(5, "yellow bed", "pink door"), after_break=True)
    saying = said("what is new since the restart?", notes)
    assert saying.text == "Since the restart (#5): For the first time I saw the pink door (#5)."


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("what is new?", "changed"),
        ("what has changed since keyframe 1?", "changed"),
        ("what did you see since keyframe 1?", "inventory"),
        ("what new thing did you see next after the orange lamp?", "seen_after"),
    ],
)
def test_other_questions_are_not_taken_for_it(text: str, family: str, notes: Notes) -> None:
    assert answer_by_rule(text, notes).asked.family == family
