"""What was done right before or after a motion."""

from __future__ import annotations

import pytest

from embodied_agent.records import Action, Delta, Mention
from embodied_agent.rules import Notes, Saying, answer_by_rule
from embodied_agent.rules.families import is_plain, understand

BED = (Mention("yellow bed", "front", "mid"),)
NOTES = Notes(
    (
        Delta(0, None, None, BED),
        Delta(1, Action.MOVE_FORWARD, None, BED),
        Delta(2, Action.ROTATE_LEFT, 40.0, BED),
        Delta(3, Action.ROTATE_LEFT, 35.0, BED),
        Delta(4, Action.MOVE_BACKWARD, None, BED),
        Delta(5, Action.TILT_DOWNWARD, 15.0, BED),
        Delta(6, Action.MOVE_DOWNWARD, None, BED),
        Delta(7, None, None, BED),
        Delta(8, Action.ROTATE_LEFT, 30.0, BED),
    )
)


def said(text: str) -> Saying:
    assert is_plain(text, NOTES.nouns), text
    saying = answer_by_rule(text, NOTES).saying
    assert saying is not None, text
    return saying


@pytest.mark.parametrize(
    "text",
    [
        "You backed up at some point, what did you do straight after that?",
        "what did you do after you backed up?",
        "after reversing, what did you do next?",
        "what was your next move after going backwards?",
        "once it moved backward, what did the robot do then?",
        "what happened right after you backed up?",
        "you moved backward once - what came next?",
        "which action came right after the backward move?",
        "When you had driven backwards, what did you do next?",
    ],
)
def test_what_followed_a_motion(text: str) -> None:
    saying = said(text)
    assert saying.text == "After I moved backward (#4), I tilted downward by 15 degrees (#5)."
    assert saying.evidence == (4, 5)


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        (
            "what did you do before you turned left the first time?",
            "Before I turned left (#2 to #3), I moved forward (#1).",
        ),
        (
            "before the first left turn, what did you do?",
            "Before I turned left (#2 to #3), I moved forward (#1).",
        ),
        (
            "what was your last move before you reversed?",
            "Before I moved backward (#4), I turned left by 35 degrees (#3).",
        ),
        (
            "what did the drone do before it moved forward?",
            "Nothing before that: first of all, I moved forward (#1).",
        ),
        (
            "what did you do after the last turn?",
            "Nothing so far: last of all, I turned left by 30 degrees (#8).",
        ),
        ("what did you do after you turned right?", "I never turned right."),
        ("it climbed, what did it do right after that?", "I never moved upward."),
    ],
)
def test_before_a_motion_at_the_ends_and_without_one(text: str, answer: str) -> None:
    assert said(text).text == answer


def test_each_time_is_told_where_none_is_asked_for() -> None:
    assert said("what did you do after turning left?").text == (
        "After I turned left (#2 to #3), I moved backward (#4). Nothing so far: last of all, I "
        "turned left by 30 degrees (#8)."
    )


def test_what_could_not_be_measured_or_was_done_less_often_is_not_told() -> None:
    unmeasured = said("no no listen, after it sinked down, what did the drone next")
    assert (unmeasured.status, unmeasured.evidence) == ("cannot_tell", (6, 7))
    assert "the motion to #7 could not be measured" in unmeasured.text
    less = said("what did you do after you turned left the third time?")
    assert (less.text, less.status) == (
        "I can't tell: I turned left only twice (#8).",
        "cannot_tell",
    )


@pytest.mark.parametrize(
    "text",
    [
        "what did you see after you backed up?",
        "what did you do after you saw the bed?",
        "what did you do after keyframe 3?",
        "what would you do if you turned left?",
        "what did you do when you turned left?",
        "turn left, then what do you see?",
        "what did you do before you went back to the start?",
        "what did you do after you turned left and before you backed up?",
        "what did you do next?",
        "after you turned left, where was the bed?",
    ],
)
def test_other_questions_are_not_taken_for_it(text: str) -> None:
    assert understand(text, NOTES.nouns).family != "done_beside"
