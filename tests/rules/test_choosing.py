"""Questions with choices in plain words are answered by rule; those of the eight types are not."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embodied_agent.rules import Notes, choose
from tests.rules.test_particulars import WALK

NOTES = Notes(WALK)


@pytest.mark.parametrize(
    ("text", "choices", "right"),
    [
        ("Which way is the sofa?", "left|right|behind me|straight ahead", "straight ahead"),
        ("Where is the orange table?", "on my left|on my right", "on my left"),
        ("Where did you last see the clock?", "left|right", "right"),
        ("What colour is the sofa?", "red|green|blue", "green"),
        ("Did you see a couch?", "yes|no", "yes"),
        ("Did you see a fridge?", "Yes.|No.", "No."),
        ("Is there anything purple that you saw?", "yes|no", "no"),
        ("Is there a red lamp?", "Yes|No|I don't know", "Yes"),
        ("Was the door blue?", "yes|no|can't tell", "no"),
        ("Did you see the bed before the clock?", "yes|no", "yes"),
        ("Is the bed nearer than the sofa?", "yes|no", "no"),
        ("Did you ever move backwards?", "yes|no", "yes"),
        ("How many lamps did you see?", "1|2|3", "2"),
        ("How many tables are there?", "one|two|three", "two"),
        ("How often did you turn left?", "never|once|twice", "once"),
        ("Which did you see first?", "the clock|the bed|the sofa", "the bed"),
        ("Which did you see first, the bed or the sofa?", "the bed|the sofa", "the bed"),
        ("Which is closer, the bed or the sofa?", "the bed|the sofa", "the sofa"),
        ("What did you do last?", "I turned left|I moved forward", "I moved forward"),
        ("What was your first move?", "turned left|turned right|moved forward", "turned right"),
        ("Which of these did you see?", "a fridge|a sofa|a piano", "a sofa"),
        ("Which of these have you not seen?", "a bed|a sofa|a piano", "a piano"),
        ("What is in view now?", "the sofa|the clock|the door", "the sofa"),
        ("Where can I sit?", "on the sofa|on the clock", "on the sofa"),
        ("Is the cyan table left of the bed?", "yes|no", "yes"),
        ("Is the red lamp left of the bed?", "yes|no", "no"),
        ("Is the pink door left or right of the blue lamp?", "left|right", "right"),
        ("If you turned around, would you see the sofa?", "yes|no", "no"),
    ],
)
def test_the_choice_that_says_what_the_notes_say(text: str, choices: str, right: str) -> None:
    options = choices.split("|")
    chosen = choose(text, options, NOTES)
    assert chosen is not None
    assert chosen.index is not None, chosen.saying
    assert options[chosen.index] == right
    assert chosen.saying.evidence or "not seen" in chosen.saying.text


@pytest.mark.parametrize(
    ("text", "choices"),
    [
        ("Is there a fridge?", "yes|no"),
        ("Is the bed left of the sofa?", "yes|no"),
        ("Is the bed left or right of the sofa?", "left|right"),
        ("What colour are the lamps?", "red|blue"),
        ("Which way is the fridge?", "left|right"),
        ("Which of these did you see?", "a bed|a sofa|a piano"),
        ("Did you see a couch?", "of course|on no account"),
        ("How heavy is the sofa?", "10 kg|20 kg"),
        ("What is in view now?", "the sofa|the orange table"),
    ],
)
def test_no_choice_is_guessed(text: str, choices: str) -> None:
    chosen = choose(text, choices.split("|"), NOTES)
    assert chosen is None or chosen.index is None


def test_an_unsettled_choice_still_says_what_is_known() -> None:
    chosen = choose("What colour are the lamps?", ["red", "blue"], NOTES)
    assert chosen is not None
    assert chosen.saying.status == "cannot_tell"
    assert "They are red and blue" in chosen.saying.text


def test_the_eight_types_are_left_to_the_reasoner() -> None:
    asked = 0
    for path in sorted(Path("sim_clips/clips").glob("*/questions.json")):
        for question in json.loads(path.read_text("utf-8")):
            if question.get("choices"):
                asked += 1
                assert choose(question["text"], question["choices"], NOTES) is None
    assert asked > 200
