"""Messages that the client library can't parse: acknowledged, counted and told, never again."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import httpx2 as httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from embodied_agent.agent import Agent
from embodied_agent.host.interfaces import serving
from embodied_agent.interfaces.mqtt.tolerance import without_properties
from tests.support.hostile_broker import publish, received
from tests.support.mqtt import Broker, Peer, broker_in, running, settings_for, until
from tests.support.web import Naming, Paced, web_settings

ANSWERS = "embodied_agent/r1/answer/#"
FEFF = "\ufeff"
PROPERTIES: dict[str, dict[str, Any]] = {
    "user property": {"UserProperty": [("client", f"a{FEFF}")]},
    "name of one": {"UserProperty": [(FEFF, "a")]},
    "response topic": {"ResponseTopic": f"mine/{FEFF}"},
    "content type": {"ContentType": f"text/{FEFF}"},
}


def refused(peer: Peer, name: str) -> dict[str, Any]:
    (got,) = until(lambda: [g for g in list(peer.got) if g.json.get("id") == name])
    assert got.topic == f"embodied_agent/r1/answer/{name}"
    error: dict[str, Any] = got.json["error"]
    return error


def test_a_message_that_can_not_be_parsed_is_refused_and_does_not_come_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with (
        broker_in(tmp_path / "b") as broker,
        Peer(broker.port, ANSWERS) as peer,
        running(settings_for(broker.port)) as (service, _),
    ):
        for number, properties in enumerate(PROPERTIES.values()):
            peer.ask("tag one", id=f"bad{number}", **properties)
        peer.ask("tag two", id="good")
        errors = [refused(peer, f"bad{number}") for number in range(len(PROPERTIES))]
        assert peer.wait(1, "answer")[0].json["text"] == "tag two"
        status = service.status()
    assert {error["code"] for error in errors} == {"bad_request"}
    assert all("properties of the request can't be read" in e["message"] for e in errors)
    assert (status.connections, status.last_error) == (1, "")
    assert status.unreadable == status.refused == len(PROPERTIES)
    assert "same mqtt.robot" not in caplog.text


def test_readiness_names_a_broker_that_is_away_and_no_longer_once_it_is_back(
    tmp_path: Path,
) -> None:
    broker = Broker(tmp_path)
    settings = web_settings(
        mqtt__enabled=True, mqtt__port=broker.port, mqtt__retry_s=0.05, mqtt__retry_max_s=0.2
    )
    with (
        Agent(settings, perceiver=Naming(), reasoner=Paced()) as agent,
        serving(agent, settings) as interfaces,
        httpx.Client(base_url=str(interfaces.url), trust_env=False, timeout=60) as client,
    ):
        until(lambda: client.get("/readyz").status_code == 503)
        text = client.get("/readyz").text
        assert text.startswith(f"mqtt: no connection to the MQTT broker 127.0.0.1:{broker.port}")
        assert client.get("/api/status").json()["ready"] is False
        try:
            broker.start()
            until(lambda: client.get("/readyz").text == "ready\n")
            with Peer(broker.port) as peer:
                for properties in PROPERTIES.values():
                    peer.code(peer.ask("tag one", "robot", **properties))
            refused = 'embodied_agent_interface_count{name="mqtt",what="unreadable"} 4.0'
            until(lambda: refused in client.get("/metrics").text)
            assert client.get("/readyz").text == "ready\n"
        finally:
            broker.stop()


def test_what_came_while_the_agent_was_away_is_parsed_no_worse(tmp_path: Path) -> None:
    settings: dict[str, Any] = {"client_id": "kept"}
    with broker_in(tmp_path / "b") as broker:
        with running(settings_for(broker.port, **settings)):
            pass
        with Peer(broker.port, ANSWERS) as peer:
            peer.code(peer.ask("tag one", id="bad", **PROPERTIES["response topic"]))
            for _ in range(2):
                with running(settings_for(broker.port, **settings)) as (service, _):
                    peer.code(peer.ask("tag two", id="good"))
                    until(lambda: [g for g in list(peer.got) if g.json["id"] == "good"])
                    assert service.status().connections == 1
                peer.got[:] = [g for g in peer.got if g.json["id"] == "bad"]
            assert len(peer.got) == 1


def test_a_poisoned_answer_does_not_disturb_whoever_waits_for_one(tmp_path: Path) -> None:
    from embodied_agent.interfaces.mqtt.client import ask_robot
    from embodied_agent.interfaces.wire.models import AskRequest

    with broker_in(tmp_path / "b") as broker, running(settings_for(broker.port)) as (_, agent):
        del agent
        settings = settings_for(broker.port).mqtt
        with Peer(broker.port, "embodied_agent/r1/ask") as peer:
            topic = "embodied_agent/r1/answer/mine"
            for properties in PROPERTIES.values():
                peer.code(peer.publish(topic, {"x": 1}, retain=True, **properties))
            request = AskRequest(question="tag one", id="mine")
            assert ask_robot(settings, request, timeout_s=60).text == "tag one"


def test_malformed_properties_of_every_kind_cost_no_connection() -> None:
    rests = {
        "unknown property": b"\x02\x7f\x00",
        "not UTF-8": b"\x05\x03\x00\x02\xff\xfe",
        "a null": b"\x04\x03\x00\x01\x00",
        "half a surrogate pair": b"\x06\x08\x00\x03\xed\xa0\x80",
        "twice": b"\x08\x03\x00\x01a\x03\x00\x01b",
        "a string past its end": b"\x04\x03\x00\x09a",
        "a property of CONNECT": b"\x05\x11\x00\x00\x00\x01",
        "format indicator 7": b"\x02\x01\x07",
        "a length past the end": b"\x7f\x01",
        "a length of five bytes": b"\xff\xff\xff\xff\x01",
        "nothing": b"",
    }
    packets = [publish(mid, rest + b"hello") for mid, rest in enumerate(rests.values(), 1)]
    packets.append(publish(99, b"\x00fine"))
    packets.append(publish(100, b"\x00fine", topic=b"\xff"))
    got, acknowledged = received(packets)
    assert sorted(acknowledged) == [*range(1, len(rests) + 1), 99, 100]
    by_name = dict(zip([*rests, "good", "topic"], got, strict=True))
    assert (by_name["good"].fault, by_name["good"].payload) == ("", b"fine")
    assert "not UTF-8" in by_name["topic"].fault
    for name in list(rests)[:8]:
        assert by_name[name].payload == b"hello", name
        assert by_name[name].fault, name
        assert by_name[name].topic == "t", name


def test_a_thousand_random_packets_cost_no_connection() -> None:
    rng = random.Random(11)
    packets = [publish(mid, rng.randbytes(rng.randrange(1, 60))) for mid in range(1, 1001)]
    got, acknowledged = received(packets)
    assert len(got) == 1000
    assert sorted(acknowledged) == list(range(1, 1001))


@given(packet=st.binary(max_size=60), qos=st.sampled_from([0, 1]))
def test_what_is_left_of_a_packet_has_its_topic_and_no_properties(packet: bytes, qos: int) -> None:
    try:
        rest = without_properties(packet, qos)
    except ValueError:
        return
    head = 2 + int.from_bytes(packet[:2], "big") + 2 * qos
    assert rest[: head + 1] == packet[:head] + b"\x00"
    assert packet.endswith(rest[head + 1 :])


@pytest.fixture
def broker(tmp_path: Path) -> Any:
    with broker_in(tmp_path / "b") as started:
        yield started


def test_a_message_without_an_id_is_counted_where_it_can_not_be_answered(broker: Broker) -> None:
    with running(settings_for(broker.port)) as (service, _), Peer(broker.port, ANSWERS) as peer:
        peer.ask("tag one", **PROPERTIES["response topic"])
        peer.ask("tag two", id="good")
        peer.wait(1, "answer")
        assert [g.json["id"] for g in peer.got] == ["good"]
        assert service.status().refused_by_code == {"bad_request": 1}
