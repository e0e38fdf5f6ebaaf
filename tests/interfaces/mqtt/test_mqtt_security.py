"""Certificates, passwords and the example access list, with a real Mosquitto."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from embodied_agent.errors import LinkError, SettingsError
from embodied_agent.interfaces.mqtt.client import ask_robot
from embodied_agent.interfaces.mqtt.faults import explained
from embodied_agent.interfaces.wire.models import AskRequest
from embodied_agent.settings import Settings, load_settings
from tests.support.certificates import certificates_in
from tests.support.mqtt import Broker, Peer, broker_in, program, running, settings_for, until

DEPLOY = Path(__file__).parents[3] / "deploy" / "mosquitto"
PASSWORDS = {"drone-1": "d1", "drone-2": "d2", "alice": "a", "bob": "b"}
ASK = AskRequest(question="tag one")
#: The broker's alert, or, where the line was cut before it was read, what to look for.
TAKES_IT_NOT = re.compile("does not accept our certificate|does it accept our certificate")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificates_in(tmp_path_factory.mktemp("certificates"), "broker", "r1", "alice")


def tls_broker(folder: Path, certificates: Path, *extra: str, name: str = "broker") -> Any:
    listener = [
        f"cafile {certificates / 'ca.pem'}",
        f"certfile {certificates / name}.pem",
        f"keyfile {certificates / name}.key",
        *extra,
    ]
    return broker_in(folder, listener=listener)


def over_tls(broker: Broker, certificates: Path, **more: Any) -> Settings:
    values = {"tls": True, "ca_file": str(certificates / "ca.pem"), **more}
    return settings_for(broker.port, **values)


def shown(certificates: Path, name: str) -> dict[str, str]:
    """The settings that show this certificate."""
    return {
        "cert_file": str(certificates / f"{name}.pem"),
        "key_file": str(certificates / f"{name}.key"),
    }


def error_of(settings: Settings) -> str:
    """What the service says of a broker that it can't get on with."""
    with running(settings, connect=False, views=0) as (service, _):
        until(lambda: service.status().last_error)
        assert service.status().connections == 0
        return str(service.status().last_error)


@pytest.fixture(scope="module")
def plain_tls(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Broker]:
    with tls_broker(tmp_path_factory.mktemp("tls"), certificates) as broker:
        yield broker


@pytest.fixture(scope="module")
def mutual_tls(tmp_path_factory: pytest.TempPathFactory, certificates: Path) -> Iterator[Broker]:
    folder = tmp_path_factory.mktemp("mutual")
    extra = ("require_certificate true", "use_identity_as_username true")
    with tls_broker(folder, certificates, *extra) as broker:
        yield broker


def test_it_asks_and_answers_over_tls(plain_tls: Broker, certificates: Path) -> None:
    settings = over_tls(plain_tls, certificates)
    with running(settings):
        assert ask_robot(settings.mqtt, ASK, timeout_s=60).text == "tag one"


def test_a_certificate_of_a_stranger_is_refused(plain_tls: Broker, certificates: Path) -> None:
    settings = over_tls(plain_tls, certificates, ca_file=str(certificates / "stranger.pem"))
    error = error_of(settings)
    assert "can't be trusted" in error
    assert "check mqtt.ca_file" in error
    with pytest.raises(LinkError, match="can't be trusted"):
        ask_robot(settings.mqtt, ASK, timeout_s=60)


def test_a_certificate_for_another_host_is_refused(tmp_path: Path, certificates: Path) -> None:
    with tls_broker(tmp_path / "b", certificates, name="elsewhere") as broker:
        error = error_of(over_tls(broker, certificates))
    assert "mqtt.host is a name in the certificate" in error


def test_an_unencrypted_connection_to_a_tls_port_fails_clearly(plain_tls: Broker) -> None:
    assert "is mqtt.tls right for that port?" in error_of(settings_for(plain_tls.port))


def test_tls_to_an_unencrypted_port_fails_clearly(tmp_path: Path, certificates: Path) -> None:
    with broker_in(tmp_path / "b") as broker:
        error = error_of(over_tls(broker, certificates, connect_timeout_s=5))
    assert "is mqtt.tls right for that port?" in error


def test_a_client_certificate_opens_the_door(mutual_tls: Broker, certificates: Path) -> None:
    robot = over_tls(mutual_tls, certificates, **shown(certificates, "r1"))
    alice = over_tls(mutual_tls, certificates, **shown(certificates, "alice"))
    with running(robot):
        assert ask_robot(alice.mqtt, ASK, timeout_s=60).text == "tag one"


def test_a_client_certificate_of_a_stranger_is_refused(
    mutual_tls: Broker, certificates: Path
) -> None:
    error = error_of(over_tls(mutual_tls, certificates, **shown(certificates, "intruder")))
    assert TAKES_IT_NOT.search(error), error
    assert "mqtt.cert_file" in error


def test_no_client_certificate_where_one_is_needed_is_refused(
    mutual_tls: Broker, certificates: Path
) -> None:
    error = error_of(over_tls(mutual_tls, certificates))
    assert TAKES_IT_NOT.search(error), error


@pytest.mark.parametrize(
    ("said", "advised"),
    [
        ("failed to receive on socket: EOF occurred in violation of protocol", True),
        ("failed to receive on socket: [Errno 104] Connection reset by peer", True),
        ("", False),
    ],
)
def test_a_broker_that_hangs_up_without_a_word_may_not_take_the_certificate(
    said: str, advised: bool
) -> None:
    settings = load_settings(mqtt__tls=True).mqtt
    error = aiomqtt.MqttError("the broker hung up")
    text = str(explained(error, settings, logged=said, connected=False))
    assert "is mqtt.tls right for that port?" in text
    assert ("does it accept our certificate (mqtt.cert_file" in text) is advised


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"tls": True, "ca_file": "/nowhere.pem"}, "can't use the PEM file /nowhere.pem"),
        ({"tls": True, "cert_file": "/a.pem"}, "belong together"),
        ({"ca_file": "/a.pem"}, "need mqtt.tls"),
        ({"username": "u", "password_file": "/nowhere"}, "can't read mqtt.password_file"),
        ({"username": "u", "password": "x", "password_file": "y"}, "not both"),
        ({"password": "hunter2"}, "needs a user name"),
    ],
)
def test_settings_that_can_not_work_stop_the_start(values: dict[str, Any], message: str) -> None:
    with pytest.raises(SettingsError, match=message) as caught, running(settings_for(1, **values)):
        pass
    assert "hunter2" not in str(caught.value)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """A broker with the example access list as it is shipped."""
    folder = tmp_path_factory.mktemp("fleet")
    passwords = folder / "passwords"
    passwords.touch(0o600)
    for name, password in PASSWORDS.items():
        command = [program("mosquitto_passwd"), "-b", str(passwords), name, password]
        subprocess.run(command, check=True, capture_output=True)
    acl = folder / "acl"
    acl.write_text((DEPLOY / "embodied_agent.acl").read_text())
    acl.chmod(0o600)
    config = ["allow_anonymous false", f"password_file {passwords}", f"acl_file {acl}"]
    with broker_in(folder, config=config) as started:
        yield started


def as_user(broker: Broker, user: str, robot: str, **more: Any) -> Settings:
    values = {"username": user, "password": PASSWORDS[user], "robot": robot, **more}
    return settings_for(broker.port, **values)


def test_operators_reach_their_own_robots_and_no_others(fleet: Broker) -> None:
    with (
        running(as_user(fleet, "drone-1", "drone-1")),
        running(as_user(fleet, "drone-2", "drone-2")),
    ):
        for user, own, other in (("alice", "drone-1", "drone-2"), ("bob", "drone-2", "drone-1")):
            settings = as_user(fleet, user, own)
            assert ask_robot(settings.mqtt, ASK, timeout_s=60).text == "tag one"
            with pytest.raises(
                LinkError, match=rf"refuses messages for \S+/{other}/ask/{user} \(Not auth"
            ):
                ask_robot(as_user(fleet, user, other).mqtt, ASK, timeout_s=60)


def test_operators_hear_their_own_robots_and_no_others(fleet: Broker) -> None:
    everything = "embodied_agent/#"
    with (
        Peer(fleet.port, everything, username="bob", password="b") as bob,
        Peer(fleet.port, everything, username="alice", password="a") as alice,
    ):
        with running(as_user(fleet, "drone-1", "drone-1")):
            alice.ask("tag one", "drone-1", operator="alice", id="a")
            alice.wait(1, "answer")
        alice.wait(3)
        assert {g.topic.split("/")[1] for g in alice.got} == {"drone-1"}
        assert not [g for g in bob.got if g.topic.startswith("embodied_agent/drone-1")]


def test_each_operator_has_an_inbox_and_reads_no_other(fleet: Broker) -> None:
    everything = "embodied_agent/#"
    inbox = "embodied_agent/drone-1/answer/alice"
    with (
        running(as_user(fleet, "drone-1", "drone-1")) as (service, _),
        Peer(fleet.port, everything, username="alice", password="a") as alice,
        Peer(fleet.port, everything, username="bob", password="b") as bob,
    ):
        alice.ask("tag one", "drone-1", operator="alice", id="a")
        own = alice.wait(1, "answer")
        alice.ask("tag two", "drone-1", operator="alice", id="b", ResponseTopic=f"{inbox}/here")
        own = alice.wait(2, "answer")
        # Nobody asks in another's name, and nobody is made to hear what another asked.
        bob.ask("tag three", "drone-1", operator="alice", id="c")
        bob.ask("tag three", "drone-1", operator="bob", id="c")
        stranger = "embodied_agent/drone-1/answer/bob/x"
        alice.ask("tag four", "drone-1", operator="alice", id="d", ResponseTopic=stranger)
        (error,) = alice.wait(1, "error")
        assert service.status().received == 3
        assert [g.topic for g in own] == [f"{inbox}/a", f"{inbox}/here"]
        assert error.topic == f"{inbox}/d"
        assert error.json["error"]["code"] == "bad_response_topic"
        assert [g for g in bob.got if "drone-1" in g.topic] == []


def test_a_robot_publishes_to_no_topic_but_its_own_even_if_its_settings_allow_it(
    fleet: Broker,
) -> None:
    robot = as_user(fleet, "drone-1", "drone-1", response_topics=("cmd_vel", "homeassistant/"))
    with (
        running(robot) as (service, _),
        Peer(fleet.port, "#", username="alice", password="a") as alice,
    ):
        alice.ask("tag one", "drone-1", operator="alice", id="a", ResponseTopic="cmd_vel")
        (error,) = alice.wait(1, "error")
        assert service.status().undeliverable == 1
        assert service.status().connections == 1
    assert error.topic == "embodied_agent/drone-1/answer/alice/a"
    assert error.json["error"]["code"] == "undeliverable"


def test_an_operator_can_not_pose_as_a_robot(fleet: Broker) -> None:
    error = error_of(as_user(fleet, "alice", "drone-1"))
    assert "embodied_agent/drone-1/status (Not authorized)" in error
    assert "allow them to user alice" in error


def test_a_robot_can_not_pose_as_another(fleet: Broker) -> None:
    assert "(Not authorized)" in error_of(as_user(fleet, "drone-2", "drone-1"))


def test_a_wrong_password_is_refused(fleet: Broker, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("wrong\n")
    settings = as_user(fleet, "drone-1", "drone-1", password=None, password_file=str(path))
    error = error_of(settings)
    assert "refuses the connection" in error
    assert "check mqtt.username and its password" in error
    assert "wrong" not in error


def test_a_password_comes_out_of_its_file(fleet: Broker, tmp_path: Path) -> None:
    path = tmp_path / "password"
    path.write_text("d1\n")
    os.chmod(path, 0o600)
    settings = as_user(fleet, "drone-1", "drone-1", password=None, password_file=str(path))
    with running(settings) as (service, _):
        until(lambda: service.status().connections == 1)


def test_the_example_configuration_is_understood(tmp_path: Path, certificates: Path) -> None:
    """The shipped file, with its folders put where the test may write."""
    text = (DEPLOY / "mosquitto.conf").read_text()
    for name in ("passwords", "embodied_agent.acl"):
        (tmp_path / name).touch(0o600)
    places = {
        "/etc/mosquitto/certs/broker.key": certificates / "broker.key",
        "/etc/mosquitto/certs": certificates,
        "/etc/mosquitto": tmp_path,
        "/var/lib/mosquitto": tmp_path,
        "listener 8883": "",
    }
    for old, new in places.items():
        text = text.replace(old, str(new))
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    own = {"persistence", "persistence_location", "autosave_interval", "max_queued_messages"}
    tls = [line for line in lines if line.split()[0] in {"cafile", "certfile", "keyfile"}]
    rest = [line for line in lines if line.split()[0] not in own and line not in tls]
    with broker_in(tmp_path / "b", config=rest[1:], listener=tls) as broker:
        error = error_of(over_tls(broker, certificates))
    assert "refuses the connection" in error
