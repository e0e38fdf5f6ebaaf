"""Robots send through a real broker: once and in order, or they are told why not."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from embodied_agent.fleet.link import Link, Unreachable
from embodied_agent.fleet.replies import ServerStatus
from embodied_agent.fleet.serving.server import FleetServer
from embodied_agent.fleet.wire import Cursor
from embodied_agent.object_records import Correction
from tests.support.fleet import WAIT_S, Robot, rows, serving, until
from tests.support.fleet_mqtt import (
    MEMORY,
    REPLIES,
    REQUESTS,
    batch,
    broker_settings,
    ids,
    robot_on,
)
from tests.support.mqtt import Broker, Got, Peer, broker_in
from tests.support.postgres import Postgres


@pytest.fixture
def fleet(database_server: Postgres, broker: Broker) -> Iterator[FleetServer]:
    """A fleet server with an empty database, on a broker."""
    with serving(database_server.database(), broker=broker_settings(broker.port)) as server:
        yield server


def test_all_that_a_robot_has_arrives_over_mqtt(fleet: FleetServer, broker: Broker) -> None:
    robot = robot_on(broker.port)
    for number in range(5):
        robot.see("red van", f"chair {number}", where=(number, 1.0))
    robot.note("battery", "80 %")
    robot.send()
    robot.store.corrections.forget(Correction("forget", "me", from_ns=0, to_ns=1), (), (2,))
    robot.again()
    robot.see("dog")
    robot.send()
    robot.close()
    assert ids(fleet) == [0, 1, 2, 3, 4, 5]
    assert rows(fleet, "SELECT keyframe_id FROM thumbnails ORDER BY 1") == [
        (0,), (1,), (3,), (4,), (5,)
    ]  # fmt: skip
    assert rows(fleet, "SELECT name, value FROM facts") == [("battery", "80 %")]
    status = Link(fleet.url, timeout_s=WAIT_S).get("/api/status", ServerStatus).mqtt
    assert status is not None
    assert (status.state, status.refused, status.set_aside) == ("connected", {}, 0)
    assert status.received == status.answered > 3


def test_the_acknowledgement_is_the_one_of_http_and_a_repeated_batch_changes_nothing(
    fleet: FleetServer, broker: Broker
) -> None:
    with Peer(broker.port, REPLIES) as peer:
        for name in (b"1", b"2", b"2"):
            peer.publish(f"{REQUESTS}/batch", batch(), CorrelationData=name)
        replies = peer.wait(3)
        peer.publish(f"{REQUESTS}/cursor", {"memory": MEMORY}, CorrelationData=b"3")
        cursor = peer.wait(4)[-1]
    assert {reply.payload for reply in replies} == {cursor.payload}
    assert [reply.correlation for reply in replies] == [b"1", b"2", b"2"]
    http = Robot(fleet.url, "r1")
    assert http.uplink.cursor(MEMORY) == Cursor.model_validate_json(cursor.payload)
    http.close()
    assert ids(fleet) == [0]


def test_requests_of_one_robot_are_done_in_their_order(fleet: FleetServer, broker: Broker) -> None:
    with Peer(broker.port, REPLIES) as peer:
        for number in range(30):
            peer.publish(f"{REQUESTS}/batch", batch(number), CorrelationData=b"%d" % number)
        replies = peer.wait(30)
    assert [reply.json.get("keyframe_id") for reply in replies] == list(range(30))


def test_without_its_database_the_server_asks_to_come_back(broker: Broker) -> None:
    url = "postgresql://nobody@127.0.0.1:9/fleet"
    settings = broker_settings(broker.port)
    with serving(url, broker=settings, database_wait_s=0.2):
        robot = robot_on(broker.port)
        robot.see("van")
        with pytest.raises(Unreachable, match="status 503") as caught:
            robot.send()
        assert caught.value.retry_after_s > 0
        robot.close()


def test_a_robot_without_a_broker_or_a_server_is_told_so(broker: Broker) -> None:
    robot = robot_on(broker.port)
    with pytest.raises(Unreachable, match="no fleet server is connected to the MQTT broker"):
        robot.send()
    broker.kill()
    with pytest.raises(Unreachable, match="MQTT broker"):
        robot.send()
    robot.close()


def test_a_request_that_the_broker_finds_too_large_is_sent_in_parts(
    database_server: Postgres, tmp_path: Path
) -> None:
    limits = ("allow_anonymous true", "message_size_limit 70000")
    with (
        broker_in(tmp_path / "small", config=limits) as broker,
        serving(database_server.database(), broker=broker_settings(broker.port)) as fleet,
    ):
        robot = robot_on(broker.port, batch_bytes=1_000_000)
        for number in range(90):
            robot.see("van", observation=f"{number} " + "x" * 2000)
        robot.send()
        robot.close()
        assert ids(fleet) == list(range(90))


def test_what_can_not_be_used_is_refused_or_set_aside_and_the_rest_goes_on(
    database_server: Postgres, broker: Broker
) -> None:
    settings = broker_settings(broker.port)
    with (
        serving(database_server.database(), broker=settings, max_body_bytes=65_536) as fleet,
        Peer(broker.port, REPLIES) as peer,
    ):
        for payload in (b"", b"{", b"\xff\x00", b"[]", json.dumps({"memory": "x"}).encode()):
            peer.publish(f"{REQUESTS}/batch", payload, CorrelationData=b"bad")
        peer.publish(f"{REQUESTS}/batch", b"x" * 65_537, CorrelationData=b"large")
        peer.publish(f"{REQUESTS}/batch", batch(5), CorrelationData=b"gap")
        peer.wait(7)
        peer.publish(f"{REQUESTS}/batch", batch())  # nobody could tell what a reply belongs to
        peer.publish(f"{REQUESTS}/drop", b"{}", CorrelationData=b"unknown")
        peer.publish("embodied_agent/a b/fleet/batch", batch(), CorrelationData=b"no name")
        peer.publish(f"{REQUESTS}/batch", batch(), CorrelationData=b"good")
        replies = peer.wait(8)
        status = until(lambda: (s := fleet.broker()) and s.set_aside == 3 and s)
        assert status.refused == {"invalid": 5, "too_large": 1, "gap": 1}
        assert status.last_problem
        assert codes(replies[:7]) == ["invalid"] * 5 + ["too_large", "gap"]
        assert replies[7].correlation == b"good"
        assert ids(fleet) == [0]
        assert rows(fleet, "SELECT name FROM robots") == [("r1",)]


def codes(replies: list[Got]) -> list[str]:
    return [reply.json["error"]["code"] for reply in replies]
