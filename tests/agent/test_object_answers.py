"""What objects add to answers: goals, what is not there any more, and what can't be compared."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from embodied_agent.agent import Agent
from embodied_agent.interfaces.wire.from_records import answer_reply
from embodied_agent.records import Answer, Question
from embodied_agent.settings import load_settings
from tests.support.object_world import Robot, pose

ROOM = {"red chair": (4.0, 1.0, 0.5), "blue lamp": (5.0, 0.0, 1.2), "plant": (5.0, 2.4, 0.6)}


@pytest.fixture
def robot(tmp_path: Path) -> Robot:
    return Robot(str(tmp_path / "memory.db"))


def asked(robot: Robot, question: str) -> Answer:
    robot.store.close()
    settings = load_settings(memory__path=robot.store.path, perception__backend="geometry")
    with Agent(settings) as agent:
        answer = agent.ask(question)
        ((_, stored),) = agent.store.answers()
        assert stored == answer
        return answer


def test_an_answer_about_one_thing_has_a_goal(robot: Robot) -> None:
    robot.drive(ROOM)
    one = robot.only("red chair")
    answer = asked(robot, "Where is the red chair?")
    assert answer.status == "answered"
    assert answer.goal is not None
    assert (answer.goal.object_id, answer.goal.session) == (one.id, 0)
    assert answer.goal.pose.frame_id == "map"
    reply = answer_reply(Question("Where is the red chair?"), answer)
    sent = json.loads(reply.model_dump_json())
    assert sent["goal"]["pose"]["position_m"] == list(answer.goal.pose.position_m)


def test_of_two_that_fit_none_is_the_goal(robot: Robot) -> None:
    robot.drive({**ROOM, "red chair#2": (4.5, 2.0, 0.5)})
    assert asked(robot, "Where is the red chair?").goal is None


def test_a_thing_that_is_gone_is_said_to_be_not_there(robot: Robot) -> None:
    robot.drive(ROOM)
    for _ in range(3):
        robot.look({k: v for k, v in ROOM.items() if k != "red chair"}, pose(0.0, 1.8))
    answer = asked(robot, "Where is the red chair?")
    assert answer.goal is None
    assert "I last saw it at #7; it was not there at #8, #9, #10." in answer.text
    notes = {evidence.keyframe_id: evidence.note for evidence in answer.evidence}
    assert notes[8] == notes[10] == "not there"


def test_a_position_of_an_earlier_session_is_no_goal_and_the_answer_says_so(robot: Robot) -> None:
    robot.drive(ROOM)
    robot.drive({"plant": ROOM["plant"]}, segment=1)
    answer = asked(robot, "Where did you last see the red chair?")
    assert answer.status == "answered"
    assert answer.goal is None
    assert "earlier map session (0; it is 1 now)" in answer.notice


def test_other_questions_are_answered_as_before(robot: Robot) -> None:
    robot.drive(ROOM)
    answer = asked(robot, "How many chairs did you see?")
    assert answer.goal is None
