"""Claims to be confirmed, what "that boring lamp" means, what was not seen told once, the robot by
its names, and further questions after "by the way"."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.families import is_plain, understand
from embodied_agent.rules.several import questions_in

WALK = (
    Delta(0, None, None, (Mention("yellow bed", "front", "mid"), Mention("red lamp", "left"))),
    Delta(1, Action.ROTATE_RIGHT, 40.0, (Mention("red lamp", "front", "far"),)),
    Delta(2, Action.MOVE_FORWARD, None, (Mention("cyan clock", "left", "mid"),)),
    Delta(3, Action.ROTATE_LEFT, 90.0, (Mention("blue lamp", "front", "mid"),)),
)
DRONE = Delta(4, None, None, (Mention("white drone", "front", "near"),))


def said(text: str, *more: Delta) -> Saying:
    saying = answer_by_rule(text, Notes((*WALK, *more))).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    "text",
    [
        "gran says there are three beds. true or is she making stuff up",
        "there are three beds, right?",
        "you saw three beds, yeah?",
        "I think there were two beds, weren't there",
        "my friend claims you passed four beds",
        "is it true that there are two beds?",
        "so there are two beds in this house, right?",
        "two beds, right?",
    ],
)
def test_a_claimed_number_that_is_wrong(text: str) -> None:
    saying = said(text)
    assert saying.text == "No, I saw one bed: the yellow bed (#0)."
    assert saying.evidence == (0,)
    assert is_plain(text, Notes(WALK).nouns)


@pytest.mark.parametrize(
    "text",
    [
        "so there are two lamps, right?",
        "you saw exactly two lamps, true?",
        "dad reckons there were two lamps",
    ],
)
def test_a_claimed_number_that_is_right(text: str) -> None:
    assert said(text).text == "Yes, I saw two lamps: the red lamp (#1) and the blue lamp (#3)."


def test_fewer_than_there_are_is_no_claim_of_so_many() -> None:
    assert said("there is only one lamp, right?").text.startswith("No, I saw two lamps")
    assert said("is there one lamp?").text.startswith("Yes")
    assert said("so there are two fridges, right?").text.startswith("I have not seen a fridge.")


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("are there three beds?", "count"),
        ("there are two lamps on the left, right?", "existence"),
        ("you saw two lamps before the clock, right?", "is_order"),
        ("you saw a lamp, right?", "existence"),
        ("you saw one bed, what colour was it?", "colour"),
    ],
)
def test_what_claims_no_number(text: str, family: str) -> None:
    asked = understand(text, Notes(WALK).nouns)
    assert asked.family == family
    assert not asked.claimed


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("where is that boring clock", "I can't tell where the cyan clock is by now"),
        ("what colour is that ugly bed", "The bed is yellow (#0)."),
        ("did you see a lovely bed?", "Yes, I saw the yellow bed"),
        ("have you seen my nice little clock?", "Yes, I saw the cyan clock"),
        ("is that silly blue lamp still visible?", "Yes: the blue lamp"),
        ("is the bed pretty?", "I can't tell: about the yellow bed"),
    ],
)
def test_an_opinion_is_no_part_of_a_name(text: str, answer: str) -> None:
    assert said(text).text.startswith(answer)


def test_anything_else_of_a_colour() -> None:
    saying = said("is anything else blue or just that boring lamp")
    assert saying.text == "I saw the blue lamp (#3)."


def test_what_was_not_seen_is_told_in_one_sentence() -> None:
    saying = said("is there like a dog or a cat or any people in here")
    assert saying.text == (
        "I have not seen a dog, a cat or any people. My memory contains other things, such as a "
        "blue lamp (#3) and a cyan clock (#2)."
    )
    assert (saying.status, saying.evidence) == ("not_seen", (2, 3))
    mixed = said("did you see a dog, a cat and a bed?")
    assert mixed.text.startswith("I have not seen a dog or a cat. My memory")
    assert mixed.text.endswith("Yes, I saw the yellow bed in #0, ahead of me, at mid range.")
    assert mixed.status == "answered"


@pytest.mark.parametrize(
    ("text", "as_you"),
    [
        ("how often did the drone turn left?", "how often did you turn left?"),
        ("what did the robot do last?", "what did you do last?"),
        ("did the rover ever move backwards?", "did you ever move backwards?"),
        ("when did the drone first see the lamp?", "when did you first see the lamp?"),
        ("has the drone turned left", "have you turned left"),
        ("is the rover moving?", "are you moving?"),
        ("what did the drone next", "what did you do next"),
        ("what was in view when the drone turned left?", "what was in view when you turned left?"),
    ],
)
def test_the_robot_acts_under_its_names(text: str, as_you: str) -> None:
    assert understand(text, Notes(WALK).nouns) == understand(as_you, Notes(WALK).nouns)


def test_a_drone_is_a_thing_where_it_is_asked_for_or_noted() -> None:
    for text in ("did you see a drone?", "is there a rover?", "where is the drone?"):
        assert said(text).text.startswith("I have not seen a ")
    assert said("did you see a drone?", DRONE).text.startswith(
        "Yes, the white drone is in view now"
    )
    assert "drone" in said("did the drone move?", DRONE).text


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        (
            "Any telly in the house, and while we're at it, how many beds?",
            ("not seen a telly", "one bed"),
        ),
        (
            "Any lamps, and by the way, where is the clock?",
            ("the red lamp", "where the cyan clock is"),
        ),
        (
            "What was your last move, and what are you staring at now?",
            ("I turned left", "Now I see"),
        ),
        (
            "With what together did the clock show, and is it still visible",
            ("with it", "No, not now"),
        ),
        ("Where is the bed, btw what colour is it?", ("yellow bed", "The bed is yellow")),
    ],
)
def test_a_further_question_is_answered_too(text: str, answers: tuple[str, str]) -> None:
    assert len(questions_in(text)) == 2
    assert all(answer in said(text).text for answer in answers)


@pytest.mark.parametrize("text", ["Which lamp is by the way out?", "did you see a bed and a lamp?"])
def test_one_question_is_not_taken_apart(text: str) -> None:
    assert questions_in(text) == [text]


@pytest.mark.parametrize("text", ["what are you gazing at?", "what are you staring at right now"])
def test_what_is_stared_at_is_in_view(text: str) -> None:
    assert said(text).text.startswith("Now I see (#3)")
