"""Facts from ROS topics: any installed type, latched or not; what a topic does not have is said."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from embodied_agent.ros.facts import FactReader, message_type, stamp_of
from embodied_agent.settings import FactSettings

SECOND = 1_000_000_000


def stamped(stamp_ns: int) -> SimpleNamespace:
    seconds, nanoseconds = divmod(stamp_ns, SECOND)
    return SimpleNamespace(
        header=SimpleNamespace(stamp=SimpleNamespace(sec=seconds, nanosec=nanoseconds))
    )


def test_the_header_s_stamp_counts_where_there_is_one() -> None:
    assert stamp_of(stamped(5 * SECOND + 7), now_ns=9) == 5 * SECOND + 7
    assert stamp_of(stamped(0), now_ns=9) == 9
    assert stamp_of(SimpleNamespace(data="auto"), now_ns=9) == 9


def test_messages_count_while_the_node_is_active_for_every_fact_of_their_topic() -> None:
    facts = FactSettings.model_validate(
        {"topics": {"battery": "/battery percentage", "voltage": "/battery voltage"}}
    ).read()
    noted: list[tuple[str, int]] = []
    active = False

    def note(fact: Any, message: Any, stamp_ns: int) -> None:
        noted.append((fact.name, stamp_ns))

    reader = FactReader(facts, note, lambda: 3, lambda: active)
    reader.take(stamped(5))
    active = True
    reader.take(stamped(6))
    assert noted == [("battery", 6), ("voltage", 6)]


@pytest.mark.parametrize("name", ["", "battery", "no_such_package/msg/Battery", "json/msg/Nothing"])
def test_a_type_that_is_not_installed_is_an_import_error(name: str) -> None:
    with pytest.raises(ImportError):
        message_type(name)


@pytest.mark.ros
@pytest.mark.timeout(900)
def test_a_node_notes_topics_latched_or_not_and_says_what_they_do_not_have(
    request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    pytest.importorskip("rclpy", reason="no ROS 2 here: install it in /opt/ros and run `make test`")
    client = request.getfixturevalue("client")  # builds the workspace that the messages come from
    from embodied_agent_interfaces.srv import Ask
    from rclpy.qos import DurabilityPolicy, QoSProfile
    from sensor_msgs.msg import BatteryState
    from std_msgs.msg import String

    from tests.support.ros import publish_until, running_node
    from tests.support.ros_camera import header

    parameters = {
        "perception.backend": "geometry",
        "memory.path": str(tmp_path / "memory.db"),
        "facts.topics": [
            "battery=/facts/battery {percentage:.0%}",
            "charge=/facts/battery charged",
            "mode=/facts/mode",
        ],
        "facts.min_interval_s": 0.0,
    }
    latched = QoSProfile(depth=1, durability=DurabilityPolicy.TRANSIENT_LOCAL)
    mode = client.node.create_publisher(String, "/facts/mode", latched)
    battery = client.node.create_publisher(BatteryState, "/facts/battery", 10)
    mode.publish(String(data="docked"))
    with running_node(tmp_path, namespace="/facts", parameters=parameters) as node:
        client.start(node)

        def ask(question: str) -> str:
            reply = client.call(Ask, f"{node.name}/ask", Ask.Request(question=question))
            return str(reply.answer.text)

        message = BatteryState(header=header(7 * SECOND), percentage=0.8)
        publish_until(battery, message, lambda: "80%" in ask("What is the battery?"))
        assert "docked" in ask("Which mode are you in?")
        node.wait_for_log("the message has no field 'charged'; it has header, voltage")
