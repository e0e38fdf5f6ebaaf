"""Whether a thing is the same one as before, and whether somebody moved it: notes can't tell."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.families import is_plain, understand

WALK = (
    Delta(0, None, None, (Mention("yellow bed", "front", "mid"),)),
    Delta(1, Action.ROTATE_RIGHT, 40.0, (Mention("red lamp", "front", "far"),)),
    Delta(2, Action.MOVE_FORWARD, None, (Mention("cyan clock", "left", "mid"),)),
    Delta(3, Action.MOVE_FORWARD, None, (Mention("blue lamp", "front", "mid"),)),
    Delta(4, Action.ROTATE_LEFT, 90.0, (Mention("red lamp", "right", "near"),)),
)
SEEN_TWICE = "The red lamp was ahead of me, far, in #1, and to my right, near, in #4."


def said(text: str) -> Saying:
    saying = answer_by_rule(text, Notes(WALK)).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    "text",
    [
        "the red lamp you saw after the bed, is that the same one you're staring at now",
        "is the red lamp the same one as before?",
        "was it the same red lamp at the end?",
        "is that the same red lamp again?",
        "could the red lamp be the same as before",
        "is the red lamp a different one or the same?",
        "is that really the very same red lamp?",
        "are the two red lamps one and the same lamp?",
    ],
)
def test_whether_it_is_the_same_one_can_not_be_told(text: str) -> None:
    saying = said(text)
    assert saying.status == "cannot_tell"
    assert saying.text == (
        "I can't tell whether it is the same one: my notes name things by colour and kind only. "
        f"{SEEN_TWICE}"
    )
    assert saying.evidence == (1, 4)
    assert is_plain(text, Notes(WALK).nouns)


@pytest.mark.parametrize(
    "text",
    [
        "is the blue lamp the same one as the red lamp?",
        "are the blue lamp and the red lamp the same one?",
    ],
)
def test_things_of_different_colours_are_told_apart(text: str) -> None:
    saying = said(text)
    assert saying.text == "No, my notes tell them apart: the blue lamp (#3) and the red lamp (#4)."
    assert saying.evidence == (3, 4)


@pytest.mark.parametrize(
    "text",
    [
        "somebody moved the clock while you were driving, right?",
        "did the cat move the clock?",
        "who moved the clock?",
        "they swapped the clock, true?",
        "someone took my clock",
        "has the clock been moved?",
        "was the clock moved?",
        "did the clock move?",
        "is the clock still where it was?",
        "is the clock still in the same place?",
        "the clock was moved, wasn't it",
    ],
)
def test_nothing_says_that_a_thing_was_moved(text: str) -> None:
    saying = said(text)
    assert saying.status == "cannot_tell"
    assert saying.text == (
        "I can't tell: nothing in my notes says that the cyan clock was moved. The cyan clock was "
        "to my left, at mid range, in #2."
    )
    assert saying.evidence == (2,)


def test_what_was_not_seen_was_not_moved() -> None:
    assert said("someone moved the fridge?").text.startswith("I have not seen a fridge.")
    assert said("is that the same fridge as before?").text.startswith("I have not seen a fridge.")


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("were the clock and the bed in the same picture?", "ever_together"),
        ("were the clock and the bed in view at the same time?", "ever_together"),
        ("are the lamps the same colour?", "colour"),
        ("was it the same colour as the clock?", "colour"),
        ("did you see the red lamp again?", "times_seen"),
        ("did you see the same lamp twice?", "times_seen"),
        ("what happened to the clock?", "happened"),
        ("did somebody move the clock?", "happened"),
        ("did the clock fall over?", "happened"),
        ("did the bed move by itself?", "happened"),
        ("did anything move?", "unnoted_way"),
        ("what did you do after the clock?", "did_after"),
        ("take me to the clock", "way_back"),
    ],
)
def test_questions_with_the_same_words_keep_their_families(text: str, family: str) -> None:
    assert understand(text, Notes(WALK).nouns).family == family


def test_where_a_missing_thing_was_seen_is_asked_not_whether_it_was_moved() -> None:
    text = "somebody took my olive phone I think, so, uh, where was it last seen?"
    assert understand(text).family != "moved"
