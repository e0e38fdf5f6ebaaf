"""Two questions in one text are both answered; a pronoun means what the first one names."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.several import questions_in

WALK = (
    Delta(0, None, None, (Mention("black chair", "front-left", "near"), Mention("desk", "front"))),
    Delta(1, Action.ROTATE_RIGHT, 90.0, (Mention("white sink", "front", "mid"),)),
)


def said(text: str) -> Saying:
    saying = answer_by_rule(text, Notes(WALK)).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    ("text", "answers"),
    [
        ("Where is the chair? What colour is it?", ("The black chair should now be", "is black")),
        (
            "is the chair black, and is it near the desk?",
            ("Yes, the chair is black", "I can't tell"),
        ),
        (
            "tell me where the sink is and what's next to it",
            ("The white sink is ahead", "Nothing else"),
        ),
        ("how many chairs are there and how many sinks?", ("one chair", "one sink")),
        ("did you see a sink and how far is it", ("#1", "at mid range")),
        ("is the chair left of the desk, and what colour is it?", ("Yes: in #0", "chair is black")),
        (
            "did you turn right, and did you move backwards?",
            ("Yes, I turned right once", "never moved"),
        ),
    ],
)
def test_each_question_of_a_text_is_answered(text: str, answers: tuple[str, str]) -> None:
    saying = said(text)
    assert [answer in saying.text for answer in answers] == [True, True]
    assert saying.status == "answered"


@pytest.mark.parametrize(
    "text",
    [
        "did you see a chair and a desk?",
        "what did you see between when you saw the chair and when you saw the sink?",
        "when you saw the chair, what else was there and what did you do next?",
        "Did you see a chair? I need one.",
        "is the chair red and white?",
        "how many chairs did you see? was it many?",
    ],
)
def test_a_text_that_asks_one_thing_stays_whole(text: str) -> None:
    assert questions_in(text) == [text]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("Did you see a desk, and when?", ["Did you see a desk", "when?"]),
        ("Lead me to the sink. Which way is it?", ["Lead me to the sink", "Which way is it?"]),
        ("any chairs? where's the last one?", ["any chairs", "where's the last one?"]),
    ],
)
def test_a_text_ends_where_the_next_question_begins(text: str, parts: list[str]) -> None:
    assert questions_in(text) == parts


def test_parts_that_are_no_questions_of_their_own_are_not_answered_apart() -> None:
    assert said("do you know if and where there is a sink?").text.startswith("Yes, the white sink")
    assert answer_by_rule("What is it? And where is it?", Notes(WALK)).saying is None
