"""Robots send through a real broker: once and in order, whatever goes away in between."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest

from embodied_agent.errors import LinkError, SettingsError
from embodied_agent.fleet.link import Link, Refused, Unreachable
from embodied_agent.fleet.replies import ServerStatus
from embodied_agent.fleet.sending.mqtt_uplink import MqttUplink
from embodied_agent.fleet.serving.server import FleetServer
from embodied_agent.fleet.wire import Batch, Cursor, FleetKeyframe
from embodied_agent.object_records import Correction
from embodied_agent.settings import FleetServerSettings, MqttSettings
from tests.support.fleet import START_NS, WAIT_S, Robot, rows, serving, until
from tests.support.holding_proxy import HoldingProxy
from tests.support.mqtt import Broker, Got, Peer, broker_in, program
from tests.support.postgres import Postgres
from tests.support.processes import python_path
from tests.support.sending import TOGETHER_S, Sending, begun, check_arrived

MEMORY = "0" * 32
REQUESTS, REPLIES = "embodied_agent/r1/fleet", "embodied_agent/r1/fleet_reply"


def broker_settings(port: int, **values: Any) -> MqttSettings:
    return MqttSettings.model_validate(
        {"port": port, "retry_s": 0.05, "retry_max_s": 0.2, "connect_timeout_s": WAIT_S, **values}
    )


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    with broker_in(tmp_path / "broker") as started:
        yield started


@pytest.fixture
def fleet(database_server: Postgres, broker: Broker) -> Iterator[FleetServer]:
    """A fleet server with an empty database, on a broker."""
    with serving(database_server.database(), broker=broker_settings(broker.port)) as server:
        yield server


def robot_on(port: int, name: str = "r1", *, timeout_s: float = WAIT_S, **more: Any) -> Robot:
    """A robot that sends through a broker, and nowhere else."""
    token = more.pop("token", "")
    values = {key: more.pop(key) for key in ("username", "password") if key in more}
    settings = broker_settings(port, **values)
    uplink = MqttUplink(settings, name, token=token, timeout_s=timeout_s)
    return Robot("http://127.0.0.1:9", name, uplink=uplink, **more)


def ids(fleet: FleetServer) -> list[int]:
    return [row[0] for row in rows(fleet, "SELECT keyframe_id FROM keyframes ORDER BY 1")]


def batch(number: int = 0) -> dict[str, Any]:
    keyframe = FleetKeyframe(id=number, stamp_ns=1, seen_at_s=1.0, segment=0, checksum=7)
    sent = Batch(memory=MEMORY, after_keyframe=number - 1, keyframes=[keyframe])
    return json.loads(sent.model_dump_json(exclude_defaults=True))  # type: ignore[no-any-return]


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


@pytest.mark.timeout(900)
def test_robots_lose_and_double_nothing_though_broker_and_postgresql_are_killed(
    database_server: Postgres, broker: Broker
) -> None:
    count = 8
    database = database_server.database()
    settings = broker_settings(broker.port)
    with serving(database, broker=settings, database_wait_s=0.5) as fleet:
        robots = [
            Sending(robot_on(broker.port, f"r{n}", timeout_s=5.0, batch_keyframes=4))
            for n in range(count)
        ]
        try:
            until(lambda: begun(fleet, 20), TOGETHER_S)
            broker.kill()
            for one in robots:
                assert one.halfway.wait(TOGETHER_S)
                one.may_go_on.set()
            until(lambda: all(one.failures or one.error for one in robots), TOGETHER_S)
            broker.start()
            before = [one.failures for one in robots]
            database_server.crash()
            until(
                lambda: all(
                    one.failures > had or one.error for one, had in zip(robots, before, strict=True)
                ),
                TOGETHER_S,
            )
            database_server.start()
            broker.kill()
            broker.start()
            until(lambda: all(one.done.is_set() or one.error for one in robots), TOGETHER_S)
            assert [one.error for one in robots] == [None] * count
        finally:
            for one in robots:
                one.close()
        check_arrived(fleet, count)


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


# -- who may send --------------------------------------------------------------------------------

TOKENS = {"r1": "r" * 20, "r2": "s" * 20}
ASKERS = {"office": "o" * 20, "yard": "y" * 20}


@contextmanager
def guarded(database: str, broker: Broker, folder: Path) -> Iterator[FleetServer]:
    access = folder / "access.yaml"
    askers = {
        "office": {"token": ASKERS["office"], "robots": ["*"]},
        "yard": {"token": ASKERS["yard"], "robots": ["cart-*"]},
    }
    access.write_text(json.dumps({"robots": TOKENS, "askers": askers}))
    settings = broker_settings(broker.port)
    with serving(database, broker=settings, access_file=str(access)) as fleet:
        yield fleet


def test_a_robot_needs_its_own_token(
    database_server: Postgres, broker: Broker, tmp_path: Path
) -> None:
    with guarded(database_server.database(), broker, tmp_path) as fleet:
        for token, status in (("", 401), ("w" * 20, 401), (TOKENS["r2"], 403), (TOKENS["r1"], 0)):
            robot = robot_on(broker.port, token=token)
            robot.see("van")
            if status:
                with pytest.raises(Refused) as caught:
                    robot.send()
                assert caught.value.status == status
            else:
                robot.send()
            robot.close()
        assert rows(fleet, "SELECT name FROM robots") == [("r1",)]


def test_the_state_names_no_robot_to_those_who_may_not_know_of_it(
    database_server: Postgres, broker: Broker, tmp_path: Path
) -> None:
    with guarded(database_server.database(), broker, tmp_path) as fleet:
        robot = robot_on(broker.port, token=TOKENS["r2"])
        with pytest.raises(Refused):
            robot.send()
        robot.close()
        problems = {}
        for name, token in ASKERS.items():
            link = Link(fleet.url, token=token, timeout_s=WAIT_S)
            status = link.get("/api/status", ServerStatus).mqtt
            assert status is not None
            assert status.refused == {"robot": 1}
            problems[name] = status.last_problem
        assert "r1" in problems["office"]
        assert problems["yard"] == ""


def test_who_guesses_tokens_is_slowed_down_and_the_robot_is_not(
    database_server: Postgres, broker: Broker, tmp_path: Path
) -> None:
    with (
        guarded(database_server.database(), broker, tmp_path) as fleet,
        Peer(broker.port, REPLIES) as peer,
    ):
        for _ in range(40):
            peer.publish(
                f"{REQUESTS}/cursor",
                {"memory": MEMORY},
                CorrelationData=b"1",
                UserProperty=[("token", "w" * 20)],
            )
        peer.wait(40)
        robot = robot_on(broker.port, token=TOKENS["r1"])
        robot.see("van")
        robot.send()
        robot.close()
        assert ids(fleet) == [0]
        status = fleet.broker()
        assert status is not None
        assert status.refused["token"] >= 10
        assert status.refused["rate"] >= 1


def test_a_broker_that_others_reach_needs_tokens() -> None:
    values = {"database": "postgresql://127.0.0.1:9/x", "port": 0, "mqtt": True}
    with pytest.raises(SettingsError, match="access_file"):
        FleetServer(FleetServerSettings.model_validate(values), MqttSettings(host="10.0.0.1"))


# -- processes -----------------------------------------------------------------------------------


class Process:
    """A fleet server as a process, on a broker."""

    def __init__(self, database: str, port: int, *arguments: str) -> None:
        command = [sys.executable, "-m", "embodied_agent.cli", "fleet", "--database", database]
        command += ["--port", "0", "--mqtt", "--set", f"mqtt.port={port}", *arguments]
        environment = {**os.environ, "PYTHONPATH": python_path()}
        self._process = subprocess.Popen(
            command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().split()[4].rstrip(",")

    def kill(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=WAIT_S)


def test_a_server_that_is_killed_between_commit_and_acknowledgement_doubles_nothing(
    database_server: Postgres, broker: Broker
) -> None:
    database = database_server.database()
    robot = robot_on(broker.port, timeout_s=5.0)
    for number in range(3):
        robot.see("van", f"crate {number}")
        robot.note("battery", number, at_ns=START_NS + number)
    with (
        HoldingProxy(broker.port) as proxy,
        psycopg.connect(database, autocommit=True) as db,
        Peer(broker.port, REPLIES) as peer,
    ):
        first = Process(database, proxy.port)
        try:
            answered = Link(first.url, timeout_s=WAIT_S)
            until(lambda: state(answered) == "connected")
            assert robot.shipping.step(0.0)  # asks where the server is
            proxy.hold()
            with pytest.raises(Unreachable):
                robot.shipping.step(0.0)
            until(lambda: count(db, "keyframes") == 3)
            assert len(peer.got) == 1  # the acknowledgement has not left
        finally:
            first.kill()
        assert count(db, "keyframes") == 3
        second = Process(database, broker.port)
        try:
            until(lambda: sent(robot))
            robot.see("dog")
            until(lambda: sent(robot))
            found = db.execute("SELECT keyframe_id FROM keyframes ORDER BY 1").fetchall()
            assert found == [(0,), (1,), (2,), (3,)]
            assert count(db, "facts") == 3
            assert count(db, "mentions") == 7
        finally:
            second.kill()
            robot.close()


def state(server: Link) -> str:
    with suppress(LinkError):
        status = server.get("/api/status", ServerStatus).mqtt
        return "" if status is None else status.state
    return ""


def count(db: psycopg.Connection[Any], table: str) -> int:
    row = db.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_name = %s", (table,)
    ).fetchone()
    assert row is not None
    if not row[0]:
        return 0
    row = db.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
    assert row is not None
    return int(row[0])


def sent(robot: Robot) -> bool:
    """Whether all is sent; the server may not be there yet."""
    try:
        robot.send()
    except Unreachable:
        return False
    return True


# -- the access list that is shipped -------------------------------------------------------------

DEPLOY = Path(__file__).parents[2] / "deploy" / "mosquitto"
PASSWORDS = {"drone-1": "1", "drone-2": "2", "fleet": "f", "alice": "a"}


@pytest.fixture
def listed(tmp_path: Path) -> Iterator[Broker]:
    """A broker with the example access list as it is shipped."""
    folder = tmp_path / "listed"
    folder.mkdir()
    passwords, acl = folder / "passwords", folder / "acl"
    passwords.touch(0o600)
    for name, password in PASSWORDS.items():
        command = [program("mosquitto_passwd"), "-b", str(passwords), name, password]
        subprocess.run(command, check=True, capture_output=True, timeout=WAIT_S)
    acl.write_text((DEPLOY / "embodied_agent.acl").read_text())
    acl.chmod(0o600)
    config = ["allow_anonymous false", f"password_file {passwords}", f"acl_file {acl}"]
    with broker_in(folder, config=config) as started:
        yield started


def test_the_access_list_lets_each_robot_send_as_itself_only(
    database_server: Postgres, listed: Broker
) -> None:
    settings = broker_settings(listed.port, username="fleet", password="f")
    with (
        serving(database_server.database(), broker=settings) as fleet,
        Peer(
            listed.port, "embodied_agent/+/fleet/+", "embodied_agent/+/fleet_reply",
            username="alice", password="a",
        ) as alice,
    ):  # fmt: skip
        own = robot_on(listed.port, "drone-1", username="drone-1", password="1")
        own.see("van")
        own.send()
        own.close()
        other = robot_on(listed.port, "drone-1", username="drone-2", password="2")
        other.see("dog")
        with pytest.raises((Refused, Unreachable), match="access list"):
            other.send()
        other.close()
        assert rows(fleet, "SELECT name FROM robots") == [("drone-1",)]
        assert alice.got == []
