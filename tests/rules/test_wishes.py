"""Wishes that ask for a thing or the way to it, and which questions ask for things at all."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.families import asks_for_things, is_plain, understand

WALK = (
    Delta(0, None, None, (Mention("green sofa", "front", "mid"), Mention("blue car", "left"))),
    Delta(1, Action.MOVE_FORWARD, None, (Mention("green sofa", "front", "near"),)),
)


def said(text: str) -> Saying:
    saying = answer_by_rule(text, Notes(WALK)).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("i wanna jump on the purple beanbag, take me there", "I have not seen a purple beanbag."),
        ("I want to sit on the sofa, could you take me there?", "The green sofa should be ahead"),
        ("we'd love to see the sofa again, show us the way", "The green sofa should be ahead"),
        ("I need a bed. Lead me to it", "I have not seen a bed."),
        ("any automobile on the road? a red one i think", "Yes, I saw the blue car"),
        ("any truck on the street?", "I have not seen a truck."),
        ("any dog on the sofa?", "I have not seen a dog."),
    ],
)
def test_a_wish_asks_for_what_it_names(text: str, answer: str) -> None:
    assert said(text).text.startswith(answer)
    assert is_plain(text, Notes(WALK).nouns)


@pytest.mark.parametrize(
    "text",
    [
        "I need a coffee, take me there",
        "I want to go home",
        "any good jokes?",
        "any chance of rain?",
    ],
)
def test_other_wishes_are_none(text: str) -> None:
    assert understand(text, Notes(WALK).nouns).family in ("out_of_scope", "way_start")


@pytest.mark.parametrize(
    "text",
    [
        "got a car anywhere?",
        "did ya spot some truck on the way",
        "any automobile on the road?",
        "where is the dog",
        "how do i get to the bed",
    ],
)
def test_a_question_that_asks_for_things(text: str) -> None:
    assert asks_for_things(text, Notes(WALK).nouns)


@pytest.mark.parametrize(
    "text",
    [
        "is a sofa a kind of bed?",
        "how many legs has a dog?",
        "tell me a joke about a lamp",
        "who won the world cup in 2018",
        "what could I cook with two eggs and some rice?",
        "any good restaurants in Rome?",
        "any tips for cooking rice?",
        "where do lamps come from?",
        "how do i get to the railway station in London?",
        "what is a lamp",
    ],
)
def test_a_question_that_only_names_things(text: str) -> None:
    assert not asks_for_things(text, Notes(WALK).nouns)
