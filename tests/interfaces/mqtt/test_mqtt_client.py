"""`embodied-agent ask --mqtt`, with a real broker and a real agent behind it."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from embodied_agent.agent import Agent
from embodied_agent.cli.main import app
from embodied_agent.errors import LinkError
from embodied_agent.host.interfaces import serving
from embodied_agent.interfaces.mqtt.client import ask_robot
from embodied_agent.interfaces.wire.models import AskRequest
from embodied_agent.perception.geometry import GeometryPerceiver
from embodied_agent.records import Answer
from tests.support.mqtt import (
    Broker,
    Echo,
    broker_in,
    frames,
    free_port,
    program,
    running,
    settings_for,
    until,
)


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    with broker_in(tmp_path_factory.mktemp("broker")) as started:
        yield started


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["ask", *(str(a) for a in arguments)])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result


def test_a_robot_answers_on_the_command_line(broker: Broker) -> None:
    place = f"127.0.0.1:{broker.port}"
    with running(settings_for(broker.port)):
        result = run("tag one", "--mqtt", place, "--robot", "r1", "--json")
    assert result.exit_code == 0, result.stderr
    values = json.loads(result.stdout)
    assert (values["question"], values["text"]) == ("tag one", "tag one")
    assert values["latency_s"]["total"] > 0


def test_choices_are_asked_too(broker: Broker) -> None:
    place = f"127.0.0.1:{broker.port}"
    with running(settings_for(broker.port)):
        result = run("tag b", "--choices", "a|tag b", "--mqtt", place, "--robot", "r1")
    assert result.exit_code == 0, result.stderr
    assert "B  tag b  (answered)" in result.stdout


def test_pieces_arrive_before_the_answer(broker: Broker) -> None:
    pieces: list[str] = []
    with running(settings_for(broker.port), Echo(pieces=3)) as (service, _):
        answer = ask_robot(
            service.settings.mqtt,
            AskRequest(question="tag one"),
            timeout_s=60,
            on_piece=pieces.append,
        )
    assert answer.text == "tag one"
    assert "".join(pieces) == "<think>0 1 2 </think><answer>tag one</answer>"


def test_it_runs_beside_the_other_interfaces(broker: Broker) -> None:
    settings = settings_for(broker.port)
    with Agent(settings, perceiver=GeometryPerceiver(), reasoner=Echo()) as agent:
        for frame in frames(3):
            agent.observe(frame)
        with serving(agent, settings) as interfaces:
            until(lambda: interfaces.status()["mqtt"].connections)
            answer = ask_robot(settings.mqtt, AskRequest(question="tag one"), timeout_s=60)
            assert answer.text == "tag one"
            assert interfaces.problems() == {}


def test_mosquittos_own_client_gets_an_answer(broker: Broker) -> None:
    arguments = ["-V", "5", "-p", str(broker.port), "-q", "1", "-W", "60"]
    arguments += ["-t", "embodied_agent/r1/ask", "-e", "embodied_agent/r1/answer/mine"]
    arguments += ["-m", '{"id": "q1", "question": "tag one"}']
    with running(settings_for(broker.port)):
        done = subprocess.run(
            [program("mosquitto_rr"), *arguments], capture_output=True, timeout=90, check=True
        )
    assert json.loads(done.stdout)["text"] == "tag one"


def test_a_robot_that_is_offline_is_named(broker: Broker) -> None:
    with running(settings_for(broker.port, robot="gone")):
        pass
    with pytest.raises(LinkError, match=r"no answer from gone .*: it is offline \(stopped\)"):
        ask_robot(
            settings_for(broker.port, robot="gone").mqtt,
            AskRequest(question="tag one"),
            timeout_s=3,
        )


def test_a_robot_that_nobody_knows_is_named(broker: Broker) -> None:
    settings = settings_for(broker.port, robot="typo")
    with pytest.raises(LinkError, match="does not know this robot: check its name"):
        ask_robot(settings.mqtt, AskRequest(question="tag one"), timeout_s=3)


def test_a_broker_that_is_not_there_is_named() -> None:
    result = run("tag one", "--mqtt", f"127.0.0.1:{free_port()}", "--robot", "r1")
    assert result.exit_code == 6
    assert "no connection to the MQTT broker 127.0.0.1:" in result.stderr


def test_a_question_outlives_the_broker(tmp_path: Path) -> None:
    gate = threading.Event()
    echo = Echo(gate)
    found: list[Answer] = []
    with (
        broker_in(tmp_path / "b") as broker,
        running(settings_for(broker.port), echo) as (service, _),
    ):
        asking = threading.Thread(
            target=lambda: found.append(
                ask_robot(service.settings.mqtt, AskRequest(question="tag one"), timeout_s=60)
            )
        )
        asking.start()
        assert echo.started.wait(60)
        broker.kill()
        gate.set()
        until(lambda: service.status().state != "connected")
        broker.start()
        asking.join(60)
    assert [answer.text for answer in found] == ["tag one"]
    assert echo.asked == ["tag one"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--robot", "r1"], "--robot needs a broker"),
        (["--mqtt", "h", "--memory", "m.db"], "leave out --memory or --mqtt"),
        (["--mqtt", "host:port"], "HOST or HOST:PORT"),
        (["--mqtt", "h", "--robot", "a/b"], "mqtt.robot"),
        (["--mqtt", "h", "--set", "mqtt.ca_file=x"], "need mqtt.tls"),
        (["--mqtt", "h", "--set", "mqtt.password=x"], "needs a user name"),
    ],
)
def test_options_that_can_not_be_used_are_explained(arguments: list[str], message: str) -> None:
    result = run("tag one", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
