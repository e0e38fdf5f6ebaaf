"""Notes have no events: what happened to things, or what somebody did, can't be told from them."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule

NO_EVENTS = "I can't tell: my notes say what was in view at each keyframe and how I moved"
WALK = (
    Delta(0, None, None, (Mention("red lamp", "front", "mid"), Mention("white door", "left"))),
    Delta(1, Action.ROTATE_LEFT, 90.0, (Mention("white door", "front", "near"),)),
    Delta(2, Action.MOVE_FORWARD, None, (Mention("blue table", "front", "far"),)),
)
MAN = Delta(3, Action.ROTATE_RIGHT, 40.0, (Mention("man in a red shirt", "front", "near"),))


def said(text: str, *, more: tuple[Delta, ...] = ()) -> Saying:
    saying = answer_by_rule(text, Notes((*WALK, *more))).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    "text",
    [
        "Did anything fall over?",
        "did anything fall",
        "Has something broken?",
        "Did something break?",
        "Did anything happen?",
        "Did anything burn?",
        "Is anything on fire?",
        "Did anything change colour?",
        "Did anything make a noise?",
        "Did you hear a noise?",
        "Did you hear anything?",
        "Has something moved by itself?",
        "Was anything stolen?",
        "What fell over?",
        "Did you see anything fall over?",
        "Did anything roll away?",
    ],
)
def test_what_happened_to_anything_can_not_be_told(text: str) -> None:
    saying = said(text)
    assert saying.status == "cannot_tell"
    assert saying.text.startswith(NO_EVENTS)
    assert saying.evidence == ()


@pytest.mark.parametrize(
    ("text", "last", "evidence"),
    [
        ("Did the lamp fall over?", "I last saw the red lamp (#0).", (0,)),
        ("Did the white door open?", "I last saw the white door (#1).", (1,)),
        ("Has the table been knocked over?", "I last saw the blue table (#2).", (2,)),
        ("Did the table move by itself?", "I last saw the blue table (#2).", (2,)),
        ("What happened to the lamp?", "I last saw the red lamp (#0).", (0,)),
        ("Did you see the lamp fall over?", "I last saw the red lamp (#0).", (0,)),
    ],
)
def test_what_happened_to_a_thing_is_answered_with_when_it_was_seen_last(
    text: str, last: str, evidence: tuple[int, ...]
) -> None:
    saying = said(text)
    assert saying.status == "cannot_tell"
    assert saying.text.startswith(NO_EVENTS)
    assert saying.text.endswith(last)
    assert saying.evidence == evidence


def test_what_an_observation_says_of_a_thing_is_quoted() -> None:
    fallen = Delta(3, None, None, observation="The red lamp lies on the floor.")
    saying = said("Did the lamp fall over?", more=(fallen,))
    assert saying.status == "cannot_tell"
    assert saying.text.endswith("My notes on #3 say: “The red lamp lies on the floor.”")
    assert saying.evidence == (0, 3)


def test_nothing_happened_to_a_thing_that_was_not_seen() -> None:
    saying = said("Did the fridge fall over?")
    assert saying.status == "not_seen"
    assert saying.text.startswith("I have not seen a fridge.")


@pytest.mark.parametrize("text", ["Did it fall over?", "Has it been opened?", "Was it stolen?"])
def test_a_pronoun_alone_names_nothing(text: str) -> None:
    assert said(text).text.startswith("I can't tell which thing is meant")
    after = said(f"Did you see the lamp? {text}")
    assert after.text.startswith("I saw the red lamp in #0. I can't tell: ")


@pytest.mark.parametrize(
    "text",
    [
        "Did somebody come in?",
        "Did somebody open the door?",
        "Has anybody moved the table?",
        "Did anyone turn on the lamp?",
        "Did someone steal something?",
        "Did somebody scream?",
    ],
)
def test_what_somebody_did_is_answered_with_who_was_seen(text: str) -> None:
    alone, met = said(text), said(text, more=(MAN,))
    assert alone.status == met.status == "cannot_tell"
    assert alone.text.endswith("I have not seen a person.")
    assert met.text.endswith("I last saw the man in a red shirt (#3).")
    assert met.evidence == (3,)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Did anything change?", "Since #0"),
        ("Did anything disappear?", "Since #0"),
        ("What happened?", "I turned left"),
        ("Did anything move?", "I can't tell: my notes only say"),
        ("did anyone walk by?", "I have not seen a person."),
        ("Did you see anything red?", "I saw the red lamp"),
        ("Is the door open?", "I can't tell: about the white door"),
        ("Has the lamp been close to the door?", "The red lamp should now be"),
    ],
)
def test_what_came_or_went_keeps_its_answer(text: str, answer: str) -> None:
    assert said(text).text.startswith(answer)
    assert not said(text).text.startswith(NO_EVENTS)
