"""The node's states: what each transition makes and removes; two nodes beside each other."""

from __future__ import annotations

from pathlib import Path

import pytest

pytestmark = [pytest.mark.ros, pytest.mark.timeout(900)]
pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")

from tests.support.ros import PATIENCE_S, Client, running_node, wait_until  # noqa: E402
from tests.support.ros_camera import VIEWS, Camera  # noqa: E402


def test_transitions_make_and_remove_everything(client: Client, tmp_path: Path) -> None:
    from embodied_agent_interfaces.srv import Ask

    with running_node(tmp_path, namespace="/stepped") as node:
        topic = f"{node.name}/decision"
        assert client.state(node) == "unconfigured"
        assert client.node.count_publishers(topic) == 0
        assert client.transition(node, "configure")
        assert client.state(node) == "inactive"
        wait_until(lambda: client.node.count_publishers(topic) == 1)
        response = client.call(Ask, f"{node.name}/ask", Ask.Request(question="where?"))
        assert "inactive" in response.answer.problem
        assert client.transition(node, "activate")
        assert client.state(node) == "active"
        Camera(client, "/stepped").send(VIEWS[0])
        assert client.transition(node, "deactivate")
        assert client.transition(node, "cleanup")
        assert client.state(node) == "unconfigured"
        wait_until(lambda: client.node.count_publishers(topic) == 0)
        assert client.transition(node, "unconfigured_shutdown") or client.transition(
            node, "shutdown"
        )
        assert client.state(node) == "finalized"


def test_a_transition_that_does_not_exist_leaves_the_node_alive(
    client: Client, tmp_path: Path
) -> None:
    from lifecycle_msgs.msg import Transition
    from lifecycle_msgs.srv import ChangeState

    with running_node(tmp_path, namespace="/wrong") as node:
        assert client.state(node) == "unconfigured"
        service = client.node.create_client(ChangeState, f"{node.name}/change_state")
        assert service.wait_for_service(PATIENCE_S)
        wrong = Transition(id=Transition.TRANSITION_DEACTIVATE)
        service.call_async(ChangeState.Request(transition=wrong))
        assert client.state(node) == "unconfigured"
        assert client.transition(node, "configure")
        client.node.destroy_client(service)


def test_a_memory_that_cannot_be_opened_leaves_the_node_unconfigured(
    client: Client, tmp_path: Path
) -> None:
    (tmp_path / "memory").write_text("this is no memory, and longer than a header would be " * 9)
    parameters = {"memory.path": str(tmp_path / "memory")}
    with running_node(tmp_path, namespace="/unopened", parameters=parameters) as node:
        assert not client.transition(node, "configure")
        assert client.state(node) == "unconfigured"
        node.wait_for_log("can't configure")


def test_a_hundred_cycles_leave_nothing_behind(client: Client, tmp_path: Path) -> None:
    parameters = {"memory.path": str(tmp_path / "memory.db")}
    with running_node(tmp_path, namespace="/cycled", parameters=parameters) as node:

        def cycle() -> None:
            for name in ("configure", "activate", "deactivate", "cleanup"):
                assert client.transition(node, name), node.log

        for _ in range(5):
            cycle()
        wait_until(lambda: client.node.count_publishers(f"{node.name}/decision") == 0)
        files, threads = node.files(), node.threads()
        for _ in range(95):
            cycle()
        wait_until(lambda: node.files() <= files + 2 and node.threads() <= threads + 1)


def test_two_robots_run_side_by_side(client: Client, tmp_path: Path) -> None:
    with (
        running_node(tmp_path, namespace="/first") as first,
        running_node(tmp_path, namespace="/second") as second,
    ):
        client.start(first)
        client.start(second)
        one, other = Camera(client, "/first"), Camera(client, "/second")
        one.send(VIEWS[0])
        assert not other.decisions
        other.send(VIEWS[0])
        assert one.decisions[0].reason == other.decisions[0].reason == "first"
