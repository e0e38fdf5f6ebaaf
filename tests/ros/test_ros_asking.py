"""Questions and searches over services, and the action that streams its reasoning."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.served import Handler, chunk, faulty

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from tests.support.ros import (  # noqa: E402
    PATIENCE_S,
    Client,
    NodeProcess,
    running_node,
    wait_until,
)
from tests.support.ros_camera import VIEWS, Camera  # noqa: E402


@pytest.fixture
def ask(client: Client, answering: NodeProcess, camera: Camera) -> Callable[..., object]:
    from embodied_agent_interfaces.srv import Ask

    def call(**fields: object) -> object:
        return client.call(Ask, f"{answering.name}/ask", Ask.Request(**fields))

    return call


def test_a_question_is_answered_with_evidence(ask: Callable[..., object]) -> None:
    response = ask(question="Where?")
    assert response.success, response.answer.problem
    assert response.answer.text == "to the left"
    assert response.answer.status == "answered"
    assert "total" in response.answer.stages
    assert [item.keyframe_id for item in response.answer.evidence] == [0]
    (evidence,) = response.answer.evidence
    assert (evidence.note, evidence.segment, evidence.camera_frame_id) == ("cited", 0, "camera")


def test_a_memory_of_motion_alone_says_that_it_noted_no_objects(ask: Callable[..., object]) -> None:
    response = ask(question="Where is the sofa?")
    assert response.success, response.answer.problem
    assert response.answer.status == "cannot_tell"
    assert "motion" in response.answer.text


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"question": "   "}, "empty"),
        ({"question": "x" * 1_000_000}, "1000000 characters"),
        ({"question": "where?", "choices": ["a", "a"]}, "the same"),
        ({"question": "where?", "timeout_s": -1.0}, "timeout_s"),
        ({"question": "where?", "timeout_s": float("nan")}, "timeout_s"),
    ],
)
def test_a_question_that_cannot_be_asked_gets_its_reason(
    ask: Callable[..., object], answering: NodeProcess, fields: dict[str, object], said: str
) -> None:
    response = ask(**fields)
    assert not response.success
    assert said in response.answer.problem
    assert answering.alive


def test_a_hundred_questions_at_once_all_get_replies(
    client: Client, answering: NodeProcess, camera: Camera
) -> None:
    from embodied_agent_interfaces.srv import Ask
    from rclpy.qos import QoSProfile

    # With ROS's default of ten, this one client would lose most of the replies by itself.
    qos = QoSProfile(depth=200)
    service = client.node.create_client(Ask, f"{answering.name}/ask", qos_profile=qos)
    assert service.wait_for_service(PATIENCE_S)
    futures = [service.call_async(Ask.Request(question=f"Where is {n}?")) for n in range(100)]
    answers = [client.result(future).answer for future in futures]
    assert all(answer.text or answer.problem for answer in answers)
    assert sum(answer.text == "to the left" for answer in answers) > 50
    client.node.destroy_client(service)


def test_recall_finds_keyframes_with_their_pictures(
    client: Client, answering: NodeProcess, camera: Camera
) -> None:
    from embodied_agent_interfaces.srv import Recall

    request = Recall.Request(limit=2, pictures=True)
    response = client.call(Recall, f"{answering.name}/recall", request)
    assert response.success
    assert len(response.deltas) == len(response.pictures) == len(response.ranks) == 2
    assert bytes(response.pictures[0].data[:2]) == b"\xff\xd8"


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (lambda request: setattr(request.near, "x", float("nan")), "finite"),
        (lambda request: setattr(request, "radius_m", -1.0), "radius_m is -1"),
        (
            lambda request: (setattr(request.since, "sec", 9), setattr(request.until, "sec", 8)),
            "since is later than until",
        ),
    ],
)
def test_recall_says_what_is_wrong_with_a_request(
    client: Client,
    answering: NodeProcess,
    camera: Camera,
    wrong: Callable[[object], object],
    said: str,
) -> None:
    from embodied_agent_interfaces.srv import Recall

    request = Recall.Request(use_position=True)
    wrong(request)
    response = client.call(Recall, f"{answering.name}/recall", request)
    assert not response.success
    assert said in response.message


def test_a_reply_is_streamed_as_feedback(
    client: Client, answering: NodeProcess, camera: Camera
) -> None:
    from action_msgs.msg import GoalStatus
    from embodied_agent_interfaces.action import Reason
    from rclpy.action import ActionClient

    action = ActionClient(client.node, Reason, f"{answering.name}/reason")
    assert action.wait_for_server(PATIENCE_S)
    feedback: list[Any] = []
    goal = client.result(
        action.send_goal_async(
            Reason.Goal(question="Where?"), lambda message: feedback.append(message.feedback)
        )
    )
    outcome = client.result(goal.get_result_async())
    assert outcome.status == GoalStatus.STATUS_SUCCEEDED, outcome.result.answer.problem
    assert outcome.result.answer.text == "to the left"

    def said(is_answer: bool) -> str:
        return "".join(piece.text for piece in feedback if piece.is_answer == is_answer)

    wait_until(lambda: said(is_answer=True) == "to the left")
    assert said(is_answer=False) == "It was in #0."  # the reasoning, and no tag
    action.destroy()


@pytest.mark.parametrize(("question", "choices"), [("", []), ("Where?", ["left", "left"])])
def test_a_goal_that_cannot_be_asked_is_rejected_and_the_log_says_why(
    client: Client, answering: NodeProcess, question: str, choices: list[str]
) -> None:
    from embodied_agent_interfaces.action import Reason
    from rclpy.action import ActionClient

    action = ActionClient(client.node, Reason, f"{answering.name}/reason")
    assert action.wait_for_server(PATIENCE_S)
    goal = client.result(action.send_goal_async(Reason.Goal(question=question, choices=choices)))
    assert not goal.accepted
    answering.wait_for_log("a goal of ~/reason is rejected")
    action.destroy()


def _endless(handler: Handler) -> None:
    """Thinks on and on, until the client goes away."""
    handler.start(200, "text/event-stream", {"Transfer-Encoding": "chunked"})
    try:
        while not handler.server.went.wait(0.02):
            handler.send(chunk(content="hm "))
    except OSError:
        handler.server.gone.append(True)
    handler.server.went.set()
    handler.close_connection = True


def test_images_are_taken_while_a_model_thinks_and_cancelling_stops_it(
    client: Client, tmp_path: Path
) -> None:
    from action_msgs.msg import GoalStatus
    from embodied_agent_interfaces.action import Reason
    from rclpy.action import ActionClient

    with faulty(_endless) as server:
        parameters = {
            "reasoning.backend": "served",
            "reasoning.free": "reasoner",
            "reasoning.server.base_url": server.url,
            "reasoning.timeout_s": 600.0,
        }
        with running_node(tmp_path, namespace="/cancelled", parameters=parameters) as node:
            client.start(node)
            camera = Camera(client, "/cancelled")
            camera.send(VIEWS[0])
            action = ActionClient(client.node, Reason, f"{node.name}/reason")
            assert action.wait_for_server(PATIENCE_S)
            pieces: list[str] = []
            goal = client.result(
                action.send_goal_async(
                    Reason.Goal(question="Where?"), lambda m: pieces.append(m.feedback.text)
                )
            )
            wait_until(lambda: pieces)
            camera.send(VIEWS[1])  # a model that thinks holds nothing up
            assert not server.went.is_set()
            client.result(goal.cancel_goal_async())
            outcome = client.result(goal.get_result_async())
            assert outcome.status == GoalStatus.STATUS_CANCELED
            assert server.went.wait(PATIENCE_S)
            assert server.gone == [True]
            action.destroy()
