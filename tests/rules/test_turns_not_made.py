"""What would be in view after a motion that has not been made: a prediction, or nothing."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule


def view(number: int, action: Action | None, angle: float | None, *mentions: str) -> Delta:
    """A delta with mentions such as ``red lamp, left, near``."""
    read = [Mention(*(part.strip() for part in text.split(","))) for text in mentions]  # type: ignore[arg-type]
    return Delta(number, action, angle, tuple(read))


#: The bed is behind, the door to the left, and the sofa ahead.
WALK = (
    view(0, None, None, "yellow bed, front, mid"),
    view(1, Action.ROTATE_RIGHT, 90.0, "white door, front, mid"),
    view(2, Action.ROTATE_RIGHT, 90.0, "green sofa, front, near"),
)


@pytest.fixture
def notes() -> Notes:
    return Notes(WALK)


def said(text: str, notes: Notes) -> Saying:
    saying = answer_by_rule(text, notes).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    "text",
    [
        "turn around and tell me what you see",
        "Turn around. What do you see?",
        "can you turn around and describe the view?",
        "if I turn around, what would I see?",
        "what would you see if you turned 180 degrees?",
        "what will be in view when you turn around?",
        "what could I see after turning around?",
        "look behind you, what's there?",
        "do a 180 and tell me what is in view",
        "face the other way and say what you see",
    ],
)
def test_what_lies_behind_is_told_as_a_prediction_and_not_the_present_view(
    text: str, notes: Notes
) -> None:
    saying = said(text, notes)
    assert saying.text == "Behind me should be the yellow bed (#0)."
    assert (saying.status, saying.evidence) == ("answered", (0,))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("turn left and tell me what you see", "To my left should be the white door (#1)."),
        ("if you kept turning left, what would come into view?", "To my left should be the white"),
        ("if I turned left by 60 degrees what would I see?", "If I turned left by 60 degrees, the"),
        ("would I see the bed if I turned around?", "Yes: if I turned around, the yellow bed"),
        ("Turn around. Is the sofa there?", "No. If I turned around, the green sofa should be"),
        ("where would the door be if I turned around?", "the white door should be to my right."),
        ("would the door be on my right if I turned around?", "Yes: if I turned around, the white"),
        ("if I turned right, would the bed be on my right?", "Yes: if I turned right, the yellow"),
    ],
)
def test_a_turn_that_was_not_made_moves_what_is_known(text: str, answer: str, notes: Notes) -> None:
    saying = said(text, notes)
    assert saying.text.startswith(answer) or answer in saying.text
    assert saying.status == "answered"


@pytest.mark.parametrize(
    "text",
    [
        "turn right and tell me what you see",  # nothing was noted there
        "if I turned right by 80 degrees, what would I see?",
        "go forward and tell me what you see",
        "what would you see if you moved forward?",
        "go to the sofa and tell me what you see",
        "look up and describe what you see",
        "turn by 90 degrees and tell me what you see",  # which way?
    ],
)
def test_what_the_notes_do_not_place_is_not_predicted(text: str, notes: Notes) -> None:
    saying = said(text, notes)
    assert saying.status == "cannot_tell"
    assert "Now I see" not in saying.text


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("what did you see when you turned right?", "When I turned right"),
        ("look around and tell me what you see", "Now I see"),
        ("did you turn around?", "180 degrees to the right"),
        ("should I turn left or right to see the bed?", "The yellow bed should now be behind me"),
        ("what do you see?", "Now I see"),
    ],
)
def test_turns_that_were_made_and_the_present_view_are_told_as_before(
    text: str, answer: str, notes: Notes
) -> None:
    assert answer in said(text, notes).text


def test_an_order_to_turn_asks_nothing(notes: Notes) -> None:
    assert said("please turn around", notes).status == "out_of_scope"


def test_before_a_restart_directions_do_not_count() -> None:
    notes = Notes(WALK[:2])
    notes.add(WALK[2], after_break=True)
    assert said("turn around and tell me what you see", notes).status == "cannot_tell"
    assert said("would I see the bed if I turned around?", notes).status == "cannot_tell"
