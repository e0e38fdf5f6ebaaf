"""Questions that hang on one word, on a part of the time, or on what a thing is good for."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.lexicon import lexicon
from embodied_agent.rules.spans import span_in
from embodied_agent.rules.uses import uses

SECOND = 1_000_000_000
START = 1_700_000_000 * SECOND


def view(number: int, action: Action | None, angle: float | None, *mentions: str) -> Delta:
    """A delta with mentions such as ``red lamp, left, near``."""
    read = [Mention(*(part.strip() for part in text.split(","))) for text in mentions]  # type: ignore[arg-type]
    return Delta(number, action, angle, tuple(read), model="vlm")


#: A keyframe every two seconds.
WALK = (
    view(0, None, None, "yellow bed, front, mid", "cyan table, front-left, mid"),
    view(1, Action.ROTATE_RIGHT, 40.0, "yellow bed, front-left, mid", "red lamp, front, far"),
    view(2, Action.MOVE_FORWARD, None, "pink door, front-right, near", "blue lamp, front, mid"),
    view(3, Action.MOVE_BACKWARD, None, "red lamp, front, mid"),
    view(4, Action.TILT_UPWARD, 15.0, "cyan clock, front, far"),
    view(5, Action.ROTATE_LEFT, 90.0, "cyan clock, right, far", "green sofa, front, mid"),
    view(6, Action.MOVE_FORWARD, None, "green sofa, front, near", "orange table, left, near"),
)


@pytest.fixture
def notes() -> Notes:
    walk = Notes(WALK)
    walk.clock = lambda number: START + 2 * SECOND * number
    return walk


def said(text: str, notes: Notes) -> Saying:
    saying = answer_by_rule(text, notes).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # In view now
        ("can you still see the bed?", "No, not now. I last saw the yellow bed in #1"),
        ("is the sofa in view?", "Yes: the green sofa, ahead of me, near (#6)"),
        ("is the lamp still visible?", "the red lamp in #3 and the blue lamp in #2"),
        ("are you facing the sofa?", "Yes, the green sofa is ahead of me"),
        # Of several
        ("where is the nearest table?", "The orange table is nearer than the cyan table."),
        ("which was the first lamp?", "The first lamp was the red lamp: I first saw it in #1"),
        ("where is the second lamp?", "The second lamp was the blue lamp"),
        ("what was the last new thing you saw?", "The last new thing was the orange table (#6)"),
        ("which objects did you only see once?", "the pink door (#2), the blue lamp (#2)"),
        ("how many pieces of furniture are there?", "furniture: the yellow bed"),
        ("how much furniture did you see?", "I saw four pieces of furniture"),
        ("which thing did you see the most?", "I saw the yellow bed, the red lamp"),
        ("how often did you see the red lamp?", "The red lamp came into view twice: #1 and #3."),
        ("have you seen the red lamp twice?", "came into view twice: #1 and #3."),
        ("what is the most common colour?", "Most often cyan, with two things"),
        ("how many different colours did you see?", "yellow, cyan, red, pink, blue, green and"),
        # Compared
        ("are there more lamps than beds?", "Yes. I saw two lamps: the red lamp (#3) and the b"),
        ("did you see fewer lamps than doors?", "No. I saw two lamps"),
        ("are there as many tables as lamps?", "the same number of each"),
        ("did you see both a bed and a sofa?", "Yes. I saw the yellow bed"),
        ("did you see both a bed and a piano?", "No. I saw the yellow bed in #1"),
        ("did you see two tables?", "Yes. I saw two tables"),
        ("were there three lamps?", "No. I saw two lamps"),
        ("is there more than one door?", "No. I saw one door"),
        ("did the clock come before or after the sofa?", "The cyan clock (#4) came first"),
        # Motion
        ("did you ever move backwards?", "Yes, I moved backward once (#3)."),
        ("did you look up at any point?", "Yes, I tilted upward once (#4)."),
        ("did you look down?", "No, I never tilted downward."),
        ("by how many degrees did you turn?", "90 degrees to the left and 40 degrees to the right"),
        ("did you turn all the way around?", "90 degrees to the left and 40 degrees to the right"),
        ("did you go up or down?", "No, I never moved upward or moved downward."),
        ("did you turn more left than right?", "once to the left and once to the right"),
        ("what happened?", "I turned right by 40 degrees, moved forward"),
        # Changed
        ("what is new?", "Since #5, the orange table came into view (#6); the cyan clock went out"),
        ("did anything change?", "Since #0, the green sofa and the orange table"),
        ("did anything change while we drove?", "Since #0, the green sofa and the orange table"),
        ("what has changed since the start?", "Since #0, the green sofa and the orange table"),
        ("what did you see last?", "Now I see (#6)"),
        ("are all lamps red?", "No: I saw the blue lamp (#2)."),
        ("are all tables cyan or orange?", "Yes, all that I saw"),
        ("what is at 9 o'clock?", "To my left"),
        ("are you back at the start?", "The start should be"),
        ("take me to the sofa", "The green sofa should be ahead of me: move forward."),
        # If turned
        ("if you turn left, what will you see?", "To my left"),
        ("what would be on my left if I turned around?", "To my right"),
        # Between
        ("what did you see between the bed and the clock?", "I first saw the red lamp (#1), the"),
        ("what did you see on your way to the clock?", "Before I first saw the cyan clock (#4)"),
        ("did you pass the clock?", "Yes, I saw the cyan clock"),
        ("what is around?", "Now I see (#6)"),
        ("what was on your left at the beginning?", "the cyan table, front-left of me"),
        # Times
        ("how long ago did you see the bed?", "the yellow bed in #1, front-left of me, at mid ran"),
        ("how long ago did you see the bed?", "that was 10 seconds ago."),
        ("when did you last see the bed?", "that was 10 seconds ago."),
        ("when did you first see the clock?", "8 seconds after the start."),
        ("at what time did you see the door?", "4 seconds after the start, at 22:13:24 UTC on 202"),
        ("how long was the walk?", "12 seconds so far, from #0 to #6; I started at 22:13:20 UTC"),
        ("for how long did you see the clock?", "For about 2 seconds: I noted the cyan clock in"),
        # Parts of the time
        ("what did you see in the last 5 seconds?", "In the last 5 seconds (#4 to #6): I have"),
        ("did you see a lamp in the last 3 seconds?", "(#5 to #6): I have not seen a lamp."),
        ("what did you see during the first 3 seconds?", "the yellow bed, the cyan table and the"),
        ("how many lamps did you see in the first 5 s?", "I saw two lamps"),
        ("what did you see at 5 seconds?", "I moved forward (#2). In #2 I saw: the pink door"),
        ("what happened 6 seconds ago?", "I moved backward (#3). In #3 I saw: the red lamp"),
        ("what did you see between 3 and 7 seconds?", "(#2 to #3): I have seen"),
        ("what did you see after 9 s?", "(#5 to #6): I have seen the cyan clock, the green sofa"),
        ("what did you see in the last two keyframes?", "(#5 to #6): I have seen"),
        # Uses
        ("which way is the exit?", "You could leave by the pink door (#2)."),
        ("is there a way out?", "You could leave by the pink door (#2)."),
        ("how can I leave this place?", "You could leave by the pink door (#2)."),
        ("where can I sit?", "You could sit on the green sofa (#6) or the yellow bed (#1)."),
        ("can I sit down somewhere nearby?", "You could sit on the green sofa (#6)"),
        ("may I lie down?", "the yellow bed (#1) or the green sofa (#6)"),
        ("any idea where I could lie down?", "the yellow bed (#1) or the green sofa (#6)"),
        ("anything I could put my coffee on?", "You could put things on the orange table (#6)"),
        ("is there something that tells the time?", "the cyan clock"),
        ("is there somewhere to sleep?", "You could lie down on the yellow bed"),
        ("what could I use to read by?", "You could get light from"),
    ],
)  # fmt: skip
def test_the_word_that_matters_is_heard(text: str, answer: str, notes: Notes) -> None:
    saying = said(text, notes)
    assert answer in saying.text
    expected = "not_seen" if "I have not seen a lamp" in answer else "answered"
    assert saying.status == expected
    assert saying.evidence


@pytest.mark.parametrize(
    "text",
    [
        "anything dangerous?",
        "did you see anything made of wood?",
        "is this a house or an office?",
        "is it dark?",
        "did you stop anywhere?",
        "did you go through the door?",
        "did you open a door?",
        "is the table next to the bed?",
        "how do I get from the bed to the sofa?",
        "how many steps to the sofa?",
        "hast du ein Sofa gesehen?",
        "¿dónde está la cama?",
        "asdf qwer",
        "what did you see an hour ago?",
        "what have you not seen?",
        "what is above you?",
        "did you fly over anything?",
        "have you been here before?",
        "which is nearer, the sofa or the table, in the last 3 seconds?",
    ],
)
def test_what_notes_do_not_say_is_not_claimed(text: str, notes: Notes) -> None:
    saying = answer_by_rule(text, notes).saying
    assert saying is None or saying.status == "cannot_tell"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("is anybody here?", "I have not seen a person."),
        (
            "where can I wash my hands?",
            "I have not seen anything to wash at, such as a sink or a basin.",
        ),
        ("did you see anyone?", "I have not seen"),
        ("where would I find something to read?", "I have not seen anything to read, such as a"),
    ],
)
def test_what_was_not_there_was_not_seen(text: str, answer: str, notes: Notes) -> None:
    saying = said(text, notes)
    assert saying.text.startswith(answer)
    assert saying.status == "not_seen"


def test_a_noted_exit_is_the_exit() -> None:
    notes = Notes([view(0, None, None, "emergency exit, left, near", "red door, front, near")])
    saying = said("which way is the exit?", notes)
    assert "emergency exit" in saying.text
    assert "door" not in saying.text


def test_times_start_anew_after_a_restart(notes: Notes) -> None:
    notes.add(view(7, None, None, "red lamp, front, near"), after_break=True)
    notes.add(view(8, Action.MOVE_FORWARD, None, "white fridge, front, near"))
    assert "(#7 to #8)" in said("what did you see in the last minute?", notes).text
    saying = said("how long ago did you see the bed?", notes)
    assert "because I was restarted since" in saying.text
    assert saying.status == "cannot_tell"
    assert "2 seconds since the restart" in said("how long was the walk?", notes).text


def test_without_times_a_part_of_the_time_is_not_guessed() -> None:
    saying = said("what did you see in the last 5 seconds?", Notes(WALK))
    assert saying.status == "cannot_tell"
    assert said("how long was the walk?", Notes(WALK)).status == "cannot_tell"


@pytest.mark.parametrize(
    "text",
    [
        "How do I cook rice?",
        "Please turn around.",
        "turn left",
        "What is the latest football score?",
    ],
)
def test_orders_and_other_topics_stay_out_of_scope(text: str, notes: Notes) -> None:
    assert said(text, notes).status == "out_of_scope"


@pytest.mark.parametrize(
    ("text", "family"),
    [
        ("Where should I drive to reach the lamp?", "where"),
        ("How often did you turn round?", "turns"),
        ("How many complete turns did you make?", "turns"),
        ("What colour is the nearest lamp?", "colour"),
        ("I need something to sit on: is there an armchair?", "existence"),
        ("How often do your notes show a bend?", "turns"),
    ],
)
def test_narrow_patterns_leave_other_questions_alone(text: str, family: str, notes: Notes) -> None:
    assert answer_by_rule(text, notes).asked.family == family


def test_a_second_ago_is_a_manner_of_speaking() -> None:
    assert span_in("you did something only a second ago, what was it?") is None
    found = span_in("What did you see two minutes ago?")
    assert found is not None
    assert (found.kind, found.start, found.rest) == ("ago", 120.0, "What did you see?")


def test_every_use_is_served_by_things_that_the_lexicon_knows() -> None:
    for use in uses():
        assert use.kinds, use.name
        assert all(lexicon().known(kind) for kind in use.kinds), use.name


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("did anyone walk by?", "I have not seen a person."),
        ("did somebody pass you?", "I have not seen a person."),
        ("has anybody walked past?", "I have not seen a person."),
        ("is somebody coming?", "I have not seen a person."),
        ("who walked by?", "I have not seen a person."),
        ("is it safe to go forward?", "I can't tell"),
        ("would it be dangerous to go on?", "I can't tell"),
        ("can we safely continue?", "I can't tell"),
        ("is there a safe?", "I have not seen a safe."),
        ("are there any obstacles ahead?", "I can't tell"),
        ("is there an obstacle in front of you?", "I can't tell"),
        ("any hazards nearby?", "I can't tell"),
        ("did you see any seating?", "Yes, the green sofa is in view"),
        ("did you notice any plumbing?", "I have not seen any plumbing."),
        ("have you seen some cabling?", "I have not seen any cabling."),
        ("does the room have a window?", "I have not seen a window."),
        ("does this house have a red lamp?", "Yes, I saw the red lamp"),
        ("does the kitchen have any beds?", "Yes, I saw the yellow bed"),
    ],
)
def test_people_who_pass_are_people_and_no_advice_is_given(text: str, answer: str) -> None:
    saying = answer_by_rule(text, Notes(WALK)).saying
    assert saying is not None
    assert saying.text.startswith(answer)
