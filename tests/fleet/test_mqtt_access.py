"""Which robots may send over MQTT: tokens, and the broker's access list as it is shipped."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from embodied_agent.errors import SettingsError
from embodied_agent.fleet.link import Link, Refused, Unreachable
from embodied_agent.fleet.replies import ServerStatus
from embodied_agent.fleet.serving.server import FleetServer
from embodied_agent.settings import FleetServerSettings, MqttSettings
from tests.support.fleet import WAIT_S, rows, serving
from tests.support.fleet_mqtt import MEMORY, REPLIES, REQUESTS, broker_settings, ids, robot_on
from tests.support.mqtt import Broker, Peer, broker_in, program
from tests.support.postgres import Postgres

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
