"""Values to note over a real Mosquitto: stored once, with who says so, or refused with a reason."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from embodied_agent import Agent
from embodied_agent.host.interfaces import serving
from embodied_agent.interfaces.mqtt.messages import Refusal, parse_fact
from embodied_agent.interfaces.mqtt.packets import Incoming
from embodied_agent.interfaces.mqtt.topics import Topics
from embodied_agent.interfaces.wire.facts import FactRequest
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.settings import Settings
from tests.support.mqtt import Broker, Echo, Peer, broker_in, settings_for, until

FACT = "embodied_agent/r1/fact"


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with broker_in(tmp_path / "broker") as started:
        yield started


@contextmanager
def robot(settings: Settings) -> Iterator[Agent]:
    with (
        Agent(settings, perceiver=GeometryPerceiver(), reasoner=Echo()) as agent,
        serving(agent, settings) as interfaces,
    ):
        until(lambda: interfaces.status()["mqtt"].state == "connected")
        yield agent


def test_values_are_noted_once_with_who_says_so(broker: Broker, tmp_path: Path) -> None:
    with (
        Peer(broker.port, "mine/#") as peer,
        robot(settings_for(broker.port, tmp_path / "m.db")) as agent,
    ):
        for _ in range(2):  # as where the broker sends a message again
            body = {"name": "battery", "value": 0.8, "stamp_ns": 5}
            peer.publish(f"{FACT}/alice", json.dumps(body).encode())
        peer.publish(FACT, json.dumps({"name": "mode", "value": "auto", "by": "Bob"}).encode())
        until(lambda: len(agent.facts()) == 2)
        battery, mode = agent.facts()
        assert (battery.value, battery.stamp_ns, battery.by) == ("0.8", 5, "alice")
        assert (mode.value, mode.by) == ("auto", "Bob")
        assert len(agent.facts("battery")) == 1


def test_what_can_not_be_noted_is_told_where_that_is_wanted(broker: Broker, tmp_path: Path) -> None:
    with (
        Peer(broker.port, "mine/#") as peer,
        robot(settings_for(broker.port, tmp_path / "m.db")) as agent,
    ):
        for payload in (
            b'{"name": "battery", "value": NaN}',
            b'{"name": "7", "value": 1}',
            b"\xff",
        ):
            peer.publish(FACT, payload, ResponseTopic="mine/here")
        codes = [got.json["error"]["code"] for got in peer.wait(3, "error")]
        assert codes == ["bad_request"] * 3
        assert agent.facts() == []


@given(st.binary(max_size=200) | st.dictionaries(st.text(max_size=9), st.floats() | st.text()).map(
    lambda values: json.dumps(values).encode()))  # fmt: skip
@hypothesis_settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_message_is_a_value_or_refused(payload: bytes) -> None:
    topics = Topics("r1")
    message = Incoming(FACT, payload, len(payload), retain=False)
    parsed = parse_fact(message, topics, 10_000)
    assert isinstance(parsed, FactRequest | Refusal)


def test_the_topics_of_facts_name_the_operator() -> None:
    topics = Topics("r1")
    assert topics.operator_of(f"{FACT}/alice") == "alice"
    assert topics.operator_of(FACT) == ""
    assert [topics.is_fact(topic) for topic in (FACT, f"{FACT}/a", topics.ask, f"{FACT}s")] == [
        *(True, True, False, False)
    ]
