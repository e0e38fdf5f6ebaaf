"""How things lie to each other: told from one view that both were noted in, with that view."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Box, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.directions import is_left_of


def view(number: int, *mentions: str) -> Delta:
    """A delta with mentions such as ``red lamp, left, near``."""
    read = [Mention(*(part.strip() for part in text.split(","))) for text in mentions]  # type: ignore[arg-type]
    action = Action.ROTATE_RIGHT if number else None
    return Delta(number, action, 40.0 if number else None, tuple(read))


WALK = (
    view(0, "yellow bed, front-left, near", "pink bookshelf, front, mid", "red lamp, right, far"),
    view(1, "red lamp, front, far", "white door, front-right, mid", "green sofa, front-left, mid"),
    view(2, "green sofa, front, near", "white door, front, far", "blue table, front-right, near"),
    view(
        3,
        "green sofa, front-right, near",
        "blue table, left, near",
        "cyan clock, front, far",
        "grey rug, front, mid",
    ),
)


@pytest.fixture
def notes() -> Notes:
    return Notes(WALK)


def said(text: str, notes: Notes) -> Saying:
    saying = answer_by_rule(text, notes).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    ("text", "answer", "evidence"),
    [
        (
            "is the bed left of the bookshelf?",
            "Yes: in #0, as I saw it, the yellow bed was to",
            (0,),
        ),
        (
            "is the bed to the right of the bookshelf?",
            "No: in #0, as I saw it, the yellow bed",
            (0,),
        ),
        ("is the door on the right hand side of the lamp", "Yes: in #1", (1,)),
        ("is there a bookshelf to the left of the lamp?", "Yes: in #0", (0,)),
        ("did you see a bed left of the bookshelf?", "Yes: in #0", (0,)),
        (
            "is the bed left or right of the lamp?",
            "In #0, as I saw it, the yellow bed was to the left",
            (0,),
        ),
        ("which is further left, the bed or the lamp?", "the yellow bed was to the left of", (0,)),
        ("where is the bed relative to the bookshelf?", "the yellow bed was to the left of", (0,)),
        ("which side of the bookshelf is the bed on?", "the yellow bed was to the left of", (0,)),
        ("is the lamp between the sofa and the door?", "Yes: in #1", (1,)),
        ("is the bed between the bookshelf and the lamp?", "No: in #0", (0,)),
        ("what is between the bed and the lamp?", "the pink bookshelf was between", (0,)),
        ("what is between the bed and the bookshelf?", "I noted nothing between", (0,)),
        (
            "what is left of the bookshelf?",
            "In #0, as I saw it, the yellow bed was to the left",
            (0,),
        ),
        ("what's to the right of the bed", "the pink bookshelf and the red lamp were to the", (0,)),
        ("is there anything left of the clock?", "the blue table was to the left of", (3,)),
        (
            "what is next to the lamp?",
            "the green sofa (front-left of me, at mid range) on its left",
            (1,),
        ),
    ],
)
def test_the_order_in_a_view_is_told_with_the_view(
    text: str, answer: str, evidence: tuple[int, ...], notes: Notes
) -> None:
    saying = said(text, notes)
    assert answer in saying.text
    assert (saying.status, saying.evidence) == ("answered", evidence)


def test_an_order_that_another_view_reverses_is_told_with_both(notes: Notes) -> None:
    saying = said("is the table left of the sofa?", notes)
    assert saying.text.startswith(
        "That depends: in #3, as I saw it, the blue table was to the left"
    )
    assert (
        "but in #2, as I saw it, the blue table was to the right of the green sofa" in saying.text
    )
    assert saying.evidence == (2, 3)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        # The same direction, never in one view, not a matter of directions
        (
            "is the rug left of the clock?",
            "In #3, the grey rug was ahead of me, at mid range, and the",
        ),
        ("is the bed left of the clock?", "They were never in view at the same time: I last saw"),
        ("is the bed between the clock and the sofa?", "They were never all in view at once"),
        ("is the lamp on the table?", "my notes say where things were relative to me"),
        ("is the table next to the sofa?", "my notes say where things were relative to me"),
        ("what is under the table?", "my notes say where things were relative to me"),
        ("what is right of the door?", "the white door I saw"),
        ("how far is the lamp from the door?", "my notes say where things were relative to me"),
    ],
)
def test_what_no_view_tells_is_left_open_with_what_is_known(
    text: str, reason: str, notes: Notes
) -> None:
    view_of_door = Notes((*WALK[:2],)) if "right of the door" in text else notes
    saying = said(text, view_of_door)
    assert saying.status == "cannot_tell"
    assert reason in saying.text
    assert saying.evidence


def test_things_that_are_not_in_the_notes_are_said_to_be_missing(notes: Notes) -> None:
    for text in ("is the fridge left of the bed?", "is the bed between the fridge and the lamp?"):
        saying = said(text, notes)
        assert saying.status == "not_seen"
        assert "I have not seen a fridge" in saying.text


def test_measured_bearings_and_boxes_tell_more_than_sectors() -> None:
    ahead = Mention("lamp", "front"), Mention("door", "front")
    assert is_left_of(*ahead) is None
    bearings = Mention("lamp", "front", bearing_deg=8.0), Mention("door", "front", bearing_deg=-2.0)
    assert is_left_of(*bearings) is True
    assert is_left_of(*bearings[::-1]) is False
    boxes = (
        Mention("lamp", "front", box=Box(0.6, 0.2, 0.7, 0.5)),
        Mention("door", "front", box=Box(0.1, 0.2, 0.3, 0.5)),
    )
    assert is_left_of(*boxes) is False
    near = Mention("lamp", "front", bearing_deg=1.0), Mention("door", "front", bearing_deg=0.0)
    assert is_left_of(*near) is None


def test_sides_are_as_the_robot_sees_them_all_around_it() -> None:
    assert is_left_of(Mention("a", "back"), Mention("b", "back-left")) is True
    assert is_left_of(Mention("a", "back-right"), Mention("b", "back")) is True
    # Opposite each other, neither is left of the other.
    assert is_left_of(Mention("a", "left"), Mention("b", "right")) is None
    assert is_left_of(Mention("a", "front"), Mention("b", "back")) is None


def test_several_of_a_name_in_one_view_must_agree() -> None:
    chairs = Notes([view(0, "chair, front-left", "chair, front-right", "bed, front")])
    assert said("is the chair left of the bed?", chairs).status == "cannot_tell"
    chairs = Notes([view(0, "chair, front-left", "chair, left", "bed, front")])
    assert said("is the chair left of the bed?", chairs).text.startswith("Yes")
