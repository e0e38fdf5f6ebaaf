"""A later question of a text takes its thing from the one before."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule

WALK = (
    Delta(0, None, None, (Mention("green lamp", "front", "near"), Mention("desk", "left", "mid"))),
    Delta(1, Action.ROTATE_RIGHT, 90.0, (Mention("yellow table", "front", "mid"),)),
    Delta(2, Action.MOVE_FORWARD, None, (Mention("blue lamp", "front-left", "far"),)),
    Delta(3, Action.ROTATE_LEFT, 30.0, (Mention("pink sofa", "front", "near"),)),
    Delta(4, Action.MOVE_FORWARD, None, (Mention("pink sofa", "front-right", "near"),)),
)


def said(text: str) -> Saying:
    saying = answer_by_rule(text, Notes(WALK)).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    ("text", "end"),
    [
        (
            "have you passed any lamps, and where was the last one?",
            "The last lamp was the blue lamp",
        ),
        (
            "have you passed any lamps, and where was the first one?",
            "first lamp was the green lamp",
        ),
        ("any lamps? where's the last one you saw?", "The last lamp was the blue lamp"),
        ("how many lamps did you see, and what colour was the last one?", "The lamp is blue (#2)"),
        ("were there any lamps, and when did you see the last one?", "saw the blue lamp in #2"),
        ("did you see a lamp and what was beside the first one?", "I saw the desk (#0)"),
        ("tell me whether you saw a lamp and how far the last one is", "The blue lamp should"),
        ("did you see a lamp? which one was the last?", "The last lamp was the blue lamp"),
    ],
)
def test_the_last_one_is_the_last_of_its_kind(text: str, end: str) -> None:
    answer = said(text)
    assert end in answer.text
    assert "moved forward (#4)" not in answer.text, "the last motion is not asked for"


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("did you see any lamps, and which is the nearest?", "lamp is nearer than the"),
        ("where are the sofa and the desk, and which one is nearer?", "The pink sofa is nearer"),
        (
            "did you see a desk and a sofa, and which of them came first?",
            "The desk (#0) came first",
        ),
        ("did you see a desk and a sofa, and where was the last of them?", "pink sofa in #4"),
    ],
)
def test_one_of_several_is_chosen_among_those_that_were_named(text: str, end: str) -> None:
    assert end in said(text).text


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("where is the blue lamp, and where is the other one?", "The green lamp should now be"),
        ("where is the sofa, and where is the other sofa?", "I saw no other sofa."),
        ("where is the blue lamp, and are there any others?", "I saw the green lamp in #0."),
        ("did you see a blue lamp, and where is the green one?", "The green lamp should now be"),
    ],
)
def test_the_other_one_is_of_the_same_kind(text: str, end: str) -> None:
    assert end in said(text).text


@pytest.mark.parametrize("wish", ["lead me to", "take me to", "can you guide me to", "find"])
@pytest.mark.parametrize("joint", [". ", "? ", ", ", " - ", " and tell me "])
def test_which_way_it_is_follows_a_wish_and_nothing_is_told_twice(wish: str, joint: str) -> None:
    follow = "which way it is" if "tell" in joint else "which way is it?"
    text = said(f"{wish} the yellow table{joint}{follow}").text
    assert "The yellow table should now be" in text
    assert text.count("when I last saw it in #1") == 1


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("did you see a sofa, and when?", "I saw the pink sofa in #3 to #4."),
        ("did you see a sofa? if so, how far?", "The pink sofa is near (#4)."),
        ("have you seen the table? where?", "The yellow table should now be"),
        ("is there a sofa and what colour?", "The sofa is pink"),
        (
            "how often did you see the sofa, and when was the last time?",
            "last saw the pink sofa in #4",
        ),
        ("did you turn left, and how many times?", "I turned left once"),
    ],
)
def test_a_question_of_one_word_is_about_the_same_thing(text: str, end: str) -> None:
    assert end in said(text).text


@pytest.mark.parametrize(
    ("text", "end"),
    [
        ("what did you see after the desk, and what colour is it?", "The table is yellow"),
        ("what is in front of you, and how far is it?", "The pink sofa is near"),
        ("which is the nearest lamp, and what colour is it?", "The lamp is "),
    ],
)
def test_it_is_what_the_first_question_was_answered_with(text: str, end: str) -> None:
    assert end in said(text).text


@pytest.mark.parametrize(
    "text",
    [
        "did you see a toaster, and where was the last one?",
        "did you see a toaster, and when?",
        "have you seen my keys? where are they?",
    ],
)
def test_of_what_was_not_seen_nothing_more_is_told(text: str) -> None:
    answer = said(text)
    assert answer.status == "not_seen"
    assert answer.text.startswith("I have not seen")
    assert answer.text.count("I have not seen") == 1


def test_a_pronoun_stands_for_one_thing_only() -> None:
    assert "The sofa is pink" in said("Where is the sofa, and what colour is it?").text
    where = said("Where are the sofa and the desk?").text
    assert said("Where are the sofa and the desk? Is it near?").text == where


def test_what_names_its_own_thing_is_left_as_it_is() -> None:
    text = said("did you see a lamp, and which thing is nearest to you?").text
    assert "Of the things in view (#4), the nearest is the pink sofa" in text
