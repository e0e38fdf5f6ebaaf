"""Questions about the run as a whole (how long, the heading, the degrees of its turns), and about
its turns in a part of the time."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.families import is_plain, read_narrowly, understand

SECOND = 1_000_000_000
BED = (Mention("yellow bed", "front", "mid"),)
WALK = (
    Delta(0, None, None, BED),
    Delta(1, Action.ROTATE_RIGHT, 60.0, BED),
    Delta(2, Action.MOVE_FORWARD, None, BED),
    Delta(3, Action.ROTATE_LEFT, 30.0, BED),
    Delta(4, Action.MOVE_FORWARD, None, BED),
    Delta(5, Action.ROTATE_RIGHT, 45.0, BED),
)


def notes_of(*walk: Delta) -> Notes:
    notes = Notes(walk or WALK)
    notes.clock = lambda number: 2 * SECOND * number
    return notes


def said(text: str, notes: Notes | None = None) -> Saying:
    notes = notes or notes_of()
    assert is_plain(text, notes.nouns), text
    saying = answer_by_rule(text, notes).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    "text",
    [
        "how long was the whole trip?",
        "how long was whole flight",
        "That little tour of yours, did it take an age?",
        "That little tour of yours, did it take an age? I'd only just put the kettle on.",
        "how many seconds did the drive last?",
        "how much time did the entire tour take",
        "did the walk take long?",
        "was it a long trip?",
        "what was the total duration of the run?",
        "how long did it all take?",
        "how long did you need for the whole tour?",
        "how much time passed from start to finish?",
        "for how long did you fly?",
        "how many minutes were you driving in total?",
    ],
)
def test_how_long_the_run_took(text: str) -> None:
    saying = said(text)
    assert (saying.text, saying.evidence) == ("10 seconds so far, from #0 to #5.", (0, 5))


def test_how_long_it_took_and_what_else_is_asked() -> None:
    text = said("How long was the whole trip and how many keyframes did you end up with?").text
    assert text.startswith("10 seconds so far, from #0 to #5.")
    assert "6 keyframes" in text or "six keyframes" in text


@pytest.mark.parametrize(
    "text",
    [
        "how long is the sofa?",
        "how long did it take to reach the bed?",
        "how long was the bed in view?",
        "how long was the path you took?",
        "how long ago did you see the bed?",
        "how many things did the drive show?",
        "what did you see last on the drive?",
    ],
)
def test_other_lengths_are_not_that_of_the_run(text: str) -> None:
    assert understand(text, notes_of().nouns).family != "duration"


@pytest.mark.parametrize(
    "text",
    [
        "Compared with the start, which direction are you facing?",
        "if you sum everything, how many degrees to which side is it turned compare to begin?",
        "how many degrees are you turned from your original heading?",
        "which way do you face now, relative to how you started?",
        "by how much is the robot rotated with respect to the beginning?",
        "are you facing the same way as at the start?",
        "what is your net rotation?",
        "how are you oriented compared to the starting direction?",
    ],
)
def test_the_heading_compared_with_the_start(text: str) -> None:
    assert said(text).text == (
        "In all, I turned 30 degrees to the left and 105 degrees to the right, so I now face about "
        "75 degrees to the right of how I faced at the start."
    )


def test_a_heading_needs_all_turns_measured() -> None:
    question = "compared with the start, which way are you facing?"
    unknown = notes_of(*WALK, Delta(6, Action.ROTATE_LEFT, None, BED))
    assert said(question, unknown).status == "cannot_tell"
    left_out = said(question, notes_of(*WALK, Delta(6, None, None, BED))).text
    assert left_out.endswith("as far as I could measure: the motion to #6 could not be measured.")
    back = notes_of(*WALK, Delta(6, Action.ROTATE_LEFT, 78.0, BED))
    assert "so I now face about as I did at the start" in said(question, back).text
    still = said(question, notes_of(WALK[0], Delta(1, Action.MOVE_FORWARD, None, BED)))
    assert still.text == "I have not turned at all. I face as I did at the start."


def test_a_heading_counts_from_the_restart() -> None:
    notes = notes_of(*WALK[:2])
    notes.add(Delta(2, None, None, BED), after_break=True)
    notes.add(Delta(3, Action.ROTATE_LEFT, 90.0, BED))
    saying = said("compared with the start, which way are you facing?", notes)
    assert "about 90 degrees to the left" in saying.text
    assert saying.text.endswith("Here, the start is where I was restarted.")


@pytest.mark.parametrize(
    "text",
    [
        "compared with the start, where is the bed?",
        "compared with the start, are you facing the bed?",
        "how far are you from the start?",
        "what do you see compared with the start?",
        "how do I get back to the start?",
        "which way is the start?",
        "is the bed farther away than at the start?",
        "what were you looking at when you started?",
    ],
)
def test_other_comparisons_with_the_start_are_no_heading(text: str) -> None:
    assert understand(text, notes_of().nouns).family != "heading"


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "report all right turns with the degrees",
            "I turned to the right by 105 degrees in all: 60 (#1) and 45 (#5).",
        ),
        ("list the left turns and their angles", "I turned to the left by 30 degrees (#3)."),
        (
            "by how many degrees did you turn each time?",
            "I turned to the left by 30 degrees (#3); to the right by 105 degrees in all: 60 (#1) "
            "and 45 (#5).",
        ),
        (
            "report all right turns with the degrees since keyframe 1",
            "Since keyframe 1 (#2 to #5): I turned to the right by 45 degrees (#5).",
        ),
    ],
)
def test_the_degrees_of_each_turn(text: str, answer: str) -> None:
    assert said(text).text == answer


def test_a_turn_that_was_not_measured_is_not_added() -> None:
    notes = notes_of(*WALK, Delta(6, Action.ROTATE_LEFT, None, BED))
    assert said("list all left turns with their degrees", notes).text == (
        "I turned to the left by at least 30 degrees in all: 30 (#3) and an angle that was not "
        "measured (#6)."
    )


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "since keyframe 3 have we turned left any more?",
            "Since keyframe 3 (#4 to #5): No, I have not turned left at all.",
        ),
        (
            "have you turned right since keyframe 2?",
            "Since keyframe 2 (#3 to #5): Yes, I turned right once (#5).",
        ),
        (
            "did you turn left or right after keyframe 4?",
            "After keyframe 4 (#5): Yes, I turned once (#5).",
        ),
        (
            "how often did you turn right before keyframe 4?",
            "Before keyframe 4 (#0 to #4): I turned right once (#1).",
        ),
        (
            "how many left turns had you made by keyframe 3?",
            "By keyframe 3 (#0 to #3): I turned left once (#3).",
        ),
        (
            "from keyframe 3 on, how often did you move forward?",
            "From keyframe 3 on (#4 to #5): I moved forward once (#4).",
        ),
        (
            "how far did you turn after keyframe 3?",
            "After keyframe 3 (#4 to #5): In all, I turned 45 degrees to the right.",
        ),
        ("by 5 s, how often had you turned?", "By 5 s (#0 to #2): I turned once, to the right."),
        (
            "what have you done since keyframe 3?",
            "Since keyframe 3 (#4 to #5): I turned right by 45 degrees.",
        ),
    ],
)
def test_turns_and_moves_in_a_part_of_the_time(text: str, answer: str) -> None:
    if text.startswith("what"):
        assert said(text).text.startswith("Since keyframe 3 (#4 to #5): I ")
        return
    assert said(text).text == answer


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("what did you do right after keyframe 3?", "I moved forward (#4)."),
        ("what did you do after keyframe 3?", "I moved forward (#4)."),
        ("what did you do to get to keyframe 3?", "I turned left by 30 degrees (#3)."),
    ],
)
def test_the_one_motion_beside_a_keyframe_stays_what_it_was(text: str, answer: str) -> None:
    saying = answer_by_rule(text, notes_of()).saying
    assert saying is not None
    assert saying.text == answer


@pytest.mark.parametrize("text", ["which turns did you see?", "what did you see at each turn?"])
def test_sights_are_no_turns(text: str) -> None:
    narrow = read_narrowly(text, notes_of().nouns)
    assert narrow is None or narrow.family != "turn_degrees"
