"""A point in time, in whatever words: what was in view then, and on which side."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.families import is_plain
from embodied_agent.rules.spans import span_in

SECOND = 1_000_000_000


def view(number: int, action: Action | None, *mentions: str, angle: float | None = None) -> Delta:
    """A delta with mentions such as ``red lamp, left, near``."""
    read = [Mention(*(part.strip() for part in text.split(","))) for text in mentions]  # type: ignore[arg-type]
    return Delta(number, action, angle, tuple(read))


#: One keyframe each 2.03 seconds.
WALK = (
    view(0, None, "yellow bed, front, mid", "blue lamp, right, far"),
    view(1, Action.ROTATE_RIGHT, "yellow bed, left, near", "blue lamp, front, far", angle=60.0),
    view(2, Action.MOVE_FORWARD, "blue lamp, front, near"),
    view(3, Action.ROTATE_LEFT, "cyan clock, front-left, far", angle=30.0),
    view(4, Action.MOVE_FORWARD, "cyan clock, front, mid", "green barrel, right, near"),
)


@pytest.fixture
def notes() -> Notes:
    notes = Notes(WALK)
    notes.clock = lambda number: round(2.03 * SECOND * number)
    return notes


def said(text: str, notes: Notes) -> Saying:
    assert is_plain(text, notes.nouns), text
    saying = answer_by_rule(text, notes).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    "text",
    [
        "so what could you see 6 seconds in?",
        "6 seconds into the flight, what was in view?",
        "at 6 seconds what had the camera",
        "what was there after 6 s had passed?",
        "What did you see 6 seconds after you started?",
        "what was there once 6 seconds had gone by",
        "what was on screen at the 6-second mark?",
        "At second 6, what did you see?",
        "at t=6 what was visible",
        "at about 6 seconds, what was there?",
        "6 seconds through the drive, what could you see?",
        "what did the camera show at 0:06?",
        "what was there when the clock said 6?",
    ],
)
def test_a_moment_is_understood_in_many_words(text: str, notes: Notes) -> None:
    saying = said(text, notes)
    assert saying.text.endswith("In #3 I saw: the cyan clock, front-left of me, far.")
    assert saying.evidence == (3,)


@pytest.mark.parametrize(
    "text",
    [
        "on your left at 2.0 seconds = ?",
        "left at 2 s?",
        "What was standing on the left when clock said 2.0",
        "what was to your left 2 seconds in?",
        "when the timer showed 2 s, which things were on the left?",
    ],
)
def test_what_was_on_a_side_then_is_told_alone(text: str, notes: Notes) -> None:
    assert said(text, notes).text == "In #1 I saw: the yellow bed, to my left, near."


def test_a_time_means_the_keyframe_that_has_it_when_rounded_as_asked(notes: Notes) -> None:
    assert said("what was in view at 8.1 seconds?", notes).evidence == (4,)  # 8.12 s
    assert said("what was in view at 8.0 seconds?", notes).evidence == (3,)
    assert said("what was in view at 5 seconds?", notes).evidence == (2,)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "was the bed on your left at 2 s?",
            "At 2 s (#1): Yes, the yellow bed was to my left, near, in #1.",
        ),
        (
            "Was there a lamp 4 seconds in?",
            "4 seconds in (#2): Yes, the blue lamp was in view (#2), ahead of me, near.",
        ),
        ("how often had you turned right at 6 s?", "At 6 s (#0 to #3): I turned right once (#1)."),
    ],
)
def test_things_and_turns_at_a_moment(text: str, answer: str, notes: Notes) -> None:
    assert said(text, notes).text == answer


def test_what_notes_never_tell_they_do_not_tell_of_a_moment_either(notes: Notes) -> None:
    assert said("how hot was it at 6 s?", notes).status == "cannot_tell"


def test_how_many_were_seen_in_a_part_of_the_time_is_not_counted_over_all_of_it(
    notes: Notes,
) -> None:
    text = said("how many lamps did you see in the last 3 seconds?", notes).text
    assert text.startswith("In the last 3 seconds (#3 to #4): ")
    assert "blue lamp (#2)" not in text.split(": ")[0]


def test_a_side_counts_in_a_stretch_of_time_too(notes: Notes) -> None:
    assert said("what was on your left in the first 5 seconds?", notes).text == (
        "In the first 5 seconds (#0 to #2): On my left I saw the yellow bed (#1)."
    )


@pytest.mark.parametrize(
    "text",
    [
        "were you 3 seconds in front of the bed?",
        "how many seconds in view was the clock?",
        "how long ago did you see the bed?",
        "how many minutes did you drive?",
        "what was there when the clock said 12:30?",
        "what did you see when you came to the clock?",
        "at a time, how many things did you see?",
    ],
)
def test_other_times_are_no_moment(text: str) -> None:
    assert span_in(text) is None
