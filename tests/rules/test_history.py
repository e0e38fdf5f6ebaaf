"""Questions about all that has been are not taken for questions about now, and nothing is guessed
about what they refer to."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule, choose


def view(number: int, action: Action | None, angle: float | None, *mentions: str) -> Delta:
    """A delta with mentions such as ``red lamp, left, near``."""
    read = [Mention(*(part.strip() for part in text.split(","))) for text in mentions]  # type: ignore[arg-type]
    return Delta(number, action, angle, tuple(read), model="vlm")


WALK = (
    view(0, None, None, "yellow sofa, front-right, mid", "cyan table, front-left, mid"),
    view(1, Action.ROTATE_RIGHT, 45.0, "yellow sofa, front, mid", "red plant, front-right, far"),
    view(2, Action.ROTATE_RIGHT, 90.0, "red plant, front-left, far", "blue lamp, front, mid"),
    view(3, Action.MOVE_FORWARD, None, "blue lamp, front, near"),
    view(4, Action.MOVE_BACKWARD, None, "blue lamp, front, mid", "red lamp, front-right, far"),
    view(5, Action.ROTATE_LEFT, 30.0, "red lamp, front-right, far", "green sofa, front, far"),
    view(6, Action.MOVE_FORWARD, None, "green sofa, front, far"),
    view(7, Action.ROTATE_LEFT, 60.0, "pink door, front-right, mid"),
)


@pytest.fixture
def notes() -> Notes:
    return Notes(WALK)


def said(text: str, notes: Notes) -> Saying:
    saying = answer_by_rule(text, notes).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # Ever on a side, in view or out of it
        ("has the table been on your left at any time?", "Yes, the cyan table was front-left"),
        ("was the pink door ever to your right?", "Yes, the pink door was front-right of me"),
        ("has the yellow sofa ever been on your left?",
         "Yes: out of view, the yellow sofa should have been to my left by #2."),
        ("did you ever have the pink door behind you?", "No: I noted the pink door front-right"),
        ("how often was the blue lamp straight ahead?", "Yes, the blue lamp was ahead of me"),
        ("was there ever a fridge to your right?", "I have not seen a fridge."),
        # Seen on a side
        ("did you see the table on your left?", "Yes, the cyan table was front-left of me"),
        ("did you notice the table to your right?", "No: I noted the cyan table front-left"),
        # At the start and in single pictures
        ("was the table on your left at the start?", "Yes. At the start (#0), the cyan table"),
        ("was the table on your right when you started?", "No. At the start (#0), the cyan table"),
        ("where was the sofa at the beginning?", "At the start (#0), the yellow sofa was"),
        ("was the door on your left at the start?", "I can't tell: the pink door was not in"),
        ("what was on your right when you started?", "At the start I saw (#0): the yellow sofa"),
        ("what were you looking at in the end?", "Now I see (#7): the pink door"),
        ("what did you see in the last frame?", "Now I see (#7): the pink door"),
        ("is there a lamp in the first picture?", "No, not in #0. I saw the blue lamp (#4)"),
        ("did keyframe 3 contain a lamp?", "In #3: Yes, the blue lamp was in view (#3)"),
        ("did keyframe 3 contain a sofa?", "No, not in #3. I saw the yellow sofa"),
        ("how many lamps are in keyframe 4?", "In #4: I saw two lamps"),
        ("did keyframe 3 contain a fridge?", "In #3: I have not seen a fridge."),
        ("was the green sofa there at the start?", "No, not in #0. I saw the green sofa in #6"),
        ("did keyframe 77 contain a lamp?", "I can't tell: my notes have no keyframe 77"),
        # How near
        ("have you been near the lamp?", "No, not that I noted. At its nearest, the red"),
        ("how close did you get to the blue lamp?", "the blue lamp was near, in #3"),
        # While and after a motion
        ("what did you see while you were backing up?", "When I moved backward (#4), I saw"),
        ("what did you see after you turned left the first time?",
         "When I turned left for the first time (#5), I saw the red lamp (#5) and the green"),
        ("what did you see as you moved upward?", "I can't tell"),
        ("what could you see after your last left turn?",
         "When I turned left for the last time (#7), I saw the pink door (#7)."),
        # All but something
        ("anything other than lamps and sofas?",
         "Besides lamps and sofas, I saw the cyan table (#0), the red plant (#2) and the pink"),
        ("except for the blue lamp, what was in keyframe 4?", "In #4: Besides the blue lamp, I"),
        ("how many lamps are not red?", "One of them is not red: the blue lamp (#4)."),
        ("which sofas are not green?", "One of them is not green: the yellow sofa (#1)."),
        # Superlatives
        ("which thing is the furthest away right now?", "Of the things in view (#7), the"),
        ("what is the farthest thing you have ever seen?", "I can't tell which is the farthest"),
        ("which object did you see for the longest time?", "I saw the blue lamp most often"),
        ("which object have you seen most recently?", "Now I see (#7): the pink door"),
        ("is the nearest thing a lamp?", "Of the things in view (#7), the"),
        ("was the first thing you saw a sofa?", "At the start I saw (#0): the yellow sofa"),
        ("what was the colour of the last lamp you saw?", "The last lamp was the red lamp"),
        # Keyframes of a thing
        ("list all keyframes with the blue lamp", "3 keyframes name the blue lamp: #2 to #4."),
        ("how many pictures show the red plant?", "2 keyframes name the red plant: #1 to #2."),
        # Nobody there
        ("is someone near the table?", "I have not seen a person."),
        ("any charging dock in the area?", "I have not seen a charging dock."),
        ("what happened between keyframes 3 and 5?", "I moved backward and turned left"),
        ("did you see a sofa between keyframes 2 and 4?", "(#2 to #4): I have not seen a sofa."),
        ("which things did you see in keyframes 2 to 3?", "I have seen the red plant and the blue"),
        ("what is new compared to keyframe 4?", "Since #4, the pink door came into view (#7)"),
        # How near, when
        ("when were you nearest to the blue lamp?", "the blue lamp was near, in #3"),
        ("which things were near?", "As near, I noted the blue lamp (#3)."),
        ("did you see the plant after you turned left?", "I saw the red plant in #1 to #2."),
        ("do you see a door or a lamp right now?", "Yes: the pink door, front-right of me"),
        ("what is on your left and on your right?", "To my right should be the"),
        # The latest, the side now, and what only sounds alike
        ("what are the two latest things you saw?", "Most recently I saw the pink door (#7) and"),
        ("door on the right?", "Yes, the pink door is to my right."),
        ("did the red lamp stay in view?", "I saw the red lamp in #4 to #5."),
        ("are the lamps of the same colour?", "They are blue and red"),
        ("did you drive in a circle?", "In all, I turned 90 degrees to the left and 135"),
        ("did you get closer to the green sofa?", "At its nearest, the green sofa was far"),
        ("who did you see?", "I have not seen any people."),
        ("how long since you saw the red plant?", "I last saw the red plant in #2"),
        ("how often did you go back?", "I moved backward once (#4)."),
        # What notes don't say
        ("is there a lamp at the table?", "I can't tell: my notes say where things were relative"),
        ("are the two sofas identical?", "I can't tell: about the yellow sofa"),
        ("what stands between you and the door?", "I can't tell: about the pink door"),
        ("what did you see in the kitchen?", "I can't tell"),
        ("what was in keyframe 2 but not in keyframe 3?", "I can't tell"),
        ("was the door always on your right?", "I can't tell: about the pink door"),
        ("where is the second nearest lamp?", "I can't tell: about the blue lamp"),
        ("what is the biggest thing around?", "I can't tell"),
        ("what did you see before you turned left?", "I can't tell"),
        ("what did you see before you moved at all?", "At the start I saw (#0)"),
        ("what is 2 metres away from you?", "I can't tell"),
        ("how long did it take to get to the door?", "I can't tell: about the pink door"),
        ("between the table and the door, did you turn?", "I can't tell"),
        ("did anything move?", "I can't tell"),
        ("which objects are on both sides?", "I can't tell"),
        ("is the green sofa bigger than the yellow one?", "I can't tell: about the green sofa"),
        ("when will you see the table again?", "I can't tell: about the cyan table"),
        ("name one thing you have not seen", "I can't tell"),
    ],
)  # fmt: skip
def test_questions_about_all_that_has_been(text: str, answer: str, notes: Notes) -> None:
    saying = said(text, notes)
    assert answer in saying.text
    if "I can't tell" not in saying.text and "have not seen" not in saying.text:
        assert saying.status == "answered"
        assert saying.evidence


@pytest.mark.parametrize(
    ("text", "index"),
    [
        ("was the table ever on your left?", 0),
        ("was the table to your right at the start?", 1),
        ("was a sofa ever to your right?", 0),
        ("have you been near the plant?", 1),
        ("did you see a lamp in keyframe 3?", 0),
        ("did you see a sofa in keyframe 3?", 1),
    ],
)
def test_they_are_chosen_for_as_well(text: str, index: int, notes: Notes) -> None:
    chosen = choose(text, ("yes", "no"), notes)
    assert chosen is not None
    assert chosen.index == index


@pytest.mark.parametrize(
    "text",
    [
        "where did you see it last?",
        "what colour is it?",
        "was it red?",
        "is it still there?",
        "how far away is it?",
        "how many of them were there?",
        "did you see them again?",
        "is he behind you?",
        "how do I get back to it?",
    ],
)
def test_a_pronoun_is_not_taken_for_any_thing(text: str, notes: Notes) -> None:
    saying = said(text, notes)
    assert saying.status == "cannot_tell"
    assert saying.text.startswith("I can't tell which thing is meant")


@pytest.mark.parametrize(
    "text", ["is it raining?", "what is it like to be a robot?", "what time is it?"]
)
def test_an_it_that_stands_for_nothing_is_none(text: str, notes: Notes) -> None:
    assert "which thing is meant" not in said(text, notes).text


def test_what_was_on_a_side_before_a_restart_is_not_followed_across_it() -> None:
    notes = Notes(WALK[:2])
    notes.add(view(2, Action.ROTATE_RIGHT, 90.0, "blue lamp, front, mid"), after_break=True)
    saying = said("was the yellow sofa ever on your left?", notes)
    assert saying.text.startswith(
        "No: I noted the yellow sofa front-right of me and ahead of me only"
    )


def test_turns_to_one_side_only_are_told_as_such() -> None:
    assert said("how often did you turn?", Notes(WALK[:3])).text == "I turned once, to the right."
    both = said("how often did you turn?", Notes(WALK)).text
    assert both == "I turned three times: twice to the left and once to the right."
    left = Notes((WALK[0], WALK[5], WALK[6], WALK[7]))
    assert said("how often did you turn?", left).text == "I turned twice, always to the left."


def test_a_camera_at_rest_knows_where_things_are_as_before() -> None:
    rests = tuple(
        Delta(number, None, 0.0, agrees_with_egomotion=True, model="geometry")
        for number in range(1, 25)
    )
    where = said("where is the cyan table now?", Notes((WALK[0], *rests))).text
    assert "front-left" in where
    moved = said("what did you do?", Notes((WALK[0], *rests))).text
    assert moved == "I stood still or moved in a way that I could not measure."
    assert (
        said("were you moving at keyframe 3?", Notes((WALK[0], *rests))).text
        == "I stood still (#3)."
    )
