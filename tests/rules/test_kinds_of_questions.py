"""Questions as an engineer types them, each of a kind that was once answered wrongly."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule

SECOND = 1_000_000_000


def view(
    number: int, action: Action | None, angle: float | None, *mentions: str, observation: str = ""
) -> Delta:
    """A delta with mentions such as ``red lamp, left, near``."""
    read = [Mention(*(part.strip() for part in text.split(","))) for text in mentions]  # type: ignore[arg-type]
    return Delta(number, action, angle, tuple(read), observation)


WALK = (
    view(0, None, None, "yellow bed, front, mid", "cyan table, front-left, mid"),
    view(1, Action.ROTATE_RIGHT, 90.0, "red lamp, front, far", "man in a vest, front, near",
         observation="The man is scanning a parcel."),
    Delta(2, None, 0.0, (Mention("red lamp", "front", "far"),), agrees_with_egomotion=True),
    view(3, Action.MOVE_FORWARD, None, "red lamp, front, mid", "blue door, front-right, near"),
    view(4, Action.ROTATE_RIGHT, 90.0, "green sofa, front, mid", "red rug, front-left, near"),
    Delta(5, None, 0.0, (Mention("green sofa", "front", "mid"), Mention("red rug", "front-left")),
          agrees_with_egomotion=True),
)  # fmt: skip


@pytest.fixture
def notes() -> Notes:
    walk = Notes(WALK)
    walk.clock = lambda number: 1_700_000_000 * SECOND + 2 * SECOND * number
    return walk


def said(text: str, notes: Notes) -> Saying:
    saying = answer_by_rule(text, notes).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        # Motion
        ("are you moving right now?", "I turned right by 90 degrees (#4). By #5 I stood still."),
        ("were you standing still at keyframe 2?", "I stood still (#2)."),
        ("did you turn more than 90 degrees?", "In all, I turned 180 degrees to the right."),
        ("did you spin around completely?", "In all, I turned 180 degrees to the right."),
        ("are you facing the same way as at the start?", "In all, I turned 180 degrees"),
        # Moments
        ("what was the last thing you saw?", "Now I see (#5)"),
        ("how long ago was the lamp in view?", "that was 4 seconds ago"),
        ("is the lamp gone?", "I last saw the red lamp in #3"),
        ("is the lamp there?", "No, not now."),
        # Parts of the memory
        ("between #0 and #1 what did you see?", "(#0 to #1): I have seen the yellow bed, the cyan"),
        ("what did you see before #1?", "Before #1 (#0): I have seen the yellow bed and"),
        ("what did you see after keyframe 3?", "(#4 to #5): I have seen the green sofa"),
        ("what was in the picture before #1", "(#0): I have seen the yellow bed"),
        ("what did you see in the first half?", "(#0 to #2): I have seen the yellow bed"),
        ("what did you see in the second half of the tour?", "(#3 to #5): I have seen"),
        ("what did you see halfway through the tour?", "I moved forward (#3). In #3 I saw"),
        # One of several, or of a colour
        ("is there only one lamp?", "I saw one lamp"),
        ("is there another lamp?", "I saw one lamp"),
        ("did you see a bed, a table and a sofa?", "the green sofa"),
        ("is there a red lamp and a green one?", "I have not seen a green lamp"),
        ("is anything red behind you?", "I can't tell: my notes place nothing red behind me."),
        (
            "are there any red things on your left?",
            "To my left should be the red rug (#5) and the red lamp",
        ),
        ("what colour did you see most?", "Most often red"),
        # Sides
        ("what is behind you and to the left?", "Behind me should be the yellow bed (#0)"),
        ("which things are on the left of the picture?", "Now I see (#5): the red rug"),
        (
            "so what's in front of you right about now?",
            "Ahead of me should be the green sofa",
        ),
        ("what did you see towards the end?", "Now I see (#5)"),
        ("tell me what you saw near the end", "Now I see (#5)"),
        (
            "where was the lamp when you first saw the door?",
            "The red lamp was ahead of me, at mid range, when",
        ),
        ("when you saw the door, where was the lamp?", "I first saw the blue door (#3)"),
        ("where was the rug when you last saw the sofa", "when I last saw the green sofa (#5)"),
        ("lamp or door?", "Yes, I saw the blue door in #3"),
        (
            "if you had to draw a map, what objects would you put on it?",
            "I have seen the yellow bed",
        ),
        # Words
        ("where is the bleu door?", "The blue door should now be"),
        ("wheres teh bkue door", "The blue door should now be"),
        ("where can I dump rubbish?", "I have not seen anything to throw things away in"),
        ("Have you seen my lamp? I think I left it on the table.", "Yes, I saw the red lamp"),
        ("the lamp", "I first saw the red lamp in #1"),
        ("describe the room", "Now I see (#5)"),
        ("what was the man doing?", "My notes on #1 say: “The man is scanning a parcel.”"),
    ],
)
def test_what_is_asked_is_what_is_answered(text: str, answer: str, notes: Notes) -> None:
    assert answer in said(text, notes).text


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("is there anything blocking the way?", "cannot_tell"),
        ("is the path clear?", "cannot_tell"),
        ("is something in my way?", "cannot_tell"),
        ("is it a bedroom?", "cannot_tell"),
        ("what did you see just before the last turn?", "cannot_tell"),
        ("are the bed and the table side by side?", "cannot_tell"),
        ("what did you see before #77?", "cannot_tell"),
        ("what did you see before #0?", "cannot_tell"),
        ("where was the bed when you saw the sofa?", "cannot_tell"),
        ("why did you turn right?", "cannot_tell"),
        ("has the bed moved since you first saw it?", "cannot_tell"),
        ("how much time passed between seeing the bed and the lamp?", "cannot_tell"),
        ("explain your last answer", "out_of_scope"),
    ],
)
def test_what_notes_never_say_is_not_claimed(text: str, status: str, notes: Notes) -> None:
    assert said(text, notes).status == status


def test_what_was_done_before_a_keyframe_is_still_the_motion_to_it(notes: Notes) -> None:
    assert "I turned right" in said("what did you do to get to keyframe 4?", notes).text
    assert "I moved forward" in said("what did you do before keyframe 3?", notes).text
