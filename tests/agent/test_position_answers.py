"""Questions with choices that the measured positions of objects settle are answered from these."""

from __future__ import annotations

import time

import pytest

from embodied_agent.agent import past_objects
from embodied_agent.agent.answerer import Answerer
from embodied_agent.object_records import Correction
from embodied_agent.records import Answer, Mention, Pose, Question
from embodied_agent.settings import load_settings
from tests.support.object_world import Robot, pose
from tests.support.scripted import Scripted, reply

ROOM = {"red chair": (4.0, 1.0, 1.0), "blue lamp": (5.0, 0.0, 1.2), "plant": (5.0, 2.4, 0.6)}
UNTOLD = "The memory does not tell"
SIDES = ("front", "left", "back", "right", UNTOLD)
CHAIR = Question("Where is the red chair now?", SIDES)
QUADRANTS = ("front-left", "front-right", "back-left", "back-right", UNTOLD)


def seen(here: Pose | None = None) -> Robot:
    """A robot that has driven past the room, and then looks from ``here`` at nothing."""
    robot = Robot()
    robot.drive(ROOM)
    robot.look({}, here or pose(2.0, 1.0, 180.0))
    return robot


def asked(
    robot: Robot, question: Question, *, reasoner: Scripted | None = None, **settings: object
) -> Answer:
    scripted = reasoner or Scripted(reply("front", "#0"))
    answerer = Answerer(
        robot.store,
        load_settings(
            **{f"reasoning__{name}": value for name, value in settings.items()}
        ).reasoning,
        lambda: scripted,
        objects=robot.memory,
    )
    last = robot.store.keyframes()[-1].id
    if question.at_ns is not None:
        last = max(k.id for k in robot.store.keyframes() if k.stamp_ns <= question.at_ns)
    *_, answer = answerer.stream(question, 0, last, time.monotonic() + 60)
    answerer.close()
    assert isinstance(answer, Answer)
    return answer


@pytest.mark.parametrize("backend", ["builtin", "served"])
@pytest.mark.parametrize(
    ("text", "options", "choice"),
    [
        ("Where is the red chair now?", SIDES, "back"),
        ("If you were to rotate left 90 degrees now, where would the red chair be?", SIDES, "left"),
        ("Which of these two is closer to you now?", ("blue lamp", "red chair"), "red chair"),
        ("Which one is farthest from you?", ("red chair", "plant", UNTOLD), "plant"),
        ("If you stood at the blue lamp and faced the red chair, where would the plant be?",
         QUADRANTS, "front-right"),
        ("Which way leads to the red chair?",
         ("rotate left 90, move forward", "move forward", "rotate left 180, move forward"),
         "rotate left 180, move forward"),
    ],
)  # fmt: skip
def test_what_positions_settle_needs_no_reasoner(
    text: str, options: tuple[str, ...], choice: str, backend: str
) -> None:
    reasoner = Scripted()
    answer = asked(seen(), Question(text, options), reasoner=reasoner, backend=backend)
    assert (answer.status, answer.text) == ("answered", choice)
    assert answer.choice == "ABCDE"[options.index(choice)]
    assert reasoner.prompts == []
    assert answer.models["reasoner"] == "rules"
    assert "measured positions of" in answer.verified_by
    assert "last seen #7" in answer.reasoning
    assert [evidence.keyframe_id for evidence in answer.evidence] == [7]


def test_the_reasoning_says_what_was_measured() -> None:
    answer = asked(seen(pose(2.0, 1.0, 90.0)), CHAIR)
    assert answer.text == "right"
    assert answer.reasoning.startswith("Measured from where I am, by position: red chair: ")
    assert "° right, 2.0 m" in answer.reasoning


def test_without_positions_the_reasoner_is_asked() -> None:
    reasoner = Scripted(reply("front", "#7"))
    told = Question(CHAIR.text, tuple(side for side in SIDES if side != UNTOLD))
    assert asked(seen(), told, reasoner=reasoner, positions=False).text == "front"
    assert len(reasoner.prompts) == 1


def test_positions_settle_what_the_notes_leave_open() -> None:
    """No motion was measured: only the poses tell."""
    robot = seen()
    for yaw in (150.0, 120.0, 90.0):
        robot.look({}, pose(2.0, 1.0, yaw))
    assert asked(robot, CHAIR, positions=False).status == "cannot_tell"
    assert asked(robot, CHAIR).text == "right"


def test_a_direction_at_the_edge_of_two_is_left_to_the_notes() -> None:
    edge = Question(CHAIR.text, ("front", "front-left", "front-right", UNTOLD))
    assert "measured" not in asked(seen(pose(2.0, 1.0, -15.0)), edge).verified_by
    assert asked(seen(pose(2.0, 1.0, -35.0)), edge).text == "front-left"


def test_what_is_asked_of_a_model_is_not_answered_by_position() -> None:
    reasoner = Scripted(reply("left", "#3"))
    assert (
        asked(seen(), CHAIR, reasoner=reasoner, free="reasoner", check_notes=False).text == "left"
    )
    reasoner = Scripted(reply("left", "#3"))
    answer = asked(seen(), CHAIR, reasoner=reasoner, second_look__mode="on")
    assert answer.text == "left"


@pytest.mark.parametrize(
    "question",
    [
        Question("Where is the green sofa now?", SIDES),  # nobody saw one
        Question("If you had skipped your last left turn, where would the red chair be?", SIDES),
        Question("Which of these did you see first?", ("red chair", "plant")),
        Question("Which is closer to the plant?", ("red chair", "blue lamp")),
        Question("Where was the red chair at first?", SIDES),
    ],
)
def test_other_questions_are_not_answered_by_position(question: Question) -> None:
    assert "measured positions of" not in asked(seen(), question).verified_by


def test_without_a_place_nothing_is_answered_by_position() -> None:
    robot = Robot()
    robot.drive(ROOM)
    robot.look(ROOM, None, mentions=[])
    assert "measured" not in asked(robot, CHAIR).verified_by
    robot.look(ROOM, pose(0.0, 0.0, frame="odom"), mentions=[])  # another map session
    assert "measured" not in asked(robot, CHAIR).verified_by


def test_a_second_thing_of_the_name_that_was_hardly_ever_seen_leaves_it_settled() -> None:
    robot = Robot()
    elsewhere = {"red chair": (-6.0, 0.5, 1.0)}
    robot.drive(ROOM)
    robot.look(elsewhere, pose(0.0, 0.0, 180.0))
    robot.look(ROOM, pose(0.0, 1.0))
    robot.look({}, pose(2.0, 1.0, 180.0))
    assert sorted(one.seen for one in robot.memory.objects("red chair")) == [1, 9]
    answer = asked(robot, CHAIR)
    assert (answer.text, answer.verified_by) == ("back", "measured positions of one object")
    assert [evidence.keyframe_id for evidence in answer.evidence] == [9]
    # Where it is the hardly known one that was seen last, nobody knows which is meant.
    robot.look(elsewhere, pose(0.0, 0.0, 180.0))
    assert "measured" not in asked(robot, CHAIR).verified_by


def test_what_is_gone_or_there_twice_is_not_answered_by_position() -> None:
    robot = Robot()
    robot.drive(ROOM)
    without = {name: place for name, place in ROOM.items() if name != "red chair"}
    for _ in range(3):
        robot.look(without, pose(0.0, 1.0))
    robot.look({}, pose(0.0, 1.0), mentions=[Mention("crate", "front-left")])
    assert robot.only("red chair").gone_since_ns is not None
    assert "measured" not in asked(robot, CHAIR).verified_by
    robot = Robot()
    robot.drive({**ROOM, "red chair#2": (4.0, -2.0, 1.0)})
    robot.look({}, pose(2.0, 1.0, 180.0))
    assert len(robot.memory.objects("red chair")) == 2
    assert "measured" not in asked(robot, CHAIR).verified_by


def test_an_earlier_time_is_answered_from_what_was_known_then() -> None:
    robot = Robot()
    robot.drive({"plant": ROOM["plant"]})
    early = robot.stamp_ns
    robot.drive(ROOM)
    robot.look({}, pose(2.0, 1.0, 180.0))
    late = robot.stamp_ns
    plant = Question(
        "Where is the plant now?", ("front-left", "front", "back", UNTOLD), at_ns=early
    )
    assert asked(robot, plant).text == "front"
    then = Question(CHAIR.text, CHAIR.choices, at_ns=early)
    assert asked(robot, then).status == "not_seen"
    now = Question(CHAIR.text, CHAIR.choices, at_ns=late)
    answers = [asked(robot, question) for question in (now, then, now)]
    assert [answer.text for answer in answers][::2] == ["back", "back"]
    assert "measured positions of" in answers[0].verified_by


def test_a_time_that_too_many_keyframes_lead_to_is_left_to_the_notes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    robot = seen()
    then = Question(CHAIR.text, CHAIR.choices, at_ns=robot.stamp_ns)
    monkeypatch.setattr(past_objects, "MOST_FOLDED", 8)
    assert "measured" not in asked(robot, then).verified_by
    monkeypatch.setattr(past_objects, "MOST_FOLDED", 9)
    assert "measured" in asked(robot, then).verified_by
    assert "measured" in asked(robot, CHAIR).verified_by


def test_what_a_person_corrected_counts_for_earlier_times_too() -> None:
    robot = seen(pose(2.0, 0.0, 180.0))
    asked_at = Question(CHAIR.text, ("front", "back-right", UNTOLD), at_ns=robot.stamp_ns)
    assert "measured" in asked(robot, asked_at).verified_by
    chair = robot.only("red chair")
    robot.memory.correct(Correction("forget", "Ada", object_id=chair.id))
    assert asked(robot, asked_at).status == "not_seen"
    lamp = robot.only("blue lamp")
    lamp_at = Question("Where is the blue lamp now?", SIDES, at_ns=robot.stamp_ns)
    assert "measured" in asked(robot, lamp_at).verified_by
    robot.memory.correct(Correction("relabel", "Ada", object_id=lamp.id, text="floor lamp"))
    assert "measured" not in asked(robot, lamp_at).verified_by
