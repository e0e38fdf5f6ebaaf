"""A question about "the table next to the door" is about that table alone."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.beside import resolved


def view(number: int, *mentions: str) -> Delta:
    """A delta with mentions such as ``red lamp, left, near``."""
    read = [Mention(*(part.strip() for part in text.split(","))) for text in mentions]  # type: ignore[arg-type]
    action = Action.ROTATE_RIGHT if number else None
    return Delta(number, action, 40.0 if number else None, tuple(read))


WALK = (
    view(0, "cyan table, front, mid", "purple door, front, mid", "blue table, right, near"),
    view(1, "blue table, front, near", "green sofa, front, far", "red lamp, front-left, near"),
    view(2, "pink lamp, left, mid", "green sofa, front, mid", "blue door, left, far"),
    view(3, "grey chair, front-left, mid", "white chair, front-right, mid", "bed, front, mid"),
    view(4, "oak shelf, front, near", "oak desk, front, near", "tall shelf, front, near"),
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
        "What colour is the table next to the door?",
        "what color is the table by the door",
        "What colour is the table beside the purple door?",
        "Which colour does the table near the door have?",
        "What is the colour of the table standing close to the door?",
        "What colour is the table that is next to the door?",
        "what colour's the table next to the door?",
        "Can you tell me what colour the table next to the door is?",
        "Tell me the colour of the table next to the door.",
    ],
)
def test_the_colour_is_that_of_the_one_beside_it(text: str, notes: Notes) -> None:
    saying = said(text, notes)
    assert saying.status == "answered"
    assert saying.text == (
        "The table is cyan (#0). In #0, the cyan table was ahead of me, at mid range, and the "
        "purple door ahead of me, at mid range."
    )
    assert saying.evidence == (0,)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("Is the table next to the door blue?", "No, the table is cyan (#0)."),
        ("Is the table next to the door cyan?", "Yes, the table is cyan (#0)."),
        ("Is the table by the door blue or cyan?", "The table is cyan (#0)."),
        ("When did you last see the table next to the door?", "I last saw the cyan table in #0"),
        ("Where is the table next to the door?", "The cyan table should now be"),
        ("Take me to the table next to the door.", "The cyan table should be"),
        ("What colour is the table in front of the sofa?", "The table is blue (#1)."),
        ("What colour is the sofa behind the table?", "The sofa is green (#2)."),
        ("What colour is the chair on the left of the bed?", "The chair is grey (#3)."),
        ("What colour is the chair to the right of the bed?", "The chair is white (#3)."),
        ("What colour is the table next to the door and when did you see it?", "The table is cyan"),
    ],
)
def test_other_attributes_are_those_of_the_one_that_is_meant(
    text: str, answer: str, notes: Notes
) -> None:
    saying = said(text, notes)
    assert saying.status == "answered"
    assert saying.text.startswith(answer)


@pytest.mark.parametrize(
    ("text", "answer", "evidence"),
    [
        # None fits.
        (
            "What colour is the lamp next to the sofa?",
            "I can't tell which lamp is meant: I saw the red lamp (#1) and the pink lamp (#2), but "
            "my notes have none of them next to the sofa.",
            (1, 2),
        ),
        (
            "Where is the sofa next to the door?",
            "I can't tell which sofa is meant: I saw the green sofa (#2), but my notes don't have "
            "it next to the door.",
            (2,),
        ),
        # Several fit.
        (
            "What colour is the shelf next to the desk?",
            "I can't tell which shelf is meant: I noted the oak shelf (#4) and the tall shelf (#4) "
            "next to the desk.",
            (4,),
        ),
    ],
)
def test_it_can_not_be_told_of_none_or_several(
    text: str, answer: str, evidence: tuple[int, ...], notes: Notes
) -> None:
    saying = said(text, notes)
    assert (saying.text, saying.status, saying.evidence) == (answer, "cannot_tell", evidence)


@pytest.mark.parametrize(
    "text",
    ["What colour is the fridge next to the door?", "What colour is the table next to the fridge?"],
)
def test_a_thing_that_was_not_seen_is_said_not_to_be(text: str, notes: Notes) -> None:
    saying = said(text, notes)
    assert saying.status == "not_seen"
    assert saying.text.startswith("I have not seen a fridge.")


def test_where_things_were_is_taken_from_most_views() -> None:
    together = "cyan table, front, mid", "purple door, front, mid"
    apart = "cyan table, left, near", "purple door, front, far"
    text = "Is the table next to the door cyan?"
    mostly = [view(i, *(apart if i == 1 else together)) for i in range(3)]
    seldom = [view(i, *(together if i == 1 else apart)) for i in range(3)]
    assert said(text, Notes(mostly)).status == "answered"
    assert said(text, Notes(seldom)).status == "cannot_tell"


def test_measured_directions_and_ranges_tell_how_far_apart_two_things_are() -> None:
    def walk(range_m: float) -> Notes:
        table = Mention("cyan table", "front", "mid", bearing_deg=15.0, range_m=4.0)
        door = Mention("purple door", "front", "far", bearing_deg=-5.0, range_m=range_m)
        return Notes([Delta(0, None, None, (table, door))])

    text = "What colour is the table next to the door?"
    assert said(text, walk(4.5)).status == "answered"
    assert said(text, walk(6.5)).status == "cannot_tell"


@pytest.mark.parametrize(
    "text",
    [
        "Is the table next to the door?",
        "What is next to the door?",
        "What colour are the table and the door?",
        "How far is the table from the door?",
        "What colour is the table next to the door and the lamp?",
        "Was there a table next to the door?",
        "What colour is the table?",
        "What colour is the thing next to you?",
    ],
)
def test_other_questions_are_left_as_they_are(text: str, notes: Notes) -> None:
    assert resolved(text, notes) is None
